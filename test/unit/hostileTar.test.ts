/** Archives made to fill the memory or to hold the thread: small to send, and refused with a reason. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ContentHash } from '../../src/backup/restore/compare.ts';
import { EscapeCheck } from '../../src/backup/archive/escapes.ts';
import { blocksWithName, oldSparseMap } from '../../src/tar/rewrite.ts';
import { newHeader } from '../../src/tar/header.ts';
import { paxRecords, tarMembers, type TarMember } from '../../src/tar/members.ts';
import { BadArchive, FileFailure } from '../../src/engine/errors.ts';
import { LocalTree } from '../../src/files/localTree.ts';

const MIB = 1024 * 1024;
const END = Buffer.alloc(1024);

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** The bytes that are held once the work is done and what is garbage was collected. */
function held(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** What the walker says to these parts, sent until it refuses; undefined where it takes them all. */
async function refusal(
  parts: Iterable<Buffer>,
  onMember: (member: TarMember) => void = () => undefined,
): Promise<string | undefined> {
  const stream = tarMembers({ onMember, select: () => false });
  const failed = new Promise<string | undefined>((resolve) =>
    stream
      .on('error', (error) => resolve(error.message))
      .on('end', () => resolve(undefined))
      .resume(),
  );
  for (const part of parts) {
    if (stream.destroyed) break;
    // One turn of the loop each, for its error to come.
    await new Promise<void>((resolve) => void stream.write(part, () => resolve()));
  }
  if (!stream.destroyed) stream.end();
  return failed;
}

const padded = (data: Buffer) => Buffer.concat([data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
const meta = (type: string, data: Buffer) =>
  Buffer.concat([newHeader(Buffer.from('m'), type, data.length), padded(data)]);
/** A pax record; its length counts its own digits. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}
const file = newHeader(Buffer.from('f'), '0', 0);

it('an extended header of more than 1 MiB, or of more records than a file can need, is refused', async () => {
  for (const type of ['x', 'g', 'L', 'K'])
    assert.match((await refusal([newHeader(Buffer.from('m'), type, MIB + 1)])) ?? '', /header is too large/);
  const many = (count: number) =>
    Buffer.from(Array.from({ length: count }, (_, index) => record(`k${index}`, '')).join(''));
  for (const type of ['x', 'g'])
    assert.match((await refusal([meta(type, many(10_001)), file, END])) ?? '', /more than 10000 records/);
  assert.equal(await refusal([meta('x', many(10_000)), file, END]), undefined);
});

it("the map of GNU's sparse formats 0.0 may have many records", () => {
  const map = Array.from(
    { length: 15_000 },
    (_, index) => record('GNU.sparse.offset', String(index * 8192)) + record('GNU.sparse.numbytes', '4096'),
  ).join('');
  assert.equal(
    paxRecords(Buffer.from(map + record('path', 'p')))
      .get('path')
      ?.toString(),
    'p',
  );
});

it('extended headers without an entry behind them are not held without end', async () => {
  for (const type of ['x', 'g', 'L', 'K']) {
    const one = meta(
      type,
      type === 'x' || type === 'g' ? Buffer.from(record('comment', 'c'.repeat(900_000))) : Buffer.alloc(900_000, 'a'),
    );
    assert.match(
      (await refusal(Array.from({ length: 20 }, () => one))) ?? '',
      /more than 8 MiB of extended headers/,
      type,
    );
    assert.match(
      (await refusal(
        Array.from({ length: 40 }, () =>
          Buffer.concat(Array.from({ length: 512 }, () => newHeader(Buffer.from('m'), type, 0))),
        ),
      )) ?? '',
      /extended headers/,
    );
  }
  // Before each of many entries they are let go.
  const entry = Buffer.concat([meta('x', Buffer.from(record('comment', 'c'.repeat(900_000)))), file]);
  assert.equal(await refusal([...Array.from({ length: 20 }, () => entry), END]), undefined);
});

it('a name or a target of up to 64 KiB is taken, a longer one refused', async () => {
  const names: number[] = [];
  for (const [type, key] of [
    ['L', 'path'],
    ['K', 'linkpath'],
  ] as const) {
    for (const [length, isTaken] of [
      [65_536, true],
      [65_537, false],
    ] as const) {
      const name = 'd/'.repeat(length / 2) + 'd'.repeat(length % 2);
      for (const header of [meta(type, Buffer.from(name)), meta('x', Buffer.from(record(key, name)))]) {
        const said = await refusal([header, newHeader(Buffer.from('f'), '2', 0), END], ({ name: own, link }) =>
          names.push(Math.max(own.length, link.length)),
        );
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
    block.write(
      Array.from({ length: 21 }, (_, piece) => octal((index * 21 + piece) * 8192) + octal(1)).join(''),
      'latin1',
    );
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
  assert.deepEqual(
    [pieces.length, pieces[0], pieces.at(-1)],
    [84_000, { offset: 0, bytes: 1 }, { offset: 83_999 * 8192, bytes: 1 }],
  );
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

const member = (name: Buffer, type: string, link = Buffer.alloc(0)): TarMember => ({
  name,
  type,
  link,
  bytes: 0,
  mode: 0,
  uid: 0,
  gid: 0,
  device: '0,0',
  mtime: 0,
  attributes: [],
  blocks: [],
});

it('a path with tens of thousands of slashes is looked for behind links in time that grows with its length', () => {
  const check = new EscapeCheck();
  const deep = Buffer.from('a/'.repeat(32_767));
  check.add(member(Buffer.concat([deep, Buffer.from('l')]), '2', Buffer.from('x')));
  const { user } = process.cpuUsage();
  for (let index = 0; index < 20; index += 1) check.add(member(Buffer.concat([deep, Buffer.from(`${index}`)]), '0'));
  // Every beginning hashed anew, these take a minute.
  assert.ok(process.cpuUsage().user - user < 5_000_000, `${(process.cpuUsage().user - user) / 1000} ms`);
  assert.deepEqual(check.problems(), []);
  check.add(member(Buffer.concat([deep, Buffer.from('l/f')]), '0'));
  assert.match(check.problems().join(), /behind the symbolic link "a\/a/);
  assert.ok(check.problems().join().length < 2000);
});

it('links that were replaced, and links in links, are known as such', () => {
  const check = new EscapeCheck();
  const add = (name: string, type = '0') => check.add(member(Buffer.from(name), type, Buffer.from('t')));
  for (const name of ['a/b/c', 'a/b2', '\xff']) add(name, '2');
  for (const name of ['a', 'a/b', 'a/b/cc', 'a/b/c', 'a/b/c/f', 'a/bb', 'b/c/f', 'a/b2', 'a/b2/f', '']) add(name);
  assert.deepEqual(check.problems(), []);
  add('a/b/c', '2');
  add('a/b', '2');
  add('a/b/c/f');
  assert.deepEqual(check.problems(), ['"a/b/c/f" is behind the symbolic link "a/b" of the archive']);
});

it('the links of an archive are remembered without the bytes around them, and not without end', () => {
  const check = new EscapeCheck();
  const before = held();
  for (let round = 0; round < 100; round += 1) {
    const chunk = Buffer.alloc(512 * 1000);
    for (let index = 0; index < 1000; index += 1) {
      chunk.write(`d${round}/l${index}`, index * 512);
      check.add(
        member(chunk.subarray(index * 512, index * 512 + 8), '2', chunk.subarray(index * 512 + 100, index * 512 + 110)),
      );
    }
  }
  const grown = held() - before;
  assert.ok(grown < 20 * MIB, `${grown / MIB} MiB for 100,000 links`);
  assert.deepEqual(check.problems(), []);
  const deep = 'd/'.repeat(30_000);
  assert.throws(
    () => {
      for (let index = 0; index < 100; index += 1) check.add(member(Buffer.from(`${index}/${deep}l`), '2'));
    },
    (error: Error) => error instanceof BadArchive && /more symbolic links than can be checked/.test(error.message),
  );
  const long = new EscapeCheck();
  assert.throws(() => {
    for (let index = 0; index < 2100; index += 1) long.add(member(Buffer.from(`${index}${'n'.repeat(65_000)}`), '2'));
  }, BadArchive);
});

it('the links of a download are held within bounds, and without the bytes around them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dm-links-'));
  const silent = () => undefined;
  const tree = () => new LocalTree(folder, { debug: silent, info: silent, warn: silent, error: silent });
  const refused = (why: RegExp) => (error: Error) =>
    error instanceof FileFailure && why.test(error.message) && error.message.length < 1000;
  for (const [name, link] of [
    [65_537, 1],
    [1, 65_537],
    [4_000_000, 4_000_000],
  ] as const) {
    for (const type of ['0', '1', '2', '5'])
      await assert.rejects(
        tree().begin(member(Buffer.alloc(name, 'n'), type, Buffer.alloc(link, 't'))),
        refused(/longer than 65536 bytes/),
      );
  }
  for (const type of ['1', '2']) {
    const one = tree();
    await assert.rejects(
      async () => {
        for (let index = 0; index < 1100; index += 1)
          await one.begin(member(Buffer.from(`${index}${'n'.repeat(65_000)}`), type, Buffer.alloc(65_000, 't')));
      },
      refused(/more than 128 MiB/),
    );
    const before = held();
    const many = tree();
    for (let index = 0; index < 200; index += 1) {
      const chunk = Buffer.alloc(MIB, 'x');
      await many.begin(member(Buffer.from(`l${index}`), type, chunk.subarray(0, 10)));
    }
    // Buffers are freed a little after they are collected.
    let more = held() - before;
    for (let times = 0; times < 20 && more >= 20 * MIB; times += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      more = held() - before;
    }
    assert.ok(more < 20 * MIB, `${more / MIB} MiB`);
    assert.equal(many.entries, 200);
  }
  rmSync(folder, { recursive: true });
});
