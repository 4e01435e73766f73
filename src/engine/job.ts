/** Work that may take long: what it needs, how to stop it, and where it reports. */
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
  /** Says what the user has to know although the job continues. */
  readonly warn: (message: string) => void;
}

/** The same job, which also keeps its warnings for its result. */
export function keepingWarnings(job: Job): { readonly job: Job; readonly warnings: readonly string[] } {
  const warnings: string[] = [];
  const warn = (message: string) => {
    warnings.push(message);
    job.warn(message);
  };
  return { job: { ...job, warn }, warnings };
}
