/** Files and directories of a mount to the local disk. A `.partial` is renamed when it is whole. */
import * as l10n from '@vscode/l10n';
import { createWriteStream } from 'node:fs';
import { access, link, lstat, mkdir, open, rename, rm, symlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { memberPath } from '../backup/escapes.ts';
import { BadTar, tarMembers, type TarMember } from '../backup/tarMembers.ts';
import { openIn } from '../engine/archive.ts';
import { Cancelled, EngineUnavailable, FileFailure } from '../engine/errors.ts';
import type { JobOptions } from '../engine/log.ts';
import { follow, missing } from './look.ts';
import { bytesOfText } from './names.ts';
import { broken, noFile, openFile } from './read.ts';
import type { Session } from './session.ts';
import type { Counter } from './upload.ts';

const BLOCK = 512;
const SLASH = Buffer.from('/');

function failure(error: unknown, file: string, path: string): Error {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined && /^(EACCES|EPERM|ENOSPC|EROFS|ENOENT|EEXIST|ENOTDIR|ENAMETOOLONG|EINVAL|EDQUOT|EISDIR)$/.test(code)) {
    return new FileFailure(file, code, l10n.t('"{0}" cannot be written: {1}. Choose another folder, or make room.', file, (error as Error).message), { cause: error });
  }
  return broken(error, path);
}

/** Downloads what is at `path` to the local path `file`, which must be free. Throws FileFailure, NotFound, FileRefused, EngineUnavailable, Cancelled. */
export async function downloadTo(session: Session, path: string, file: string, counter: Counter, job: JobOptions): Promise<void> {
  const { entry, path: end } = await follow(session, path);
  if (entry?.type !== 'directory' && entry?.type !== 'file') throw noFile(path, entry?.type);
  if (await lstat(file).then(() => true, () => false)) throw new FileFailure(file, 'EEXIST', l10n.t('"{0}" exists already; choose another folder, or rename it.', file));
  const partial = `${file}.partial`;
  await access(join(file, '..')).catch((error: unknown) => {
    throw failure(error, file, path);
  });
  try {
    await rm(partial, { recursive: true, force: true });
    if (entry.type === 'file') await downloadFile(session, end, partial, counter, job);
    else await downloadDirectory(session, end, partial, counter, job);
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw job.signal.aborted ? new Cancelled('The download') : failure(error, file, path);
  }
}

async function downloadFile(session: Session, path: string, file: string, counter: Counter, job: JobOptions): Promise<void> {
  const { size, content } = await openFile(session, path);
  content.on('data', (piece: Buffer) => {
    counter.bytes += piece.length;
    job.progress(counter.bytes, size);
  });
  await pipeline(content, createWriteStream(file, { flags: 'wx' }), { signal: job.signal });
  counter.entries += 1;
}

/** One member whose body is still to come, or has none. */
interface Pending {
  readonly member: TarMember;
  left: number;
  padding: number;
  begun: boolean;
}

async function downloadDirectory(session: Session, path: string, folder: string, counter: Counter, job: JobOptions): Promise<void> {
  const opened = await openIn(await session.archive(), bytesOfText(`${path}/.`));
  if (opened === undefined) throw missing(path);
  await mkdir(folder);
  const pending: Pending[] = [];
  const bodies = tarMembers({
    onMember: (member) => pending.push({ member, left: member.bytes, padding: (BLOCK - (member.bytes % BLOCK)) % BLOCK, begun: false }),
    // The bodies alone, one behind the other.
    select: () => [],
  });
  const stop = () => opened.tar.destroy(new Cancelled('The download'));
  job.signal.addEventListener('abort', stop, { once: true });
  opened.tar.on('error', (error) => bodies.destroy(error));
  opened.tar.on('close', () => {
    if (!opened.tar.readableEnded) bodies.destroy(new BadTar(l10n.t('the stream was cut')));
  });
  const unpacker = new Unpacker(folder, counter, job);
  try {
    await unpacker.run(opened.tar.pipe(bodies), pending);
  } finally {
    job.signal.removeEventListener('abort', stop);
    opened.tar.destroy();
    await unpacker.close();
  }
}

/** Writes the members of one tree, links last, so that none is written through. */
class Unpacker {
  readonly #folder: Buffer;
  readonly #counter: Counter;
  readonly #job: JobOptions;
  readonly #links: TarMember[] = [];
  #file: FileHandle | undefined;

  constructor(folder: string, counter: Counter, job: JobOptions) {
    this.#folder = Buffer.from(folder);
    this.#counter = counter;
    this.#job = job;
  }

  async run(bodies: Readable, pending: Pending[]): Promise<void> {
    for await (const chunk of bodies as AsyncIterable<Buffer>) await this.#feed(pending, chunk);
    await this.#feed(pending, Buffer.alloc(0));
    if (pending.length > 0) throw new EngineUnavailable('lost', '', l10n.t('The engine stopped in the middle of the download; it may have gone away. Try again.'));
    for (const member of this.#links) await this.#link(member);
  }

  /** Takes the next bytes: they belong to the first member that waits for some, and to those behind it. */
  async #feed(pending: Pending[], chunk: Buffer): Promise<void> {
    let rest = chunk;
    for (let first = pending[0]; first !== undefined; first = pending[0]) {
      if (!first.begun) await this.#begin(first.member);
      first.begun = true;
      const body = rest.subarray(0, first.left);
      if (body.length > 0) await this.#file?.write(body);
      first.left -= body.length;
      this.#counter.bytes += body.length;
      this.#job.progress(this.#counter.bytes);
      rest = rest.subarray(body.length);
      const padding = Math.min(first.left === 0 ? first.padding : 0, rest.length);
      first.padding -= padding;
      rest = rest.subarray(padding);
      if (first.left + first.padding > 0) return;
      pending.shift();
      await this.#finish(first.member);
    }
  }

  #local(member: Buffer): Buffer {
    const path = memberPath(member);
    if (path.split('/').includes('..')) throw new BadTar(l10n.t('a name steps out of the folder'));
    return Buffer.concat([this.#folder, SLASH, Buffer.from(path, 'latin1')]);
  }

  async #begin({ name, type, mode }: TarMember): Promise<void> {
    if (memberPath(name) === '') return;
    if (type === '5') await mkdir(this.#local(name), { recursive: true });
    else if (['0', '7', 'S'].includes(type)) this.#file = await open(this.#local(name), 'wx', mode & 0o777);
  }

  async #finish(member: TarMember): Promise<void> {
    if (memberPath(member.name) === '') return;
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) {
      await file.utimes(member.mtime, member.mtime);
      await file.close();
    } else if (member.type === '1' || member.type === '2') {
      this.#links.push(member);
      return;
    } else if (member.type !== '5') {
      this.#job.log.warn(`"${memberPath(member.name)}" is a device or a pipe, and was left out.`);
      return;
    }
    this.#counter.entries += 1;
  }

  async #link({ name, type, link: target }: TarMember): Promise<void> {
    if (type === '1') await link(this.#local(target), this.#local(name));
    else await symlink(target, this.#local(name));
    this.#counter.entries += 1;
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }
}
