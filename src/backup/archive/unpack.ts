/** Decompressors, for `pipeline`: they turn an archive's bytes into those of its tar. */
import { Readable, type Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import unbzip2 from 'unbzip2-stream';
import * as xz from 'xz-decompress';

// A CommonJS module whose exports Node cannot detect.
const { XzReadableStream } = (xz as unknown as { default?: typeof xz }).default ?? xz;

export type Unpacker = (source: AsyncIterable<Buffer>) => AsyncIterable<Buffer>;

/** Node's default of 16 KiB would cost 65,000 trips to the thread pool for each GiB. */
const OUTPUT_BYTES = 1024 * 1024;

export const unpackGzip: Unpacker = (source) => inflate(source, () => zlib.createGunzip({ chunkSize: OUTPUT_BYTES }));

export const unpackZstd: Unpacker = (source) =>
  inflate(source, () => zlib.createZstdDecompress({ chunkSize: OUTPUT_BYTES }));

export const unpackXz: Unpacker = (source) =>
  Readable.fromWeb(new XzReadableStream(Readable.toWeb(Readable.from(source)) as ReadableStream<Uint8Array>) as never);

/** The library's stream is old-style and drops what follows an error, so the error must be listened for. */
export async function* unpackBzip2(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
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
 * rest of that chunk, so the rest is given to a new stream; `bytesWritten` tells how much the old one consumed.
 */
async function* inflate(source: AsyncIterable<Buffer>, create: () => Inflater): AsyncGenerator<Buffer> {
  // An error between two reads is seen at the next one.
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
        if (taken === before) throw new Error('there is data after the compressed part');
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

/** Starts something that ends by calling `done`, and yields the stream's output until then. */
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
