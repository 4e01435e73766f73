/**
 * How archives are packed: what we write, and what we read from other tools. A compression needs one row in the tables
 * below; file names, settings, manifests and messages follow from it.
 */
import * as l10n from '@vscode/l10n';
import { PassThrough, Transform } from 'node:stream';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { unpackBzip2, unpackGzip, unpackXz, unpackZstd, type Unpacker } from './unpack.ts';

type CompressBlock = (block: Buffer) => Promise<Buffer>;

/** Bytes that `begins` wants to see. */
export const MAGIC_BYTES = 64;

/** How a file that we or other tools wrote is packed. */
interface PackingRow {
  /** What its name ends with; we write the first, other tools the others. */
  readonly endings: readonly string[];
  /** Whether a file with this beginning is of this kind. */
  readonly begins: (start: Buffer) => boolean;
  /** Throws RangeError where we cannot read it. */
  readonly unpacker: () => Unpacker;
}

/** What we also write. */
type CompressionRow = PackingRow & { readonly endings: readonly [string, ...string[]] } & (
    | {
        readonly levels: { readonly min: number; readonly max: number; readonly default: number };
        /** Compresses one block on its own, so that a file can be a sequence of them. */
        readonly compress: (level: number) => CompressBlock;
      }
    | { readonly levels?: undefined; readonly compress?: undefined }
  );

const gzip = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gzip);

/** What a backup can be compressed with; the first is the default. */
const WRITTEN = {
  zstd: {
    endings: ['.tar.zst', '.tzst'],
    // RFC 8878, 3.1.1.
    begins: (start) => start.length >= 4 && start.readUInt32LE(0) === 0xfd2fb528,
    unpacker: () => {
      if (hasZstd()) return unpackZstd;
      throw new RangeError(l10n.t('this version of VS Code cannot read zstd; update to 1.101 or later'));
    },
    levels: { min: 1, max: 19, default: 3 },
    compress: (level) => {
      const zstd = promisify<Buffer, zlib.ZstdOptions, Buffer>(zlib.zstdCompress);
      const { ZSTD_c_compressionLevel, ZSTD_c_checksumFlag } = zlib.constants;
      return (block) => zstd(block, { params: { [ZSTD_c_compressionLevel]: level, [ZSTD_c_checksumFlag]: 1 } });
    },
  },
  gzip: {
    endings: ['.tar.gz', '.tgz'],
    // RFC 1952, 2.3.1.
    begins: (start) => start[0] === 0x1f && start[1] === 0x8b,
    unpacker: () => unpackGzip,
    levels: { min: 1, max: 9, default: 6 },
    compress: (level) => (block) => gzip(block, { level }),
  },
  none: { endings: ['.tar'], begins: () => true, unpacker: () => (source) => source },
} as const satisfies Record<string, CompressionRow>;

export type Compression = keyof typeof WRITTEN;

export const COMPRESSIONS: Readonly<Record<Compression, CompressionRow>> = WRITTEN;

/** The compressions, the default first. */
export const COMPRESSION_NAMES = Object.keys(COMPRESSIONS) as [Compression, ...Compression[]];

/** What follows the header of a bzip2 file: a block, or the end of an empty file. */
const BZIP2_BLOCKS = ['314159265359', '177245385090'];

/** A packet tag of an encrypted message: session keys (1, 3) or encrypted data (9, 18), in the old or the new form. */
function isOpenPgp(start: Buffer): boolean {
  const tag = start[0] ?? 0;
  if ((tag & 0xc0) === 0xc0) return [1, 3, 9, 18].includes(tag & 0x3f);
  return (tag & 0xc0) === 0x80 && [1, 3, 9].includes((tag >> 2) & 0x0f);
}

const begins = (text: string) => (start: Buffer) => start.toString('latin1').startsWith(text);

/** What only other tools write, recognized by its first bytes: bzip2, xz, age and OpenPGP (RFC 9580). */
const FOREIGN = {
  bzip2: {
    endings: ['.tar.bz2', '.tbz2'],
    begins: (start) =>
      /^BZh[1-9]/.test(start.toString('latin1', 0, 4)) && BZIP2_BLOCKS.includes(start.toString('hex', 4, 10)),
    unpacker: () => unpackBzip2,
  },
  xz: { endings: ['.tar.xz', '.txz'], begins: begins('\xfd7zXZ\0'), unpacker: () => unpackXz },
  age: { endings: [], begins: begins('age-encryption.org/'), unpacker: refuseAge },
  armoredAge: { endings: [], begins: begins('-----BEGIN AGE ENCRYPTED FILE-----'), unpacker: refuseAge },
  gpg: {
    endings: [],
    begins: (start) => begins('-----BEGIN PGP MESSAGE-----')(start) || isOpenPgp(start),
    unpacker: () => {
      throw new RangeError(l10n.t('it is encrypted with GnuPG; decrypt it first with "gpg --decrypt"'));
    },
  },
} as const satisfies Record<string, PackingRow>;

function refuseAge(): never {
  throw new RangeError(l10n.t('it is encrypted with age; decrypt it first with "age --decrypt"'));
}

/** What we read: also what other tools write. */
export type Packing = Compression | keyof typeof FOREIGN;

const { none, ...compressed } = COMPRESSIONS;
/** Every way of packing; `none` is last, since it accepts any beginning and any ending. */
const PACKINGS: readonly (readonly [Packing, PackingRow])[] = Object.entries({ ...compressed, ...FOREIGN, none }) as [
  Packing,
  PackingRow,
][];

/** Follows the ending where the archive is encrypted. */
const ENCRYPTED = /\.(age|gpg)$/;

/** The last part of every name that an archive can have, without a dot, as file dialogs and watchers take it. */
export const ARCHIVE_EXTENSIONS: readonly string[] = [
  ...new Set([
    ...PACKINGS.flatMap(([, { endings }]) => endings.map((ending) => ending.split('.').at(-1) ?? '')),
    'age',
    'gpg',
  ]),
];

/** Whether a file has the name of an archive, ours or another tool's. */
export function hasArchiveName(name: string): boolean {
  const plain = name.replace(ENCRYPTED, '');
  return PACKINGS.some(([, { endings }]) => endings.some((ending) => plain.endsWith(ending)));
}

/** Whether an archive is encrypted, by its name. */
export function isEncryptedName(name: string): boolean {
  return ENCRYPTED.test(name);
}

/** How an archive is packed, by its name. */
export function packingOfName(name: string): Packing {
  const plain = name.replace(ENCRYPTED, '');
  return PACKINGS.find(([, { endings }]) => endings.some((ending) => plain.endsWith(ending)))?.[0] ?? 'none';
}

/** A file name without the ending of an archive that we write, encrypted or not. */
export function withoutEnding(name: string): string {
  const plain = name.replace(/\.age$/, '');
  const ending = COMPRESSION_NAMES.map((one) => COMPRESSIONS[one].endings[0]).find((one) => plain.endsWith(one));
  return ending === undefined ? name : plain.slice(0, -ending.length);
}

/** How an archive is packed, by its first MAGIC_BYTES. */
export function detectPacking(start: Buffer): Packing {
  return PACKINGS.find(([, row]) => row.begins(start))?.[0] ?? 'none';
}

/** Turns an archive's bytes into those of its tar, for `pipeline`. Throws RangeError for what cannot be read. */
export function decompressor(packing: Packing): Unpacker {
  return { ...COMPRESSIONS, ...FOREIGN }[packing].unpacker();
}

/** Whether this Node has zstd (22.15 and later; VS Code 1.101 and later). */
export function hasZstd(): boolean {
  return typeof zlib.zstdCompress === 'function';
}

/** Blocks of this size are compressed on their own; larger ones do not compress better, and cost memory. */
const BLOCK_BYTES = 4 * 1024 * 1024;
/** libuv's thread pool has four threads. */
const BLOCKS_AT_ONCE = 4;

/**
 * Compresses a stream as a sequence of independent gzip members (RFC 1952, 2.2) or zstd frames (RFC 8878, 3), which
 * every reader treats as one file. Several blocks are compressed at once on the thread pool and written in order.
 */
export function compressor(compression: Compression, level: number | undefined): Transform {
  const row = COMPRESSIONS[compression];
  if (row.levels === undefined) return new PassThrough();
  const compress = row.compress(level ?? row.levels.default);
  const running: Promise<Buffer>[] = [];
  let chunks: Buffer[] = [];
  let bytes = 0;
  const start = (block: Buffer) => {
    const result = compress(block);
    // A failure is handled when its turn comes; until then it must not count as unhandled.
    result.catch(() => undefined);
    running.push(result);
  };
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes < BLOCK_BYTES) return done();
      start(Buffer.concat(chunks, bytes));
      chunks = [];
      bytes = 0;
      if (running.length < BLOCKS_AT_ONCE) return done();
      running.shift()?.then((block) => done(null, block), done);
    },
    flush(done) {
      if (bytes > 0) start(Buffer.concat(chunks, bytes));
      void (async () => {
        for (const block of running) this.push(await block);
      })().then(() => done(), done);
    },
  });
}
