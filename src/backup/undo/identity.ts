/** What tells a volume or directory from another that takes its name later. */
import { stat } from 'node:fs/promises';
import type { Connection } from '../../engine/connection.ts';
import { atLeast } from '../../engine/inventory.ts';
import { sharesFiles } from '../../engine/helper/localPipe.ts';
import { volumeIfThere } from '../../engine/volumes.ts';

const inodeOf = (path: string) =>
  stat(path, { bigint: true }).then(
    ({ dev, ino }) => `${dev}:${ino}`,
    () => undefined,
  );

/**
 * Device and inode of a directory or volume that this machine shares with the engine, else the engine's time of a
 * volume's making; undefined where neither tells, or where it is not there. Docker before 23 gives a volume the time of
 * its last change for that of its making (moby/moby#44725), so its word counts from API 1.43 on.
 */
export async function identityOf(
  connection: Connection,
  { type, source }: { readonly type: 'bind' | 'volume'; readonly source: string },
): Promise<string | undefined> {
  const isShared = await sharesFiles(connection);
  if (type === 'bind') return isShared ? inodeOf(source) : undefined;
  const found = await volumeIfThere(connection, source);
  if (found === undefined) return undefined;
  const inode = isShared ? await inodeOf(found.Mountpoint) : undefined;
  if (inode !== undefined) return inode;
  const { product, apiVersion } = connection.info;
  return product === 'podman' || atLeast(apiVersion, 1, 43) ? found.CreatedAt || undefined : undefined;
}
