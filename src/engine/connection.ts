/** One connection to one engine. */
import * as l10n from '@vscode/l10n';
import type Docker from 'dockerode';
import { ExpectedError } from '../expectedError.ts';
import type { EngineKey, Journal } from '../journal/journal.ts';
import { engineClient } from './client.ts';
import { permissionError, type Endpoint } from './endpoint.ts';
import { EngineFailure, EngineUnavailable, NotFound, type ObjectKind } from './errors.ts';
import { maskedText } from './masking.ts';

export interface EngineInfo {
  readonly version: string;
  readonly apiVersion: string;
  /** Host name of the engine. */
  readonly name: string;
  readonly id: string;
  readonly os: string;
  readonly product: 'docker' | 'podman';
  /** The engine shares this machine's file system, as far as its address tells. */
  readonly local: boolean;
}

const CONNECT_TIMEOUT_MS = 10_000;

/** For ssh, which has a time limit of its own for each step (ConnectTimeout). */
const SSH_TIMEOUT_MS = 40_000;

/** A connection that answered. Each request to a socket opens its own; requests by ssh share what `close` ends. */
export class Connection {
  readonly endpoint: Endpoint;
  readonly docker: Docker;
  readonly info: EngineInfo;
  /** Where this machine records what jobs on the engine have begun. */
  readonly journal: Journal;

  /** How the journal identifies the engine. */
  get key(): EngineKey {
    return { id: this.info.id, address: this.endpoint.address };
  }

  private constructor(endpoint: Endpoint, docker: Docker, info: EngineInfo, journal: Journal) {
    this.endpoint = endpoint;
    this.docker = docker;
    this.info = info;
    this.journal = journal;
  }

  /** Asks the engine for its identity. Throws EngineUnavailable. */
  static async open(endpoint: Endpoint, journal: Journal): Promise<Connection> {
    try {
      const docker = engineClient(endpoint);
      // One after the other: by ssh the first one opens the connection, and may have to ask the user for it.
      const ask = async () => ({ version: await docker.version(), info: (await docker.info()) as RawInfo });
      const { version, info } = await withTimeout(ask(), endpoint);
      const product = JSON.stringify(version).includes('Podman') ? 'podman' : 'docker';
      const about: EngineInfo = {
        version: textOr(version.Version),
        apiVersion: textOr(version.ApiVersion),
        name: textOr(info.Name),
        id: engineId(product, info, endpoint.address),
        os: textOr(info.OperatingSystem),
        product,
        local: endpoint.options.socketPath !== undefined,
      };
      return new Connection(endpoint, docker, about, journal);
    } catch (error) {
      await endpoint.ssh?.close(true);
      throw unavailableError(error, endpoint.address);
    }
  }

  /** Ends what is kept between requests: ssh processes, and what was typed for them. Current requests continue. */
  async close(): Promise<void> {
    await this.endpoint.ssh?.close();
  }
}

/** Makes sure that a value of an unknown engine is a text. */
function textOr(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** What stays the same for one engine: its own id, except for Podman, which creates a new one for each answer. */
function engineId(product: EngineInfo['product'], { ID, Name }: RawInfo, address: string): string {
  return product === 'podman' || textOr(ID) === '' ? `${textOr(Name)} at ${address}` : textOr(ID);
}

interface RawInfo {
  readonly Name?: string;
  readonly ID?: string;
  readonly OperatingSystem?: string;
}

async function withTimeout<T>(work: Promise<T>, { address, ssh }: Endpoint): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const ms = ssh === undefined ? CONNECT_TIMEOUT_MS : SSH_TIMEOUT_MS;
  const late = new Promise<never>((_resolve, reject) => {
    const wait = () => {
      timer = setTimeout(() => {
        // A person may take any time to answer.
        if (ssh?.isAsking) return wait();
        reject(
          new EngineUnavailable(
            'unreachable',
            address,
            l10n.t(
              'The engine at {0} did not answer within {1} seconds. Check the address and the network.',
              address,
              ms / 1000,
            ),
          ),
        );
      }, ms);
    };
    wait();
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function unavailableError(error: unknown, address: string): EngineUnavailable {
  if (error instanceof EngineUnavailable) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const cause = { cause: error };
  switch (code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return new EngineUnavailable(
        'notRunning',
        address,
        l10n.t(
          'Nothing answers at {0}: the Docker engine is not running there. Start it, or correct the address.',
          address,
        ),
        cause,
      );
    case 'EACCES':
    case 'EPERM':
      return permissionError(address, error);
    default:
  }
  if (/certificate|tls|ssl|cert|HTTPS/i.test(`${code} ${message}`)) {
    return new EngineUnavailable(
      'tls',
      address,
      l10n.t(
        'The engine at {0} did not accept the TLS connection: {1}. Check DOCKER_CERT_PATH and DOCKER_TLS_VERIFY.',
        address,
        message,
      ),
      cause,
    );
  }
  return new EngineUnavailable(
    'unreachable',
    address,
    l10n.t('The engine at {0} cannot be reached: {1}. Check the address and the network.', address, message),
    cause,
  );
}

export interface FailureContext {
  readonly kind: ObjectKind;
  /** Name of the thing. */
  readonly object: string;
  /** The whole sentence: what could not be done, and `why`, which ends like a sentence. */
  readonly failed: (why: string) => string;
}

const NETWORK_CODES = new Set([
  'ECONNRESET',
  'EPIPE',
  'ECONNREFUSED',
  'ENOENT',
  'ECONNABORTED',
  'ETIMEDOUT',
  'EHOSTUNREACH',
]);

/** Says that a thing is not there; undefined for a kind that the engine has no list of. */
function notThere(kind: ObjectKind, object: string): string | undefined {
  switch (kind) {
    case 'container':
      return l10n.t('There is no container "{0}" on this engine. Refresh the view and check the name.', object);
    case 'volume':
      return l10n.t('There is no volume "{0}" on this engine. Refresh the view and check the name.', object);
    case 'image':
      return l10n.t('There is no image "{0}" on this engine. Refresh the view and check the name.', object);
    default:
      return undefined;
  }
}

/** Turns what dockerode or the socket throws into a named error that says thing, cause and way out. */
export function engineError(error: unknown, context: FailureContext): Error {
  if (error instanceof ExpectedError) return error;
  const { statusCode, code, message, json } = error as NodeJS.ErrnoException & {
    statusCode?: number;
    json?: { message?: string };
  };
  const { kind, object, failed } = context;
  const cause = { cause: error };
  if (
    statusCode === undefined &&
    ((code !== undefined && NETWORK_CODES.has(code)) || /socket hang up|aborted|premature close/i.test(message))
  ) {
    return new EngineUnavailable('lost', '', failed(l10n.t('The engine went away. Start it and try again.')), cause);
  }
  // The engine quotes the options of a volume that it cannot mount, including passwords.
  const said = maskedText(json?.message ?? message).trim();
  const because = /[.!?]$/.test(said) ? said : `${said}.`;
  if (statusCode === 404 && !/mkdir|OCI|executable/.test(said)) {
    // What is missing may be another thing that the request named, such as a network.
    const isIt = /no such (?:container|image|volume)/i.test(said) && said.includes(object);
    const missing = isIt ? notThere(kind, object) : undefined;
    const hint = l10n.t('Refresh the view and check the name.');
    return new NotFound(kind, object, missing ?? `${failed(because)} ${hint}`, cause);
  }
  return new EngineFailure(statusCode ?? 0, failed(because), cause);
}

/** The engine's answer. Turns a failure into what `engineError` returns. */
export async function answerOf<T>(context: FailureContext, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw engineError(error, context);
  }
}

/** Whether the engine still answers. Never throws. */
export function answers({ docker }: Connection): Promise<boolean> {
  return docker.ping().then(
    () => true,
    () => false,
  );
}

/** The directory on the engine's host that holds its volumes and images; undefined where it does not say. */
export async function dataRoot({ docker }: Connection): Promise<string | undefined> {
  const info = (await docker.info().catch(() => ({}))) as { readonly DockerRootDir?: string };
  return info.DockerRootDir;
}
