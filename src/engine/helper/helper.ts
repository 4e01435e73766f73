/** Helper containers: created for one job, recorded in the journal, and removed whatever happens. */
import * as l10n from '@vscode/l10n';
import { randomBytes } from 'node:crypto';
import { Readable, type Duplex } from 'node:stream';
import type Docker from 'dockerode';
import type { Connection } from '../connection.ts';
import { engineError } from '../connection.ts';
import { statusOf } from '../errors.ts';
import { retried } from '../retry.ts';
import { recordHelper, type HelperEntry } from './records.ts';
import type { Logger } from '../log.ts';
import { HELPER_LABEL } from '../model.ts';
import { TAR_END } from '../../tar/single.ts';
import { ensureOwnImage, type OwnImage } from './ownImage.ts';
import { pathStatOf } from './pathStat.ts';

/** A volume, or a directory or file of the engine's host. */
export interface MountSource {
  readonly type: 'bind' | 'volume';
  /** Volume name or host path. */
  readonly source: string;
}

/** A source to mount into a helper. `readOnly: false` only for jobs that write. */
export interface HelperMount extends MountSource {
  readonly target: string;
  readonly readOnly: boolean;
}

/** An empty image. */
const EMPTY_IMAGE: OwnImage = { repository: 'docker-mounts/helper', tag: 'latest', tar: TAR_END };

export type PathKind = 'directory' | 'file' | 'other';

/** One helper container. Its owner calls `remove` in a `finally`. */
export class Helper {
  readonly container: Docker.Container;
  readonly #connection: Connection;
  readonly #record: HelperEntry;
  readonly #log: Logger;

  constructor(connection: Connection, container: Docker.Container, record: HelperEntry, log: Logger) {
    this.#connection = connection;
    this.container = container;
    this.#record = record;
    this.#log = log;
  }

  /** What `path` in the container is (HEAD /containers/{id}/archive). Follows no symbolic link. */
  async stat(path: string): Promise<PathKind> {
    try {
      const answer = (await this.container.infoArchive({ path })) as unknown as Readable & {
        readonly headers: Readonly<Record<string, string>>;
      };
      // An unread answer would keep its socket open, and with it the process.
      answer.resume();
      const { type } = pathStatOf(answer);
      // A mount is never a link, so there is no value for one.
      return type === 'link' ? 'other' : type;
    } catch (error) {
      throw engineError(error, {
        kind: 'file',
        object: path,
        failed: (why) => l10n.t('What is mounted at {0} of a helper container could not be inspected: {1}', path, why),
      });
    }
  }

  /** The tar stream of `path`. A clean end does not prove that it is complete: the engine hides read errors. */
  async readArchive(path: string): Promise<Readable> {
    try {
      return (await this.container.getArchive({ path })) as Readable;
    } catch (error) {
      throw engineError(error, {
        kind: 'file',
        object: path,
        failed: (why) => l10n.t('What is mounted at {0} of a helper container could not be read: {1}', path, why),
      });
    }
  }

  /** Unpacks a tar into `path`; resolves when the engine has written all of it (PUT /containers/{id}/archive). */
  async writeArchive(path: string, tar: Readable, signal: AbortSignal): Promise<void> {
    const answer = (await this.container.putArchive(tar, { path, abortSignal: signal })) as unknown as Readable;
    for await (const _ of answer) void _;
  }

  /**
   * Starts the helper with its stdin open for `input`, and returns its multiplexed output and, later, its exit code.
   */
  async runWithInput(input: Readable): Promise<{ output: Readable; exitCode: Promise<number> }> {
    try {
      const stream = (await this.container.attach({
        stream: true,
        stdin: true,
        stdout: true,
        stderr: true,
        hijack: true,
      })) as Duplex;
      await this.container.start();
      const exitCode = this.#exitCode(stream);
      exitCode.catch(() => undefined);
      // A helper that ends early closes its side; its exit code says more than the broken pipe.
      stream.on('error', () => input.destroy());
      input.on('error', () => stream.destroy());
      input.pipe(stream);
      return { output: stream, exitCode };
    } catch (error) {
      throw this.#startError(error);
    }
  }

  #startError(error: unknown): Error {
    const { id } = this.container;
    return engineError(error, {
      kind: 'container',
      object: id,
      failed: (why) => l10n.t('The helper container {0} could not be started: {1}', id, why),
    });
  }

  /** Starts the helper, so that programs can run in it. */
  async start(): Promise<void> {
    try {
      await this.container.start();
    } catch (error) {
      throw this.#startError(error);
    }
  }

  /** Starts the helper and returns its multiplexed output and, later, its exit code. */
  async run(): Promise<{ output: Readable; exitCode: Promise<number> }> {
    try {
      const output = (await this.container.attach({ stream: true, stdout: true, stderr: true })) as unknown as Readable;
      await this.container.start();
      const exitCode = this.#exitCode(output);
      exitCode.catch(() => undefined);
      return { output, exitCode };
    } catch (error) {
      throw this.#startError(error);
    }
  }

  /**
   * The engine answers a wait with its headers at once and the code later, so docker-modem would wait forever if the
   * engine dies in between. So the engine is asked again when the output ends.
   */
  #exitCode(output: Readable): Promise<number> {
    return new Promise((resolve, reject) => {
      this.container.wait().then((result: { StatusCode: number }) => resolve(result.StatusCode), reject);
      output.once('close', () => {
        this.container.inspect().then(({ State }) => {
          if (!State.Running) resolve(State.ExitCode);
        }, reject);
      });
    });
  }

  /**
   * Removes the container and the anonymous volumes that were created for it. Never throws: its record lets the next
   * start find it.
   */
  async remove(): Promise<void> {
    try {
      await retried({ tries: MOST_REMOVALS, stepMs: 100, mayPass }, () =>
        this.container.remove({ force: true, v: true }),
      );
    } catch (error) {
      if (statusOf(error) !== 404) {
        this.#record.leave();
        this.#log.warn(
          `Helper container ${this.container.id.slice(0, 12)} on ${this.#connection.endpoint.address} could not be removed now; it is tried again at the next start: ${String(error)}`,
        );
        return;
      }
    }
    await this.#record.end();
  }
}

const MOST_REMOVALS = 5;

/**
 * Whether a removal that failed is worth another try: a busy engine refuses one (409, 500), and a kept connection may
 * have been closed just then. An engine that nobody reaches is left to the next start.
 */
function mayPass(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  const status = statusOf(error);
  if (status !== undefined) return status !== 404;
  return code === 'ECONNRESET' || code === 'EPIPE' || /socket hang up/.test(message);
}

/** A helper that is never started, from an empty image: enough for the engine's archive endpoint. */
export async function createArchiveHelper(
  connection: Connection,
  mounts: readonly HelperMount[],
  log: Logger,
): Promise<Helper> {
  const image = await ensureOwnImage(connection, EMPTY_IMAGE, log);
  return createHelper(connection, { Image: image, Cmd: ['never-started'] }, mounts, log);
}

/** What runs in a helper, and the only things that it may do. */
export interface HelperProgram {
  readonly image: string;
  /** An executable of the image and its arguments; no shell. */
  readonly command: readonly string[];
  readonly takesInput?: boolean;
  /** Linux capabilities that it keeps, without `CAP_`. */
  readonly capabilities?: readonly string[];
  /** Whether it may write into the helper's own file system, too. */
  readonly canWriteToItself?: boolean;
}

/** A helper that runs a program as root without a network. */
export async function createCommandHelper(
  connection: Connection,
  { image, command, takesInput = false, capabilities = [], canWriteToItself = false }: HelperProgram,
  mounts: readonly HelperMount[],
  log: Logger,
): Promise<Helper> {
  const [entrypoint, ...args] = command;
  return createHelper(
    connection,
    {
      Image: image,
      Entrypoint: [entrypoint ?? ''],
      Cmd: args,
      User: '0:0',
      Env: ['LC_ALL=C'],
      WorkingDir: '/',
      Healthcheck: { Test: ['NONE'] },
      AttachStdout: true,
      AttachStderr: true,
      ...(takesInput ? { OpenStdin: true, StdinOnce: true, AttachStdin: true } : {}),
    },
    mounts,
    log,
    {
      CapDrop: ['ALL'],
      CapAdd: [...capabilities],
      SecurityOpt: [...SECURITY, 'no-new-privileges'],
      ReadonlyRootfs: !canWriteToItself,
    },
  );
}

/** SELinux would deny a helper the files of another container. */
const SECURITY = ['label=disable'];

async function createHelper(
  connection: Connection,
  config: Docker.ContainerCreateOptions,
  mounts: readonly HelperMount[],
  log: Logger,
  rights: Pick<Docker.HostConfig, 'CapDrop' | 'CapAdd' | 'SecurityOpt' | 'ReadonlyRootfs'> = {},
): Promise<Helper> {
  const name = `docker-mounts-helper-${randomBytes(6).toString('hex')}`;
  const record = await recordHelper(connection, { name, image: config.Image ?? '' }, log);
  try {
    const container = await connection.docker.createContainer({
      ...config,
      name,
      // For people who look at the engine's containers. This extension never trusts a label.
      Labels: { [HELPER_LABEL]: '1' },
      HostConfig: {
        NetworkMode: 'none',
        // The archive goes through stdout: with a log driver the engine would store a second copy of it.
        LogConfig: { Type: 'none', Config: {} },
        SecurityOpt: SECURITY,
        ...rights,
        Mounts: mounts.map((mount) => ({
          Type: mount.type,
          Source: mount.source,
          Target: mount.target,
          ReadOnly: mount.readOnly,
          ...(mount.type === 'volume'
            ? { VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: '', Options: {} } } }
            : {}),
        })),
      },
    });
    await record.made(container.id);
    return new Helper(connection, container, record, log);
  } catch (error) {
    // If the engine was lost but has created it anyway, it is found by its name.
    if (statusOf(error) === undefined) record.leave();
    else await record.end();
    const first = mounts[0];
    const object = first ? first.source : name;
    throw engineError(error, {
      kind: 'mount',
      object,
      failed: (why) => l10n.t('"{0}" could not be mounted into a helper container: {1}', object, why),
    });
  }
}
