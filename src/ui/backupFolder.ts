/** The folder for backups: from the setting, or the one that was chosen last. */
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import * as vscode from 'vscode';
import { FileFailure } from '../engine/errors.ts';
import { readSettings } from './settings.ts';
import { say } from './shown.ts';
import { chooseFiles } from './window.ts';

const KEY = 'backupFolder';

export class BackupFolder implements vscode.Disposable {
  readonly #memory: vscode.Memento;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.#changed.event;

  constructor(memory: vscode.Memento) {
    this.#memory = memory;
  }

  current(): string | undefined {
    return readSettings().backup.folder ?? this.#memory.get<string>(KEY);
  }

  /**
   * The setting's folder, created if it is missing. Without the setting, the user is asked. Undefined when the user
   * closes the dialog.
   */
  async choose(): Promise<string | undefined> {
    const { folder } = readSettings().backup;
    if (folder !== undefined) {
      await mkdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
        throw new FileFailure(
          folder,
          error.code ?? '',
          vscode.l10n.t(
            'The backup folder "{0}" of the setting could not be created ({1}); correct the setting "dockerMounts.backup.folder".',
            folder,
            error.code ?? '',
          ),
          { cause: error },
        );
      });
      return folder;
    }
    const chosen = await chooseFiles({
      canSelectFolders: true,
      canSelectFiles: false,
      openLabel: say('Back Up Here'),
      title: say('Folder for the Backup'),
      defaultUri: vscode.Uri.file(this.#memory.get<string>(KEY) ?? homedir()),
    });
    const path = chosen?.[0]?.fsPath;
    if (path !== undefined) await this.remember(path);
    return path;
  }

  /** Shows this folder in the Backups view from now on, unless the setting names another. */
  async remember(folder: string): Promise<void> {
    await this.#memory.update(KEY, folder);
    this.#changed.fire();
  }

  dispose(): void {
    this.#changed.dispose();
  }
}
