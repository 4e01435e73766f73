/** One header block of a tar (POSIX.1-2017 ustar, with GNU's base-256 numbers). */

const CHECKSUM_AT = 148;
const CHECKSUM_BYTES = 8;

export interface TarHeader {
  readonly name: Buffer;
  readonly link: Buffer;
  readonly mode: number;
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}

/** What stands in a field before its first NUL. */
export function untilNul(field: Buffer): Buffer {
  const nul = field.indexOf(0);
  return nul < 0 ? field : field.subarray(0, nul);
}

/** A number in octal digits, or in base 256 where the field's first bit is set (GNU, for sizes from 8 GiB on). */
export function tarNumber(field: Buffer): number {
  if (((field[0] ?? 0) & 0x80) !== 0) {
    let value = (field[0] ?? 0) & 0x7f;
    for (const byte of field.subarray(1)) value = value * 256 + byte;
    return value;
  }
  const text = untilNul(field).toString('latin1').trim();
  return text === '' ? 0 : Number.parseInt(text, 8);
}

function sumIsRight(block: Buffer): boolean {
  let sum = CHECKSUM_BYTES * 0x20;
  for (let at = 0; at < block.length; at += 1) {
    if (at < CHECKSUM_AT || at >= CHECKSUM_AT + CHECKSUM_BYTES) sum += block[at] ?? 0;
  }
  return sum === tarNumber(block.subarray(CHECKSUM_AT, CHECKSUM_AT + CHECKSUM_BYTES));
}

/** null for a block of zeros, undefined for a block that is no header, else what it says. */
export function readHeader(block: Buffer): TarHeader | null | undefined {
  if (block.every((byte) => byte === 0)) return null;
  if (!sumIsRight(block)) return undefined;
  const name = untilNul(block.subarray(0, 100));
  const prefix = untilNul(block.subarray(345, 500));
  // GNU's own format ("ustar" and a space) keeps times where POSIX keeps the prefix.
  const posix = block.toString('latin1', 257, 263) === 'ustar\0';
  return {
    name: posix && prefix.length > 0 ? Buffer.concat([prefix, Buffer.from('/'), name]) : name,
    link: untilNul(block.subarray(157, 257)),
    mode: tarNumber(block.subarray(100, 108)),
    size: tarNumber(block.subarray(124, 136)),
    mtime: tarNumber(block.subarray(136, 148)),
  };
}
