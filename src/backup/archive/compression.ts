/** Compression with Node's own zlib, on all cores. */
import * as l10n from '@vscode/l10n';
import { Readable, Transform } from 'node:stream';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import unbzip2 from 'unbzip2-stream';
import * as xz from 'xz-decompress';

// A CommonJS module whose names Node cannot see beforehand.
const { XzReadableStream } = (xz as unknown as { default?: typeof xz }).default ?? xz;

export type Compression = 'none' | 'gzip' | 'zstd';

/** What is read: also what other tools write. */
export type Packing = Compression | 'bzip2' | 'xz' | 'age' | 'armoredAge' | 'gpg';

/** Blocks of this size are compressed on their own; larger ones compress no better and cost memory. */
const BLOCK_BYTES = 4 * 1024 * 1024;
/** Node's own 16 KiB would be 65,000 turns to the thread pool and back for each GiB. */
const OUTPUT_BYTES = 1024 * 1024;
/** libuv's thread pool has four threads. */
const BLOCKS_AT_ONCE = 4;

export const SUFFIX: Readonly<Record<Compression, string>> = { none: '.tar', gzip: '.tar.gz', zstd: '.tar.zst' };

/** Whether this Node has zstd (22.15 and later; VS Code 1.101 and later). */
export function hasZstd(): boolean {
  return typeof zlib.zstdCompress === 'function';
}

/** The levels a compression takes, and its default. */
export function levels(compression: 'gzip' | 'zstd'): { min: number; max: number; default: number } {
  return compression === 'gzip' ? { min: 1, max: 9, default: 6 } : { min: 1, max: 19, default: 3 };
}

type CompressBlock = (block: Buffer) => Promise<Buffer>;

function compressBlock(compression: 'gzip' | 'zstd', level: number): CompressBlock {
  if (compression === 'gzip') {
    const gzip = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gzip);
    return (block) => gzip(block, { level });
  }
  const zstd = promisify<Buffer, zlib.ZstdOptions, Buffer>(zlib.zstdCompress);
  return (block) =>
    zstd(block, {
      params: { [zlib.constants.ZSTD_c_compressionLevel]: level, [zlib.constants.ZSTD_c_checksumFlag]: 1 },
    });
}

/**
 * Compresses a stream as a row of independent gzip members (RFC 1952, 2.2) or zstd frames (RFC 8878, 3), which every
 * reader takes for one file. Several blocks are compressed at once on the thread pool and written in order.
 */
export function compressor(compression: 'gzip' | 'zstd', level: number = levels(compression).default): Transform {
  const compress = compressBlock(compression, level);
  const running: Promise<Buffer>[] = [];
  let chunks: Buffer[] = [];
  let bytes = 0;
  const start = (block: Buffer) => {
    const result = compress(block);
    // A failure is seen when its turn comes; until then it must not count as unhandled.
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

/** How a bzip2 file goes on behind its header: with a block, or with the end of an empty one. */
const BZIP2_BLOCKS = ['314159265359', '177245385090'];

/** Bytes that `detectPacking` wants to see. */
export const MAGIC_BYTES = 64;

/**
 * What the first bytes of an archive say: the magic numbers of RFC 1952, RFC 8878, bzip2, xz, age, and OpenPGP (RFC
 * 9580).
 */
export function detectPacking(start: Buffer): Packing {
  if (start[0] === 0x1f && start[1] === 0x8b) return 'gzip';
  if (start.length >= 4 && start.readUInt32LE(0) === 0xfd2fb528) return 'zstd';
  if (/^BZh[1-9]/.test(start.toString('latin1', 0, 4)) && BZIP2_BLOCKS.includes(start.toString('hex', 4, 10)))
    return 'bzip2';
  if (start.toString('latin1', 0, 6) === '\xfd7zXZ\0') return 'xz';
  const text = start.toString('latin1');
  if (text.startsWith('age-encryption.org/')) return 'age';
  if (text.startsWith('-----BEGIN AGE ENCRYPTED FILE-----')) return 'armoredAge';
  // A packet tag of an encrypted message: session keys (1, 3) or encrypted data (9, 18), in the old or the new form.
  const tag = start[0] ?? 0;
  const isPacket =
    (tag & 0xc0) === 0xc0
      ? [1, 3, 9, 18].includes(tag & 0x3f)
      : (tag & 0xc0) === 0x80 && [1, 3, 9].includes((tag >> 2) & 0x0f);
  return text.startsWith('-----BEGIN PGP MESSAGE-----') || isPacket ? 'gpg' : 'none';
}

type Unpacker = (source: AsyncIterable<Buffer>) => AsyncIterable<Buffer>;

/** Turns an archive's bytes into those of its tar, for `pipeline`. Throws RangeError for what cannot be read. */
export function decompressor(packing: Packing): Unpacker {
  switch (packing) {
    case 'none':
      return (source) => source;
    case 'gzip':
      return (source) => inflate(source, () => zlib.createGunzip({ chunkSize: OUTPUT_BYTES }));
    case 'zstd':
      if (!hasZstd())
        throw new RangeError(l10n.t('this version of VS Code cannot read zstd; update to 1.101 or later'));
      return (source) => inflate(source, () => zlib.createZstdDecompress({ chunkSize: OUTPUT_BYTES }));
    case 'bzip2':
      return unpackBzip2;
    case 'xz':
      return (source) =>
        Readable.fromWeb(
          new XzReadableStream(Readable.toWeb(Readable.from(source)) as ReadableStream<Uint8Array>) as never,
        );
    case 'age':
    case 'armoredAge':
      throw new RangeError(l10n.t('it is encrypted with age; decrypt it first with "age --decrypt"'));
    case 'gpg':
      throw new RangeError(l10n.t('it is encrypted with GnuPG; decrypt it first with "gpg --decrypt"'));
  }
}

/** The library's stream is of the oldest kind and throws away what follows an error, which must be heard. */
async function* unpackBzip2(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const compressed = Readable.from(source);
  const plain = new Readable().wrap(compressed.pipe(unbzip2()));
  compressed.on('error', (error) => plain.destroy(error));
  try {
    yield* plain as AsyncIterable<Buffer>;
  } finally {
    compressed.destroy();
  }
}

type Inflater = Transform & { readonly bytesWritten: number };

/**
 * Decompresses frames that follow one another. Node's zstd stream ends where a frame ends inside a chunk and drops the
 * rest of that chunk, so the rest goes to a new stream; how much it took is in `bytesWritten`.
 */
async function* inflate(source: AsyncIterable<Buffer>, create: () => Inflater): AsyncGenerator<Buffer> {
  // An error between two readings is seen at the next one.
  const begin = () => create().on('error', () => undefined);
  let stream = begin();
  let taken = 0;
  try {
    for await (const chunk of source) {
      let rest = chunk;
      while (rest.length > 0) {
        yield* outputUntil(stream, (done) => stream.write(rest, done));
        const before = taken;
        taken = stream.bytesWritten;
        rest = rest.subarray(taken - before);
        if (rest.length === 0) break;
        if (taken === before) throw new Error('there is data behind the compressed part');
        stream = begin();
        taken = 0;
      }
    }
    yield* outputUntil(stream, (done) => {
      stream.once('end', done);
      stream.end();
    });
  } finally {
    stream.destroy();
  }
}

/** Starts something that ends by calling `done`, and yields what the stream puts out until then. */
async function* outputUntil(
  stream: Inflater,
  start: (done: (error?: Error | null) => void) => void,
): AsyncGenerator<Buffer> {
  let over = false;
  let failure = stream.errored ?? undefined;
  let wake: () => void = () => undefined;
  const onReadable = () => wake();
  const finish = (error?: Error | null) => {
    over = true;
    failure ??= error ?? undefined;
    wake();
  };
  stream.on('readable', onReadable);
  stream.on('error', finish);
  try {
    start(finish);
    for (;;) {
      const output = stream.read() as Buffer | null;
      if (failure !== undefined) throw failure;
      if (output !== null) yield output;
      else if (over) return;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    stream.off('readable', onReadable);
    stream.off('error', finish);
  }
}
