/** One header block of a tar (POSIX.1-2017 ustar, with GNU's base-256 numbers). */

/** A tar consists of blocks of this size: headers, and bodies padded with zeros. */
export const BLOCK_BYTES = 512;

/** How many zeros fill the last block of a body of `size` bytes. */
export function paddingBytes(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}

const CHECKSUM_AT = 148;
const CHECKSUM_BYTES = 8;

export interface TarHeader {
  readonly name: Buffer;
  readonly link: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Major and minor number of a device. */
  readonly device: string;
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}

/** The part of a field before its first NUL. */
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

function plainSum(block: Buffer): number {
  let sum = 0;
  for (let at = 0; at < block.length; at += 1) sum += block[at] ?? 0;
  return sum;
}

/** The checksum counts its own field as spaces. */
function sumOf(block: Buffer, all: number = plainSum(block)): number {
  return all - plainSum(block.subarray(CHECKSUM_AT, CHECKSUM_AT + CHECKSUM_BYTES)) + CHECKSUM_BYTES * 0x20;
}

/** null for a block of zeros, undefined for a block that is not a header, or else what it says. */
export function readHeader(block: Buffer): TarHeader | null | undefined {
  const all = plainSum(block);
  if (all === 0) return null;
  if (sumOf(block, all) !== tarNumber(block.subarray(CHECKSUM_AT, CHECKSUM_AT + CHECKSUM_BYTES))) return undefined;
  const name = untilNul(block.subarray(0, 100));
  const prefix = untilNul(block.subarray(345, 500));
  // GNU's own format ("ustar" and a space) keeps times where POSIX keeps the prefix.
  const posix = block.toString('latin1', 257, 263) === 'ustar\0';
  return {
    name: posix && prefix.length > 0 ? Buffer.concat([prefix, Buffer.from('/'), name]) : name,
    link: untilNul(block.subarray(157, 257)),
    mode: tarNumber(block.subarray(100, 108)),
    uid: tarNumber(block.subarray(108, 116)),
    gid: tarNumber(block.subarray(116, 124)),
    device: `${tarNumber(block.subarray(329, 337))},${tarNumber(block.subarray(337, 345))}`,
    size: tarNumber(block.subarray(124, 136)),
    mtime: tarNumber(block.subarray(136, 148)),
  };
}

function signed(block: Buffer): Buffer {
  block.write(`${sumOf(block).toString(8).padStart(6, '0')}\0 `, CHECKSUM_AT, 'latin1');
  return block;
}

/** A header like this one with another name of at most 100 bytes, and without a prefix. */
export function withName(block: Buffer, name: Buffer): Buffer {
  const copy = Buffer.from(block);
  copy.fill(0, 0, 100);
  name.copy(copy, 0, 0, 100);
  if (copy.toString('latin1', 257, 263) === 'ustar\0') copy.fill(0, 345, 500);
  return signed(copy);
}

/** A header like this one with another link target of at most 100 bytes. */
export function withLink(block: Buffer, link: Buffer): Buffer {
  const copy = Buffer.from(block);
  copy.fill(0, 157, 257);
  link.copy(copy, 157, 0, 100);
  return signed(copy);
}

/** A plain header, owned by root. */
export function newHeader(name: Buffer, type: string, size: number, mode = 0o644): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.write(`${(mode & 0o7777).toString(8).padStart(7, '0')}\0${'0000000\0'.repeat(2)}`, 100, 'latin1');
  block.write(`${size.toString(8).padStart(11, '0')}\0${'0'.repeat(11)}\0`, 124, 'latin1');
  block.write(type, 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  return withName(block, name);
}
