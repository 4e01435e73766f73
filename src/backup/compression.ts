/** Compression with Node's own zlib, on all cores. */
import { Transform } from 'node:stream';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';

export type Compression = 'none' | 'gzip' | 'zstd';

/** Blocks of this size are compressed on their own; larger ones compress no better and cost memory. */
const BLOCK_BYTES = 4 * 1024 * 1024;
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
  return (block) => zstd(block, { params: { [zlib.constants.ZSTD_c_compressionLevel]: level } });
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

/** What the first bytes of an archive say about its compression (RFC 1952 and RFC 8878 magic numbers). */
export function detectCompression(start: Buffer): Compression {
  if (start[0] === 0x1f && start[1] === 0x8b) return 'gzip';
  if (start.length >= 4 && start.readUInt32LE(0) === 0xfd2fb528) return 'zstd';
  return 'none';
}

/** Turns an archive's bytes into those of its tar, for `pipeline`. Throws RangeError where this Node has no zstd. */
export function decompressor(compression: Compression): (source: AsyncIterable<Buffer>) => AsyncIterable<Buffer> {
  switch (compression) {
    case 'none':
      return (source) => source;
    case 'gzip':
      return (source) => inflate(source, () => zlib.createGunzip());
    case 'zstd':
      if (!hasZstd()) throw new RangeError('this version of VS Code cannot read zstd; update to 1.101 or later');
      return (source) => inflate(source, () => zlib.createZstdDecompress());
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
async function* outputUntil(stream: Inflater, start: (done: (error?: Error | null) => void) => void): AsyncGenerator<Buffer> {
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
