/** Archives made to fill the memory or to hold the thread: small to send, and refused with a reason. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ContentHash } from '../../src/backup/compare.ts';
import { blocksWithName, oldSparseMap } from '../../src/backup/tarBlocks.ts';
import { newHeader } from '../../src/backup/tarHeader.ts';
import { paxRecords, tarMembers, type TarMember } from '../../src/backup/tarMembers.ts';

const MIB = 1024 * 1024;
const END = Buffer.alloc(1024);

/** The bytes that are held once the work is done and what is garbage was collected. */
function held(): number {
  global.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** What the walker says to these parts, sent until it refuses; undefined where it takes them all. */
async function refusal(parts: Iterable<Buffer>, onMember: (member: TarMember) => void = () => undefined): Promise<string | undefined> {
  const stream = tarMembers({ onMember, select: () => false });
  const failed = new Promise<string | undefined>((resolve) => stream.on('error', (error) => resolve(error.message)).on('end', () => resolve(undefined)).resume());
  for (const part of parts) {
    if (stream.destroyed) break;
    // One turn of the loop each, for its error to come.
    await new Promise<void>((resolve) => void stream.write(part, () => resolve()));
  }
  if (!stream.destroyed) stream.end();
  return failed;
}

const padded = (data: Buffer) => Buffer.concat([data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
const meta = (type: string, data: Buffer) => Buffer.concat([newHeader(Buffer.from('m'), type, data.length), padded(data)]);
/** A pax record; its length counts its own digits. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}
const file = newHeader(Buffer.from('f'), '0', 0);

it('an extended header of more than 1 MiB, or of more records than a file can need, is refused', async () => {
  for (const type of ['x', 'g', 'L', 'K']) assert.match((await refusal([newHeader(Buffer.from('m'), type, MIB + 1)])) ?? '', /too large to be one/);
  const many = (count: number) => Buffer.from(Array.from({ length: count }, (_, index) => record(`k${index}`, '')).join(''));
  for (const type of ['x', 'g']) assert.match((await refusal([meta(type, many(10_001)), file, END])) ?? '', /more than 10000 records/);
  assert.equal(await refusal([meta('x', many(10_000)), file, END]), undefined);
});

it('the map of GNU\'s sparse formats 0.0 may have many records', () => {
  const map = Array.from({ length: 15_000 }, (_, index) => record('GNU.sparse.offset', String(index * 8192)) + record('GNU.sparse.numbytes', '4096')).join('');
  assert.equal(paxRecords(Buffer.from(map + record('path', 'p'))).get('path')?.toString(), 'p');
});

it('extended headers without an entry behind them are not held without end', async () => {
  for (const type of ['x', 'g', 'L', 'K']) {
    const one = meta(type, type === 'x' || type === 'g' ? Buffer.from(record('comment', 'c'.repeat(900_000))) : Buffer.alloc(900_000, 'a'));
    assert.match((await refusal(Array.from({ length: 20 }, () => one))) ?? '', /more than 8 MiB of extended headers/, type);
    assert.match((await refusal(Array.from({ length: 40 }, () => Buffer.concat(Array.from({ length: 512 }, () => newHeader(Buffer.from('m'), type, 0)))))) ?? '', /extended headers/);
  }
  // Before each of many entries they are let go.
  const entry = Buffer.concat([meta('x', Buffer.from(record('comment', 'c'.repeat(900_000)))), file]);
  assert.equal(await refusal([...Array.from({ length: 20 }, () => entry), END]), undefined);
});

it('a name or a target of up to 64 KiB is taken, a longer one refused', async () => {
  const names: number[] = [];
  for (const [type, key] of [['L', 'path'], ['K', 'linkpath']] as const) {
    for (const [length, isTaken] of [[65_536, true], [65_537, false]] as const) {
      const name = 'd/'.repeat(length / 2) + 'd'.repeat(length % 2);
      for (const header of [meta(type, Buffer.from(name)), meta('x', Buffer.from(record(key, name)))]) {
        const said = await refusal([header, newHeader(Buffer.from('f'), '2', 0), END], ({ name: own, link }) => names.push(Math.max(own.length, link.length)));
        if (isTaken) assert.equal(said, undefined);
        else assert.match(said ?? '', /longer than 65536 bytes/);
      }
    }
  }
  assert.deepEqual(names, [65_536, 65_536, 65_536, 65_536]);
});

/** A file in GNU's old sparse format with this many blocks of map, each full. */
function* oldSparse(blocks: number): Generator<Buffer> {
  const octal = (value: number) => `${value.toString(8).padStart(11, '0')}\0`;
  const header = newHeader(Buffer.from('s'), 'S', 0);
  header[482] = 1;
  let sum = 256;
  for (const [at, byte] of header.entries()) if (at < 148 || at >= 156) sum += byte;
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  yield header;
  for (let index = 0; index < blocks; index += 1) {
    const block = Buffer.alloc(512);
    block.write(Array.from({ length: 21 }, (_, piece) => octal((index * 21 + piece) * 8192) + octal(1)).join(''), 'latin1');
    block[504] = index === blocks - 1 ? 0 : 1;
    yield block;
  }
}

it('the map of a sparse file may have a million pieces, and not more', async () => {
  const read: TarMember[] = [];
  assert.equal(await refusal([Buffer.concat([...oldSparse(4000)]), END], (member) => read.push(member)), undefined);
  const [member] = read;
  assert.ok(member !== undefined);
  const pieces = oldSparseMap(member);
  assert.deepEqual([pieces.length, pieces[0], pieces.at(-1)], [84_000, { offset: 0, bytes: 1 }, { offset: 83_999 * 8192, bytes: 1 }]);
  const map = blocksWithName(member, Buffer.from('other')).at(-1)?.toString('latin1') ?? '';
  assert.ok(map.startsWith('84000\n0\n1\n8192\n1\n'), map.slice(0, 30));
  const block = Buffer.alloc(512 * 1024);
  for (let at = 504; at < block.length; at += 512) block[at] = 1;
  const [header] = oldSparse(1);
  assert.ok(header !== undefined);
  assert.match((await refusal([header, ...Array.from({ length: 60 }, () => block)])) ?? '', /more than 1000000 pieces/);
  const hash = new ContentHash();
  hash.begin({ ...member, sparse: 'pax', blocks: [] });
  assert.throws(() => hash.feed(padded(Buffer.from('4000001\n0\n1\n'))), /more than 4000000 pieces/);
});
