/** A volume that a job creates, and that is removed again if the job fails, also after a crash. */
import type { Connection } from '../../engine/connection.ts';
import { EngineUnavailable, ifThere } from '../../engine/errors.ts';
import type { Logger } from '../../engine/log.ts';
import { createVolume, deleteVolume, volumeIfThere, type NewVolume } from '../../engine/volumes.ts';
import { identityOf } from './identity.ts';
import type { Job } from '../../engine/job.ts';
import type { UndoVolume } from './records.ts';
import { undoably } from './undoably.ts';

/**
 * Creates a new volume and does the task with it; removes the volume again if the task fails. Throws BadArgument for a
 * taken name, EngineFailure, JournalFailure, and what the task throws.
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
      // The engine may have created it before the connection was lost: the next connection finds out.
      if (!isMade && cause instanceof EngineUnavailable) throw cause;
      if (isMade) await ifThere(deleteVolume(connection, name));
    },
    later: (reason) =>
      `The new volume "${name}" could not be removed now; it is tried again at the next connection: ${reason}`,
  });
}

/** Removes the volume where it is still the one that was created. Throws what the engine throws; it can be retried. */
export async function removeMade(connection: Connection, { volume, identity }: UndoVolume, log: Logger): Promise<void> {
  if ((await volumeIfThere(connection, volume)) === undefined) return;
  if (identity === undefined || (await identityOf(connection, { type: 'volume', source: volume })) !== identity) {
    log.warn(
      `Volume "${volume}" stays: the job that creates it was interrupted, and it is unknown whether this is its volume. Check it, and remove it yourself if you do not need it.`,
    );
    return;
  }
  await deleteVolume(connection, volume);
  log.info(`Removed volume "${volume}", whose creation was interrupted.`);
}
