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
import { promisify } from 'node:util';
import type { Connection } from './connection.ts';

const NAME = 'archive';

export interface LocalPipe {
  /** Host directory to mount into the helper. */
  readonly directory: string;
  /** The pipe's name in that directory. */
  readonly name: string;
  /** What the helper writes; ends when it has closed the pipe. */
  readonly stream: Readable;
  /** To be called once the writer is gone: without it, a writer that never came would be waited for. */
  writerIsGone(): Promise<void>;
  remove(): Promise<void>;
}

/** Whether a bind source of the engine is a path of this machine, as far as that can be told without trying. */
export function sharesFiles({ info }: Connection): boolean {
  return process.platform === 'linux' && info.local && info.name === hostname();
}

/** A new pipe, open for reading, or undefined where engine and process do not share files or there is no mkfifo. */
export async function makeLocalPipe(connection: Connection): Promise<LocalPipe | undefined> {
  if (!sharesFiles(connection)) return undefined;
  const home = await mkdtemp(join(tmpdir(), 'docker-mounts-'));
  const remove = () => rm(home, { recursive: true, force: true });
  try {
    // Only this user can pass `home`; inside, a container whose root is another user must be able to write.
    const directory = join(home, 'pipe');
    await mkdir(directory);
    await chmod(directory, 0o755);
    const path = join(directory, NAME);
    await promisify(execFile)('mkfifo', ['-m', '0666', path]);
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stream = new Socket({ fd, readable: true, writable: false });
    return {
      directory,
      name: NAME,
      stream,
      async writerIsGone() {
        // The end of a pipe is told to its reader when a last writer closes it, so there must have been one.
        const handle = await open(path, constants.O_WRONLY | constants.O_NONBLOCK).catch(() => undefined);
        await handle?.close();
      },
      async remove() {
        stream.destroy();
        await remove();
      },
    };
  } catch {
    await remove();
    return undefined;
  }
}
