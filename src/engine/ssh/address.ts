/**
 * What an `ssh://` address says, and the arguments of the ssh program for it: as in the docker command (docker/cli,
 * cli/connhelper).
 */
import * as l10n from '@vscode/l10n';

export interface SshAddress {
  /** As the address was written, without anything that it must not hold. */
  readonly address: string;
  readonly host: string;
  readonly user?: string;
  readonly port?: string;
  /** The engine's socket on that machine; undefined for the usual one. */
  readonly socket?: string;
}

/**
 * Older ssh programs hand names on to a shell, as `%h` and `%r` of a ProxyCommand (CVE-2023-51385). The characters that
 * are left need no quoting in any shell, and a name that begins with a hyphen would be an option.
 */
const HOST = /^[A-Za-z0-9_.:][A-Za-z0-9_.:-]*$/;
const USER = /^[A-Za-z0-9_.][A-Za-z0-9_.@+-]*$/;
/** The remote shell sees the path of the socket, whichever shell it is. */
const SOCKET = /^\/[A-Za-z0-9_./@+,:=-]*$/;

/** The parts of `ssh://[user@]host[:port][/path/of.sock]`. Throws an Error whose message says what is wrong with it. */
export function parseSshAddress(address: string): SshAddress {
  const url = new URL(address);
  if (url.search !== '' || url.hash !== '') throw new Error(l10n.t('an ssh address holds neither "?" nor "#"'));
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (host === '') throw new Error(l10n.t('it names no host'));
  if (!HOST.test(host)) throw new Error(l10n.t('"{0}" is no name of a host', host));
  const user = decoded(url.username);
  if (user !== '' && !USER.test(user)) throw new Error(l10n.t('"{0}" is no name of a user', user));
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

/** Seconds that ssh waits for the other side, and after which it asks whether the other side is still there. */
const SECONDS = 30;

/**
 * The arguments of the ssh program. To those of the docker command come options that keep a user's configuration, which
 * is made for terminals, out of the way of the stream, and that give the other machine nothing beyond it.
 */
export function sshArguments({ host, user, port, socket }: SshAddress, mayAsk: boolean): string[] {
  const options = [
    `ConnectTimeout=${SECONDS}`,
    // A network that went away without a word would be waited for, for ever.
    `ServerAliveInterval=${SECONDS}`,
    // A banner of the other machine would stand among ssh's own messages.
    'LogLevel=ERROR',
    'RemoteCommand=none',
    'ClearAllForwardings=yes',
    'ForwardAgent=no',
    'ForwardX11=no',
    // Without anybody to ask, ssh refuses what it would ask about.
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
