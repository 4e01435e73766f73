/** Header blocks of members that are written differently from how they are in an archive. */
import { memberPath } from './names.ts';
import { BLOCK_BYTES, newHeader, readHeader, tarNumber, withLink, withName } from './header.ts';
import { paxRecords, type TarMember } from './members.ts';

/** Longer names and links are in the extended header. */
const FIELD_BYTES = 100;

/** The blocks of an extended header with these records. */
export function paxHeader(records: ReadonlyMap<string, Buffer>): Buffer[] {
  const lines = [...records].map(([key, value]) => {
    const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
    // A record's length includes its own digits.
    let length = rest.length + String(rest.length).length;
    if (String(length).length > String(rest.length).length) length += 1;
    return Buffer.concat([Buffer.from(String(length)), rest]);
  });
  const data = Buffer.concat(lines);
  const padded = Buffer.alloc(Math.ceil(data.length / BLOCK_BYTES) * BLOCK_BYTES);
  data.copy(padded);
  return [newHeader(Buffer.from('PaxHeader'), 'x', data.length), padded];
}

/** The pieces of a file in GNU's old sparse format: four in its header, 21 in each following block. */
export function oldSparseMap(member: TarMember): { offset: number; bytes: number }[] {
  const at = member.blocks.findLastIndex(
    (block) => block.length === BLOCK_BYTES && block[156] === 0x53 && readHeader(block) !== undefined,
  );
  const pieces: { offset: number; bytes: number }[] = [];
  // A plain loop: a view of each field of a million pieces would take hundreds of megabytes.
  for (const [index, block] of member.blocks.slice(at).entries()) {
    const start = index === 0 ? 386 : 0;
    for (let place = start; place < start + (index === 0 ? 4 : 21) * 24; place += 24) {
      const bytes = tarNumber(block.subarray(place + 12, place + 24));
      if (bytes > 0) pieces.push({ offset: tarNumber(block.subarray(place, place + 12)), bytes });
    }
  }
  return pieces;
}

/**
 * Converts a file of GNU's old sparse format to its format 1.0, which readers in Go accept: the map precedes the data.
 */
export function asNewSparse(member: TarMember): Buffer[] {
  const pieces = oldSparseMap(member);
  const map = Buffer.from([pieces.length, ...pieces.flatMap(({ offset, bytes }) => [offset, bytes])].join('\n') + '\n');
  const padded = Buffer.alloc(Math.ceil(map.length / BLOCK_BYTES) * BLOCK_BYTES);
  map.copy(padded);
  const data = pieces.reduce((sum, { bytes }) => sum + bytes, 0);
  const records = {
    'GNU.sparse.major': '1',
    'GNU.sparse.minor': '0',
    'GNU.sparse.realsize': String(member.bytes),
    size: String(padded.length + data),
    uid: String(member.uid),
    gid: String(member.gid),
    mtime: String(member.mtime),
  };
  const header = newHeader(Buffer.from('GNUSparseFile'), '0', 0, member.mode);
  return [
    ...paxHeader(
      new Map([
        ['GNU.sparse.name', member.name],
        ...Object.entries(records).map(([key, value]): [string, Buffer] => [key, Buffer.from(value)]),
      ]),
    ),
    header,
    padded,
  ];
}

function recordsOf({ blocks }: TarMember): Map<string, Buffer> {
  const at = blocks.findIndex(
    (block) => block.length === BLOCK_BYTES && block[156] === 0x78 && readHeader(block) !== undefined,
  );
  if (at < 0) return new Map();
  const size = readHeader(blocks[at] ?? Buffer.alloc(BLOCK_BYTES))?.size ?? 0;
  return new Map(paxRecords((blocks[at + 1] ?? Buffer.alloc(0)).subarray(0, size)));
}

/** A member's header blocks with another name, and with another target for a link; all else is unchanged. */
export function blocksWithName(member: TarMember, name: Buffer, link: Buffer = member.link): Buffer[] {
  if (member.sparse === 'gnu') {
    const blocks = asNewSparse(member);
    return blocksWithName({ ...member, blocks: blocks.slice(0, 3), sparse: 'pax' }, name).concat(blocks.slice(3));
  }
  const header = member.blocks.at(-1) ?? Buffer.alloc(BLOCK_BYTES);
  const records = recordsOf(member);
  records.delete('path');
  records.delete('linkpath');
  if (records.has('GNU.sparse.name')) records.set('GNU.sparse.name', name);
  if (name.length > FIELD_BYTES) records.set('path', name);
  const isLink = member.type === '1' || member.type === '2';
  if (isLink && link.length > FIELD_BYTES) records.set('linkpath', link);
  const named = withName(header, name.subarray(0, FIELD_BYTES));
  return [
    ...(records.size > 0 ? paxHeader(records) : []),
    isLink ? withLink(named, link.subarray(0, FIELD_BYTES)) : named,
  ];
}

/**
 * A member's header blocks below another root: targets of hard links are relative to it too, targets of symbolic links
 * are not.
 */
export function blocksBelow(member: TarMember, root: Buffer): Buffer[] {
  const below = (name: Buffer) => Buffer.concat([root, Buffer.from(`/${memberPath(name)}`, 'latin1')]);
  return blocksWithName(member, below(member.name), member.type === '1' ? below(member.link) : member.link);
}
