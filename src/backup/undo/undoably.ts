/** The one way for a job to record what must be undone, do its work, and undo it if it fails. */
import { recordUndo } from '../../engine/helper/records.ts';
import type { Job } from '../../engine/job.ts';
import type { UndoRecord } from './records.ts';

export interface Steps<Undo extends UndoRecord, T> {
  /** Recorded and flushed before anything is changed. */
  readonly undo: Undo;
  /** The first change. What it returns, if anything, replaces `undo` in the record before the task begins. */
  readonly begin?: () => Promise<Undo | undefined>;
  readonly task: () => Promise<T>;
  /** Undoes what `begin` and the task did. `cause` is the failure. */
  readonly putRight: (undo: Undo, cause: unknown) => Promise<void>;
  /** What follows a successful task; `undo` is recorded before it, and from then on the task is not undone. */
  readonly finish?: { readonly undo?: Undo; readonly run: () => Promise<void> };
  /** For the log, where undoing or finishing fails now and is left to the next connection. */
  readonly later: (reason: string) => string;
}

/**
 * Does a task and undoes it if it fails: at once, or at the next connection (see recovery.ts) if the engine or this
 * window stops. Throws what the task throws, and JournalFailure before anything was changed.
 */
export async function undoably<Undo extends UndoRecord, T>(job: Job, steps: Steps<Undo, T>): Promise<T> {
  const { task, begin, putRight, finish, later } = steps;
  let { undo } = steps;
  const record = await recordUndo(job.connection, undo);
  const lastStep = async (step: () => Promise<void>) => {
    try {
      await step();
    } catch (error) {
      record.leave();
      job.log.error(later((error as Error).message));
      return;
    }
    await record.end();
  };
  let result: T;
  try {
    const more = await begin?.();
    if (more !== undefined) await record.note((undo = more));
    result = await task();
  } catch (error) {
    await lastStep(() => putRight(undo, error));
    throw error;
  }
  if (finish?.undo !== undefined) await record.note(finish.undo);
  await lastStep(finish?.run ?? (() => Promise.resolve()));
  return result;
}
