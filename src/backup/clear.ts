/**
 * Emptying what was empty before a job, at a later connection: only where it is still the same, and nobody else writes
 * to it.
 */
import type { OpenEntry } from '../journal/journal.ts';
import type { Connection } from '../engine/connection.ts';
import { recordUndo } from '../engine/helper/records.ts';
import type { Logger } from '../engine/log.ts';
import { clearContents, type Kept } from './restore/safetyCopy.ts';
import { writersOf } from './consistency.ts';
import { identityOf } from './identity.ts';

/** What the record of such a job says. */
export interface UndoWriting {
  readonly kind: 'clear';
  readonly kept: readonly Kept[];
}

/** Writes down that a job is about to write into what is empty now. Throws JournalFailure. */
export async function recordClear(connection: Connection, kept: readonly Kept[]): Promise<OpenEntry> {
  const known: Kept[] = [];
  for (const one of kept) known.push({ ...one, identity: await identityOf(connection, one) });
  const undo: UndoWriting = { kind: 'clear', kept: known };
  return recordUndo(connection, undo);
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
