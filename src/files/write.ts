/**
 * Writes one file so that nothing is lost if it fails: the new content goes into a separate file beside the old one,
 * with its owner and mode, and one rename replaces the old file.
 */
import * as l10n from '@vscode/l10n';
import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { openIn, unpackIn } from '../engine/helper/archiveEndpoint.ts';
import { FileRefused, NotFound } from '../engine/errors.ts';
import { EXIT } from '../engine/helper/tools.ts';
import { follow, missingError } from './stat.ts';
import { bytesOfText, isUtf8 } from './names.ts';
import { messagePath } from './place.ts';
import { noFileError } from './read.ts';
import { runTool } from './runTool.ts';
import type { Session } from './helperPool.ts';
import { entryBlocks, firstMember, paddingOf, TAR_END, type NewEntry } from '../tar/single.ts';
import { STAGING } from './idleTool.ts';

const SAVE_PREFIX = '.docker-mounts-save-';
const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;

export interface WriteOptions {
  /** Create the file where it does not exist. */
  readonly create: boolean;
  /** Overwrite an existing file. */
  readonly overwrite: boolean;
}

export type Rights = Pick<NewEntry, 'uid' | 'gid' | 'mode'>;

/** The content of a file to write; its size is known in advance. */
export interface Content {
  readonly size: number;
  /** For a new file; by default 0644 and the owner of its directory. */
  readonly rights?: Partial<Rights>;
  readonly pieces: AsyncIterable<Buffer> | Iterable<Buffer>;
}

export function temporaryName(): string {
  return `${SAVE_PREFIX}${randomBytes(6).toString('hex')}`;
}

/** Refuses changes in a read-only mount. */
export function refuseReadOnly({ source }: Session, path: string): void {
  if (!source.readOnly) return;
  throw new FileRefused(
    'readOnly',
    messagePath(path),
    `"${messagePath(path)}" cannot be changed: ${source.target} is mounted read-only. Make the mount writable, or open the file through the volume or another container.`,
  );
}

export function existsError(path: string): FileRefused {
  return new FileRefused('exists', messagePath(path), `There is a file "${messagePath(path)}" already.`);
}

/** Owner and mode of what is at a path. Throws NotFound, FileRefused. */
export async function headerOf(session: Session, path: string): Promise<Rights> {
  if (!isUtf8(posix.basename(path))) return headerByTools(session, path);
  const opened = await openIn(await session.archive(), bytesOfText(path));
  if (opened === undefined) throw missingError(path);
  const { uid, gid, mode } = await firstMember(opened.tar);
  return { uid, gid, mode: mode & 0o7777 };
}

/** Engines up to 23 send an empty archive for a name that is not UTF-8. */
async function headerByTools(session: Session, path: string): Promise<Rights> {
  const { code, stdout } = await runTool(session, 'owner', posix.dirname(path), posix.basename(path));
  if (code !== 0) throw missingError(path);
  const [uid = 0, gid = 0, mode = 0] = stdout
    .toString('latin1')
    .trim()
    .split(' ')
    .map((field, index) => Number.parseInt(field, index === 2 ? 16 : 10));
  return { uid, gid, mode: mode & 0o7777 };
}

/**
 * The owner of what is created in a directory: the owner of the directory, so that the container can use it. Throws
 * NotFound.
 */
export async function ownerIn(session: Session, directory: string): Promise<{ uid: number; gid: number }> {
  const { path, entry } = await follow(session, directory);
  if (entry?.type !== 'directory')
    throw new FileRefused('notADirectory', messagePath(directory), `"${messagePath(directory)}" is not a directory.`);
  const { uid, gid } = await headerOf(session, path);
  return { uid, gid };
}

async function* tarOf(entry: NewEntry, { size, pieces }: Content, more: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield entryBlocks({ ...entry, size });
  let sent = 0;
  for await (const piece of pieces) {
    sent += piece.length;
    if (sent > size) break;
    yield piece;
  }
  if (sent !== size)
    throw new FileRefused('notAFile', 'upload', 'The file to be copied changed its size while it was read; try again.');
  yield paddingOf(size);
  yield* more;
  yield TAR_END;
}

const now = () => Date.now() / 1000;

/**
 * Writes a file. A link is followed, so that it stays a link. Throws NotFound, FileRefused, EngineUnavailable,
 * EngineFailure.
 */
export async function writeFile(
  session: Session,
  path: string,
  content: Content,
  options: WriteOptions,
  signal?: AbortSignal,
): Promise<'created' | 'changed'> {
  refuseReadOnly(session, path);
  const there = await follow(session, path).catch((error: unknown) => {
    if (error instanceof NotFound && error.kind === 'file') return undefined;
    throw error;
  });
  if (there === undefined || (there.isLink && there.entry === undefined)) {
    if (there !== undefined && !there.path.startsWith(session.source.target)) throw noFileError(path, undefined);
    if (!options.create) throw missingError(path);
    const end = there?.path ?? path;
    const { uid, gid } = await ownerIn(session, posix.dirname(end));
    await replace(
      session,
      end,
      { ...content, rights: { uid, gid, mode: FILE_MODE, ...content.rights } },
      false,
      signal,
    );
    return 'created';
  }
  if (!options.overwrite && options.create) throw existsError(path);
  if (there.entry?.type !== 'file') throw noFileError(path, there.entry?.type);
  if (there.path === session.source.target) {
    await overwriteMount(session, content, signal);
    return 'changed';
  }
  const { uid, gid, mode } = await headerOf(session, there.path);
  await replace(session, there.path, { ...content, rights: { uid, gid, mode } }, true, signal);
  return 'changed';
}

async function replace(
  session: Session,
  path: string,
  content: Content & { readonly rights: Rights },
  overwrite: boolean,
  signal?: AbortSignal,
): Promise<void> {
  const directory = posix.dirname(path);
  const tools = await session.tools('write');
  if (tools === undefined) return replaceByLink(session, path, content, signal);
  const temporary = temporaryName();
  const entry: NewEntry = { name: Buffer.from(temporary), type: '0', ...content.rights, mtime: now() };
  try {
    await unpackIn(
      await session.archive('write'),
      bytesOfText(directory),
      Readable.from(tarOf(entry, content, []), { objectMode: false }),
      signal,
    );
    await commit(session, path, temporary, overwrite);
  } catch (error) {
    await runTool(session, 'remove', directory, temporary, true).catch(() => undefined);
    throw error;
  }
}

/** Moves the separate file into place. Throws FileRefused, EngineUnavailable, EngineFailure. */
export async function commit(session: Session, path: string, temporary: string, overwrite: boolean): Promise<void> {
  const { code } = await runTool(session, 'commit', posix.dirname(path), temporary, posix.basename(path), overwrite);
  switch (code) {
    case 0:
      return;
    case EXIT.exists:
      throw existsError(path);
    case EXIT.isADirectory:
      throw noFileError(path, 'directory');
    default:
      throw missingError(posix.dirname(path));
  }
}

/**
 * Without the tool there is no rename. But the engine unpacks entry by entry and stops at the first failure: first the
 * complete new content under a separate name, then a hard link to it that replaces the old file. The separate name
 * remains, one in each directory, since nothing can remove it.
 */
async function replaceByLink(
  session: Session,
  path: string,
  content: Content & { readonly rights: Rights },
  signal?: AbortSignal,
): Promise<void> {
  const aside = Buffer.from(`${SAVE_PREFIX}last`);
  const entry: NewEntry = { name: aside, type: '0', ...content.rights, mtime: now() };
  const link = entryBlocks({ ...entry, name: bytesOfText(posix.basename(path)), type: '1', link: aside });
  await unpackIn(
    await session.archive('write'),
    bytesOfText(posix.dirname(path)),
    Readable.from(tarOf(entry, content, [link]), { objectMode: false }),
    signal,
  );
}

/**
 * A mount of a single file is exactly that file: the container would not see another one in its place. So the new
 * content waits in the helper and is copied into the file from there; the old content is restored if that fails.
 */
async function overwriteMount(session: Session, content: Content, signal?: AbortSignal): Promise<void> {
  const entry: NewEntry = { name: Buffer.from('new'), type: '0', uid: 0, gid: 0, mode: FILE_MODE, mtime: now() };
  await session.withStaging(
    session.source.target,
    l10n.t('Saving a file that is itself a mount needs a helper program.'),
    async (tools) => {
      await unpackIn(
        tools.helper,
        Buffer.from(STAGING),
        Readable.from(tarOf(entry, content, []), { objectMode: false }),
        signal,
      );
      await tools.overwrite();
    },
  );
}

/**
 * Creates a directory with the owner of its parent directory. Throws NotFound, FileRefused, EngineUnavailable,
 * EngineFailure.
 */
export async function makeDirectory(session: Session, path: string, like?: Rights): Promise<void> {
  refuseReadOnly(session, path);
  const directory = posix.dirname(path);
  const owner = like ?? { ...(await ownerIn(session, directory)), mode: DIRECTORY_MODE };
  const there = await follow(session, path).catch((error: unknown) => {
    if (error instanceof NotFound && error.kind === 'file') return undefined;
    throw error;
  });
  if (there !== undefined) throw existsError(path);
  const { uid, gid, mode } = owner;
  const blocks = entryBlocks({
    name: bytesOfText(`${posix.basename(path)}/`),
    type: '5',
    uid,
    gid,
    mode,
    mtime: now(),
  });
  await unpackIn(
    await session.archive('write'),
    bytesOfText(directory),
    Readable.from([blocks, TAR_END], { objectMode: false }),
  );
}
