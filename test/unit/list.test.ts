import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { listBackups } from '../../src/backup/archive/list.ts';
import { MANIFEST_FORMAT } from '../../src/backup/archive/manifest.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'dm-list-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function archive(name: string, more: object = {}): void {
  writeFileSync(join(folder, name), 'x');
  writeFileSync(
    join(folder, `${name}.json`),
    JSON.stringify({
      format: MANIFEST_FORMAT,
      createdAt: '2026-11-24T12:00:00.000Z',
      kind: 'volume',
      subject: 'v',
      engine: { name: 'e', version: '1' },
      sha256: '',
      archiveBytes: 1,
      plan: 'p',
      ...more,
    }),
  );
}

it('more archives than a process may open files: every manifest is read', () => {
  for (let index = 0; index < 1000; index += 1) archive(`v-${index}.tar`);
  const script = `import { listBackups } from ${JSON.stringify(join(process.cwd(), 'src/backup/archive/list.ts'))}; const all = await listBackups(process.argv[1]); console.log(all.length, all.filter(({ plan, problem }) => plan === 'p' && problem === undefined).length);`;
  assert.equal(
    execFileSync(
      'sh',
      ['-c', 'ulimit -n 128; exec "$0" --input-type=module -e "$1" "$2"', process.execPath, script, folder],
      { encoding: 'utf8' },
    ),
    '1000 1000\n',
  );
});

it('a manifest whose time is no text is a problem of that archive, and the others are listed', async () => {
  archive('bad.tar', { createdAt: 7 });
  const all = await listBackups(folder);
  assert.equal(all.length, 1001);
  assert.match(all.find(({ file }) => file.endsWith('bad.tar'))?.problem ?? '', /does not describe an archive/);
});

it('a verdict holds as long as the archive is not written to; a bad one for good', async () => {
  const modifiedAt = '2026-11-24T12:00:00.000Z';
  for (const ok of [true, false]) archive(`${ok}.tar`, { verified: { ok, at: modifiedAt, modifiedAt } });
  const verdicts = async () =>
    (await listBackups(folder))
      .filter(({ file }) => /(true|false)\.tar$/.test(file))
      .map(({ file, verified }) => [file.slice(folder.length + 1), verified?.ok])
      .sort();
  for (const ok of [true, false]) utimesSync(join(folder, `${ok}.tar`), new Date(modifiedAt), new Date(modifiedAt));
  assert.deepEqual(await verdicts(), [
    ['false.tar', false],
    ['true.tar', true],
  ]);
  for (const ok of [true, false]) writeFileSync(join(folder, `${ok}.tar`), 'y');
  assert.deepEqual(await verdicts(), [
    ['false.tar', false],
    ['true.tar', undefined],
  ]);
});
