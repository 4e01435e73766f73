/** What tells a volume or directory from another that takes its name later. */
import { stat } from 'node:fs/promises';
import { inspectVolume } from '../engine/actions.ts';
import type { Connection } from '../engine/connection.ts';
import { NotFound } from '../engine/errors.ts';
import { sharesFiles } from '../engine/localPipe.ts';

/**
 * The engine's time of a volume's making, or device and inode of a directory that this machine shares with the engine;
 * undefined where nobody says, or where it is not there.
 */
export async function identityOf(connection: Connection, { type, source }: { readonly type: 'bind' | 'volume'; readonly source: string }): Promise<string | undefined> {
  if (type === 'volume') {
    const found = await inspectVolume(connection, source).catch((error: unknown) => {
      if (error instanceof NotFound) return undefined;
      throw error;
    });
    return found?.CreatedAt || undefined;
  }
  if (!(await sharesFiles(connection))) return undefined;
  return stat(source, { bigint: true }).then(({ dev, ino }) => `${dev}:${ino}`, () => undefined);
}
