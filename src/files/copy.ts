/** Copies a file or a directory from one mount to another, or within one, with owner, mode and times. */
import * as l10n from '@vscode/l10n';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { openIn, unpackIn } from '../engine/helper/archiveEndpoint.ts';
import { Cancelled, FileRefused } from '../engine/errors.ts';
import { isWithin } from '../engine/pathEnds.ts';
import { tarMembers } from '../tar/members.ts';
import { follow, missingError } from './stat.ts';
import { bytesOfText } from './names.ts';
import { messagePath } from './place.ts';
import { noFileError, openFile } from './read.ts';
import { runTool } from './runTool.ts';
import type { Session } from './helperPool.ts';
import { TAR_END } from '../tar/single.ts';
import { isThere, type Counter } from './upload.ts';
import { commit, existsError, headerOf, makeDirectory, refuseReadOnly, temporaryName, writeFile } from './write.ts';
import type { Work } from '../engine/job.ts';

export interface End {
  readonly session: Session;
  readonly path: string;
}

/** Copies what is at `from` to `to`. Throws NotFound, FileRefused, EngineUnavailable, EngineFailure, Cancelled. */
export async function copyFile(from: End, to: End, overwrite: boolean, counter: Counter, job: Work): Promise<void> {
  refuseReadOnly(to.session, to.path);
  const { entry, path } = await follow(from.session, from.path);
  if (entry?.type !== 'directory' && entry?.type !== 'file') throw noFileError(from.path, entry?.type);
  if (from.session === to.session && isWithin(to.path, path)) {
    throw new FileRefused('exists', messagePath(to.path), `"${messagePath(path)}" cannot be copied into itself.`);
  }
  try {
    if (entry.type === 'file') await copyOne({ ...from, path }, to, overwrite, counter, job);
    else await copyDirectory({ ...from, path }, to, overwrite, counter, job);
  } catch (error) {
    throw job.signal.aborted ? new Cancelled('The copy') : error;
  }
}

async function* counted(content: Readable, counter: Counter, job: Work): AsyncGenerator<Buffer> {
  for await (const piece of content as AsyncIterable<Buffer>) {
    if (job.signal.aborted) throw new Cancelled('The copy');
    counter.bytes += piece.length;
    job.progress(counter.bytes);
    yield piece;
  }
}

async function copyOne(from: End, to: End, overwrite: boolean, counter: Counter, job: Work): Promise<void> {
  const { uid, gid, mode } = await headerOf(from.session, from.path);
  const { size, content } = await openFile(from.session, from.path);
  try {
    await writeFile(
      to.session,
      to.path,
      { size, rights: { uid, gid, mode }, pieces: counted(content, counter, job) },
      { create: true, overwrite },
      job.signal,
    );
  } finally {
    content.destroy();
  }
  counter.entries += 1;
}

async function* ended(tar: Readable, counter: Counter, job: Work): AsyncGenerator<Buffer> {
  // Passes on only complete members, so that a stream that was cut does not look like one that ended.
  const members = tarMembers({
    onMember: ({ bytes }) => {
      counter.entries += 1;
      counter.bytes += bytes;
      job.progress(counter.bytes);
    },
  });
  tar.on('error', (error) => members.destroy(error));
  for await (const piece of tar.pipe(members) as AsyncIterable<Buffer>) {
    if (job.signal.aborted) throw new Cancelled('The copy');
    yield piece;
  }
  yield TAR_END;
}

async function copyDirectory(from: End, to: End, overwrite: boolean, counter: Counter, job: Work): Promise<void> {
  const isTaken = await isThere(to.session, to.path);
  if (isTaken && !overwrite) throw existsError(to.path);
  const { uid, gid, mode } = await headerOf(from.session, from.path);
  const tools = isTaken
    ? await to.session.needTools(to.path, 'write', l10n.t('Overwriting a directory needs a helper program.'))
    : await to.session.tools('write');
  const directory = posix.dirname(to.path);
  const name = tools === undefined ? posix.basename(to.path) : temporaryName();
  const aside = posix.join(directory, name);
  try {
    await makeDirectory(to.session, aside, { uid, gid, mode });
    const opened = await openIn(await from.session.archive(), bytesOfText(`${from.path}/.`));
    if (opened === undefined) throw missingError(from.path);
    const tar = Readable.from(ended(opened.tar, counter, job), { objectMode: false });
    tar.once('close', () => opened.tar.destroy());
    await unpackIn(await to.session.archive('write'), bytesOfText(aside), tar, job.signal);
    if (tools !== undefined && isTaken) await runTool(to.session, 'remove', directory, posix.basename(to.path), true);
    if (tools !== undefined) await commit(to.session, to.path, name, false);
  } catch (error) {
    if (tools !== undefined) await runTool(to.session, 'remove', directory, name, true).catch(() => undefined);
    throw error;
  }
}
