/** Checks the machine and the engine for what makes mounts dangerous: links, sockets, and the options of volumes. */
import { readlink, realpath, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { dataRoot, type Connection } from '../engine/connection.ts';
import { inspectContainer } from '../engine/containers.ts';
import { parseVolumesFrom } from '../engine/inventory.ts';
import { isWithin } from '../engine/pathEnds.ts';
import { volumeIfThere } from '../engine/volumes.ts';
import { dangerOf, type Danger, type DangerContext, type Judged } from './danger.ts';

/** The number of links that Linux follows in one path. */
const MOST_LINKS = 40;
/** Linux does not accept a longer path (PATH_MAX). */
const MOST_PATH_CHARACTERS = 4096;

/**
 * The path with its symbolic links followed as the kernel does, part by part: what ".." means depends on the links
 * before it. Also follows a link whose target does not exist yet.
 */
async function followed(path: string): Promise<string> {
  if (!posix.isAbsolute(path) || path.length > MOST_PATH_CHARACTERS) return realPrefix(path);
  let parts = path.split('/').reverse();
  let there = '/';
  for (let links = 0; parts.length > 0;) {
    const part = parts.pop() ?? '';
    if (part === '' || part === '.') continue;
    const next = part === '..' ? posix.dirname(there) : posix.join(there, part);
    const target = part === '..' ? undefined : await readlink(next).catch(() => undefined);
    if (target === undefined) there = next;
    else {
      if ((links += 1) > MOST_LINKS) return path;
      if (posix.isAbsolute(target)) there = '/';
      parts = [...parts, ...target.split('/').reverse()];
    }
  }
  return realPrefix(there);
}

/** The path in the system's spelling, as far as it exists on this machine. */
async function realPrefix(path: string): Promise<string> {
  const rest: string[] = [];
  for (let there = posix.normalize(path); ; there = posix.dirname(there)) {
    const real = await realpath(there).catch(() => undefined);
    if (real !== undefined) return posix.join(real, ...rest);
    if (there === posix.dirname(there)) return path;
    rest.unshift(posix.basename(there));
  }
}

/** File systems that are not a directory or disk of this machine: memory, or another machine's share. */
const HARMLESS_TYPES = ['tmpfs', 'ramfs', 'nfs', 'nfs3', 'nfs4', 'cifs', 'smb3', 'smbfs', 'ceph', 'glusterfs'];
/** Makes `mount` take an existing directory, whatever type is given. */
const TAKES_A_DIRECTORY = /^\s*(?:r?bind|r?move|remount)\s*$/i;
/** The options of overlay whose values are directories, also as "lowerdir+". */
const LAYERS = /^\s*(?:lowerdir|datadir|upperdir|workdir)/i;
// eslint-disable-next-line no-control-regex -- this looks for control characters
const CONTROL = /[\u0000-\u001f\u007f]/;

/** Whether the kernel can read the path in only one way: it is absolute, without ".", ".." or escapes. */
function isStraight(path: string): boolean {
  return (
    posix.isAbsolute(path) && !/\/(?:\/|\.{1,2}(?:\/|$))/.test(path) && !path.includes('\\') && !CONTROL.test(path)
  );
}

function bindOf(Source: string, ReadOnly: boolean, isDangerous: boolean): Judged {
  return { Type: 'bind', Source, ReadOnly, ...(isDangerous ? { danger: 'system' } : {}) };
}

/** What options of `mount` (8) name, for the driver `local`: the engine passes them to the kernel unchanged. */
function bindsOfMount(options: Readonly<Record<string, string>>, readOnly: boolean): Judged[] {
  const { type = '', device = '', o = '' } = options;
  const words = o.split(',');
  const isBind = words.some((word) => TAKES_A_DIRECTORY.test(word));
  if (device === '' && type === '' && !isBind) return [];
  const isOverlay = type.toLowerCase() === 'overlay';
  const isHarmless = HARMLESS_TYPES.includes(type.toLowerCase());
  const strict = (path: string) => bindOf(path, readOnly, !isStraight(path));
  const layers = words
    .filter((word) => LAYERS.test(word))
    .flatMap((word) => word.slice(word.indexOf('=') + 1).split(':'))
    .filter((path) => path !== '')
    .map(strict);
  // Other options that name a path of this machine.
  const paths = words
    .filter((word) => !LAYERS.test(word))
    .map((word) => word.slice(word.indexOf('=') + 1))
    .filter((value) => posix.isAbsolute(value.trim()))
    .map((value) => bindOf(value.trim(), readOnly, false));
  // A backslash may hide a comma or a colon from us that the kernel sees in its layers; and an overlay needs a layer.
  if (isOverlay && (o.includes('\\') || CONTROL.test(o) || layers.length === 0))
    return [bindOf(device === '' ? type : device, readOnly, true)];
  if (isBind) return [strict(device), ...layers, ...paths];
  if (isOverlay) return [...layers, ...paths];
  // A share is "host:/path" or "//host/share"; a local path in its place is judged anyway.
  if (isHarmless)
    return [...(posix.isAbsolute(device) && !/^\/\/[^/.]/.test(device) ? [strict(device)] : []), ...layers, ...paths];
  // A separate file system, of a disk or of the kernel: reading it means reading all files of the disk.
  return [bindOf(device === '' ? type : device, readOnly, true), ...layers];
}

/**
 * What a volume's driver options put under its name, as binds to judge.
 * @internal
 */
export function bindsOfOptions(driver: string, options: Readonly<Record<string, string>>, readOnly: boolean): Judged[] {
  if (driver === '' || driver === 'local') return bindsOfMount(options, readOnly);
  // What another driver does with its options is unknown; what looks like a path may be one.
  const isUp = (value: string) => /(?:^|\/)\.\.(?:\/|$)/.test(value);
  const isCrooked = (value: string) =>
    posix.isAbsolute(value) && (/\/\.{1,2}(?:\/|$)/.test(value) || value.includes('\\') || CONTROL.test(value));
  const values = Object.values(options).map((value) => value.trim());
  return values
    .filter((value) => posix.isAbsolute(value) || /^[a-z]:[\\/]/i.test(value) || isUp(value))
    .map((value) => bindOf(value, readOnly, isCrooked(value) || (!posix.isAbsolute(value) && isUp(value))));
}

/** A dangerous mount, and what is behind it. */
export interface Found {
  readonly danger: Danger;
  /** What the mount names: a path, a volume, or a container. */
  readonly named: string;
  /** The path behind it, where that is different. */
  readonly path?: string;
  readonly readOnly: boolean;
}

/** What must be judged, as the arguments of a command give it. */
export interface Asked {
  readonly mounts?: readonly (Judged & {
    readonly VolumeOptions?: {
      readonly DriverConfig?: {
        readonly Name?: string;
        readonly Options?: Readonly<Record<string, string>> | null;
      } | null;
    };
  })[];
  /** `name`, `name:ro` or `name:rw`. */
  readonly volumesFrom?: readonly string[];
  /** Whether arguments alone cause data to be written there. */
  readonly writes?: boolean;
  /** Whether the paths are on this machine, wherever the engine is. */
  readonly here?: boolean;
}

/** Whether a path is a socket, whoever listens on it. */
async function listens(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isSocket(),
    () => false,
  );
}

/** Finds what is dangerous behind mounts. What does not exist yet is judged as it is written. Throws EngineFailure. */
export async function findDangers(
  connection: Connection,
  { mounts = [], volumesFrom = [], writes = false, here: isHere = connection.info.local }: Asked,
  where: Pick<DangerContext, 'home' | 'workspaces'>,
): Promise<Found[]> {
  // Links are followed only on this machine: it shares no files with a remote engine.
  const follow = isHere ? followed : (path: string) => Promise.resolve(path);
  const here = {
    ...where,
    writes,
    dataRoot: await dataRoot(connection),
    socket: connection.endpoint.options.socketPath ?? undefined,
  };
  const contexts = [
    here,
    { ...here, home: await follow(where.home), workspaces: await Promise.all(where.workspaces.map(follow)) },
  ];
  const judge = async (mount: Judged, named: string): Promise<Found[]> => {
    // The engine resolves ".." as text; another engine or a driver may leave it to the kernel. Both results are judged.
    const text = isHere && posix.isAbsolute(mount.Source) ? posix.normalize(mount.Source) : mount.Source;
    const real = await follow(mount.Source);
    const spellings = [...new Set([text, real, await follow(text)])];
    for (const Source of spellings) {
      for (const context of contexts) {
        const danger = dangerOf({ ...mount, Source }, context);
        // The target of a link in the user's home is judged by its own path, and the link by the link's path.
        if (danger !== undefined)
          return [{ danger, named, readOnly: mount.ReadOnly, ...(Source === named ? {} : { path: Source }) }];
      }
    }
    const isOwn = contexts.some(({ workspaces }) => workspaces.some((workspace) => isWithin(real, workspace)));
    return mount.Type === 'bind' && isHere && !isOwn && ((await listens(real)) || (await listens(text)))
      ? [{ danger: 'socket', named, readOnly: mount.ReadOnly }]
      : [];
  };
  const judgeVolume = async (
    name: string,
    readOnly: boolean,
    wanted: { Name?: string; Options?: Readonly<Record<string, string>> | null } | null | undefined,
  ): Promise<Found[]> => {
    const known = name === '' ? undefined : await volumeIfThere(connection, name);
    const binds = [
      ...bindsOfOptions(known?.Driver ?? '', known?.Options ?? {}, readOnly),
      ...bindsOfOptions(wanted?.Name ?? '', wanted?.Options ?? {}, readOnly),
    ];
    return (await Promise.all(binds.map((bind) => judge(bind, name === '' ? bind.Source : name)))).flat();
  };
  const ofMounts = mounts.map((mount) =>
    mount.Type === 'volume'
      ? judgeVolume(mount.Source, mount.ReadOnly, mount.VolumeOptions?.DriverConfig)
      : judge(mount, mount.Source),
  );
  const ofOthers = volumesFrom.map(async (from) => {
    const { container, readOnly } = parseVolumesFrom(from);
    const { Mounts } = await inspectContainer(connection, container);
    const found = await Promise.all(
      Mounts.map(({ Type, Name, Source, RW }) =>
        Type === 'volume'
          ? judgeVolume(Name ?? '', readOnly || !RW, undefined)
          : judge({ Type, Source, ReadOnly: readOnly || !RW }, Source),
      ),
    );
    return found.flat().map((one): Found => ({ ...one, named: container, path: one.path ?? one.named }));
  });
  return (await Promise.all([...ofMounts, ...ofOthers])).flat();
}
