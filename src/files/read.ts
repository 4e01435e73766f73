/** Reads one file. */
import * as l10n from '@vscode/l10n';
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { openIn } from '../engine/helper/archiveEndpoint.ts';
import { engineError } from '../engine/connection.ts';
import { EngineUnavailable, FileRefused } from '../engine/errors.ts';
import { BadTar } from '../tar/members.ts';
import { follow, missingError } from './stat.ts';
import { needsOf } from './idleTool.ts';
import { bytesOfText, isUtf8 } from './names.ts';
import { messagePath } from './place.ts';
import type { Session } from './helperPool.ts';
import { contentOf } from '../tar/single.ts';

/** An editor gets a file as a whole; above this it is for Download, which streams. */
const MOST_BYTES_AT_ONCE = 1024 * 1024 * 1024;

/** Why a path is not a readable file. */
export function noFileError(path: string, type: string | undefined): Error {
  if (type === 'directory')
    return new FileRefused('isADirectory', messagePath(path), `"${messagePath(path)}" is a directory.`);
  if (type === undefined)
    return new FileRefused(
      'notAFile',
      messagePath(path),
      `"${messagePath(path)}" is a link whose target does not exist in this mount.`,
    );
  return new FileRefused(
    'notAFile',
    messagePath(path),
    `"${messagePath(path)}" is a device, a pipe or a socket; only regular files can be opened.`,
  );
}

/**
 * The size in bytes and the content of the file at a path; the caller reads or destroys it. Throws NotFound,
 * FileRefused, EngineUnavailable.
 */
export async function openFile(session: Session, path: string): Promise<{ size: number; content: Readable }> {
  if (!isUtf8(posix.basename(path))) return openByTools(session, path);
  const opened = await openIn(await session.archive(), bytesOfText(path));
  if (opened === undefined) throw missingError(path);
  if (opened.stat.type === 'file') return { size: opened.stat.size, content: contentOf(opened.tar) };
  opened.tar.destroy();
  if (opened.stat.type !== 'link') throw noFileError(path, opened.stat.type);
  const { entry, path: end } = await follow(session, path);
  if (entry?.type !== 'file') throw noFileError(path, entry?.type);
  return openFile(session, end);
}

/** Engines up to 23 send an empty archive for a name that is not UTF-8. */
async function openByTools(session: Session, path: string): Promise<{ size: number; content: Readable }> {
  const { entry, path: end } = await follow(session, path);
  if (entry?.type !== 'file') throw noFileError(path, entry?.type);
  if (isUtf8(posix.basename(end))) return openFile(session, end);
  const tools = await session.needTools(path, 'read', needsOf('read'));
  return { size: entry.size, content: await tools.stream('read', posix.dirname(end), posix.basename(end)) };
}

/** The whole content of a file. Throws like openFile, and FileRefused for one that is too large. */
export async function readFile(session: Session, path: string): Promise<Buffer> {
  const { size, content } = await openFile(session, path);
  if (size > MOST_BYTES_AT_ONCE) {
    content.destroy();
    throw new FileRefused(
      'tooLarge',
      messagePath(path),
      `"${messagePath(path)}" has ${size} bytes, which is too large for an editor; use Download instead.`,
    );
  }
  // One buffer from the start: joining pieces would need the memory twice.
  const whole = Buffer.allocUnsafeSlow(size);
  let at = 0;
  try {
    for await (const piece of content as AsyncIterable<Buffer>) at += piece.copy(whole, at);
  } catch (error) {
    throw streamError(error, path);
  }
  return at === size ? whole : whole.subarray(0, at);
}

/** The error for a stream that stopped early. */
export function streamError(error: unknown, path: string): Error {
  if (error instanceof BadTar)
    return new EngineUnavailable(
      'lost',
      '',
      l10n.t('The engine stopped in the middle of "{0}"; it may have gone away. Try again.', messagePath(path)),
      { cause: error },
    );
  const object = messagePath(path);
  return engineError(error, {
    kind: 'file',
    object,
    failed: (why) => l10n.t('"{0}" could not be read: {1}', object, why),
  });
}
