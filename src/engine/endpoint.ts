/** Where the engine is: setting, DOCKER_HOST, Docker context, or a well-known socket. */
import * as l10n from '@vscode/l10n';
import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import type { Agent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { currentContextName, readContext, type TlsMaterial } from './contexts.ts';
import { EngineUnavailable } from './errors.ts';
import { parseSshAddress } from './ssh/address.ts';
import { SshWay } from './ssh/agent.ts';
import type { SshPrompts } from './ssh/questions.ts';

/** docker-modem takes an agent, which its types do not know. */
type EngineOptions = Docker.DockerOptions & { readonly agent?: Agent | undefined };

export interface Endpoint {
  /** As a person writes it, e.g. `unix:///var/run/docker.sock`. */
  readonly address: string;
  readonly context?: string;
  readonly options: EngineOptions;
  /** Opens the connections of an ssh address. */
  readonly ssh?: SshWay;
}

export interface EndpointInput {
  /** The setting `dockerMounts.host`. */
  readonly host?: string;
  /** A context that the user selected. */
  readonly context?: string;
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  /** Who answers ssh's questions; without it ssh asks nobody and fails. */
  readonly sshPrompts?: SshPrompts;
}

/** docker-modem takes missing options from DOCKER_HOST of the process, so every option is given. */
const NOTHING: EngineOptions = {
  host: undefined,
  port: undefined,
  socketPath: undefined,
  protocol: undefined,
  username: undefined,
  ca: undefined,
  cert: undefined,
  key: undefined,
  timeout: undefined,
  agent: undefined,
};

/**
 * Finds the engine's address in the order setting, chosen context, DOCKER_HOST, current context, well-known sockets.
 * Throws EngineUnavailable (badAddress, tls, notFound, permissionDenied).
 */
export async function resolveEndpoint(input: EndpointInput): Promise<Endpoint> {
  const { env } = input;
  if (input.host) return fromAddress(input.host, 'The setting "dockerMounts.host"', input);
  if (input.context && input.context !== 'default') return fromContext(input.context, input);
  if (env['DOCKER_HOST']) return fromAddress(env['DOCKER_HOST'], 'DOCKER_HOST', input);
  // A chosen `default` means the socket, whatever context is current.
  const current = input.context || env['DOCKER_CONTEXT'] || (await currentContextName(input));
  if (current && current !== 'default') return fromContext(current, input);
  return wellKnownSocket(input);
}

async function fromContext(name: string, input: EndpointInput): Promise<Endpoint> {
  const { host, tls } = await readContext(name, input);
  return { context: name, ...endpointOf(host, `The Docker context "${name}"`, input, tls) };
}

async function fromAddress(address: string, where: string, input: EndpointInput): Promise<Endpoint> {
  const remote = !/^(unix|npipe|ssh):/.test(address);
  return endpointOf(address, where, input, remote ? await environmentTls(address, input) : undefined);
}

/** TLS like in the docker command: DOCKER_TLS_VERIFY turns it on, DOCKER_CERT_PATH says where the files are. */
async function environmentTls(address: string, { env, home }: EndpointInput): Promise<TlsMaterial | undefined> {
  const wanted = Boolean(env['DOCKER_TLS_VERIFY']) || Boolean(env['DOCKER_CERT_PATH']) || address.startsWith('https:');
  if (!wanted) return undefined;
  const folder = env['DOCKER_CERT_PATH'] || env['DOCKER_CONFIG'] || join(home, '.docker');
  const read = async (name: string) => {
    try {
      return await readFile(join(folder, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' && !env['DOCKER_CERT_PATH']) return undefined;
      throw new EngineUnavailable(
        'tls',
        address,
        l10n.t('The TLS file "{0}" for {1} cannot be read; check DOCKER_CERT_PATH.', join(folder, name), address),
        { cause: error },
      );
    }
  };
  return { ca: await read('ca.pem'), cert: await read('cert.pem'), key: await read('key.pem') };
}

/** The host name in requests by ssh; nothing resolves it. */
const SSH_HTTP_HOST = 'docker';

function endpointOf(address: string, where: string, { env, sshPrompts }: EndpointInput, tls?: TlsMaterial): Endpoint {
  const addressError = (why: string) =>
    new EngineUnavailable(
      'badAddress',
      address,
      l10n.t('{0} is "{1}": {2}. Write unix:///path, tcp://host:port or ssh://user@host.', where, address, why),
    );
  if (address.startsWith('unix://')) return socketEndpoint(address.slice('unix://'.length) || '/var/run/docker.sock');
  if (address.startsWith('npipe://'))
    return { address, options: { ...NOTHING, socketPath: address.slice('npipe://'.length) } };
  if (address.startsWith('/')) return socketEndpoint(address);
  let url: URL;
  try {
    url = new URL(address.includes('://') ? address : `tcp://${address}`);
  } catch {
    throw addressError(l10n.t('that is not an address'));
  }
  // A password in an address would appear in every message that names the address.
  if (url.password !== '') throw passwordError(where);
  if (url.hostname === '') throw addressError(l10n.t('it names no host'));
  const host = url.hostname.replace(/^\[|\]$/g, '');
  switch (url.protocol) {
    case 'ssh:': {
      let parsed;
      try {
        parsed = parseSshAddress(address);
      } catch (error) {
        throw addressError((error as Error).message);
      }
      const ssh = new SshWay(parsed, env, sshPrompts);
      return { address, ssh, options: { ...NOTHING, protocol: 'http', host: SSH_HTTP_HOST, agent: ssh.requests } };
    }
    case 'tcp:':
    case 'http:':
    case 'https:': {
      const secure = tls !== undefined || url.protocol === 'https:';
      const port = url.port || (secure ? 2376 : 2375);
      // docker-modem does not pass on rejectUnauthorized; an agent's own options override those of a request.
      const verify = secure && tls?.skipVerify ? { agent: new HttpsAgent({ rejectUnauthorized: false }) } : {};
      return {
        address,
        options: {
          ...NOTHING,
          ...verify,
          protocol: secure ? 'https' : 'http',
          host,
          port,
          ca: tls?.ca,
          cert: tls?.cert,
          key: tls?.key,
        },
      };
    }
    default:
      throw addressError(l10n.t('"{0}//" is not supported', url.protocol));
  }
}

function passwordError(where: string): EngineUnavailable {
  return new EngineUnavailable(
    'badAddress',
    '',
    l10n.t('{0} holds a password, which does not belong in an address. Remove it; ssh asks for what it needs.', where),
  );
}

function socketEndpoint(path: string): Endpoint {
  return { address: `unix://${path}`, options: { ...NOTHING, socketPath: path } };
}

/** Sockets of Docker, rootless Docker, Docker Desktop, Colima, OrbStack, Rancher Desktop and Podman. */
function candidates({ env, home }: EndpointInput): string[] {
  const runtime = env['XDG_RUNTIME_DIR'];
  return [
    '/var/run/docker.sock',
    ...(runtime ? [join(runtime, 'docker.sock')] : []),
    join(home, '.docker/run/docker.sock'),
    join(home, '.docker/desktop/docker.sock'),
    join(home, '.colima/default/docker.sock'),
    join(home, '.orbstack/run/docker.sock'),
    join(home, '.rd/docker.sock'),
    ...(runtime ? [join(runtime, 'podman/podman.sock')] : []),
    '/run/podman/podman.sock',
  ];
}

async function wellKnownSocket(input: EndpointInput): Promise<Endpoint> {
  if (process.platform === 'win32') {
    const pipe = '//./pipe/docker_engine';
    return { address: `npipe://${pipe}`, options: { ...NOTHING, socketPath: pipe } };
  }
  let refused: string | undefined;
  for (const path of candidates(input)) {
    const state = await socketState(path);
    if (state === 'open') return socketEndpoint(path);
    if (state === 'refused') refused ??= path;
  }
  if (refused !== undefined) throw permissionError(`unix://${refused}`);
  throw new EngineUnavailable(
    'notFound',
    '',
    l10n.t(
      'No Docker engine was found: there is no DOCKER_HOST, no Docker context and none of the usual sockets. Install Docker, or name the engine in the setting "dockerMounts.host".',
    ),
  );
}

/** The error for a socket that exists but that this user may not open. */
export function permissionError(address: string, cause?: unknown): EngineUnavailable {
  return new EngineUnavailable(
    'permissionDenied',
    address,
    l10n.t(
      'This user may not open the engine\'s socket {0}. Add the user to the group that owns it (often "docker") and log in again.',
      address,
    ),
    { cause },
  );
}

async function socketState(path: string): Promise<'open' | 'refused' | 'absent'> {
  try {
    if (!(await stat(path)).isSocket()) return 'absent';
    await access(path, constants.R_OK | constants.W_OK);
    return 'open';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'EACCES' || code === 'EPERM' ? 'refused' : 'absent';
  }
}
