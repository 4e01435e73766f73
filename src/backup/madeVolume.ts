/** A volume that a job makes, and that goes again where the job fails, also after a crash. */
import type { OpenEntry } from '../journal/journal.ts';
import type { Connection } from '../engine/connection.ts';
import { EngineUnavailable, ifThere } from '../engine/errors.ts';
import { recordUndo } from '../engine/helper/records.ts';
import type { Logger } from '../engine/log.ts';
import { createVolume, deleteVolume, volumeIfThere, type NewVolume } from '../engine/volumes.ts';
import { identityOf } from './identity.ts';

/** What the record of such a job says. */
export interface UndoVolume {
  readonly kind: 'removeVolume';
  readonly volume: string;
  /** What tells it from another of the same name; absent until it is made, and where nothing tells. */
  readonly identity?: string;
}

export interface MadeVolume {
  /** The job went well. */
  keep(): Promise<void>;
  /** The job failed: the volume goes, now or, where the engine is gone, at the next connection. Never throws. */
  undo(log: Logger): Promise<void>;
}

/** Makes a volume that is new. Throws BadArgument for a name that is taken, EngineFailure, JournalFailure. */
export async function makeVolume(
  connection: Connection,
  volume: NewVolume & { readonly name: string },
): Promise<MadeVolume> {
  const { name } = volume;
  const intent: UndoVolume = { kind: 'removeVolume', volume: name };
  const record = await recordUndo(connection, intent);
  try {
    await createVolume(connection, volume);
    const undo: UndoVolume = { ...intent, identity: await identityOf(connection, { type: 'volume', source: name }) };
    await record.note(undo);
    return { keep: () => record.end(), undo: (log) => undoNow(connection, undo, record, log) };
  } catch (error) {
    // The engine may have made it before it went away: the next connection says so.
    if (error instanceof EngineUnavailable) record.leave();
    else await record.end();
    throw error;
  }
}

/** The job itself fails: the volume is the one that it has just made. */
async function undoNow(connection: Connection, { volume }: UndoVolume, record: OpenEntry, log: Logger): Promise<void> {
  try {
    await ifThere(deleteVolume(connection, volume));
    await record.end();
  } catch (error) {
    record.leave();
    log.warn(
      `The new volume "${volume}" could not be removed again and will be at the next connection: ${(error as Error).message}`,
    );
  }
}

/** Removes the volume where it is still the one that was made. Throws what the engine throws; it may be tried again. */
export async function removeMade(connection: Connection, { volume, identity }: UndoVolume, log: Logger): Promise<void> {
  if ((await volumeIfThere(connection, volume)) === undefined) return;
  if (identity === undefined || (await identityOf(connection, { type: 'volume', source: volume })) !== identity) {
    log.warn(
      `Volume "${volume}" stays: a job that was to make it was cut off, and it cannot be told whether this is the one. Look at it, and remove it yourself if it is of no use.`,
    );
    return;
  }
  await deleteVolume(connection, volume);
  log.info(`Removed volume "${volume}", whose making was cut off.`);
}
