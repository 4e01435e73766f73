/**
 * Binds that give a container power over the machine: through the engine's socket, by changing what the machine runs,
 * or by reading what opens other doors. One function judges a path as it is written; another one follows what stands
 * behind it: symbolic links, volumes that are binds under a name, and mounts that come from another container.
 */
import { readlink, realpath, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { inspectContainer, inspectVolume, type InspectedVolume } from '../engine/actions.ts';
import type { Connection } from '../engine/connection.ts';
import { NotFound } from '../engine/errors.ts';
import { parseVolumesFrom } from '../engine/inventory.ts';
import { withoutEndSlash } from '../engine/pathEnds.ts';

export type Danger =
  /** The engine's socket or another service's, or a directory that one lies in. */
  | 'socket'
  /** A directory of the system, a device, or the engine's own data. */
  | 'system'
  /** The home of another user, or a part of it. */
  | 'home'
  /** Keys and tokens of the user's own. */
  | 'secrets'
  /** What the user's own programs run or obey when they start. */
  | 'startup'
  /** A directory above a folder of the workspace. */
  | 'aboveWorkspace'
  /**
   * What git, the shell or the editor run or obey in a folder of the workspace; only where arguments have data written
   * there.
   */
  | 'project';

export interface DangerPlace {
  readonly home: string;
  readonly workspaces: readonly string[];
  /** The engine's data directory, where it is known. */
  readonly dataRoot?: string;
  /** The socket by which the engine is reached, whatever its name. */
  readonly socket?: string;
  /** Whether arguments alone have data written, which nobody has chosen by hand. */
  readonly writes?: boolean;
}

export interface Judged {
  readonly Type: string;
  readonly Source: string;
  readonly ReadOnly: boolean;
  /** Where it is dangerous as it stands, wherever its source leads. */
  readonly danger?: Danger;
}

const SOCKET_NAME = /(^|\/)(docker|podman|containerd|crio|buildkitd|docker-desktop|dockerd)[\w.-]*\.sock(\.\w+)?$/i;
const PIPE = /^[\\/]{2}[.?][\\/]pipe(?:[\\/]|$)/i;
/** One can talk to a socket in them even where they are mounted read-only. */
const SOCKET_PLACES = [
  '/run/docker.sock',
  '/run/podman/podman.sock',
  '/run/containerd/containerd.sock',
  '/var/run/docker.sock',
];
/** Services that do what they are told, for root or for the user, by sockets at any depth. */
const SERVICES = [
  '/run/dbus',
  '/run/systemd',
  '/run/snapd.socket',
  '/run/snapd-snap.socket',
  '/run/libvirt',
  '/var/lib/lxd',
  '/var/lib/incus',
  '/var/snap/lxd',
  '/run/containerd',
  '/run/crio',
  '/run/podman',
];
/** Below them, and only the list of name servers; many a container is given it. */
const NO_SERVICE = ['/run/systemd/resolve/resolv.conf', '/run/systemd/resolve/stub-resolv.conf'];
const DATA_ROOTS = [
  '/var/lib/docker',
  '/var/lib/containers',
  '/var/lib/containerd',
  '/var/lib/kubelet',
  '/var/lib/rancher',
  '/var/snap/docker',
];
/** What is written there changes the system, at any depth. */
const SYSTEM = [
  '/etc',
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/boot',
  '/efi',
  '/dev',
  '/proc',
  '/sys',
  '/run/udev',
  '/var/spool/cron',
  '/var/spool/at',
  '/var/lib/systemd',
  '/var/lib/dpkg',
  '/var/lib/rpm',
  '/var/lib/cloud',
  '/opt/containerd',
  '/System',
  '/Library',
  '/Applications',
  '/nix',
  '/snap',
  ...DATA_ROOTS,
];
/** Only they themselves: below them lies what is nobody's system. */
const SYSTEM_ALONE = ['/', '/run', '/var', '/var/lib', '/var/spool', '/opt', '/usr/local', '/private', '/mnt'];
/** Below `SYSTEM`, and yet data of services that people run in containers, or of no one. */
const NOT_SYSTEM = [
  'nginx',
  'apache2',
  'httpd',
  'caddy',
  'haproxy',
  'traefik',
  'letsencrypt',
  'mosquitto',
  'prometheus',
  'grafana',
  'postgresql',
  'mysql',
  'redis',
  'php',
  'rabbitmq',
]
  .map((name) => `/etc/${name}`)
  .concat('/usr/src', '/usr/local/src', '/usr/share/nginx', '/dev/shm', '/dev/null');
/** Below the own home. Keys and tokens: a read-only look is enough to use them. */
const SECRETS = [
  '.ssh',
  '.gnupg',
  '.aws',
  '.azure',
  '.kube',
  '.docker',
  '.config/gcloud',
  '.config/gh',
  '.config/age',
  '.netrc',
  '.pgpass',
  '.git-credentials',
  '.npmrc',
  '.pypirc',
  '.password-store',
  '.local/share/keyrings',
  '.vault-token',
  '.mozilla',
  'Library/Keychains',
];
/** Below the own home. Files that the user's shell, desktop, editor or git run or obey. */
const STARTUP = [
  '.bashrc',
  '.bash_profile',
  '.bash_login',
  '.bash_logout',
  '.bash_aliases',
  '.profile',
  '.zshrc',
  '.zprofile',
  '.zshenv',
  '.zlogin',
  '.zlogout',
  '.inputrc',
  '.xprofile',
  '.xinitrc',
  '.pam_environment',
  '.gitconfig',
  '.vimrc',
  '.vim',
  '.emacs',
  '.emacs.d',
  '.tmux.conf',
  '.config/autostart',
  '.config/systemd',
  '.config/fish',
  '.config/git',
  '.config/environment.d',
  '.config/nvim',
  '.config/Code',
  '.config/Code - Insiders',
  '.config/VSCodium',
  '.config/Cursor',
  '.config/plasma-workspace',
  '.config/autostart-scripts',
  '.config/google-chrome',
  '.config/chromium',
  '.config/mozilla',
  '.mozilla',
  '.cargo/bin',
  '.cargo/env',
  '.nvm',
  '.pyenv',
  '.rbenv',
  '.sdkman',
  '.deno/bin',
  '.bun/bin',
  'go/bin',
  '.local/bin',
  '.local/share/systemd',
  '.local/share/applications',
  '.local/share/code-server',
  '.vscode',
  '.vscode-server',
  '.vscode-remote',
  '.cursor-server',
  '.oh-my-zsh',
  'bin',
  'Library/LaunchAgents',
];

/**
 * One spelling of a path: no `.`, `..`, doubled or trailing slashes, and the same for what is another name of it on any
 * system.
 */
function clean(path: string): string {
  const flat = withoutEndSlash(posix.normalize(path.replaceAll('\\', '/')).replace(/^\/\/+/, '/'));
  // macOS keeps these below /private; everywhere else /var/run has long been a link to /run.
  return flat
    .replace(/^\/private(?=\/(?:etc|var|tmp)(?:\/|$))/, '')
    .replace(/^\/var\/run(?=\/|$)/, '/run')
    .replace(/^\/var\/lock(?=\/|$)/, '/run/lock');
}

function isIn(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

const isPart = (path: string, other: string) => isIn(path, other) || isIn(other, path);

/**
 * A path of a Windows drive, also as Docker Desktop and WSL write it: [drive, the rest in lower case without slashes at
 * the ends].
 */
function onDrive(path: string): { readonly drive: string; readonly rest: string } | undefined {
  const flat = path.replaceAll('\\', '/').replace(/^\/\/[?.]\/(?=[a-z]:)/i, '');
  const [, drive, rest] =
    /^([a-z]):(\/.*)?$/i.exec(flat) ??
    /^\/(?:host_mnt\/|mnt\/|mnt\/host\/|run\/desktop\/mnt\/host\/)?([a-z])(\/.*)?$/i.exec(clean(path)) ??
    [];
  if (drive === undefined) return undefined;
  return { drive: drive.toLowerCase(), rest: withoutEndSlash(posix.normalize(`/${rest ?? ''}`).toLowerCase()) };
}

const WINDOWS = [
  '/windows',
  '/program files',
  '/program files (x86)',
  '/programdata',
  '/system volume information',
  '/recovery',
  '/boot',
  '/efi',
];

function dangerOnDrive(
  source: string,
  { drive, rest }: { readonly drive: string; readonly rest: string },
  readOnly: boolean,
  { home }: DangerPlace,
): Danger | undefined {
  const own = onDrive(home);
  const [, user] = /^\/users\/([^/]+)/.exec(rest) ?? [];
  const isOwn = own !== undefined && own.drive === drive && isIn(rest, own.rest);
  if (user !== undefined && !isOwn && user !== 'public' && own !== undefined) return 'home';
  if (rest === '/users') return 'home';
  if (isOwn) return dangerOfOwn(rest, own.rest, readOnly);
  if (readOnly) return undefined;
  // A drive as a whole; a letter alone may also be a directory of a Linux machine.
  if (rest === '/' && (own !== undefined || /:/.test(source) || /^\/(host_mnt|mnt|run)\//.test(clean(source))))
    return 'system';
  return WINDOWS.some((one) => isIn(rest, one)) ? 'system' : undefined;
}

function dangerOfOwn(source: string, home: string, readOnly: boolean): Danger | undefined {
  const below = (names: readonly string[]) =>
    names.map(
      (name) => `${home}/${source === source.toLowerCase() && home === home.toLowerCase() ? name.toLowerCase() : name}`,
    );
  if ([...below(SECRETS), ...below(SECRETS.map((name) => name.toLowerCase()))].some((one) => isPart(source, one)))
    return source === home && !readOnly ? 'startup' : 'secrets';
  return !readOnly && below(STARTUP).some((one) => isPart(source, one)) ? 'startup' : undefined;
}

/** Another user's home: the user's name is the first part below where homes are. */
function isForeignHome(source: string, home: string): boolean {
  if (isIn(source, home)) return false;
  const parent = posix.dirname(home);
  const places = [...new Set(['/home', '/Users', '/var/home', ...(parent === '/' ? [] : [parent])])];
  if (source === '/Users/Shared' || source.startsWith('/Users/Shared/')) return false;
  if (places.some((place) => source === place || (isIn(source, place) && place !== '/'))) return true;
  return isIn(source, '/root') || isIn(source, '/var/root');
}

/**
 * Why a bind is dangerous as it is written, or undefined. A read-only one is so where looking is enough: a socket can
 * be talked to, another's home is private, and the user's own keys and tokens can be used by whoever has read them. A
 * folder of the workspace, and what lies in it, is no other user's home, whoever owns it.
 */
export function dangerOf(mount: Judged, place: DangerPlace): Danger | undefined {
  const danger = mount.danger ?? dangerAsWritten(mount, place);
  // What "a/.." is, is known only where it is known that "a" is no link.
  return danger ?? (mount.Type === 'bind' && climbs(mount.Source) ? 'system' : undefined);
}

/** Whether an absolute path goes up again behind a name, which may be a link to anywhere. */
function climbs(path: string): boolean {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  return posix.isAbsolute(path) && parts.lastIndexOf('..') > parts.findIndex((part) => part !== '..');
}

function dangerAsWritten(mount: Judged, place: DangerPlace): Danger | undefined {
  const { Type, Source, ReadOnly } = mount;
  if (Type === 'npipe' || PIPE.test(Source)) return 'socket';
  if (Type !== 'bind') return undefined;
  const source = clean(Source);
  // Who has no home of their own, has none that could be theirs.
  const home = clean(place.home) === '/' ? '/nonexistent' : clean(place.home);
  const workspaces = place.workspaces.map(clean);
  if (isSocket(source, place)) return !ReadOnly && ['/', '/var', '/var/lib'].includes(source) ? 'system' : 'socket';
  // To read it is to read the memory, the files and the secrets of what runs.
  if (isIn(source, '/proc')) return 'system';
  const isWorkspace = workspaces.some((workspace) => workspace !== '/' && isIn(source, workspace));
  const drive = onDrive(Source);
  const onIt = drive && dangerOnDrive(Source, drive, ReadOnly, place);
  if (onIt !== undefined && !(onIt === 'home' && isWorkspace)) return onIt;
  if (!ReadOnly && isSystem(source, place)) return 'system';
  if (!isWorkspace && isForeignHome(source, home)) return 'home';
  if (!ReadOnly && place.writes === true && workspaces.some((workspace) => isObeyed(source, workspace)))
    return 'project';
  if (!ReadOnly && workspaces.some((workspace) => workspace !== source && isIn(workspace, source)))
    return 'aboveWorkspace';
  return isPart(source, home) ? dangerOfOwn(source, home, ReadOnly) : undefined;
}

/** Whether one can talk to a service by what is mounted: read-only is no help. */
function isSocket(source: string, place: DangerPlace): boolean {
  if (SOCKET_NAME.test(source) || /^\/run\/user(?:\/|$)/.test(source)) return true;
  if (place.socket !== undefined && isIn(clean(place.socket), source)) return true;
  return (
    !NO_SERVICE.includes(source) &&
    [...SOCKET_PLACES.map(clean), ...SERVICES].some(
      (one) => isIn(one, source) || (SERVICES.includes(one) && isIn(source, one)),
    )
  );
}

/** Names in a project, at any depth: its hooks, tasks and settings run or set up programs of whoever works in it. */
const OBEYED =
  /\/(?:\.git|\.vscode|\.envrc|\.devcontainer|\.devcontainer\.json|\.husky|[^/]*\.code-workspace)(?:\/|$)/i;

function isObeyed(source: string, workspace: string): boolean {
  return workspace !== '/' && isIn(source, workspace) && OBEYED.test(source.slice(workspace.length));
}

function isSystem(source: string, { dataRoot }: DangerPlace): boolean {
  if (SYSTEM_ALONE.includes(source) || (dataRoot !== undefined && dataRoot !== '' && isPart(source, clean(dataRoot))))
    return true;
  return SYSTEM.some((one) => isIn(source, one) || isIn(one, source)) && !NOT_SYSTEM.some((one) => isIn(source, one));
}

/** As many links as Linux follows in one path. */
const MOST_LINKS = 40;
/** Linux takes no longer path (PATH_MAX). */
const MOST_PATH_CHARACTERS = 4096;

/**
 * The path with its symbolic links followed as the kernel does, part by part: what ".." means depends on the links
 * before it. Also a link that leads to nothing yet is followed.
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

/** The path as the system spells it, as far as it exists on this machine. */
async function realPrefix(path: string): Promise<string> {
  const rest: string[] = [];
  for (let there = posix.normalize(path); ; there = posix.dirname(there)) {
    const real = await realpath(there).catch(() => undefined);
    if (real !== undefined) return posix.join(real, ...rest);
    if (there === posix.dirname(there)) return path;
    rest.unshift(posix.basename(there));
  }
}

/** File systems that are no directory or disk of this machine: memory, or another machine's share. */
const HARMLESS_TYPES = ['tmpfs', 'ramfs', 'nfs', 'nfs3', 'nfs4', 'cifs', 'smb3', 'smbfs', 'ceph', 'glusterfs'];
/** What makes `mount` take a directory that is there, whatever type is named. */
const TAKES_A_DIRECTORY = /^\s*(?:r?bind|r?move|remount)\s*$/i;
/** The options of overlay whose values are directories, also as "lowerdir+". */
const LAYERS = /^\s*(?:lowerdir|datadir|upperdir|workdir)/i;
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/;

/**
 * Whether the kernel can only read the path in one way: it is absolute, goes neither round nor up, and escapes nothing.
 */
function isStraight(path: string): boolean {
  return (
    posix.isAbsolute(path) && !/\/(?:\/|\.{1,2}(?:\/|$))/.test(path) && !path.includes('\\') && !CONTROL.test(path)
  );
}

function bindOf(Source: string, ReadOnly: boolean, isDangerous: boolean): Judged {
  return { Type: 'bind', Source, ReadOnly, ...(isDangerous ? { danger: 'system' } : {}) };
}

/**
 * What options of `mount` (8) name, for the driver `local`: the kernel takes them as they are, the engine changes
 * nothing.
 */
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
  // A backslash may hide a comma or a colon from us that the kernel's reading of layers sees, and it needs some layer.
  if (isOverlay && (o.includes('\\') || CONTROL.test(o) || layers.length === 0))
    return [bindOf(device === '' ? type : device, readOnly, true)];
  if (isBind) return [strict(device), ...layers, ...paths];
  if (isOverlay) return [...layers, ...paths];
  // A share is "host:/path" or "//host/share"; a local path in its place is judged all the same.
  if (isHarmless)
    return [...(posix.isAbsolute(device) && !/^\/\/[^/.]/.test(device) ? [strict(device)] : []), ...layers, ...paths];
  // A file system of its own, that of a disk or of the kernel: to look into it is to read all files of the disk.
  return [bindOf(device === '' ? type : device, readOnly, true), ...layers];
}

/** What a volume's driver options put under its name, as binds to judge. */
export function bindsOfOptions(driver: string, options: Readonly<Record<string, string>>, readOnly: boolean): Judged[] {
  if (driver === '' || driver === 'local') return bindsOfMount(options, readOnly);
  // What another driver makes of its options is not known; what looks like a path may be one.
  const isUp = (value: string) => /(?:^|\/)\.\.(?:\/|$)/.test(value);
  const isCrooked = (value: string) =>
    posix.isAbsolute(value) && (/\/\.{1,2}(?:\/|$)/.test(value) || value.includes('\\') || CONTROL.test(value));
  const values = Object.values(options).map((value) => value.trim());
  return values
    .filter((value) => posix.isAbsolute(value) || /^[a-z]:[\\/]/i.test(value) || isUp(value))
    .map((value) => bindOf(value, readOnly, isCrooked(value) || (!posix.isAbsolute(value) && isUp(value))));
}

/** A mount that gives power, with what stands behind it. */
export interface Found {
  readonly danger: Danger;
  /** What the mount names: a path, a volume, or a container. */
  readonly named: string;
  /** The path behind it, where that is another. */
  readonly path?: string;
  readonly readOnly: boolean;
}

/** What is to be judged, as the arguments of a command say it. */
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
  /** Whether arguments alone have data written there. */
  readonly writes?: boolean;
  /** Whether the paths are those of this machine, wherever the engine is. */
  readonly here?: boolean;
}

/** Whether a path is a socket, whoever listens. */
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
  where: Pick<DangerPlace, 'home' | 'workspaces'>,
): Promise<Found[]> {
  const info = (await connection.docker.info().catch(() => ({}))) as { DockerRootDir?: string };
  // Links are followed on this machine only: what it shares with a remote engine is nothing.
  const follow = isHere ? followed : (path: string) => Promise.resolve(path);
  const here = {
    ...where,
    writes,
    dataRoot: info.DockerRootDir,
    socket: connection.endpoint.options.socketPath ?? undefined,
  };
  const places = [
    here,
    { ...here, home: await follow(where.home), workspaces: await Promise.all(where.workspaces.map(follow)) },
  ];
  const judge = async (mount: Judged, named: string): Promise<Found[]> => {
    // The engine reads ".." as text, another one or a driver may leave it to the kernel: both readings are judged.
    const text = isHere && posix.isAbsolute(mount.Source) ? posix.normalize(mount.Source) : mount.Source;
    const real = await follow(mount.Source);
    const spellings = [...new Set([text, real, await follow(text)])];
    for (const Source of spellings) {
      for (const place of places) {
        const danger = dangerOf({ ...mount, Source }, place);
        // What a link in the own home leads to is judged by where it leads, and the link by where it lies.
        if (danger !== undefined)
          return [{ danger, named, readOnly: mount.ReadOnly, ...(Source === named ? {} : { path: Source }) }];
      }
    }
    const isOwn = places.some(({ workspaces }) =>
      workspaces.some((workspace) => isIn(real, withoutEndSlash(workspace))),
    );
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

function volumeIfThere(connection: Connection, volume: string): Promise<InspectedVolume | undefined> {
  return inspectVolume(connection, volume).catch((error: unknown) => {
    if (error instanceof NotFound) return undefined;
    throw error;
  });
}
