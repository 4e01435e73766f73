/**
 * Binds that give a container power over the machine: through the engine's socket, by changing what the machine runs,
 * or by reading what opens other doors. This module judges a path as it is written. findDangers.ts follows what is
 * behind it: symbolic links, volumes that are named binds, and mounts that come from another container.
 */
import { posix } from 'node:path';
import { isWithin, withoutEndSlash } from '../engine/pathEnds.ts';

export type Danger =
  /** The socket of the engine or another service, or a directory that holds one. */
  | 'socket'
  /** A directory of the system, a device, or the engine's own data. */
  | 'system'
  /** The home directory of another user, or a part of it. */
  | 'home'
  /** Keys and tokens of the user's own. */
  | 'secrets'
  /** What the user's own programs run or read as settings when they start. */
  | 'startup'
  /** A directory above a folder of the workspace. */
  | 'aboveWorkspace'
  /**
   * What git, the shell or the editor run or read as settings in a folder of the workspace; only where arguments cause
   * data to be written there.
   */
  | 'project';

export interface DangerContext {
  readonly home: string;
  readonly workspaces: readonly string[];
  /** The engine's data directory, where it is known. */
  readonly dataRoot?: string;
  /** The socket of the engine, whatever its name. */
  readonly socket?: string;
  /** Whether arguments alone cause data to be written, without a choice by a person. */
  readonly writes?: boolean;
}

export interface Judged {
  readonly Type: string;
  readonly Source: string;
  readonly ReadOnly: boolean;
  /** Set where it is dangerous by itself, wherever its source leads. */
  readonly danger?: Danger;
}

const SOCKET_NAME = /(^|\/)(docker|podman|containerd|crio|buildkitd|docker-desktop|dockerd)[\w.-]*\.sock(\.\w+)?$/i;
const PIPE = /^[\\/]{2}[.?][\\/]pipe(?:[\\/]|$)/i;
/** A socket in them can be used even where they are mounted read-only. */
const SOCKET_PLACES = [
  '/run/docker.sock',
  '/run/podman/podman.sock',
  '/run/containerd/containerd.sock',
  '/var/run/docker.sock',
];
/** Services that carry out commands for root or the user, by sockets at any depth. */
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
/** Below them, but only the list of name servers, which many containers mount. */
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
/** Only these directories themselves: what is below them is not part of the system. */
const SYSTEM_ALONE = ['/', '/run', '/var', '/var/lib', '/var/spool', '/opt', '/usr/local', '/private', '/mnt'];
/** Below `SYSTEM`, but data of services that people run in containers, or unused. */
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
/** Below the user's home. Keys and tokens: reading them is enough to use them. */
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
/** Below the user's home. Files that the user's shell, desktop, editor or git run or read as settings. */
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
 * One spelling of a path: no `.`, `..`, doubled or trailing slashes, and the same spelling for what is another name of
 * it on any system.
 */
function clean(path: string): string {
  const flat = withoutEndSlash(posix.normalize(path.replaceAll('\\', '/')).replace(/^\/\/+/, '/'));
  // macOS keeps these below /private; everywhere else /var/run has long been a link to /run.
  return flat
    .replace(/^\/private(?=\/(?:etc|var|tmp)(?:\/|$))/, '')
    .replace(/^\/var\/run(?=\/|$)/, '/run')
    .replace(/^\/var\/lock(?=\/|$)/, '/run/lock');
}

const isPart = (path: string, other: string) => isWithin(path, other) || isWithin(other, path);

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
  { home }: DangerContext,
): Danger | undefined {
  const own = onDrive(home);
  const [, user] = /^\/users\/([^/]+)/.exec(rest) ?? [];
  const isOwn = own !== undefined && own.drive === drive && isWithin(rest, own.rest);
  if (user !== undefined && !isOwn && user !== 'public' && own !== undefined) return 'home';
  if (rest === '/users') return 'home';
  if (isOwn) return dangerOfOwn(rest, own.rest, readOnly);
  if (readOnly) return undefined;
  // A whole drive; a single letter may also be a directory on a Linux machine.
  if (rest === '/' && (own !== undefined || /:/.test(source) || /^\/(host_mnt|mnt|run)\//.test(clean(source))))
    return 'system';
  return WINDOWS.some((one) => isWithin(rest, one)) ? 'system' : undefined;
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

/** Another user's home: the user's name is the first part below the folder of homes. */
function isForeignHome(source: string, home: string): boolean {
  if (isWithin(source, home)) return false;
  const parent = posix.dirname(home);
  const places = [...new Set(['/home', '/Users', '/var/home', ...(parent === '/' ? [] : [parent])])];
  if (source === '/Users/Shared' || source.startsWith('/Users/Shared/')) return false;
  if (places.some((place) => source === place || (isWithin(source, place) && place !== '/'))) return true;
  return isWithin(source, '/root') || isWithin(source, '/var/root');
}

/**
 * Why a bind is dangerous as it is written, or undefined. A read-only one is dangerous where reading is enough: a
 * socket can be used, another user's home is private, and keys and tokens can be used by anyone who has read them. A
 * folder of the workspace, and what is in it, does not count as another user's home, whoever owns it.
 */
export function dangerOf(mount: Judged, context: DangerContext): Danger | undefined {
  const danger = mount.danger ?? dangerAsWritten(mount, context);
  // The meaning of "a/.." is known only where "a" is known not to be a link.
  return danger ?? (mount.Type === 'bind' && climbs(mount.Source) ? 'system' : undefined);
}

/** Whether an absolute path goes up again after a name, which may be a link to anywhere. */
function climbs(path: string): boolean {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  return posix.isAbsolute(path) && parts.lastIndexOf('..') > parts.findIndex((part) => part !== '..');
}

function dangerAsWritten(mount: Judged, context: DangerContext): Danger | undefined {
  const { Type, Source, ReadOnly } = mount;
  if (Type === 'npipe' || PIPE.test(Source)) return 'socket';
  if (Type !== 'bind') return undefined;
  const source = clean(Source);
  // A user without a home has no home that could match.
  const home = clean(context.home) === '/' ? '/nonexistent' : clean(context.home);
  const workspaces = context.workspaces.map(clean);
  if (isSocket(source, context)) return !ReadOnly && ['/', '/var', '/var/lib'].includes(source) ? 'system' : 'socket';
  // Reading it gives the memory, the files and the secrets of running processes.
  if (isWithin(source, '/proc')) return 'system';
  const isWorkspace = workspaces.some((workspace) => workspace !== '/' && isWithin(source, workspace));
  const drive = onDrive(Source);
  const onIt = drive && dangerOnDrive(Source, drive, ReadOnly, context);
  if (onIt !== undefined && !(onIt === 'home' && isWorkspace)) return onIt;
  if (!ReadOnly && isSystem(source, context)) return 'system';
  if (!isWorkspace && isForeignHome(source, home)) return 'home';
  if (!ReadOnly && context.writes === true && workspaces.some((workspace) => isObeyed(source, workspace)))
    return 'project';
  if (!ReadOnly && workspaces.some((workspace) => workspace !== source && isWithin(workspace, source)))
    return 'aboveWorkspace';
  return isPart(source, home) ? dangerOfOwn(source, home, ReadOnly) : undefined;
}

/** Whether a service can be used through the mount: read-only does not prevent that. */
function isSocket(source: string, context: DangerContext): boolean {
  if (SOCKET_NAME.test(source) || /^\/run\/user(?:\/|$)/.test(source)) return true;
  if (context.socket !== undefined && isWithin(clean(context.socket), source)) return true;
  return (
    !NO_SERVICE.includes(source) &&
    [...SOCKET_PLACES.map(clean), ...SERVICES].some(
      (one) => isWithin(one, source) || (SERVICES.includes(one) && isWithin(source, one)),
    )
  );
}

/**
 * Names in a project, at any depth: its hooks, tasks and settings run or configure programs of everyone who works in
 * it.
 */
const OBEYED =
  /\/(?:\.git|\.vscode|\.envrc|\.devcontainer|\.devcontainer\.json|\.husky|[^/]*\.code-workspace)(?:\/|$)/i;

function isObeyed(source: string, workspace: string): boolean {
  return workspace !== '/' && isWithin(source, workspace) && OBEYED.test(source.slice(workspace.length));
}

function isSystem(source: string, { dataRoot }: DangerContext): boolean {
  if (SYSTEM_ALONE.includes(source) || (dataRoot !== undefined && dataRoot !== '' && isPart(source, clean(dataRoot))))
    return true;
  return (
    SYSTEM.some((one) => isWithin(source, one) || isWithin(one, source)) &&
    !NOT_SYSTEM.some((one) => isWithin(source, one))
  );
}
