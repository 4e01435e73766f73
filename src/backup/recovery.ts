/** Recovers from jobs whose window or engine stopped; their records in the journal say what to undo. */
import type { Connection } from '../engine/connection.ts';
import type { Logger } from '../engine/log.ts';
import { volumeIfThere } from '../engine/volumes.ts';
import { giveUpSafety, putBackContents } from './restore/safetyCopy.ts';
import { clearAfterwards } from './undo/emptyTarget.ts';
import { resume } from './consistency.ts';
import { removeMade } from './undo/newVolume.ts';
import { parseUndo, type Kept } from './undo/records.ts';

/** Leaves out volumes that no longer exist: mounting one would create it again. */
async function stillThere(connection: Connection, kept: readonly Kept[], log: Logger): Promise<Kept[]> {
  const found: Kept[] = [];
  for (const one of kept) {
    const isGone = one.type === 'volume' && (await volumeIfThere(connection, one.source)) === undefined;
    if (isGone)
      log.warn(
        `Volume "${one.source}" was removed after a job on it was interrupted; there is nothing to recover in it.`,
      );
    else found.push(one);
  }
  return found;
}

/** Throws where this is not possible now; it can be retried as often as needed. */
export async function undoJob(connection: Connection, what: unknown, log: Logger): Promise<void> {
  const undoing = parseUndo(what);
  switch (undoing.kind) {
    case 'resume':
      return resume(connection, undoing, log);
    case 'restore':
      return putBackContents(connection, { ...undoing, kept: await stillThere(connection, undoing.kept, log) }, log);
    case 'finish':
      return giveUpSafety(connection, { ...undoing, kept: await stillThere(connection, undoing.kept, log) }, log);
    case 'clear':
      return clearAfterwards(connection, { ...undoing, kept: await stillThere(connection, undoing.kept, log) }, log);
    case 'removeVolume':
      return removeMade(connection, undoing, log);
  }
}
