/** Uploads local files and folders into a mount. Each is complete under its name, or does not exist. */
import * as l10n from '@vscode/l10n';
import { createReadStream, type Stats } from 'node:fs';
import { lstat, readdir, readlink, stat } from 'node:fs/promises';
import { basename, posix } from 'node:path';
import { Readable } from 'node:stream';
import { unpackIn } from '../engine/helper/archiveEndpoint.ts';
import { Cancelled, FileFailure, FileRefused, NotFound } from '../engine/errors.ts';

import { statEntry } from './stat.ts';
import { bytesOfText, printable, textOfBytes } from './names.ts';
import { runTool } from './runTool.ts';
import type { Session } from './helperPool.ts';
import { entryBlocks, paddingOf, TAR_END, type NewEntry } from '../tar/single.ts';
import { commit, existsError, ownerIn, refuseReadOnly, temporaryName, writeFile } from './write.ts';
import type { Work } from '../engine/job.ts';

export interface Transferred {
  /** Files and directories. */
  readonly entries: number;
  /** Bytes of the contents of files. */
  readonly bytes: number;
}

export interface Counter {
  entries: number;
  bytes: number;
}

const READ_BYTES = 1024 * 1024;

function localFileError(error: unknown, file: string): FileFailure {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return new FileFailure(
    file,
    code,
    l10n.t('"{0}" cannot be read: {1}. Check that it exists and that you may read it.', file, message),
    { cause: error },
  );
}

/** An upload and its progress. */
interface Counted extends Work {
  readonly counter: Counter;
}

async function* contentOfLocal(file: Buffer | string, job: Counted): AsyncGenerator<Buffer> {
  try {
    for await (const piece of createReadStream(file, { highWaterMark: READ_BYTES }) as AsyncIterable<Buffer>) {
      if (job.signal.aborted) throw new Cancelled('The upload');
      job.counter.bytes += piece.length;
      job.progress(job.counter.bytes);
      yield piece;
    }
  } catch (error) {
    throw error instanceof Cancelled ? error : localFileError(error, file.toString());
  }
}

const join = (directory: Buffer, name: Buffer) => Buffer.concat([directory, Buffer.from('/'), name]);

/** The blocks of one local entry and of everything below it, under `name`. */
async function* tarOfLocal(
  path: Buffer,
  name: Buffer,
  owner: { uid: number; gid: number },
  job: Counted,
): AsyncGenerator<Buffer> {
  if (job.signal.aborted) throw new Cancelled('The upload');
  let info: Stats;
  try {
    info = await lstat(path);
  } catch (error) {
    throw localFileError(error, path.toString());
  }
  const entry: NewEntry = { name, type: '0', ...owner, mode: info.mode & 0o777, mtime: info.mtimeMs / 1000 };
  if (info.isDirectory()) {
    job.counter.entries += 1;
    yield entryBlocks({ ...entry, name: Buffer.concat([name, Buffer.from('/')]), type: '5' });
    for (const child of await readdir(path, { encoding: 'buffer' }))
      yield* tarOfLocal(join(path, child), join(name, child), owner, job);
  } else if (info.isSymbolicLink()) {
    job.counter.entries += 1;
    yield entryBlocks({ ...entry, type: '2', link: await readlink(path, { encoding: 'buffer' }) });
  } else if (info.isFile()) {
    job.counter.entries += 1;
    yield entryBlocks({ ...entry, size: info.size });
    let sent = 0;
    for await (const piece of contentOfLocal(path, job)) {
      sent += piece.length;
      if (sent > info.size) break;
      yield piece;
    }
    if (sent !== info.size)
      throw new FileFailure(
        path.toString(),
        '',
        l10n.t('"{0}" changed its size while it was read. Upload it again.', path.toString()),
      );
    yield paddingOf(info.size);
  } else {
    job.log.warn(`"${path.toString()}" is a device, a pipe or a socket and was left out.`);
  }
}

async function* ended(blocks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield* blocks;
  yield TAR_END;
}

/** Whether there is anything at a path. */
export async function isThere(session: Session, path: string): Promise<boolean> {
  try {
    await statEntry(session, path);
    return true;
  } catch (error) {
    if (error instanceof NotFound && error.kind === 'file') return false;
    throw error;
  }
}

async function uploadDirectory(
  session: Session,
  local: string,
  path: string,
  overwrite: boolean,
  job: Counted,
): Promise<void> {
  refuseReadOnly(session, path);
  const directory = posix.dirname(path);
  const owner = await ownerIn(session, directory);
  const isTaken = await isThere(session, path);
  if (isTaken && !overwrite) throw existsError(path);
  const tools = isTaken
    ? await session.needTools(path, 'write', l10n.t('Replacing a directory needs a helper program.'))
    : await session.tools('write');
  const name = tools === undefined ? posix.basename(path) : temporaryName();
  try {
    const tar = Readable.from(ended(tarOfLocal(Buffer.from(local), bytesOfText(name), owner, job)), {
      objectMode: false,
    });
    await unpackIn(await session.archive('write'), bytesOfText(directory), tar, job.signal);
    if (isTaken) await runTool(session, 'remove', directory, posix.basename(path), true);
    if (tools !== undefined) await commit(session, path, name, false);
  } catch (error) {
    if (tools !== undefined) await runTool(session, 'remove', directory, name, true).catch(() => undefined);
    throw job.signal.aborted ? new Cancelled('The upload') : error;
  }
}

/**
 * Uploads one local file or folder to `path`. Throws FileFailure, FileRefused, NotFound, EngineUnavailable,
 * EngineFailure, Cancelled.
 */
export async function uploadTo(
  session: Session,
  local: string,
  path: string,
  overwrite: boolean,
  job: Counted,
): Promise<void> {
  let info: Stats;
  try {
    info = await stat(local);
  } catch (error) {
    throw localFileError(error, local);
  }
  if (info.isDirectory()) return uploadDirectory(session, local, path, overwrite, job);
  if (!info.isFile())
    throw new FileFailure(local, '', l10n.t('"{0}" is neither a file nor a folder and cannot be uploaded.', local));
  const content = { size: info.size, rights: { mode: info.mode & 0o777 }, pieces: contentOfLocal(local, job) };
  try {
    await writeFile(session, path, content, { create: true, overwrite }, job.signal);
    job.counter.entries += 1;
  } catch (error) {
    throw job.signal.aborted ? new Cancelled('The upload') : error;
  }
}

/** The name of a local path in a mount. */
export function uploadName(local: string): string {
  const name = textOfBytes(Buffer.from(basename(local)));
  if (name === '')
    throw new FileRefused('notAFile', printable(local), `"${local}" has no file name, so it cannot be uploaded.`);
  return name;
}
