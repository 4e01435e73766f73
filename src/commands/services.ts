/** What the commands work with; built by the composition root. */
import type { ScheduleRunner } from '../schedule/runner.ts';
import type { ProjectDocuments } from '../editor/projectDocuments.ts';
import type { EngineWatcher } from '../engine/watcher.ts';
import type { LivePaths } from '../paths/livePaths.ts';
import type { Node } from '../views/nodes.ts';
import type { ContainerTerminals } from '../ui/containerTerminals.ts';
import type { Files } from '../files/files.ts';
import type { InspectDocuments } from '../ui/inspectDocuments.ts';
import type { BackupFolder } from '../ui/backupFolder.ts';
import type { Passphrases } from '../ui/passphrases.ts';
import type { SshQuestions } from '../ui/sshQuestions.ts';
import type { Verdicts } from '../ui/verdicts.ts';
import type { Log } from '../ui/window.ts';
import type { Directories } from '../views/directories.ts';

export interface Services {
  readonly watcher: EngineWatcher;
  readonly log: Log;
  readonly documents: InspectDocuments;
  readonly backupFolder: BackupFolder;
  readonly passphrases: Passphrases;
  readonly verdicts: Verdicts;
  readonly schedule: ScheduleRunner;
  /** What the open Compose files, Dockerfiles and devcontainer.json say. */
  readonly projects: ProjectDocuments;
  readonly files: Files;
  readonly directories: Directories;
  /** The Docker context that was chosen here, kept for the next start. */
  readonly chosenContext: { get(): string | undefined; set(context: string): Thenable<void> };
  /** Answers ssh's questions on the way to another engine. */
  readonly sshPrompts: SshQuestions;
  readonly paths: LivePaths;
  readonly terminals: ContainerTerminals;
  /** Shows and selects a row of the Containers view. */
  readonly reveal: (node: Node) => Thenable<void>;
}
