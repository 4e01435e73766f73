/** Binds that give a container power over the machine. */
import { posix } from 'node:path';
import { withoutEndSlash } from '../engine/pathEnds.ts';

export type Danger = 'socket' | 'system' | 'home' | 'aboveWorkspace';

const SOCKETS = /(^|\/)(docker|podman|containerd)\.sock$/;
const SYSTEM = ['/', '/etc', '/usr', '/bin', '/sbin', '/lib', '/boot', '/dev', '/proc', '/sys', '/var', '/var/lib', '/var/lib/docker', '/run', '/var/run'];

/** Why a writable bind is dangerous, or undefined. The engine's socket is so read-only too: one can still talk to it. */
export function dangerOf(
  mount: { readonly Type: string; readonly Source: string; readonly ReadOnly: boolean },
  place: { readonly home: string; readonly workspaces: readonly string[] },
): Danger | undefined {
  if (mount.Type !== 'bind') return undefined;
  const source = withoutEndSlash(posix.normalize(mount.Source));
  if (SOCKETS.test(source)) return 'socket';
  if (mount.ReadOnly) return undefined;
  if (SYSTEM.includes(source)) return 'system';
  const homes = posix.dirname(place.home) === '/' ? '/home' : posix.dirname(place.home);
  if (source === homes || (posix.dirname(source) === homes && source !== place.home) || (source === '/root' && place.home !== '/root')) return 'home';
  return place.workspaces.some((workspace) => workspace !== source && workspace.startsWith(`${source}/`)) ? 'aboveWorkspace' : undefined;
}
