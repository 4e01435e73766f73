/** Archives that are large, damaged or made for harm, read without an engine. */
import assert from 'node:assert/strict';
import { createHash, randomInt } from 'node:crypto';
import { createWriteStream, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { compressor } from '../../src/backup/archive/compression.ts';
import { contentsOf } from '../../src/backup/archive/contents.ts';
import { KnownScans } from '../../src/backup/archive/scan.ts';
import { newHeader } from '../../src/tar/header.ts';
import { verifyBackup } from '../../src/backup/archive/verify.ts';

const MIB = 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), 'dm-large-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const silent = () => undefined;
const job = () => ({
  signal: new AbortController().signal,
  progress: silent,
  log: { debug: silent, info: silent, warn: silent, error: silent },
});

async function write(file: string, parts: Iterable<Buffer>): Promise<string> {
  const path = join(folder, file);
  await pipeline(
    Readable.from(parts, { objectMode: false, highWaterMark: MIB }),
    compressor('zstd', 1),
    createWriteStream(path),
  );
  return path;
}

it('a million entries: all are counted, and memory stays flat', async () => {
  function* million() {
    for (let folder = 0; folder < 1000; folder += 1) {
      yield newHeader(Buffer.from(`d${folder}/`), '5', 0, 0o755);
      yield Buffer.concat(
        Array.from({ length: 999 }, (_, file) => newHeader(Buffer.from(`d${folder}/f${file}`), '0', 0)),
      );
    }
    yield Buffer.alloc(1024);
  }
  const file = await write('million.tar.zst', million());
  global.gc?.();
  const before = process.memoryUsage.rss();
  let peak = before;
  const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 20);
  const { ok, entries, problems } = await verifyBackup(file, job());
  clearInterval(timer);
  assert.deepEqual([ok, entries, problems], [true, 1_000_000, []]);
  assert.ok(peak - before < 200 * MIB, `${(peak - before) / MIB} MiB more`);
  const { listed, more } = await contentsOf(job(), file, undefined, new KnownScans());
  assert.deepEqual(
    [listed.length, more, listed[1]],
    [20_000, 980_000, { path: 'd0/f0', isDirectory: false, bytes: 0 }],
  );
});

it('a table of names that claims gigabytes is refused before it is read', async () => {
  for (const type of ['x', 'g', 'L', 'K']) {
    const file = await write(`names-${type}.tar.zst`, [
      newHeader(Buffer.from('././@LongLink'), type, 3 * 1024 * MIB),
      Buffer.alloc(10_240),
    ]);
    const { ok, problems } = await verifyBackup(file, job());
    assert.equal(ok, false);
    assert.match(problems.join(), /header is too large/);
  }
});

it('a byte flipped anywhere, a cut at any place, a tail, and the manifest of another archive are each found and named', async () => {
  const body = Buffer.alloc(3000, 'some content that compresses a little ');
  const members = Array.from({ length: 20 }, (_, index) => [
    newHeader(Buffer.from(`file-${index}`), '0', body.length),
    body,
    Buffer.alloc(3072 - body.length),
  ]).flat();
  const tar = Buffer.concat([...members, Buffer.alloc(1024)]);
  for (const [ending, packed] of [
    ['tar', tar],
    ['tar.gz', gzipSync(tar)],
    ['tar.zst', zstdCompressSync(tar)],
  ] as const) {
    const file = join(folder, `whole.${ending}`);
    const manifest = {
      format: 1,
      createdAt: '2026-11-24T03:15:22.000Z',
      kind: 'volume',
      subject: 'data',
      engine: { name: 'here', version: '1', apiVersion: '1.41', address: '' },
      archiveBytes: packed.length,
      sha256: createHash('sha256').update(packed).digest('hex'),
      entries: 20,
      bytes: 60_000,
      mounts: [],
    };
    writeFileSync(`${file}.json`, JSON.stringify(manifest));
    const problemsOf = async (bytes: Buffer) => {
      writeFileSync(file, bytes);
      return (await verifyBackup(file, job())).problems;
    };
    assert.deepEqual(await problemsOf(packed), [], ending);
    for (let round = 0; round < 40; round += 1) {
      const flipped = Buffer.from(packed);
      const at = randomInt(packed.length);
      flipped[at]! ^= 1 << randomInt(8);
      assert.match((await problemsOf(flipped)).join(), /SHA-256 differs/, `${ending}, byte ${at}`);
      const cut = randomInt(packed.length);
      assert.match(
        (await problemsOf(packed.subarray(0, cut))).join(),
        /has \d+ bytes, its manifest says/,
        `${ending}, cut at ${cut}`,
      );
    }
    assert.match((await problemsOf(Buffer.concat([packed, Buffer.from([0])]))).join(), /has \d+ bytes/);
    writeFileSync(`${file}.json`, JSON.stringify({ ...manifest, entries: 21, bytes: 1 }));
    const other = (await problemsOf(packed)).join();
    assert.match(other, /20 entries, its manifest says 21/);
    assert.match(other, /60000 bytes of content, its manifest says 1/);
    assert.equal(statSync(file).size, readFileSync(file).length);
  }
});
