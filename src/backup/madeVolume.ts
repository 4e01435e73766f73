/** A volume that a job makes, and that goes again where the job fails, also after a crash. */
import type { OpenEntry } from '../journal/journal.ts';
import { inspectVolume } from '../engine/actions.ts';
import type { Connection } from '../engine/connection.ts';
import { EngineUnavailable, NotFound } from '../engine/errors.ts';
import { recordUndo } from '../engine/helperRecords.ts';
import type { Logger } from '../engine/log.ts';
import { createVolume, type NewVolume } from '../engine/volumes.ts';

/** What the record of such a job says. */
export interface UndoVolume {
  readonly kind: 'removeVolume';
  readonly volume: string;
  /** The engine's own time of its making, which tells it from another of the same name; absent until it is made. */
  readonly createdAt?: string;
}

export interface MadeVolume {
  /** The job went well. */
  keep(): Promise<void>;
  /** The job failed: the volume goes, now or, where the engine is gone, at the next connection. Never throws. */
  undo(log: Logger): Promise<void>;
}

/** Makes a volume that is new. Throws BadArgument for a name that is taken, EngineFailure, JournalFailure. */
export async function makeVolume(connection: Connection, volume: NewVolume & { readonly name: string }): Promise<MadeVolume> {
  const { name } = volume;
  const intent: UndoVolume = { kind: 'removeVolume', volume: name };
  const record = await recordUndo(connection, intent);
  try {
    await createVolume(connection, volume);
    const undo: UndoVolume = { ...intent, createdAt: (await inspectVolume(connection, name)).CreatedAt ?? '' };
    await record.note(undo);
    return { keep: () => record.end(), undo: (log) => undoNow(connection, undo, record, log) };
  } catch (error) {
    // The engine may have made it before it went away: the next connection says so.
    if (error instanceof EngineUnavailable) record.leave();
    else await record.end();
    throw error;
  }
}

async function undoNow(connection: Connection, undo: UndoVolume, record: OpenEntry, log: Logger): Promise<void> {
  try {
    await removeMade(connection, undo, log);
    await record.end();
  } catch (error) {
    record.leave();
    log.warn(`The new volume "${undo.volume}" could not be removed again and will be at the next connection: ${(error as Error).message}`);
  }
}

/** Removes the volume where it is still the one that was made. Throws what the engine throws; it may be tried again. */
export async function removeMade(connection: Connection, { volume, createdAt }: UndoVolume, log: Logger): Promise<void> {
  const there = await inspectVolume(connection, volume).catch((error: unknown) => {
    if (error instanceof NotFound) return undefined;
    throw error;
  });
  if (there === undefined) return;
  if (createdAt === undefined || (there.CreatedAt ?? '') !== createdAt) {
    log.warn(`Volume "${volume}" stays: a job that was to make it was cut off, and it cannot be told whether this is the one. Look at it, and remove it yourself if it is of no use.`);
    return;
  }
  await connection.docker.getVolume(volume).remove();
  log.info(`Removed volume "${volume}", whose making was cut off.`);
}
