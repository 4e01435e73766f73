/**
 * The safety copy of a restore that replaces: the contents of a mount are moved into a directory in its root. These are
 * renames, so they take no time and no space, and lose nothing. The directory's name says how far the restore is, so
 * that recovery knows what to do: `moving` holds some of the old entries, `before` all of them, `done` is no longer
 * needed.
 */
import { randomBytes } from 'node:crypto';
import type { Connection } from '../../engine/connection.ts';
import type { HelperMount } from '../../engine/helper/helper.ts';
import type { Logger } from '../../engine/log.ts';
import { asArgument, runToolOrFail } from '../../engine/helper/tools.ts';
import { Cancelled } from '../../engine/errors.ts';
import type { Job } from '../../engine/job.ts';
import type { Kept, UndoRestore } from '../undo/records.ts';
import { undoably } from '../undo/undoably.ts';

/** The beginning of a safety directory's name, for code that lists a mount. */
export const SAFETY = '.docker-mounts-';

const AT = '/docker-mounts/kept';

const mountOf = ({ type, source }: Kept): HelperMount => ({ type, source, target: AT, readOnly: false });

/** A new name for the safety directories of one restore. */
function safetyId(): string {
  return `${SAFETY}${randomBytes(4).toString('hex')}-`;
}

/** The root's own facts as arguments; empty where they are not known. */
const rootOf = ({ root }: Kept): string[] => [root?.owner ?? '', root?.mode ?? '', root?.mtime ?? ''];
const text = (name: string): string => asArgument(Buffer.from(name));

/** Runs a verb of the tool on one mount, with write access. */
async function run(
  connection: Connection,
  verb: 'aside' | 'back' | 'done' | 'clear',
  kept: Kept,
  args: readonly string[],
  log: Logger,
): Promise<void> {
  await runToolOrFail(connection, [verb, AT, ...args], mountOf(kept), log);
}

/** Moves the contents into the safety directory. */
async function moveAside(connection: Connection, { id, kept }: UndoRestore, log: Logger): Promise<void> {
  for (const one of kept) await run(connection, 'aside', one, [text(id), text(one.only ?? '')], log);
}

/** Puts everything back, however far the restore was, and removes what it wrote. */
export async function putBackContents(connection: Connection, { id, kept }: UndoRestore, log: Logger): Promise<void> {
  for (const one of kept) {
    await run(connection, 'back', one, [text(id), text(one.only ?? ''), ...rootOf(one)], log);
    log.info(`"${one.source}" has its contents from before the restore again.`);
  }
}

/** Removes the safety directories of a successful restore, once its data is on the disk. */
export async function giveUpSafety(connection: Connection, { id, kept }: UndoRestore, log: Logger): Promise<void> {
  for (const one of kept) await run(connection, 'done', one, [text(id)], log);
}

/** Empties a mount that was empty before. */
export async function clearContents(connection: Connection, mounts: readonly Kept[], log: Logger): Promise<void> {
  for (const one of mounts) await run(connection, 'clear', one, rootOf(one), log);
}

/** Does a task with the old contents moved aside: puts them back if the task fails, removes them if it succeeds. */
export function withSafetyCopy<T>(job: Job, kept: readonly Kept[], task: () => Promise<T>): Promise<T> {
  const { connection, log } = job;
  const undo: UndoRestore = { kind: 'restore', id: safetyId(), kept };
  const finish: UndoRestore = { ...undo, kind: 'finish' };
  let isWritten = false;
  return undoably(job, {
    undo,
    task: async () => {
      await moveAside(connection, undo, log);
      const result = await task();
      if (job.signal.aborted) throw new Cancelled('The restore');
      isWritten = true;
      return result;
    },
    putRight: () => putBackContents(connection, undo, log),
    finish: { undo: finish, run: () => giveUpSafety(connection, finish, log) },
    later: (reason) =>
      isWritten
        ? `The safety copy could not be removed now; it is tried again at the next connection: ${reason}`
        : `What was there before could not be put back now; it is tried again at the next connection: ${reason}`,
  });
}
