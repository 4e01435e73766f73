/** Who sees the same files: through one volume, one path, or a path inside of another. */
import { posix } from 'node:path';
import type { Mount, Volume } from './model.ts';
import { isWithin, withoutEndSlash } from './pathEnds.ts';

type VolumeFiles = Pick<Volume, 'name' | 'mountpoint' | 'options'>;

/**
 * Where on the engine's host a volume's files are. The local driver can bind a directory (`o=bind`). '' where unknown.
 */
export function hostPathOfVolume({ mountpoint, options }: VolumeFiles): string {
  const isBind = (options['o'] ?? '').split(',').includes('bind') || options['type'] === 'bind';
  return isBind && posix.isAbsolute(options['device'] ?? '') ? (options['device'] ?? '') : mountpoint;
}

/** The host path of every volume, by name. */
export function hostPaths(volumes: readonly VolumeFiles[]): ReadonlyMap<string, string> {
  return new Map(volumes.map((volume) => [volume.name, hostPathOfVolume(volume)]));
}

/**
 * What two mounts have in common when they show the same files: a host path, or else the volume's name; undefined for
 * neither.
 */
function filesKeyOf(
  { type, source }: Pick<Mount, 'type' | 'source'>,
  paths: ReadonlyMap<string, string>,
): string | undefined {
  if (type === 'bind') return withoutEndSlash(posix.normalize(source));
  if (source === '') return undefined;
  return (type === 'volume' && paths.get(source)) || `${type}:${source}`;
}

/** The path itself and its parent directories. */
function* around(key: string): Generator<string> {
  yield key;
  if (!key.startsWith('/')) return;
  for (let path = key; path !== '/';) {
    path = posix.dirname(path);
    yield path;
  }
}

interface Seen {
  readonly name: string;
  readonly mounts: readonly Mount[];
}

/** For each container, the names of the others that see one of its sources. */
export function sharers(
  containers: readonly Seen[],
  paths: ReadonlyMap<string, string>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const users = new Map<string, Set<string>>();
  for (const { name, mounts } of containers) {
    for (const mount of mounts) {
      const key = filesKeyOf(mount, paths);
      if (key !== undefined) users.set(key, (users.get(key) ?? new Set()).add(name));
    }
  }
  const shared = new Map(containers.map(({ name }) => [name, new Set<string>()]));
  for (const [key, inner] of users) {
    for (const path of around(key)) {
      for (const outer of users.get(path) ?? []) {
        for (const name of inner) {
          if (name === outer) continue;
          shared.get(name)?.add(outer);
          shared.get(outer)?.add(name);
        }
      }
    }
  }
  return shared;
}

/** Every mount that shows files of this source, with its container. */
export function mountsOver<T extends Seen>(
  containers: readonly T[],
  paths: ReadonlyMap<string, string>,
  source: Pick<Mount, 'type' | 'source'>,
): { container: T; mount: Mount }[] {
  const key = filesKeyOf(source, paths);
  if (key === undefined) return [];
  const outside = new Set(around(key));
  const overlaps = (other: Pick<Mount, 'type' | 'source'>) => {
    const there = filesKeyOf(other, paths);
    return there !== undefined && (outside.has(there) || (key.startsWith('/') && isWithin(there, key)));
  };
  return containers.flatMap((container) => container.mounts.filter(overlaps).map((mount) => ({ container, mount })));
}

/** The other mounts, of any container, that show files of this one; as `container:target`. */
export function sharersOfMount(
  containers: readonly Seen[],
  paths: ReadonlyMap<string, string>,
  own: string,
  mount: Mount,
): string[] {
  const others = containers.filter(({ name }) => name !== own);
  return mountsOver(others, paths, mount).map(
    ({ container, mount: { target, readOnly } }) => `${container.name}:${target}${readOnly ? ':ro' : ''}`,
  );
}
