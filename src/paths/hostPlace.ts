/**
 * Where a mount's files are on this machine, in this machine's spelling, as far as the engine shares its file system.
 */
import type { EngineInfo } from '../engine/connection.ts';
import type { Mount, Volume } from '../engine/model.ts';
import { hostPathOfVolume } from '../engine/sharing.ts';
import { parsePath, within, type PathParts } from './pathText.ts';

/** What decides whether a path of the engine is one of this machine. */
export interface HostPlace {
  /** The engine's address is a socket of this machine. */
  readonly local: boolean;
  /** The engine is Docker Desktop: it runs in a virtual machine, and shares binds under prefixes of its own. */
  readonly desktop: boolean;
  readonly platform: NodeJS.Platform;
}

/** The place of an engine, on the machine that this process runs on. */
export function hostPlaceOf({ local, os }: Pick<EngineInfo, 'local' | 'os'>): HostPlace {
  return { local, desktop: /docker desktop/i.test(os), platform: process.platform };
}

/** Whether disks here ignore upper and lower case in names by default. */
export function ignoresCase({ local, platform }: HostPlace): boolean {
  return local && (platform === 'win32' || platform === 'darwin');
}

/** Whether the directory that the engine keeps volumes in is one of this machine, not of a virtual one. */
function sharesVolumes({ local, desktop, platform }: HostPlace): boolean {
  return !local || (platform === 'linux' && !desktop);
}

/**
 * Docker Desktop shows binds under /host_mnt (macOS, Linux, Windows with Hyper-V) and under this one (Windows with WSL
 * 2).
 */
const DESKTOP_MOUNTS = ['run', 'desktop', 'mnt', 'host'];

/**
 * A source as this machine spells it. On Docker Desktop the engine may name a bind with a prefix of its virtual machine
 * (docker/for-mac#7647, gigantum/gigantum-client#1309); from inside of a WSL distribution, Windows drives are below
 * /mnt, and what Docker binds from other distributions below /mnt/wsl (docker/for-win#4812), where only Docker's own
 * name for it is known, not the path that was given.
 */
function localSpelling(source: PathParts, { desktop, platform }: HostPlace): PathParts {
  const { root, parts } = source;
  if (platform === 'linux' && !desktop) return source;
  if (root !== '/')
    return platform === 'linux' && /^[a-z]:$/.test(root)
      ? { root: '/', parts: ['mnt', root.slice(0, 1), ...parts] }
      : source;
  const rest = DESKTOP_MOUNTS.every((part, index) => parts[index] === part)
    ? parts.slice(DESKTOP_MOUNTS.length)
    : undefined;
  if (rest !== undefined && platform === 'linux') return { root, parts: ['mnt', ...rest] };
  const shared = rest ?? (parts[0] === 'host_mnt' ? parts.slice(1) : parts);
  const [drive = ''] = shared;
  return platform === 'win32' && /^[a-zA-Z]$/.test(drive)
    ? { root: `${drive.toLowerCase()}:`, parts: shared.slice(1) }
    : { root, parts: shared };
}

/**
 * Where a mount's files are: a path of this machine, or of the engine's machine if that is another; undefined if the
 * files have no path.
 */
export function placeOfMount(
  mount: Mount,
  volumes: ReadonlyMap<string, Volume>,
  host: HostPlace,
): PathParts | undefined {
  if (mount.type === 'bind') return spelled(mount.source, host);
  const volume = mount.type === 'volume' ? volumes.get(mount.source) : undefined;
  if (volume === undefined) return undefined;
  const path = hostPathOfVolume(volume);
  if (path === volume.mountpoint && !sharesVolumes(host)) return undefined;
  const place = spelled(path, host);
  return place && within(place, parsePath(`/${mount.subpath ?? ''}`)?.parts ?? []);
}

function spelled(path: string, host: HostPlace): PathParts | undefined {
  const parsed = parsePath(path);
  return parsed && host.local ? localSpelling(parsed, host) : parsed;
}
