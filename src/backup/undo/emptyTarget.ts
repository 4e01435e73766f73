/**
 * Empties what was empty before a failed job. At a later connection only where it is still the same, and nobody else
 * can write to it.
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
 * Does a task that writes into empty targets, and empties them again if the task fails. Without a helper program for
 * the engine nothing can be removed, and the log says what remains. Throws JournalFailure and what the task throws.
 */
export async function fillingEmpty<T>(job: Job, targets: readonly Kept[], task: () => Promise<T>): Promise<T> {
  const { connection, log } = job;
  if ((await findTool(connection, log)) === undefined) {
    try {
      return await task();
    } catch (error) {
      log.warn(
        `What was written so far is still in ${targets.map(({ source }) => `"${source}"`).join(', ')}: there is no helper program for this engine to remove it.`,
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
    later: (reason) => `The target could not be emptied again now; it is tried again at the next connection: ${reason}`,
  });
}

/** Why something must not be emptied without asking its owner; undefined where it may be. */
async function reasonToKeep(connection: Connection, { type, source, identity }: Kept): Promise<string | undefined> {
  if (identity === undefined || (await identityOf(connection, { type, source })) !== identity)
    return 'it is unknown whether it is still the same';
  const writers = await writersOf(connection, [{ type, source }]);
  return writers.length === 0
    ? undefined
    : `${writers.map(({ name }) => `"${name}"`).join(', ')} can write to it meanwhile`;
}

/** Empties what an interrupted job had begun to fill. Leaves, with a warning, what may hold somebody else's data. */
export async function clearAfterwards(connection: Connection, { kept }: UndoWriting, log: Logger): Promise<void> {
  for (const one of kept) {
    const reason = await reasonToKeep(connection, one);
    if (reason === undefined) {
      await clearContents(connection, [one], log);
      log.info(`"${one.source}" is empty again, as before the interrupted job.`);
    } else
      log.warn(
        `"${one.source}" holds what an interrupted job had begun to write, and was not emptied: ${reason}. Check it and remove what you do not need.`,
      );
  }
}
