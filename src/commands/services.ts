/** What the commands work with; built by the composition root. */
import type * as vscode from 'vscode';
import type { ProjectDocuments } from '../editor/projectDocuments.ts';
import type { EngineWatcher } from '../engine/watcher.ts';
import type { InspectDocuments } from '../ui/inspectDocuments.ts';
import type { BackupFolder } from '../ui/backupFolder.ts';
import type { Passphrases } from '../ui/passphrases.ts';
import type { Verdicts } from '../ui/verdicts.ts';

export interface Services {
  readonly watcher: EngineWatcher;
  readonly log: vscode.LogOutputChannel;
  readonly documents: InspectDocuments;
  readonly backupFolder: BackupFolder;
  readonly passphrases: Passphrases;
  readonly verdicts: Verdicts;
  /** What the open Compose files and their like say. */
  readonly projects: ProjectDocuments;
  /** The Docker context that was chosen here, kept for the next start. */
  readonly chosenContext: { get(): string | undefined; set(context: string): Thenable<void> };
}
