/** Downloads files and directories of a mount to the local disk. A `.partial` is renamed when it is complete. */
import * as l10n from '@vscode/l10n';
import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { access, lstat, mkdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { paddingBytes } from '../tar/header.ts';
import { BadTar, tarMembers, type TarMember } from '../tar/members.ts';
import { openIn } from '../engine/helper/archiveEndpoint.ts';
import { Cancelled, EngineUnavailable, FileFailure } from '../engine/errors.ts';

import { LocalTree, localNameProblem } from './localTree.ts';
import { follow, missingError } from './stat.ts';
import { bytesOfText } from './names.ts';
import { streamError, noFileError, openFile } from './read.ts';
import type { Session } from './helperPool.ts';
import type { Counter } from './upload.ts';
import type { Work } from '../engine/job.ts';

function downloadError(error: unknown, file: string, path: string): Error {
  if (error instanceof FileFailure) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (
    code !== undefined &&
    /^(EACCES|EPERM|ENOSPC|EROFS|ENOENT|EEXIST|ENOTDIR|ENAMETOOLONG|EINVAL|EDQUOT|EISDIR)$/.test(code)
  ) {
    return new FileFailure(
      file,
      code,
      l10n.t(
        '"{0}" cannot be written: {1}. Choose another folder, or free some space.',
        file,
        (error as Error).message,
      ),
      { cause: error },
    );
  }
  return streamError(error, path);
}

/**
 * Downloads what is at `path` to the local path `file`, which must be free. Throws FileFailure, NotFound, FileRefused,
 * EngineUnavailable, Cancelled.
 */
export async function downloadTo(
  session: Session,
  path: string,
  file: string,
  counter: Counter,
  job: Work,
): Promise<void> {
  const { entry, path: end } = await follow(session, path);
  if (entry?.type !== 'directory' && entry?.type !== 'file') throw noFileError(path, entry?.type);
  if (
    await lstat(file).then(
      () => true,
      () => false,
    )
  )
    throw new FileFailure(file, 'EEXIST', l10n.t('"{0}" exists already; choose another folder, or rename it.', file));
  const problem = localNameProblem(basename(file));
  if (problem !== undefined)
    throw new FileFailure(file, '', l10n.t('"{0}" cannot be written: {1}. Choose another name.', file, problem));
  // A unique name, so that no existing file is overwritten.
  const partial = `${file}.${randomBytes(6).toString('hex')}.partial`;
  await access(join(file, '..')).catch((error: unknown) => {
    throw downloadError(error, file, path);
  });
  try {
    if (entry.type === 'file') await downloadFile(session, end, partial, counter, job);
    else await downloadDirectory(session, end, partial, counter, job);
    if (
      await lstat(file).then(
        () => true,
        () => false,
      )
    )
      throw new FileFailure(file, 'EEXIST', l10n.t('"{0}" exists already; choose another folder, or rename it.', file));
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw job.signal.aborted ? new Cancelled('The download') : downloadError(error, file, path);
  }
}

async function downloadFile(session: Session, path: string, file: string, counter: Counter, job: Work): Promise<void> {
  const { size, content } = await openFile(session, path);
  content.on('data', (piece: Buffer) => {
    counter.bytes += piece.length;
    job.progress(counter.bytes, size);
  });
  await pipeline(content, createWriteStream(file, { flags: 'wx' }), { signal: job.signal });
  counter.entries += 1;
}

/** One member whose body is still missing, or that has none. */
interface Pending {
  readonly member: TarMember;
  left: number;
  padding: number;
  begun: boolean;
}

async function downloadDirectory(
  session: Session,
  path: string,
  folder: string,
  counter: Counter,
  job: Work,
): Promise<void> {
  const opened = await openIn(await session.archive(), bytesOfText(`${path}/.`));
  if (opened === undefined) throw missingError(path);
  await mkdir(folder);
  const pending: Pending[] = [];
  const bodies = tarMembers({
    onMember: (member) =>
      pending.push({ member, left: member.bytes, padding: paddingBytes(member.bytes), begun: false }),
    // Only the bodies, one after the other.
    select: () => [],
  });
  const stop = () => opened.tar.destroy(new Cancelled('The download'));
  job.signal.addEventListener('abort', stop, { once: true });
  opened.tar.on('error', (error) => bodies.destroy(error));
  opened.tar.on('close', () => {
    if (!opened.tar.readableEnded) bodies.destroy(new BadTar(l10n.t('the stream was cut')));
  });
  const tree = new LocalTree(folder, job.log);
  try {
    await unpack(opened.tar.pipe(bodies), pending, tree, counter, job);
    await tree.finish(job.signal);
    counter.entries += tree.entries;
  } finally {
    job.signal.removeEventListener('abort', stop);
    opened.tar.destroy();
    bodies.destroy();
    await tree.close();
  }
}

async function unpack(
  bodies: Readable,
  pending: Pending[],
  tree: LocalTree,
  counter: Counter,
  job: Work,
): Promise<void> {
  /** Takes the next bytes: they belong to the first member that waits for some, and to those after it. */
  const feed = async (chunk: Buffer) => {
    let rest = chunk;
    for (let first = pending[0]; first !== undefined; first = pending[0]) {
      if (!first.begun) await tree.begin(first.member);
      first.begun = true;
      const body = rest.subarray(0, first.left);
      if (body.length > 0) await tree.write(body);
      first.left -= body.length;
      counter.bytes += body.length;
      job.progress(counter.bytes);
      rest = rest.subarray(body.length);
      const padding = Math.min(first.left === 0 ? first.padding : 0, rest.length);
      first.padding -= padding;
      rest = rest.subarray(padding);
      if (first.left + first.padding > 0) return;
      pending.shift();
      await tree.end(first.member);
    }
  };
  for await (const chunk of bodies as AsyncIterable<Buffer>) await feed(chunk);
  await feed(Buffer.alloc(0));
  if (pending.length > 0)
    throw new EngineUnavailable(
      'lost',
      '',
      l10n.t('The engine stopped in the middle of the download; it may have gone away. Try again.'),
    );
}
