/** Helper containers: made for one job, labelled, and removed whatever happens. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { Readable, type Duplex } from 'node:stream';
import type Docker from 'dockerode';
import type { Connection } from './connection.ts';
import { engineError } from './connection.ts';
import type { Logger } from './log.ts';
import { HELPER_LABEL } from './model.ts';

/** Who made a helper: `<host>/<pid>`, so that another window's helper is never taken for a leftover. */
const OWNER_LABEL = 'docker-mounts.owner';
/** What is to be put right when the job that made a helper is gone, as JSON. */
const UNDO_LABEL = 'docker-mounts.undo';
const EMPTY_IMAGE = 'docker-mounts/helper';
const EMPTY_IMAGE_TAG = 'latest';
/** After this long a helper of another host counts as forgotten. */
const FORGOTTEN_AFTER_SECONDS = 7 * 24 * 3600;

/** A source to mount into a helper. `readOnly: false` only for jobs that write. */
export interface HelperMount {
  readonly type: 'bind' | 'volume';
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** Helpers of this process that a job still works with; any other of ours was lost with its engine. */
const inUse = new Set<string>();

export type PathKind = 'directory' | 'file' | 'other';

function owner(): string {
  return `${hostname()}/${process.pid}`;
}

/** Makes the image that holds nothing, once: an empty tar is two zero blocks (POSIX ustar). */
async function ensureEmptyImage(connection: Connection): Promise<string> {
  const image = `${EMPTY_IMAGE}:${EMPTY_IMAGE_TAG}`;
  try {
    await connection.docker.getImage(image).inspect();
    return image;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 404) {
      throw engineError(error, { kind: 'image', object: image, doing: 'look for the helper image' });
    }
  }
  try {
    const answer = (await connection.docker.importImage(Readable.from([Buffer.alloc(1024)]), {
      repo: EMPTY_IMAGE,
      tag: EMPTY_IMAGE_TAG,
    })) as Readable;
    for await (const _ of answer) void _;
    return image;
  } catch (error) {
    throw engineError(error, { kind: 'image', object: image, doing: 'import the empty helper image' });
  }
}

/** One helper container. Its owner calls `remove` in a `finally`. */
export class Helper {
  readonly container: Docker.Container;
  readonly #connection: Connection;
  readonly #log: Logger;

  constructor(connection: Connection, container: Docker.Container, log: Logger) {
    this.#connection = connection;
    this.container = container;
    this.#log = log;
  }

  /** What `path` in the container is (HEAD /containers/{id}/archive). Follows no symbolic link. */
  async stat(path: string): Promise<PathKind> {
    try {
      const response = (await this.container.infoArchive({ path })) as unknown as Readable & { headers?: Record<string, string> };
      // An answer that nobody reads would keep its socket, and with it the process.
      response.resume();
      const header = response.headers?.['x-docker-container-path-stat'] ?? '';
      const { mode } = JSON.parse(Buffer.from(header, 'base64').toString('utf8')) as { mode: number };
      // The bits are Go's os.FileMode: the topmost is a directory, any other type bit is no regular file.
      if (mode >= 2 ** 31) return 'directory';
      const typeBits = 0x0f280000;
      return (mode & typeBits) === 0 ? 'file' : 'other';
    } catch (error) {
      throw engineError(error, { kind: 'file', object: path, doing: 'look at the mounted source' });
    }
  }

  /** The tar stream of `path`. A clean end does not prove that it is whole: the engine hides read errors. */
  async readArchive(path: string): Promise<Readable> {
    try {
      return (await this.container.getArchive({ path })) as Readable;
    } catch (error) {
      throw engineError(error, { kind: 'file', object: path, doing: 'read the mounted source' });
    }
  }

  /** Unpacks a tar into `path`; resolves when the engine has written all of it (PUT /containers/{id}/archive). */
  async writeArchive(path: string, tar: Readable, signal: AbortSignal): Promise<void> {
    const answer = (await this.container.putArchive(tar, { path, abortSignal: signal })) as unknown as Readable;
    for await (const _ of answer) void _;
  }

  /** Starts the helper with its stdin open for `input`, and returns its multiplexed output and, later, its exit code. */
  async runWithInput(input: Readable): Promise<{ output: Readable; exitCode: Promise<number> }> {
    try {
      const stream = (await this.container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true })) as Duplex;
      await this.container.start();
      const exitCode = this.#exitCode(stream);
      exitCode.catch(() => undefined);
      // A helper that ends before it has read all closes its end; its exit code says more than the broken pipe.
      stream.on('error', () => input.destroy());
      input.on('error', () => stream.destroy());
      input.pipe(stream);
      return { output: stream, exitCode };
    } catch (error) {
      throw engineError(error, { kind: 'container', object: this.container.id, doing: 'start the helper container' });
    }
  }

  /** Starts the helper, for programs to be run in it. */
  async start(): Promise<void> {
    try {
      await this.container.start();
    } catch (error) {
      throw engineError(error, { kind: 'container', object: this.container.id, doing: 'start the helper container' });
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
      throw engineError(error, { kind: 'container', object: this.container.id, doing: 'start the helper container' });
    }
  }

  /**
   * The engine answers a wait with its headers at once and the code later, so an engine that dies in between leaves
   * docker-modem waiting for ever. The end of the output tells: then the engine is asked anew.
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

  /** Leaves a marker to the next connection, which puts right what it says. */
  leave(): void {
    inUse.delete(this.container.id);
  }

  /** Removes the container and the anonymous volumes that were made for it. Never throws: the label lets the next start find it. */
  async remove(): Promise<void> {
    inUse.delete(this.container.id);
    try {
      await this.container.remove({ force: true, v: true });
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode === 404) return;
      this.#log.warn(
        `Helper container ${this.container.id.slice(0, 12)} on ${this.#connection.endpoint.address} could not be removed now and will be at the next start: ${String(error)}`,
      );
    }
  }
}

/** A helper that is never started, from an image that holds nothing: enough for the engine's archive endpoint. */
export async function createArchiveHelper(connection: Connection, mounts: readonly HelperMount[], log: Logger): Promise<Helper> {
  const image = await ensureEmptyImage(connection);
  return createHelper(connection, { Image: image, Cmd: ['never-started'] }, mounts, log);
}

/** A helper that does nothing but say, by its label, what is to be put right should this process go away. */
export async function createMarker(connection: Connection, undo: unknown, log: Logger): Promise<Helper> {
  const image = await ensureEmptyImage(connection);
  return createHelper(connection, { Image: image, Cmd: ['never-started'] }, [], log, { [UNDO_LABEL]: JSON.stringify(undo) });
}

/** What a program in a helper may do; without it, as good as nothing. */
export interface CommandRights {
  readonly takesInput?: boolean;
  /** Linux capabilities that are left to it, without `CAP_`. */
  readonly capabilities?: readonly string[];
  /** Write into the helper's own file system, besides its mounts. */
  readonly canWriteToItself?: boolean;
}

/** A helper that runs `command` (an executable of the image and its arguments, no shell) as root without a network. */
export async function createCommandHelper(
  connection: Connection,
  image: string,
  command: readonly string[],
  mounts: readonly HelperMount[],
  log: Logger,
  { takesInput = false, capabilities = [], canWriteToItself = false }: CommandRights = {},
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
    {},
    { CapDrop: ['ALL'], CapAdd: [...capabilities], SecurityOpt: [...SECURITY, 'no-new-privileges'], ReadonlyRootfs: !canWriteToItself },
  );
}

/** SELinux would refuse a helper the files of another container. */
const SECURITY = ['label=disable'];

async function createHelper(
  connection: Connection,
  config: Docker.ContainerCreateOptions,
  mounts: readonly HelperMount[],
  log: Logger,
  labels: Readonly<Record<string, string>> = {},
  rights: Pick<Docker.HostConfig, 'CapDrop' | 'CapAdd' | 'SecurityOpt' | 'ReadonlyRootfs'> = {},
): Promise<Helper> {
  const name = `docker-mounts-helper-${randomBytes(6).toString('hex')}`;
  try {
    const container = await connection.docker.createContainer({
      ...config,
      name,
      Labels: { [HELPER_LABEL]: '1', [OWNER_LABEL]: owner(), ...labels },
      HostConfig: {
        NetworkMode: 'none',
        // The archive goes through stdout: with a log driver the engine would keep a second copy of it.
        LogConfig: { Type: 'none', Config: {} },
        SecurityOpt: SECURITY,
        ...rights,
        Mounts: mounts.map((mount) => ({
          Type: mount.type,
          Source: mount.source,
          Target: mount.target,
          ReadOnly: mount.readOnly,
          ...(mount.type === 'volume' ? { VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: '', Options: {} } } } : {}),
        })),
      },
    });
    inUse.add(container.id);
    return new Helper(connection, container, log);
  } catch (error) {
    const first = mounts[0];
    const object = first ? first.source : name;
    throw engineError(error, { kind: 'mount', object, doing: 'mount it into a helper container' });
  }
}

/** Puts right what a lost job left, from what its marker says. One that fails is tried again at the next connection. */
export type Undo = (connection: Connection, what: unknown, log: Logger) => Promise<void>;

/**
 * Removes helpers that a crash left behind: those of a process of this host that is gone, and very old ones of other hosts.
 * What their markers tell is put right first. Returns how many were removed.
 */
export async function removeLeftoverHelpers(connection: Connection, log: Logger, undo: Undo = () => Promise.resolve()): Promise<number> {
  const found = await connection.docker.listContainers({ all: true, filters: { label: [HELPER_LABEL] } });
  const leftovers = found.filter((container) => isLeftover(container.Id, container.Labels[OWNER_LABEL] ?? '', container.Created));
  // A helper that still writes must be gone before anything is put back.
  const markers = leftovers.filter(({ Labels }) => UNDO_LABEL in Labels);
  for (const { Id } of leftovers.filter((one) => !markers.includes(one))) {
    await new Helper(connection, connection.docker.getContainer(Id), log).remove();
  }
  for (const { Id, Labels } of markers) {
    try {
      await undo(connection, JSON.parse(Labels[UNDO_LABEL] ?? 'null'), log);
    } catch (error) {
      log.error(`What an earlier session left could not be put right; it is tried again at the next connection: ${(error as Error).message}`);
      continue;
    }
    await new Helper(connection, connection.docker.getContainer(Id), log).remove();
  }
  if (leftovers.length > 0) log.info(`Removed ${leftovers.length} helper container(s) that an earlier session left behind.`);
  return leftovers.length;
}

function isLeftover(id: string, madeBy: string, createdSeconds: number): boolean {
  const [host, pid] = madeBy.split('/');
  if (host === hostname() && pid !== undefined && /^\d+$/.test(pid)) {
    return Number(pid) === process.pid ? !inUse.has(id) : !processLives(Number(pid));
  }
  return Date.now() / 1000 - createdSeconds > FORGOTTEN_AFTER_SECONDS;
}

function processLives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
