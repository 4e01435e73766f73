/**
 * Walks the members of a tar stream without changing a byte of them.
 *
 * The available libraries decode names as UTF-8 and rebuild every header, which loses names in other encodings, sparse
 * maps and vendor records; a backup must keep them. So only the block structure is parsed here (POSIX.1-2017 pax, and
 * GNU's L, K and S members).
 */
import * as l10n from '@vscode/l10n';
import { Transform } from 'node:stream';
import { BLOCK_BYTES, readHeader, tarNumber, untilNul, type TarHeader } from './header.ts';
import { printableName } from './names.ts';

/** Larger pax or long-name members than this are damage, not names. */
const MAX_META_BYTES = 1024 * 1024;
/**
 * A file on Linux can have 64 KiB of attribute names, each of at least seven bytes. GNU's sparse maps, two records a
 * piece, are not counted.
 */
const MOST_RECORDS = 10_000;
/** What may precede one member: each kind of extended header at its largest, and some reserve. */
const MOST_HELD_BYTES = 8 * MAX_META_BYTES;
/** Trees deeper than PATH_MAX (4,096 bytes) are legal; this is sixteen times as deep. */
export const MOST_NAME_BYTES = 64 * 1024;
/** The pieces of an 8 GB file in which every second block of 4 KiB is a hole: 24 MB of map in GNU's old format. */
export const MOST_PIECES = 1_000_000;
const PIECES_A_BLOCK = 21;

/** Enough that reading and writing do not wait for each other at every chunk. */
const BUFFER_BYTES = 1024 * 1024;

export interface TarMember {
  /** The name's bytes as the archive has them. */
  readonly name: Buffer;
  /** The type flag: '0' file, '1' hard link, '2' symbolic link, '3' '4' devices, '5' directory, '6' FIFO, … */
  readonly type: string;
  /** Target of a link, as bytes. */
  readonly link: Buffer;
  /** Content of a regular file in bytes, holes included; 0 for anything else. */
  readonly bytes: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Major and minor number of a device, as `1,3`. */
  readonly device: string;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Extended attributes, ACLs and the like, from the pax header. */
  readonly attributes: readonly string[];
  /** How the body maps to the content of a sparse file; undefined where the body is the content. */
  readonly sparse?: 'pax' | 'gnu';
  /** The header blocks as they are in the archive, extended ones and GNU's sparse maps included. */
  readonly blocks: readonly Buffer[];
}

/** The stream is not a complete, sound tar. */
export class BadTar extends Error {
  override readonly name = 'BadTar';
}

export interface WalkOptions {
  /** Leave out this many members at the start: the directories above a mount's root. */
  readonly skip?: number;
  readonly onMember: (member: TarMember) => void;
  /** Whether to pass a member on, or with which header blocks instead of its own; all by default. */
  readonly select?: (member: TarMember) => boolean | readonly Buffer[];
  /** The bytes of a member's body as they arrive, padding included; the last call for a member has no bytes. */
  readonly onBody?: (part: Buffer | undefined) => void;
}

/** The pax records of one extended header, values as bytes ("length key=value\n"). */
export function paxRecords(data: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  let at = 0;
  let counted = 0;
  while (at < data.length) {
    const space = data.indexOf(0x20, at);
    const length = space < 0 ? NaN : Number(data.toString('latin1', at, space));
    if (!Number.isInteger(length) || length <= 0 || at + length > data.length) {
      throw new BadTar(l10n.t('an extended header is malformed'));
    }
    const equals = data.indexOf(0x3d, space);
    if (equals < 0 || equals >= at + length) throw new BadTar(l10n.t('an extended header is malformed'));
    const key = data.toString('utf8', space + 1, equals);
    if (!key.startsWith('GNU.sparse.') && (counted += 1) > MOST_RECORDS)
      throw new BadTar(l10n.t('an extended header has more than {0} records, more than any file needs', MOST_RECORDS));
    records.set(key, data.subarray(equals + 1, at + length - 1));
    at += length;
  }
  return records;
}

function asNumber(value: Buffer | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value.toString('latin1'));
  if (!Number.isFinite(number) || number < 0) throw new BadTar(l10n.t('an extended header holds an invalid number'));
  return number;
}

/** GNU's old sparse header keeps the file's real size at byte 483 and says at 482 whether more maps follow. */
const GNU_SPARSE_MORE = 482;
const GNU_SPARSE_REAL_SIZE = 483;
const GNU_SPARSE_EXTENSION_MORE = 504;

type Expect =
  | { readonly kind: 'header' }
  | { readonly kind: 'meta'; readonly type: string; readonly size: number; left: number }
  | { readonly kind: 'sparseMap'; readonly header: TarHeader; readonly blocks: Buffer[] }
  | { readonly kind: 'body'; left: number }
  | { readonly kind: 'end' };

/** Follows the blocks of one archive; `feed` returns the bytes to keep. */
class MemberWalker {
  #expect: Expect = { kind: 'header' };
  #partial: Buffer[] = [];
  #partialBytes = 0;
  /** Raw blocks of extended headers, held until their member is known to be kept. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #pax = new Map<string, Buffer>();
  #global = new Map<string, Buffer>();
  #longName: Buffer | undefined;
  #longLink: Buffer | undefined;
  #zeroBlocks = 0;
  #keep = true;
  #toSkip: number;
  #last = '';
  readonly #options: WalkOptions;

  constructor(options: WalkOptions) {
    this.#toSkip = options.skip ?? 0;
    this.#options = options;
  }

  feed(chunk: Buffer, push: (part: Buffer) => void): void {
    let rest = chunk;
    while (rest.length > 0) {
      const expect = this.#expect;
      if (expect.kind === 'end') {
        // GNU tar pads with zeros, to a record of its own size.
        if (rest.some((byte) => byte !== 0)) throw new BadTar(l10n.t('there is data after the end-of-archive mark'));
        return;
      }
      if (expect.kind === 'body') {
        const part = rest.subarray(0, expect.left);
        if (this.#keep) push(part);
        this.#options.onBody?.(part);
        expect.left -= part.length;
        rest = rest.subarray(part.length);
        if (expect.left === 0) this.#endBody();
        continue;
      }
      const want = expect.kind === 'meta' ? expect.left : BLOCK_BYTES;
      const part = rest.subarray(0, want - this.#partialBytes);
      rest = rest.subarray(part.length);
      this.#partial.push(part);
      this.#partialBytes += part.length;
      if (this.#partialBytes < want) return;
      const block = this.#partial.length === 1 ? part : Buffer.concat(this.#partial);
      this.#partial = [];
      this.#partialBytes = 0;
      this.#block(expect, block, push);
    }
  }

  /** Throws where the archive did not end with its two end blocks. */
  finish(): void {
    if (this.#expect.kind === 'end') return;
    if (this.#expect.kind === 'header' && this.#partialBytes === 0 && this.#zeroBlocks === 0) {
      throw new BadTar(
        l10n.t(
          'the tar stream stops {0}, without the end-of-archive mark',
          this.#last ? `after "${this.#last}"` : 'at its beginning',
        ),
      );
    }
    if (this.#last === '' && this.#expect.kind === 'header' && this.#held.length === 0)
      throw new BadTar(l10n.t('it is not a tar: it ends before its first header'));
    throw new BadTar(l10n.t('the tar stream stops in the middle{0}', this.#last ? ` of "${this.#last}"` : ''));
  }

  #block(expect: Expect, block: Buffer, push: (part: Buffer) => void): void {
    switch (expect.kind) {
      case 'header':
        this.#header(block, push);
        return;
      case 'meta':
        this.#hold(block);
        this.#meta(expect.type, block.subarray(0, expect.size));
        this.#expect = { kind: 'header' };
        return;
      case 'sparseMap':
        expect.blocks.push(block);
        if (expect.blocks.length * PIECES_A_BLOCK > MOST_PIECES)
          throw new BadTar(l10n.t('the map of a sparse file has more than {0} pieces', MOST_PIECES));
        if (block[GNU_SPARSE_EXTENSION_MORE] !== 1) this.#member('S', expect.header, expect.blocks, push);
        return;
      case 'body':
      case 'end':
        return;
    }
  }

  /** Extended headers that are not followed by a member would pile up without end. */
  #hold(block: Buffer): void {
    this.#heldBytes += block.length;
    if (this.#heldBytes > MOST_HELD_BYTES)
      throw new BadTar(
        l10n.t('more than {0} MiB of extended headers precede one entry', MOST_HELD_BYTES / 1024 / 1024),
      );
    this.#held.push(block);
  }

  #meta(type: string, data: Buffer): void {
    if (type === 'x') this.#pax = paxRecords(data);
    else if (type === 'g') this.#global = paxRecords(data);
    else if (type === 'L') this.#longName = untilNul(data);
    else this.#longLink = untilNul(data);
  }

  #header(block: Buffer, push: (part: Buffer) => void): void {
    const header = this.#decode(block);
    if (header === null) {
      this.#zeroBlocks += 1;
      if (this.#zeroBlocks === 2) this.#expect = { kind: 'end' };
      return;
    }
    if (this.#zeroBlocks > 0) throw new BadTar(l10n.t('there is a single zero block between two members'));
    const flag = block[156] ?? 0;
    const type = flag === 0 ? '0' : String.fromCharCode(flag);
    if (type === 'x' || type === 'g' || type === 'L' || type === 'K') {
      if (header.size > MAX_META_BYTES) throw new BadTar(l10n.t('an extended header is too large'));
      this.#hold(block);
      const padded = Math.ceil(header.size / BLOCK_BYTES) * BLOCK_BYTES;
      if (padded > 0) this.#expect = { kind: 'meta', type, size: header.size, left: padded };
      return;
    }
    if (type === 'S' && block[GNU_SPARSE_MORE] === 1) this.#expect = { kind: 'sparseMap', header, blocks: [block] };
    else this.#member(type, header, [block], push);
  }

  #decode(block: Buffer): TarHeader | null {
    const header = readHeader(block);
    if (header !== undefined) return header;
    throw new BadTar(
      l10n.t(
        'the header {0} is damaged, or this is not a tar',
        this.#last ? `after "${this.#last}"` : 'at the beginning',
      ),
    );
  }

  #member(type: string, header: TarHeader, own: readonly Buffer[], push: (part: Buffer) => void): void {
    const block = own[0] ?? Buffer.alloc(BLOCK_BYTES);
    const record = (key: string) => this.#pax.get(key) ?? this.#global.get(key);
    const name = record('GNU.sparse.name') ?? record('path') ?? this.#longName ?? header.name;
    const link = record('linkpath') ?? this.#longLink ?? header.link;
    if (Math.max(name.length, link.length) > MOST_NAME_BYTES)
      throw new BadTar(l10n.t("a name, or a link's target, is longer than {0} bytes", MOST_NAME_BYTES));
    const size = asNumber(record('size')) ?? header.size;
    const hasBody = !['2', '3', '4', '5', '6'].includes(type);
    const realSize = asNumber(record('GNU.sparse.realsize')) ?? asNumber(record('GNU.sparse.size'));
    const bytes =
      type === 'S' ? tarNumber(block.subarray(GNU_SPARSE_REAL_SIZE, GNU_SPARSE_REAL_SIZE + 12)) : (realSize ?? size);
    const isFile = type === '0' || type === '7' || type === 'S';
    const directoryByName = type === '0' && name.at(-1) === 0x2f;

    const isWanted = this.#toSkip === 0;
    this.#keep = isWanted;
    if (isWanted) {
      this.#last = printableName(name);
      const sparse = type === 'S' ? 'gnu' : record('GNU.sparse.major') === undefined ? undefined : 'pax';
      const member: TarMember = {
        name,
        type: directoryByName ? '5' : type,
        link,
        bytes: isFile ? bytes : 0,
        mode: header.mode,
        uid: asNumber(record('uid')) ?? header.uid,
        gid: asNumber(record('gid')) ?? header.gid,
        device: header.device,
        mtime: asTime(record('mtime')) ?? header.mtime,
        attributes: [...this.#pax.keys()].filter((key) => /^(SCHILY\.(xattr|acl)|LIBARCHIVE\.xattr)\./.test(key)),
        ...(sparse === undefined ? {} : { sparse }),
        blocks: [...this.#held, ...own],
      };
      this.#options.onMember(member);
      const choice = this.#options.select?.(member) ?? true;
      this.#keep = choice !== false;
      for (const one of choice === true ? member.blocks : choice || []) push(one);
    } else {
      if (type !== '5') throw new BadTar(l10n.t('"{0}" is in the place of an expected directory', printableName(name)));
      this.#toSkip -= 1;
    }
    this.#held = [];
    this.#heldBytes = 0;
    this.#pax = new Map();
    this.#longName = undefined;
    this.#longLink = undefined;
    this.#startBody(hasBody ? Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES : 0);
  }

  #startBody(bytes: number): void {
    if (bytes > 0) this.#expect = { kind: 'body', left: bytes };
    else this.#endBody();
  }

  #endBody(): void {
    this.#expect = { kind: 'header' };
    this.#options.onBody?.(undefined);
  }
}

function asTime(value: Buffer | undefined): number | undefined {
  if (value === undefined) return undefined;
  const seconds = Number(value.toString('latin1'));
  return Number.isFinite(seconds) ? seconds : undefined;
}

/**
 * Passes through the members of one archive, byte for byte, and drops its end-of-archive blocks, so that several
 * archives can follow one another. Fails with BadTar when the archive is damaged or has no valid end.
 */
export function tarMembers(options: WalkOptions): Transform {
  const walker = new MemberWalker(options);
  return new Transform({
    highWaterMark: BUFFER_BYTES,
    transform(chunk: Buffer, _encoding, done) {
      try {
        walker.feed(chunk, (part) => this.push(part));
        done();
      } catch (error) {
        done(error as Error);
      }
    },
    flush(done) {
      try {
        walker.finish();
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
}
