/** What the commands work with; built by the composition root. */
import type * as vscode from 'vscode';
import type { EngineWatcher } from '../engine/watcher.ts';
import type { Files } from '../files/files.ts';
import type { InspectDocuments } from '../ui/inspectDocuments.ts';
import type { BackupFolder } from '../ui/backupFolder.ts';
import type { Passphrases } from '../ui/passphrases.ts';
import type { Verdicts } from '../ui/verdicts.ts';
import type { Directories } from '../views/directories.ts';

export interface Services {
  readonly watcher: EngineWatcher;
  readonly log: vscode.LogOutputChannel;
  readonly documents: InspectDocuments;
  readonly backupFolder: BackupFolder;
  readonly passphrases: Passphrases;
  readonly verdicts: Verdicts;
  readonly files: Files;
  readonly directories: Directories;
  /** The Docker context that was chosen here, kept for the next start. */
  readonly chosenContext: { get(): string | undefined; set(context: string): Thenable<void> };
}
