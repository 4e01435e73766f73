/** Tars of single entries, written and read: the format of the archive endpoint. */
import * as l10n from '@vscode/l10n';
import { Transform, type Readable } from 'node:stream';
import { BLOCK_BYTES, newHeader, paddingBytes, withName } from './header.ts';
import { paxHeader } from './rewrite.ts';
import { BadTar, tarMembers, type TarMember } from './members.ts';

const MAX_OCTAL_SIZE = 0o77777777777;

/** The two zero blocks at the end of a tar. */
export const TAR_END = Buffer.alloc(2 * BLOCK_BYTES);

export interface NewEntry {
  readonly name: Buffer;
  /** '0' file, '1' hard link, '2' symbolic link, '5' directory */
  readonly type: '0' | '1' | '2' | '5';
  /** Target of a link. */
  readonly link?: Buffer;
  readonly size?: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}

/** The header blocks of one entry. Owner and time are in a pax header, where any number fits. */
export function entryBlocks({ name, type, link, size = 0, mode, uid, gid, mtime }: NewEntry): Buffer {
  const records = new Map<string, Buffer>([
    ['uid', Buffer.from(String(uid))],
    ['gid', Buffer.from(String(gid))],
    ['mtime', Buffer.from(mtime.toFixed(6))],
  ]);
  if (name.length > 100) records.set('path', name);
  if (link !== undefined && link.length > 100) records.set('linkpath', link);
  if (size > MAX_OCTAL_SIZE) records.set('size', Buffer.from(String(size)));
  const header = newHeader(Buffer.alloc(0), type, size > MAX_OCTAL_SIZE ? 0 : size, mode);
  link?.copy(header, 157, 0, 100);
  // Setting the name also sets the checksum.
  return Buffer.concat([...paxHeader(records), withName(header, name.subarray(0, 100))]);
}

/** The padding of the last block of a body of `size` bytes. */
export function paddingOf(size: number): Buffer {
  return Buffer.alloc(paddingBytes(size));
}

/** The first header of a tar stream, which is destroyed. Throws BadTar for a stream without a header. */
export async function firstMember(tar: Readable): Promise<TarMember> {
  let first: TarMember | undefined;
  const members = tarMembers({ onMember: (member) => (first ??= member), select: () => true });
  tar.on('error', (error) => members.destroy(error));
  try {
    for await (const _ of tar.pipe(members)) if (first !== undefined) return first;
  } finally {
    tar.destroy();
  }
  if (first === undefined) throw new BadTar(l10n.t('the engine sent an archive without an entry'));
  return first;
}

/** The content of the one file of a tar, as a stream; fails when the tar ends before the content does. */
export function contentOf(tar: Readable): Readable {
  let left: number | undefined;
  let pieces: Buffer[] = [];
  const members = tarMembers({
    // A sparse member would arrive without its zeros, but the engine writes files in full.
    onMember: ({ bytes }) => (left ??= bytes),
    select: () => false,
    onBody: (part) => {
      if (part === undefined || left === undefined) return;
      const piece = part.subarray(0, left);
      left -= piece.length;
      if (piece.length > 0) pieces.push(piece);
    },
  });
  const content = new Transform({
    transform(chunk: Buffer, encoding, done) {
      members.write(chunk, encoding, (error) => {
        for (const piece of pieces) this.push(piece);
        pieces = [];
        done(error);
      });
    },
    flush(done) {
      members.end(() => done(left === 0 ? null : new BadTar(l10n.t('the content stops before its end'))));
    },
  });
  members.resume();
  members.on('error', (error) => content.destroy(error));
  tar.on('error', (error) => content.destroy(error));
  content.on('close', () => tar.destroy());
  return tar.pipe(content);
}
