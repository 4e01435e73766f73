import { Transform } from 'node:stream';

const HEADER_BYTES = 8;
const STDERR = 2;
const BUFFER_BYTES = 1024 * 1024;

/**
 * Splits the engine's multiplexed attach stream (Docker Engine API, "Stream format" of ContainerAttach): what the
 * container wrote to stdout passes through, what it wrote to stderr goes to `onStderr`. Unlike docker-modem's own
 * demultiplexer it slows the engine down when the reader is slow, so that memory does not grow with the data.
 */
export function stdoutOf(onStderr: (chunk: Buffer) => void): Transform {
  let header = Buffer.alloc(0);
  let left = 0;
  let channel = 0;
  return new Transform({
    highWaterMark: BUFFER_BYTES,
    transform(chunk: Buffer, _encoding, done) {
      let rest = chunk;
      while (rest.length > 0) {
        if (left === 0) {
          const missing = HEADER_BYTES - header.length;
          header = Buffer.concat([header, rest.subarray(0, missing)]);
          rest = rest.subarray(missing);
          if (header.length < HEADER_BYTES) break;
          channel = header[0] ?? 0;
          left = header.readUInt32BE(4);
          header = Buffer.alloc(0);
          continue;
        }
        const part = rest.subarray(0, left);
        rest = rest.subarray(part.length);
        left -= part.length;
        if (channel === STDERR) onStderr(part);
        else this.push(part);
      }
      done();
    },
  });
}
