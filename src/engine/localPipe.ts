/**
 * A named pipe between a helper container and this process, where both see one file system. What a helper writes to its
 * stdout passes through the container's shim and the engine; through a pipe it comes at about twice the speed.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Connection } from './connection.ts';

const NAME = 'archive';

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
  /** To be called once the writer is gone: without it, a writer that never came would be waited for. */
  writerIsGone(): Promise<void>;
}

/** A pipe that a helper reads from. */
export interface InputPipe extends Pipe {
  /** Writes all of `input` and closes the pipe. Returns early, without a word, when `helperIsGone`. */
  feed(input: Readable, helperIsGone: Promise<unknown>): Promise<void>;
}

/** Whether a bind source of the engine is a path of this machine, as far as that can be told without trying. */
export function sharesFiles({ info }: Connection): boolean {
  return process.platform === 'linux' && info.local && info.name === hostname();
}

/** A named pipe in a directory that only this user can pass; undefined where engine and process do not share files or there is no mkfifo. */
async function makePipe<T>(connection: Connection, begin: (pipe: Pipe, path: string) => T): Promise<T | undefined> {
  if (!sharesFiles(connection)) return undefined;
  const home = await mkdtemp(join(tmpdir(), 'docker-mounts-'));
  const remove = () => rm(home, { recursive: true, force: true });
  try {
    // Inside, a container whose root is another user must be able to write.
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
        // The end of a pipe is told to its reader when a last writer closes it, so there must have been one.
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

/** Opens a pipe for writing as soon as there is a reader: before, that fails with ENXIO (POSIX open). */
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

/** A new pipe to be written to. */
export function makeInputPipe(connection: Connection): Promise<InputPipe | undefined> {
  return makePipe(connection, (pipe, path) => ({
    ...pipe,
    async feed(input, helperIsGone) {
      let isGone = false;
      const gone = helperIsGone.then(() => (isGone = true), () => (isGone = true));
      const fd = await openForWriting(path, () => isGone);
      if (fd === undefined) return;
      const stream = new Socket({ fd, readable: false, writable: true });
      const written = new Promise<void>((resolve, reject) => {
        // A reader that went away says by its exit code why.
        stream.once('close', resolve);
        stream.on('error', () => undefined);
        input.once('error', reject);
        // A pipe cannot be shut down like a socket: it is closed when its last bytes are written.
        input.once('end', () => stream.write(Buffer.alloc(512), () => stream.destroy()));
      });
      input.pipe(stream, { end: false });
      await Promise.race([written, gone]).finally(() => stream.destroy());
    },
  }));
}
