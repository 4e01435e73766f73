/** The one way in which a job writes down what is to be put right, does its work, and puts right what went wrong. */
import { recordUndo } from '../../engine/helper/records.ts';
import type { Job } from '../../engine/job.ts';
import type { UndoRecord } from './records.ts';

export interface Steps<Undo extends UndoRecord, T> {
  /** Written down, flushed, before anything is touched. */
  readonly undo: Undo;
  /** The first change. What it returns is written down in place of `undo` before the task begins. */
  readonly begin?: () => Promise<Undo>;
  readonly task: () => Promise<T>;
  /** Puts right what `begin` and the task did. `cause` is what failed. */
  readonly putRight: (undo: Undo, cause: unknown) => Promise<void>;
  /** What follows a task that went well; `undo` is written down before it, and there is no way back from there. */
  readonly finish?: { readonly undo?: Undo; readonly run: () => Promise<void> };
  /** For the log, where putting right or finishing fails now and is left to the next connection. */
  readonly later: (reason: string) => string;
}

/**
 * Does a task so that it is undone where it fails: at once, or, where the engine or this window goes away, at the next
 * connection (see recovery.ts). Throws what the task throws, and JournalFailure before anything was changed.
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
    if (begin !== undefined) {
      undo = await begin();
      await record.note(undo);
    }
    result = await task();
  } catch (error) {
    await lastStep(() => putRight(undo, error));
    throw error;
  }
  if (finish?.undo !== undefined) await record.note(finish.undo);
  await lastStep(finish?.run ?? (() => Promise.resolve()));
  return result;
}
