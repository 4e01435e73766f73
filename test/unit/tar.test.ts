import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { zstdCompressSync, gzipSync } from 'node:zlib';
import { compressor, decompressor, type Compression } from '../../src/backup/archive/compression.ts';
import { fileNamePart, timestamp } from '../../src/backup/archive/writer.ts';
import { tarMembers, type TarMember } from '../../src/tar/members.ts';
import { printableName } from '../../src/tar/names.ts';
import { EscapeCheck } from '../../src/backup/archive/escapes.ts';

let folder: string;
const tars = new Map<string, Buffer>();
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'dm-tar-'));
  const source = join(folder, 'source');
  mkdirSync(join(source, 'd'.repeat(90), 'e'.repeat(90)), { recursive: true });
  writeFileSync(join(source, 'd'.repeat(90), 'e'.repeat(90), 'long'), 'x');
  writeFileSync(join(source, 'plain'), Buffer.alloc(1500, 'a'));
  writeFileSync(join(source, 'hole'), '');
  truncateSync(join(source, 'hole'), 3_000_000);
  for (const [name, options] of [
    ['gnu', ['--format=gnu', '--sparse']],
    ['pax', ['--format=posix', '--sparse']],
    ['ustar', ['--format=ustar']],
    ['v7', ['--format=v7', '--exclude=d*']],
  ] as const) {
    tars.set(name, execFileSync('tar', ['-C', source, ...options, '-c', '.'], { maxBuffer: 1e8 }));
  }
});
after(() => rmSync(folder, { recursive: true }));

async function walk(data: Buffer, step: number): Promise<{ members: TarMember[]; output: Buffer }> {
  const members: TarMember[] = [];
  const chunks: Buffer[] = [];
  for (let at = 0; at < data.length; at += step) chunks.push(data.subarray(at, at + step));
  const output: Buffer[] = [];
  const walker = tarMembers({ onMember: (member) => members.push(member) });
  const source = Readable.from(chunks);
  for await (const chunk of source.pipe(walker) as AsyncIterable<Buffer>) output.push(chunk);
  return { members, output: Buffer.concat(output) };
}

for (const format of ['gnu', 'pax', 'ustar', 'v7']) {
  it(`${format}: the members that tar lists, their real sizes, and every byte passed on`, async () => {
    const data = tars.get(format)!;
    const listed = execFileSync('tar', ['-tf', '-'], { input: data, encoding: 'utf8' }).trim().split('\n');
    for (const step of [data.length, 1000, 513]) {
      const { members, output } = await walk(data, step);
      assert.deepEqual(
        members.map(({ name }) => printableName(name)),
        listed,
      );
      assert.equal(members.find(({ name }) => String(name) === './hole')?.bytes, 3_000_000);
      assert.deepEqual(output, data.subarray(0, output.length));
      assert.ok(data.subarray(output.length).every((byte) => byte === 0));
    }
  });

  it(`${format}: cut anywhere, or any header changed, it is refused`, async () => {
    const data = tars.get(format)!;
    const { output } = await walk(data, data.length);
    for (const length of [0, 100, 512, 1024, 1536, output.length - 512, output.length, output.length + 512]) {
      await assert.rejects(
        walk(data.subarray(0, length), 4096),
        (error: Error) => error.name === 'BadTar',
        `cut at ${length}`,
      );
    }
    for (const at of [0, 100, 130, 150]) {
      const damaged = Buffer.from(data);
      damaged[at]! ^= 1;
      await assert.rejects(walk(damaged, 4096), (error: Error) => error.name === 'BadTar', `flipped at ${at}`);
    }
  });
}

describe('compression', () => {
  const bytes = Buffer.concat(
    Array.from({ length: 300_000 }, (_, index) => Buffer.from(`line ${index} ${index * 7919}\n`)),
  );
  async function through(data: Buffer, compression: Compression, step: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    const chunks = Array.from({ length: Math.ceil(data.length / step) }, (_, index) =>
      data.subarray(index * step, (index + 1) * step),
    );
    for await (const part of decompressor(compression)(Readable.from(chunks) as AsyncIterable<Buffer>))
      parts.push(part);
    return Buffer.concat(parts);
  }
  for (const compression of ['gzip', 'zstd'] as const) {
    it(`${compression}: several frames read as one, by us and by the plain tool`, async () => {
      const parts: Buffer[] = [];
      for await (const part of Readable.from([bytes, bytes]).pipe(
        compressor(compression, undefined),
      ) as AsyncIterable<Buffer>)
        parts.push(part);
      const packed = Buffer.concat(parts);
      assert.ok(packed.length < bytes.length);
      const whole = Buffer.concat([bytes, bytes]);
      for (const step of [packed.length, 65_536, 1777])
        assert.ok((await through(packed, compression, step)).equals(whole));
      assert.ok(
        execFileSync(compression === 'gzip' ? 'gzip' : 'zstd', ['-dc'], { input: packed, maxBuffer: 1e9 }).equals(
          whole,
        ),
      );
      await assert.rejects(through(packed.subarray(0, packed.length - 10), compression, 65_536));
    });
    it(`${compression}: frames of odd sizes by another writer`, async () => {
      const pack = compression === 'gzip' ? gzipSync : zstdCompressSync;
      const odd = [Buffer.from('a'), Buffer.alloc(70_001, 'b'), Buffer.alloc(0), Buffer.from('c')];
      assert.ok(
        (await through(Buffer.concat(odd.map((part) => pack(part))), compression, 100_000)).equals(Buffer.concat(odd)),
      );
    });
  }
});

describe('what must not be extracted is named', () => {
  const member = (name: string, type = '0', link = ''): TarMember => ({
    name: Buffer.from(name),
    type,
    link: Buffer.from(link),
    bytes: 0,
    mode: 0,
    uid: 0,
    gid: 0,
    device: '0,0',
    mtime: 0,
    attributes: [],
    blocks: [],
  });
  const table: [string, TarMember[], RegExp | undefined][] = [
    ['a climb', [member('../../etc/passwd')], /passwd" is outside/],
    ['a climb inside', [member('a/../../b')], /outside/],
    [
      'an absolute name among relative ones',
      [member('a'), member('/etc/passwd')],
      /"\/etc\/passwd" is an absolute path/,
    ],
    ['absolute names throughout', [member('/data/', '5'), member('/data/a')], undefined],
    ['a hard link outside', [member('a', '1', '../b')], /hard link to "..\/b"/],
    ['a hard link to an absolute path', [member('a', '1', '/etc/shadow')], /hard link to "\/etc\/shadow"/],
    ['a file through a link', [member('out', '2', '/etc'), member('out/passwd')], /behind the symbolic link "out"/],
    [
      'a file through a link, written otherwise',
      [member('./x/out', '2', '..'), member('x//./out/deep/file')],
      /behind the symbolic link/,
    ],
    [
      'a hard link through a link',
      [member('out', '2', '/etc'), member('a', '1', 'out/shadow')],
      /behind the symbolic link/,
    ],
    ['a link that a directory replaced', [member('out', '2', '/etc'), member('out/', '5'), member('out/a')], undefined],
    ['a link that leads out', [member('a', '2', '/anywhere')], undefined],
    ['dots that are no climb', [member('a..b/..c/...')], undefined],
  ];
  for (const [what, members, problem] of table) {
    it(`${what}: ${problem === undefined ? 'sound' : 'refused'}`, () => {
      const check = new EscapeCheck();
      for (const one of members) check.add(one);
      if (problem === undefined) assert.deepEqual(check.problems(), []);
      else assert.match(check.problems().join(), problem);
    });
  }
});

it('file names and times in them', () => {
  assert.equal(timestamp(new Date(Date.UTC(2026, 10, 24, 3, 15, 22, 999))), '20261124T031522Z');
  assert.equal(fileNamePart('/srv/my data:/x'), 'srv_my_data_x');
  assert.equal(fileNamePart('../..'), 'root');
});
