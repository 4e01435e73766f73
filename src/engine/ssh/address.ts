/**
 * The parts of an `ssh://` address, and the arguments of the ssh program for it, as in the docker command (docker/cli,
 * cli/connhelper).
 */
import * as l10n from '@vscode/l10n';

export interface SshAddress {
  /** The address as written, without anything that it must not hold. */
  readonly address: string;
  readonly host: string;
  readonly user?: string;
  readonly port?: string;
  /** The engine's socket on that machine; undefined for the usual one. */
  readonly socket?: string;
}

/**
 * Older ssh programs pass names to a shell, as `%h` and `%r` of a ProxyCommand (CVE-2023-51385). The allowed characters
 * need no quoting in any shell. A name that begins with a hyphen would be an option.
 */
const HOST = /^[A-Za-z0-9_.:][A-Za-z0-9_.:-]*$/;
const USER = /^[A-Za-z0-9_.][A-Za-z0-9_.@+-]*$/;
/** Any remote shell may see the path of the socket. */
const SOCKET = /^\/[A-Za-z0-9_./@+,:=-]*$/;

/** The parts of `ssh://[user@]host[:port][/path/of.sock]`. Throws an Error whose message says what is wrong. */
export function parseSshAddress(address: string): SshAddress {
  const url = new URL(address);
  if (url.search !== '' || url.hash !== '') throw new Error(l10n.t('an ssh address holds neither "?" nor "#"'));
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (host === '') throw new Error(l10n.t('it names no host'));
  if (!HOST.test(host)) throw new Error(l10n.t('"{0}" is not a host name', host));
  const user = decoded(url.username);
  if (user !== '' && !USER.test(user)) throw new Error(l10n.t('"{0}" is not a user name', user));
  const socket = decoded(url.pathname);
  const hasSocket = socket.replace(/\/+/g, '') !== '';
  if (hasSocket && !SOCKET.test(socket))
    throw new Error(
      l10n.t('the path of the socket, "{0}", may hold only letters, digits and . _ - / @ + , : =', socket),
    );
  return {
    address,
    host,
    ...(user === '' ? {} : { user }),
    ...(url.port === '' ? {} : { port: url.port }),
    ...(hasSocket ? { socket } : {}),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Seconds that ssh waits for the other side, and after which it checks whether the other side still answers. */
const SECONDS = 30;

/**
 * The arguments of the ssh program. In addition to those of the docker command, options keep a user's configuration,
 * which is written for terminals, from disturbing the stream, and give the other machine nothing but the stream.
 */
export function sshArguments({ host, user, port, socket }: SshAddress, mayAsk: boolean): string[] {
  const options = [
    `ConnectTimeout=${SECONDS}`,
    // Without this, ssh would wait forever for a network that was lost silently.
    `ServerAliveInterval=${SECONDS}`,
    // A banner of the other machine would mix with ssh's own messages.
    'LogLevel=ERROR',
    'RemoteCommand=none',
    'ClearAllForwardings=yes',
    'ForwardAgent=no',
    'ForwardX11=no',
    // Where nobody can be asked, ssh refuses what it would ask about.
    ...(mayAsk ? [] : ['BatchMode=yes']),
  ];
  return [
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', port]),
    ...options.flatMap((option) => ['-o', option]),
    '-T',
    '--',
    host,
    'docker',
    ...(socket === undefined ? [] : [`--host=unix://${socket}`]),
    'system',
    'dial-stdio',
  ];
}
