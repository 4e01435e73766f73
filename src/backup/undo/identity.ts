/** What distinguishes a volume or directory from another that takes its name later. */
import { stat } from 'node:fs/promises';
import type { Connection } from '../../engine/connection.ts';
import { atLeast } from '../../engine/inventory.ts';
import { sharesFiles } from '../../engine/helper/localPipe.ts';
import { volumeIfThere } from '../../engine/volumes.ts';
import type { MountSource } from '../../engine/helper/helper.ts';

const inodeOf = (path: string) =>
  stat(path, { bigint: true }).then(
    ({ dev, ino }) => `${dev}:${ino}`,
    () => undefined,
  );

/**
 * Device and inode of a directory or volume that this machine shares with the engine, or else the engine's time of a
 * volume's creation; undefined where neither is known, or where it does not exist. Docker before 23 reports a volume's
 * last change as its creation (moby/moby#44725), so this counts from API 1.43 on.
 */
export async function identityOf(connection: Connection, { type, source }: MountSource): Promise<string | undefined> {
  const isShared = await sharesFiles(connection);
  if (type === 'bind') return isShared ? inodeOf(source) : undefined;
  const found = await volumeIfThere(connection, source);
  if (found === undefined) return undefined;
  const inode = isShared ? await inodeOf(found.Mountpoint) : undefined;
  if (inode !== undefined) return inode;
  const { product, apiVersion } = connection.info;
  return product === 'podman' || atLeast(apiVersion, 1, 43) ? found.CreatedAt || undefined : undefined;
}
