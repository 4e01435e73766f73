/** A volume that a job makes, and that goes again where the job fails, also after a crash. */
import type { Connection } from '../../engine/connection.ts';
import { EngineUnavailable, ifThere } from '../../engine/errors.ts';
import type { Logger } from '../../engine/log.ts';
import { createVolume, deleteVolume, volumeIfThere, type NewVolume } from '../../engine/volumes.ts';
import { identityOf } from './identity.ts';
import type { Job } from '../../engine/job.ts';
import type { UndoVolume } from './records.ts';
import { undoably } from './undoably.ts';

/**
 * Makes a volume that is new and does the task with it; the volume goes again where the task fails. Throws BadArgument
 * for a name that is taken, EngineFailure, JournalFailure, and what the task throws.
 */
export function withNewVolume<T>(
  job: Job,
  volume: NewVolume & { readonly name: string },
  task: () => Promise<T>,
): Promise<T> {
  const { connection } = job;
  const { name } = volume;
  const intent: UndoVolume = { kind: 'removeVolume', volume: name };
  let isMade = false;
  return undoably(job, {
    undo: intent,
    begin: async () => {
      await createVolume(connection, volume);
      isMade = true;
      job.log.info(`Created volume "${name}".`);
      return { ...intent, identity: await identityOf(connection, { type: 'volume', source: name }) };
    },
    task,
    putRight: async (_undo, cause) => {
      // The engine may have made it before it went away: the next connection finds out.
      if (!isMade && cause instanceof EngineUnavailable) throw cause;
      if (isMade) await ifThere(deleteVolume(connection, name));
    },
    later: (reason) =>
      `The new volume "${name}" could not be removed again and will be at the next connection: ${reason}`,
  });
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
