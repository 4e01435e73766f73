/**
 * Emptying what was empty before a job, at a later connection: only where it is still the same, and nobody else writes
 * to it.
 */
import type { Connection } from '../../engine/connection.ts';
import type { Logger } from '../../engine/log.ts';
import { clearContents } from '../restore/safetyCopy.ts';
import { writersOf } from '../consistency.ts';
import { identityOf } from './identity.ts';
import { findTool } from '../../engine/helper/toolImage.ts';
import type { Job } from '../../engine/job.ts';
import type { Kept, UndoWriting } from './records.ts';
import { undoably } from './undoably.ts';

/**
 * Does a task that writes into what is empty now, and empties it again where the task fails. Without a helper program
 * for the engine nothing can be removed, and the log says what stays. Throws JournalFailure and what the task throws.
 */
export async function fillingEmpty<T>(job: Job, targets: readonly Kept[], task: () => Promise<T>): Promise<T> {
  const { connection, log } = job;
  if ((await findTool(connection, log)) === undefined) {
    try {
      return await task();
    } catch (error) {
      log.warn(
        `What was written so far is still in ${targets.map(({ source }) => `"${source}"`).join(', ')}: there is no helper program for this engine to remove it with.`,
      );
      throw error;
    }
  }
  const kept: Kept[] = [];
  for (const one of targets) kept.push({ ...one, identity: await identityOf(connection, one) });
  return undoably(job, {
    undo: { kind: 'clear', kept } satisfies UndoWriting,
    task,
    putRight: () => clearContents(connection, kept, log),
    later: (reason) => `The target could not be emptied again now and will be at the next connection: ${reason}`,
  });
}

/** Why something is not emptied without a word from its owner; undefined where it can be. */
async function reasonToKeep(connection: Connection, { type, source, identity }: Kept): Promise<string | undefined> {
  if (identity === undefined || (await identityOf(connection, { type, source })) !== identity)
    return 'it cannot be told whether it is still the same';
  const writers = await writersOf(connection, [{ type, source }]);
  return writers.length === 0
    ? undefined
    : `${writers.map(({ name }) => `"${name}"`).join(', ')} can write to it meanwhile`;
}

/**
 * Empties what a job that was cut off had begun to fill. What may hold something of somebody else stays, and is said.
 */
export async function clearAfterwards(connection: Connection, { kept }: UndoWriting, log: Logger): Promise<void> {
  for (const one of kept) {
    const reason = await reasonToKeep(connection, one);
    if (reason === undefined) {
      await clearContents(connection, [one], log);
      log.info(`"${one.source}" is empty again, as it was before the job that was cut off.`);
    } else
      log.warn(
        `"${one.source}" holds what a job that was cut off had begun to write, and was not emptied: ${reason}. Look at it, and remove what is of no use.`,
      );
  }
}
