/**
 * Reading project files in a worker thread: what is asked for, and what comes back. No `vscode`, and nothing heavy is
 * loaded here.
 */
import type { Environment } from './environment.ts';
import type { LimitKind } from './limits.ts';
import type { ComposeProject, Devcontainer, DockerfileFacts } from './model.ts';

export type ReadingTask =
  | { readonly kind: 'dockerfile'; readonly file: string; readonly text: string }
  | {
      readonly kind: 'devcontainer';
      readonly file: string;
      readonly text: string;
      readonly env: Environment;
      readonly home: string;
    }
  | {
      readonly kind: 'compose';
      readonly file: string;
      readonly env: Environment;
      readonly home: string;
      readonly running: readonly { readonly name: string; readonly files: readonly string[] }[];
    };

export interface Results {
  readonly dockerfile: DockerfileFacts;
  readonly devcontainer: Devcontainer;
  readonly compose: ComposeProject;
}

/** From the worker: it wants a file's text, or is done. */
export type FromWorker =
  | { readonly id: number; readonly wants: string }
  | { readonly id: number; readonly done: Results[keyof Results] }
  | { readonly id: number; readonly failed: string };

/** A file that the worker wanted. */
export interface FileAnswer {
  readonly id: number;
  readonly file: string;
  readonly text: string | undefined;
  readonly limit?: LimitKind;
}

/** To the worker. */
export type ToWorker = { readonly id: number; readonly task: ReadingTask } | FileAnswer;
