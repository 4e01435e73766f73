/** What is at a path, and what a directory holds. */
import * as l10n from '@vscode/l10n';
import { posix } from 'node:path';
import { tarMembers } from '../tar/members.ts';
import { memberPath } from '../tar/names.ts';
import { openIn, statInHelper } from '../engine/helper/archiveEndpoint.ts';
import type { PathStat } from '../engine/helper/pathStat.ts';
import { eachOf } from '../engine/eachOf.ts';
import { FileRefused, NotFound } from '../engine/errors.ts';
import { isWithin } from '../engine/pathEnds.ts';
import { EXIT } from '../engine/helper/tools.ts';
import { bytesOfText, textOfBytes } from './names.ts';
import { messagePath } from './place.ts';
import { runTool } from './runTool.ts';
import type { Session } from './helperPool.ts';

type EntryType = 'file' | 'directory' | 'other';

export interface Entry {
  /** What it is; for a link, the type of its target in the mount, or undefined where that does not exist. */
  readonly type: EntryType | undefined;
  readonly isLink: boolean;
  /** Bytes; for a link, of its target. */
  readonly size: number;
  /** Milliseconds since 1970; for a link, of its target. */
  readonly mtime: number;
  /** Permission bits; for a link, of its target. */
  readonly mode: number;
}

export interface NamedEntry extends Entry {
  /** As text of `names.ts`. */
  readonly name: string;
}

/** Links of one directory whose targets are looked up; any others are shown as broken links. */
const MOST_LINKS = 200;

export function missingError(path: string): NotFound {
  return new NotFound(
    'file',
    messagePath(path),
    l10n.t('There is no file "{0}"; it may have been removed or renamed meanwhile.', messagePath(path)),
  );
}

function plain({ type, size, mtime, mode }: PathStat): Entry {
  return { type: type === 'link' ? undefined : type, isLink: false, size, mtime, mode };
}

/**
 * Follows a link at the end of a path. Undefined where its target is out of the mount or does not exist. Throws
 * NotFound.
 */
export async function follow(
  session: Session,
  path: string,
): Promise<{ path: string; entry: Entry | undefined; isLink: boolean; own: PathStat }> {
  const helper = await session.archive();
  const own = await statInHelper(helper, bytesOfText(path));
  if (own === undefined) throw missingError(path);
  if (own.type !== 'link') return { path, entry: plain(own), isLink: false, own };
  if (!isWithin(own.linkTarget, session.source.target))
    return { path: own.linkTarget, entry: undefined, isLink: true, own };
  const end = await statInHelper(helper, bytesOfText(own.linkTarget));
  return { path: own.linkTarget, entry: end === undefined ? undefined : plain(end), isLink: true, own };
}

/** What is at a path, links followed within the mount. Throws NotFound, EngineUnavailable, EngineFailure. */
export async function statEntry(session: Session, path: string): Promise<Entry> {
  const { entry, isLink, own } = await follow(session, path);
  return { ...(entry ?? { ...plain(own), type: undefined }), isLink };
}

/**
 * What a directory holds, sorted by name: one call, and one more for each link. Throws NotFound, FileRefused for what
 * is not a directory, EngineUnavailable, EngineFailure.
 */
export async function listDirectory(session: Session, path: string): Promise<NamedEntry[]> {
  const tools = await session.tools();
  const all = tools === undefined ? await listByArchive(session, path) : await listByTools(session, path);
  // A name that leads out of its directory would do so in every path that contains it, also on this machine.
  const found = all.filter(({ name }) => name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name));
  const links = found.filter(({ isLink }) => isLink).slice(0, MOST_LINKS);
  const ends = new Map<string, Entry>();
  await eachOf(links, async ({ name }) => {
    const end = await statEntry(session, posix.join(path, name)).catch((error: unknown) => {
      if (error instanceof NotFound && error.kind === 'file') return undefined;
      throw error;
    });
    if (end !== undefined) ends.set(name, end);
  });
  return found.map((entry) => ({ ...entry, ...ends.get(entry.name) })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

const FILE_TYPE = 0o170000;
const TYPES: Readonly<Record<number, EntryType>> = { 0o100000: 'file', 0o040000: 'directory' };
const LINK = 0o120000;
/** Pieces between the slashes of one record. */
const STRIDE = 4;

function notADirectoryError(path: string): FileRefused {
  return new FileRefused('notADirectory', messagePath(path), `"${messagePath(path)}" is not a directory.`);
}

function countOf(text: string): number {
  const count = Number(text);
  return Number.isSafeInteger(count) && count >= 0 ? count : 0;
}

async function listByTools(session: Session, path: string): Promise<NamedEntry[]> {
  const { code, stdout } = await runTool(session, 'list', path);
  if (code === EXIT.missing || code === EXIT.outside) throw missingError(path);
  if (code === EXIT.notADirectory) throw notADirectoryError(path);
  const fields = stdout.toString('latin1').split('/');
  const entries: NamedEntry[] = [];
  for (let at = 0; at + STRIDE < fields.length; at += STRIDE) {
    const [name = '', mode = '', size = '', mtime = ''] = fields.slice(at, at + STRIDE);
    const bits = Number.parseInt(mode, 16);
    const type = bits & FILE_TYPE;
    entries.push({
      name: textOfBytes(Buffer.from(name, 'latin1')),
      type: type === LINK ? undefined : (TYPES[type] ?? 'other'),
      isLink: type === LINK,
      size: countOf(size),
      mtime: (Number(mtime) || 0) * 1000,
      mode: bits & 0o777,
    });
  }
  return entries;
}

const TAR_TYPES: Readonly<Record<string, EntryType>> = {
  '0': 'file',
  '1': 'file',
  '7': 'file',
  S: 'file',
  '5': 'directory',
};

/** Without the tool the engine can only send the whole tree; only its first level is used. */
async function listByArchive(session: Session, path: string): Promise<NamedEntry[]> {
  const { entry, path: end } = await follow(session, path);
  if (entry === undefined) throw missingError(path);
  if (entry.type !== 'directory') throw notADirectoryError(path);
  const opened = await openIn(await session.archive(), bytesOfText(`${end}/.`));
  if (opened === undefined) throw missingError(path);
  const entries: NamedEntry[] = [];
  const members = tarMembers({
    select: () => false,
    onMember: ({ name, type, bytes, mtime, mode }) => {
      const path = memberPath(name);
      if (path === '' || path.includes('/')) return;
      entries.push({
        name: textOfBytes(Buffer.from(path, 'latin1')),
        type: type === '2' ? undefined : (TAR_TYPES[type] ?? 'other'),
        isLink: type === '2',
        size: bytes,
        mtime: mtime * 1000,
        mode: mode & 0o777,
      });
    },
  });
  opened.tar.on('error', (error) => members.destroy(error));
  for await (const _ of opened.tar.pipe(members)) void _;
  return entries;
}
