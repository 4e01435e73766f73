/** What the commands work with; built by the composition root. */
import type * as vscode from 'vscode';
import type { EngineWatcher } from '../engine/watcher.ts';
import type { InspectDocuments } from '../ui/inspectDocuments.ts';
import type { BackupFolder } from '../ui/backupFolder.ts';

export interface Services {
  readonly watcher: EngineWatcher;
  readonly log: vscode.LogOutputChannel;
  readonly documents: InspectDocuments;
  readonly backupFolder: BackupFolder;
  /** The Docker context that was chosen here, kept for the next start. */
  readonly chosenContext: { get(): string | undefined; set(context: string): Thenable<void> };
}
