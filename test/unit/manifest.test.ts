import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  closeSync,
  ftruncateSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { listBackups } from '../../src/backup/archive/list.ts';
import { isByPlan, isFromEngine, isOfSubject, type Manifest } from '../../src/backup/archive/manifest.ts';
import {
  manifestText,
  openManifest,
  readManifest,
  recordVerdict,
  sealedText,
} from '../../src/backup/archive/manifestFile.ts';
import { targetOf } from '../../src/backup/restore/target.ts';
import { archivesBy } from '../../src/schedule/run.ts';
import { parseEntry } from '../../src/schedule/entry.ts';
import type { Connection } from '../../src/engine/connection.ts';
import { BadArchive, PassphraseNeeded } from '../../src/engine/errors.ts';

const PASSPHRASE = 'correct horse';
/** Of the passphrase's rounds: few, so that the tests are quick. */
const LOG_ROUNDS = 10;
let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'dm-manifest-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const FACTS: Manifest = {
  format: 1,
  createdAt: '2026-11-24T12:00:00.000Z',
  file: 'data-20261124T120000Z.tar.age',
  kind: 'bind',
  subject: '/srv/planted-path/data',
  engine: { name: 'planted-host', version: '26.1', apiVersion: '1.45', address: 'unix:///planted/docker.sock' },
  container: { id: 'f'.repeat(64), name: 'planted-container', image: 'planted-image:1', imageId: 'sha256:planted' },
  mounts: [
    {
      type: 'volume',
      source: 'planted-volume',
      target: '/planted-target',
      root: 'planted-target',
      driver: 'local',
      options: { type: 'cifs', device: '//nas/planted', o: 'username=planted-user,password=planted-word' },
      labels: { 'planted-label': 'planted-value' },
      entries: 1,
      bytes: 2,
    },
  ],
  leftOut: [{ target: '/planted-tmp', reason: 'planted-reason' }],
  method: 'tar',
  compression: 'none',
  encryption: 'age',
  entries: 1,
  bytes: 2,
  archiveBytes: 1,
  sha256: 'a'.repeat(64),
  notKept: ['planted-not-kept'],
  warnings: ['planted-warning'],
  plan: 'source:/srv/planted-path/data',
};

async function sealed(
  name: string,
  facts: Partial<Manifest> = {},
  shown: string | undefined = 'data',
): Promise<string> {
  const file = join(folder, name);
  writeFileSync(file, 'x');
  writeFileSync(`${file}.json`, await sealedText({ ...FACTS, ...facts }, shown, PASSPHRASE, LOG_ROUNDS));
  return file;
}

it('nothing of what an encrypted archive holds stands in clear beside it, and all of it comes back with the passphrase', async () => {
  const file = await sealed('data.tar.age');
  const text = readFileSync(`${file}.json`, 'latin1');
  for (const secret of ['planted', 'cifs', '/srv', 'docker.sock', '26.1']) assert.ok(!text.includes(secret), secret);
  assert.deepEqual(await openManifest(file, PASSPHRASE), { ...FACTS, format: 2 });
  await assert.rejects(openManifest(file, undefined), (error) => error instanceof PassphraseNeeded && !error.isWrong);
  await assert.rejects(openManifest(file, 'wrong'), (error) => error instanceof PassphraseNeeded && error.isWrong);
});

it('a file that the user named does not say its subject', async () => {
  const text = await sealedText(FACTS, undefined, PASSPHRASE, LOG_ROUNDS);
  assert.equal('subject' in (JSON.parse(text) as object), false);
});

it('the schedule knows its archives by their marks, of two sources with one name too', async () => {
  await sealed('one.tar.age');
  await sealed('other.tar.age', { subject: '/srv/other/data', plan: 'source:/srv/other/data' });
  const all = await listBackups(folder);
  const entry = parseEntry({ source: FACTS.subject, every: '1d' });
  const mine = archivesBy(entry, 'planted-host', { kind: 'bind', name: FACTS.subject }, all).map(({ file }) =>
    file.slice(folder.length + 1),
  );
  assert.deepEqual(mine.sort(), ['data.tar.age', 'one.tar.age']);
  assert.deepEqual(archivesBy(entry, 'another-host', undefined, all), []);
  const other = all.find(({ file }) => file.endsWith('other.tar.age'))!;
  assert.deepEqual(
    [
      isOfSubject(other, { kind: 'bind', name: '/srv/other/data' }),
      isByPlan(other, 'source:/srv/other/data'),
      isFromEngine(other, 'planted-host'),
      isOfSubject(other, { kind: 'volume', name: '/srv/other/data' }),
    ],
    [true, true, true, false],
  );
});

it('a verdict is written into it without the passphrase, and the rest stays sealed', async () => {
  const file = await sealed('verdict.tar.age');
  await recordVerdict(file, true);
  assert.equal((await listBackups(folder)).find((one) => one.file === file)?.verified?.ok, true);
  assert.equal((await openManifest(file, PASSPHRASE))?.subject, FACTS.subject);
});

it('a clear part that was changed, or comes from another archive, is refused', async () => {
  const file = await sealed('changed.tar.age');
  const good = JSON.parse(readFileSync(`${file}.json`, 'utf8')) as Record<string, unknown>;
  const other = JSON.parse(
    readFileSync(`${await sealed('swapped.tar.age', { sha256: 'b'.repeat(64), subject: '/srv/other' })}.json`, 'utf8'),
  ) as Record<string, unknown>;
  const changes: Record<string, unknown>[] = [
    { sha256: 'c'.repeat(64) },
    { createdAt: '2020-01-01T00:00:00.000Z' },
    { kind: 'volume' },
    { bytes: 3 },
    { encrypted: other['encrypted'] },
    { marks: other['marks'] },
    { encrypted: 'AAAA' },
  ];
  for (const change of changes) {
    writeFileSync(`${file}.json`, JSON.stringify({ ...good, ...change }));
    await assert.rejects(openManifest(file, PASSPHRASE), BadArchive, JSON.stringify(change).slice(0, 60));
  }
});

it('passwords in the options of a driver are masked where the archive is not encrypted, and no volume is made with a mask', async () => {
  const { encryption: _, ...plain } = FACTS;
  const file = join(folder, 'plain.tar');
  writeFileSync(file, 'x');
  writeFileSync(`${file}.json`, manifestText({ ...plain, kind: 'volume', subject: 'planted-volume' }));
  const text = readFileSync(`${file}.json`, 'utf8');
  assert.ok(!text.includes('planted-word') && text.includes('planted-user'));
  const manifest = (await openManifest(file, undefined))!;
  assert.deepEqual(manifest.mounts[0]?.maskedOptions, ['o']);
  const missing = () => Promise.reject(Object.assign(new Error('no such volume'), { statusCode: 404 }));
  const connection = {
    docker: { getVolume: () => ({ inspect: missing }), listContainers: () => Promise.resolve([]) },
  } as unknown as Connection;
  await assert.rejects(
    targetOf(connection, { kind: 'volume', name: 'planted-volume' }, manifest),
    /"o".*does not keep/,
  );
  const elsewhere = await targetOf(connection, { kind: 'volume', name: 'another' }, manifest);
  assert.deepEqual(elsewhere.makes, { name: 'another', labels: { 'planted-label': 'planted-value' } });
});

it('what lies under a manifest’s name and is none is said in the row, and neither waited for nor read', async () => {
  const at = mkdtempSync(join(folder, 'odd-'));
  const names = ['huge', 'pipe', 'device', 'folder', 'dangling', 'list', 'null', 'nested', 'wrong'];
  for (const name of names) writeFileSync(join(at, `${name}.tar`), 'x');
  const huge = openSync(join(at, 'huge.tar.json'), 'w');
  ftruncateSync(huge, 400 * 1024 * 1024);
  closeSync(huge);
  execFileSync('mkfifo', [join(at, 'pipe.tar.json')]);
  symlinkSync('/dev/zero', join(at, 'device.tar.json'));
  mkdirSync(join(at, 'folder.tar.json'));
  symlinkSync('/nowhere', join(at, 'dangling.tar.json'));
  writeFileSync(join(at, 'list.tar.json'), '[]');
  writeFileSync(join(at, 'null.tar.json'), 'null');
  writeFileSync(join(at, 'nested.tar.json'), '['.repeat(1_000_000));
  writeFileSync(
    join(at, 'wrong.tar.json'),
    JSON.stringify({ ...FACTS, encryption: undefined, mounts: [{ ...FACTS.mounts[0], labels: { a: 1 } }] }),
  );
  const before = process.memoryUsage().rss;
  const problems = Object.fromEntries(
    (await listBackups(at)).map(({ file, problem }) => [file.slice(at.length + 1, -4), problem ?? '']),
  );
  assert.ok(process.memoryUsage().rss - before < 200 * 1024 * 1024);
  const wanted: Record<string, RegExp> = {
    huge: /419430400 bytes, more than any manifest/,
    pipe: /not a file/,
    device: /not a file/,
    folder: /not a file/,
    dangling: /target does not exist/,
    list: /does not describe/,
    null: /does not describe/,
    nested: /nested deeper/,
    wrong: /"labels"/,
  };
  for (const name of names) assert.match(problems[name] ?? '', wanted[name]!, name);
});

it('names that objects are made of do no harm in a manifest', async () => {
  const file = join(folder, 'proto.tar');
  writeFileSync(file, 'x');
  const text = JSON.stringify({ ...FACTS, encryption: undefined })
    .replace('"planted-label"', '"__proto__":"x","constructor":"y","z"')
    .replace('{"format"', '{"__proto__":{"plan":"polluted"},"format"');
  writeFileSync(`${file}.json`, text);
  const manifest = await readManifest(file);
  assert.ok(manifest !== undefined && 'mounts' in manifest);
  assert.deepEqual(Object.entries(manifest.mounts[0]?.labels ?? {}), [
    ['constructor', 'y'],
    ['z', 'planted-value'],
  ]);
  assert.equal(({} as Record<string, unknown>)['plan'], undefined);
});

it('a manifest is never written larger than it is read again', async () => {
  const labels = Object.fromEntries(Array.from({ length: 30_000 }, (_, index) => [`label-${index}`, 'x'.repeat(40)]));
  const file = join(folder, 'labels.tar');
  writeFileSync(file, 'x');
  writeFileSync(`${file}.json`, manifestText({ ...FACTS, mounts: [{ ...FACTS.mounts[0]!, labels }] }));
  const manifest = await openManifest(file, undefined);
  assert.equal(manifest?.mounts[0]?.labels, undefined);
  assert.match(manifest?.warnings.at(-1) ?? '', /labels/);
});
