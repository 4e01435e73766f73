/** Puts right what a job left when its window or its engine went away: its marker says what. */
import type { Connection } from '../engine/connection.ts';
import type { Logger } from '../engine/log.ts';
import { clearContents, giveUpSafety, putBackContents, type Kept, type UndoRestore } from './aside.ts';
import { resume, type UndoQuiet } from './consistency.ts';

type Undoing =
  | UndoRestore
  | UndoQuiet
  | { readonly kind: 'clear'; readonly kept: readonly Kept[] }
  | { readonly kind: 'removeVolume'; readonly volume: string };

/** Throws where it cannot be done now; it may be tried again as often as needed. */
export async function undoJob(connection: Connection, what: unknown, log: Logger): Promise<void> {
  const undoing = what as Undoing;
  switch (undoing.kind) {
    case 'resume':
      return resume(connection, undoing, log);
    case 'restore':
      return putBackContents(connection, undoing, log);
    case 'finish':
      return giveUpSafety(connection, undoing, log);
    case 'clear':
      return clearContents(connection, undoing.kept, log);
    case 'removeVolume':
      try {
        await connection.docker.getVolume(undoing.volume).remove();
        log.info(`Removed volume "${undoing.volume}", whose restore was cut off.`);
      } catch (error) {
        if ((error as { statusCode?: number }).statusCode !== 404) throw error;
      }
  }
}
