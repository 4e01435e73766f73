/**
 * A named pipe between a helper container and this process, where both see one file system. What a helper writes to its
 * stdout passes through the container's shim and the engine; a pipe is about twice as fast.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { BLOCK_BYTES } from '../../tar/header.ts';
import type { Connection } from '../connection.ts';
import { createArchiveHelper } from './helper.ts';

const NAME = 'archive';
/** Header blocks, extended ones too, and the content of the file that proves a shared file system. */
const PROOF_BYTES = 8192;

export interface Pipe {
  /** Host directory to mount into the helper. */
  readonly directory: string;
  /** The pipe's name in that directory. */
  readonly name: string;
  remove(): Promise<void>;
}

/** A pipe that a helper writes into. */
export interface LocalPipe extends Pipe {
  /** What the helper writes; ends when it has closed the pipe. */
  readonly stream: Readable;
  /** Must be called once the writer has ended: otherwise a writer that never opened the pipe would be waited for. */
  writerIsGone(): Promise<void>;
}

/** A pipe that a helper reads from. */
export interface InputPipe extends Pipe {
  /** Writes all of `input` and closes the pipe. Returns early, without an error, when `helperIsGone`. */
  feed(input: Readable, helperIsGone: Promise<unknown>): Promise<void>;
}

const proofs = new WeakMap<Connection, Promise<boolean>>();

/**
 * Whether a bind source of the engine is a path of this machine. An engine can have any name, and a socket may be
 * forwarded from anywhere, so an equal name is not enough: the engine must read back what this process has just written
 * into a file that only its user can read. Checked once per connection; false where it cannot be determined.
 */
export function sharesFiles(connection: Connection): Promise<boolean> {
  const { info } = connection;
  if (process.platform !== 'linux' || !info.local || info.name !== hostname()) return Promise.resolve(false);
  let proof = proofs.get(connection);
  if (proof === undefined) {
    proof = prove(connection).catch(() => false);
    proofs.set(connection, proof);
  }
  return proof;
}

const PROOF_AT = '/docker-mounts/proof';

async function prove(connection: Connection): Promise<boolean> {
  const home = await mkdtemp(join(tmpdir(), 'docker-mounts-'));
  try {
    const secret = randomBytes(32).toString('hex');
    await writeFile(join(home, NAME), secret, { mode: 0o600, flag: 'wx' });
    const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
    const helper = await createArchiveHelper(
      connection,
      [{ type: 'bind', source: home, target: PROOF_AT, readOnly: true }],
      silent,
    );
    try {
      const tar = await helper.readArchive(`${PROOF_AT}/${NAME}`);
      let seen = Buffer.alloc(0);
      // One header and one block are enough; this does not wait for an engine that sends more.
      for await (const chunk of tar) {
        seen = Buffer.concat([seen, chunk as Buffer]);
        if (seen.length >= PROOF_BYTES) break;
      }
      return seen.subarray(0, PROOF_BYTES).includes(secret);
    } finally {
      await helper.remove();
    }
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/**
 * A named pipe in a directory that only this user can enter; undefined where engine and process do not share files or
 * there is no mkfifo.
 */
async function makePipe<T>(connection: Connection, begin: (pipe: Pipe, path: string) => T): Promise<T | undefined> {
  if (!(await sharesFiles(connection))) return undefined;
  const home = await mkdtemp(join(tmpdir(), 'docker-mounts-'));
  const remove = () => rm(home, { recursive: true, force: true });
  try {
    // The inner directory must be writable for a container whose root is another user.
    const directory = join(home, 'pipe');
    await mkdir(directory);
    await chmod(directory, 0o755);
    const path = join(directory, NAME);
    await promisify(execFile)('mkfifo', ['-m', '0666', path]);
    return begin({ directory, name: NAME, remove }, path);
  } catch {
    await remove();
    return undefined;
  }
}

/** A new pipe, open for reading. */
export function makeLocalPipe(connection: Connection): Promise<LocalPipe | undefined> {
  return makePipe(connection, (pipe, path) => {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stream = new Socket({ fd, readable: true, writable: false });
    return {
      ...pipe,
      stream,
      async writerIsGone() {
        // A reader sees the end of a pipe when the last writer closes it, so there must have been a writer.
        const handle = await open(path, constants.O_WRONLY | constants.O_NONBLOCK).catch(() => undefined);
        await handle?.close();
      },
      async remove() {
        stream.destroy();
        await pipe.remove();
      },
    };
  });
}

const ASK_AGAIN_MS = 5;

/** Opens a pipe for writing as soon as there is a reader: before that, it fails with ENXIO (POSIX open). */
async function openForWriting(path: string, isGone: () => boolean): Promise<number | undefined> {
  while (!isGone()) {
    try {
      return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
      await sleep(ASK_AGAIN_MS);
    }
  }
  return undefined;
}

/** A new pipe, for writing. */
export function makeInputPipe(connection: Connection): Promise<InputPipe | undefined> {
  return makePipe(connection, (pipe, path) => ({
    ...pipe,
    async feed(input, helperIsGone) {
      let isGone = false;
      const gone = helperIsGone.then(
        () => (isGone = true),
        () => (isGone = true),
      );
      const fd = await openForWriting(path, () => isGone);
      if (fd === undefined) return;
      const stream = new Socket({ fd, readable: false, writable: true });
      const written = new Promise<void>((resolve, reject) => {
        // The exit code of a reader that ended early says why.
        stream.once('close', resolve);
        stream.on('error', () => undefined);
        input.once('error', reject);
        // A pipe cannot be shut down like a socket: it is closed after its last bytes are written.
        input.once('end', () => stream.write(Buffer.alloc(BLOCK_BYTES), () => stream.destroy()));
      });
      input.pipe(stream, { end: false });
      await Promise.race([written, gone]).finally(() => stream.destroy());
    },
  }));
}
