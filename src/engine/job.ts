/** Work that takes its time: what it needs, how it is stopped, and where it says what it does. */
import type { Connection } from './connection.ts';
import type { Logger } from './log.ts';

/** Work that needs no engine, such as reading an archive. */
export interface Work {
  /** Aborted where the user cancels. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Bytes of content handled so far; the total where it is known. */
  readonly progress: (bytes: number, total?: number) => void;
}

/** Work on an engine. The functions that do it take it first. */
export interface Job extends Work {
  readonly connection: Connection;
  /** Says what the user has to know although the job goes on. */
  readonly warn: (message: string) => void;
}

/** The same job with its warnings kept, so that its result can hold them. */
export function keepingWarnings(job: Job): { readonly job: Job; readonly warnings: readonly string[] } {
  const warnings: string[] = [];
  const warn = (message: string) => {
    warnings.push(message);
    job.warn(message);
  };
  return { job: { ...job, warn }, warnings };
}
