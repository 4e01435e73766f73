/**
 * Why an ssh program ended without an engine behind it, from its exit code and its messages (OpenSSH; they are always
 * in English).
 */
import * as l10n from '@vscode/l10n';
import { EngineUnavailable, type UnavailableReason } from '../errors.ts';
import type { SshAddress } from './address.ts';

/** How an ssh program ended. */
export interface SshEnd {
  /** Node's code where it could not be started. */
  readonly startFailure?: string;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it wrote to stderr, at most a few kilobytes. */
  readonly said: string;
}

interface Cause {
  readonly exitCodes?: readonly number[];
  readonly pattern: RegExp;
  readonly reason: UnavailableReason;
  readonly sentence: (address: SshAddress, command: string, said: string) => string;
}

/** ssh itself failed; any other code is the remote command's. */
const SSH_FAILED = 255;

const CAUSES: readonly Cause[] = [
  {
    exitCodes: [SSH_FAILED],
    pattern: /HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed|REVOKED HOST KEY/,
    reason: 'hostKey',
    sentence: ({ host }, command, said) => {
      // ssh names the file and the entry, which may include a port or have another name.
      const removal = /ssh-keygen -f "[^"\n]*" -R "[^"\n]*"/.exec(said)?.[0] ?? `ssh-keygen -R ${host}`;
      return l10n.t(
        'The host key of {0} has changed, so this may not be that machine. ssh refused the connection. Ask its administrator whether the key was renewed; only then remove the old key by {1}, and connect once by "{2}".',
        host,
        removal,
        command,
      );
    },
  },
  {
    exitCodes: [SSH_FAILED],
    pattern: /Host key verification failed|No \S+ host key is known/,
    reason: 'hostKey',
    sentence: ({ host }, command) =>
      l10n.t(
        'The host key of {0} is not known. Connect once by "{1}" in a terminal and compare the fingerprint, or choose Try Again in the Containers view and answer there.',
        host,
        command,
      ),
  },
  {
    exitCodes: [SSH_FAILED],
    pattern:
      /Permission denied|Too many authentication failures|No more authentication methods|no mutual signature|UNPROTECTED PRIVATE KEY/,
    reason: 'authentication',
    sentence: ({ host }, command) =>
      l10n.t(
        '{0} did not accept this user\'s key or password. Try "{1}" in a terminal; add the key to the ssh agent, or correct the user in the address.',
        host,
        command,
      ),
  },
  {
    exitCodes: [SSH_FAILED],
    pattern: /Could not resolve hostname/,
    reason: 'unreachable',
    sentence: ({ host }) =>
      l10n.t(
        'The name {0} is not known to this machine or its network. Correct the address, or add the host to the ssh configuration.',
        host,
      ),
  },
  {
    exitCodes: [SSH_FAILED],
    pattern: /timed out|Timeout, server|not responding/i,
    reason: 'unreachable',
    sentence: ({ host }) =>
      l10n.t('{0} did not answer by ssh in time. Check the network, the port and whether the machine runs.', host),
  },
  {
    exitCodes: [SSH_FAILED],
    pattern:
      /Bad configuration option|terminating, \d+ bad configuration|Bad owner or permissions|keyword \S+ extra arguments/,
    reason: 'badAddress',
    sentence: (_address, command) =>
      l10n.t('ssh cannot read its configuration. Try "{0}" in a terminal and fix the file that it names.', command),
  },
  {
    exitCodes: [126, 127],
    pattern: /(?:)/,
    reason: 'noDocker',
    sentence: ({ host }) =>
      l10n.t(
        'There is no docker command on {0} that this user can run. Install Docker there, or add its folder to the PATH of commands run by ssh.',
        host,
      ),
  },
  {
    pattern: /permission denied/i,
    reason: 'permissionDenied',
    sentence: ({ host }) =>
      l10n.t(
        'The user on {0} may not open the Docker engine\'s socket. Add that user to the group that owns it there (often "docker") and try again.',
        host,
      ),
  },
  {
    pattern: /is not a docker command|unknown (command|flag)/i,
    reason: 'noDocker',
    sentence: ({ host }) => l10n.t('The docker command on {0} is too old; it must be 18.09 or later.', host),
  },
  {
    pattern:
      /Cannot connect to the Docker daemon|failed to connect to the docker API|no such file or directory|connection refused/i,
    reason: 'notRunning',
    sentence: ({ host }) =>
      l10n.t('{0} was reached by ssh, but the Docker engine does not run there. Start it on that machine.', host),
  },
];

/** The command to try the same in a terminal. */
function commandOf({ host, user, port }: SshAddress): string {
  return ['ssh', ...(port === undefined ? [] : ['-p', port]), user === undefined ? host : `${user}@${host}`].join(' ');
}

function firstLine(said: string): string {
  const lines = said.split(/[\r\n]+/).filter((line) => /[A-Za-z]/.test(line) && !/^@+$/.test(line));
  // eslint-disable-next-line no-control-regex -- foreign text
  const hidden = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
  return (lines[0] ?? '').replace(hidden, ' ').trim().slice(0, 300);
}

/** The error for an ssh program that ended. `answered`: whether the engine had already answered through it. */
export function sshError(address: SshAddress, end: SshEnd, answered: boolean): EngineUnavailable {
  const { host, address: written } = address;
  const command = commandOf(address);
  const fail = (reason: UnavailableReason, sentence: string) =>
    new EngineUnavailable(reason, written, sentence, { cause: new Error(end.said.slice(0, 4096)) });
  if (end.startFailure === 'ENOENT')
    return fail(
      'noSsh',
      l10n.t(
        'The engine at {0} is reached by the program "ssh", which was not found on this machine. Install the OpenSSH client and make sure that its folder is on the PATH.',
        written,
      ),
    );
  if (end.startFailure !== undefined)
    return fail(
      'noSsh',
      l10n.t(
        'The program "ssh" cannot be started: {0}. Check the installation of the OpenSSH client.',
        end.startFailure,
      ),
    );
  if (answered)
    return fail(
      'lost',
      l10n.t(
        'The ssh connection to {0} was lost. Check the network and whether that machine runs, and try again.',
        host,
      ),
    );
  if (end.signal !== null)
    return fail('lost', l10n.t('The program "ssh" for {0} was ended by the signal {1}. Try again.', host, end.signal));
  const cause = CAUSES.find(
    ({ exitCodes, pattern }) =>
      (exitCodes === undefined ? end.exitCode !== SSH_FAILED : exitCodes.includes(end.exitCode ?? 0)) &&
      pattern.test(end.said),
  );
  if (cause !== undefined) return fail(cause.reason, cause.sentence(address, command, end.said));
  const said = firstLine(end.said) || l10n.t('exit code {0}', end.exitCode ?? '');
  if (end.exitCode === SSH_FAILED)
    return fail(
      'unreachable',
      l10n.t(
        '{0} cannot be reached by ssh: {1}. Check the address and the network; try "{2}" in a terminal.',
        host,
        said,
        command,
      ),
    );
  return fail(
    'notRunning',
    l10n.t(
      '{0} was reached by ssh, but no Docker engine answers there: {1}. Try "{2} docker version" in a terminal.',
      host,
      said,
      command,
    ),
  );
}
