import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { Manifest } from '../../src/backup/archive/manifest.ts';
import type { Connection } from '../../src/engine/connection.ts';
import { begin, container, end, unique, until, volume } from '../engine/support.ts';
import { call } from './call.ts';

interface Listed {
  readonly id?: string;
  readonly last: { file: string; at: string; verified: boolean } | null;
  readonly next: string;
  readonly lastError: { message: string; attempts: number } | null;
  readonly running: boolean;
  readonly waitsForEngine: string | null;
  readonly problem?: string;
}

describe('the schedule', () => {
  let connection: Connection;
  let folder: string;
  let to: string;
  const data = unique('planned');
  const settings = () => vscode.workspace.getConfiguration('dockerMounts');
  const write = (schedule: unknown) => settings().update('schedule', schedule, vscode.ConfigurationTarget.Global);
  const listed = async (id: string) => (await call<Listed[]>('listSchedule')).find((one) => one.id === id);
  const archives = () => readdirSync(to).filter((name) => name.includes('.tar') && !name.endsWith('.json'));

  before(async () => {
    ({ connection, folder } = await begin());
    writeFileSync(join(await volume(connection, data), 'rows'), 'one\ntwo\n');
    await call('refresh');
  });
  beforeEach(() => {
    to = join(folder, unique('to'));
    mkdirSync(to);
  });
  afterEach(() => write(undefined));
  after(() => end(connection, folder));

  it('backUpRegularly with all it needs asks nothing, writes the setting, and the first backup follows by itself', async () => {
    const entry = await call<Record<string, unknown>>('backUpRegularly', {
      volume: data,
      every: '6h',
      destination: to,
      keep: { last: 3 },
    });
    assert.deepEqual(entry, {
      id: data,
      volume: data,
      every: '6h',
      destination: to,
      keep: { last: 3 },
      engine: connection.info.name,
    });
    assert.deepEqual(settings().get('schedule'), [entry]);
    await until('an archive', async () => (await listed(data))?.last?.verified === true, 20_000);
    assert.equal(archives().length, 1);
    const manifest = JSON.parse(readFileSync(join(to, `${archives()[0]}.json`), 'utf8')) as Manifest;
    assert.equal(manifest.plan, data);
    const after = await listed(data);
    assert.ok(Date.parse(after?.next ?? '') > Date.now() + 5 * 3_600_000);
    assert.deepEqual([after?.lastError, after?.waitsForEngine], [null, null]);
  });

  it('runSchedule: one entry now, or what is due; retention thins out its own', async () => {
    await call('backUpRegularly', { id: 'mine', volume: data, at: '00:00', destination: to, keep: { last: 2 } });
    assert.deepEqual(
      (await call<{ outcome: string }[]>('runSchedule', {})).map(({ outcome }) => outcome),
      ['notDue'],
      'midnight has passed before it was made',
    );
    for (let run = 0; run < 3; run += 1) {
      const [result] = await call<{ outcome: string; file: string; removed: string[] }[]>('runSchedule', {
        id: 'mine',
      });
      assert.equal(result?.outcome, 'done');
      assert.equal(result.removed.length, run === 2 ? 1 : 0);
      assert.deepEqual(JSON.parse(JSON.stringify(result)), result, 'plain JSON');
    }
    assert.equal(archives().length, 2);
  });

  it('removeFromSchedule: the entry goes, its archives stay', async () => {
    await write([{ volume: 'another', every: '1w', destination: join(folder, 'nowhere') }]);
    await call('backUpRegularly', { id: 'mine', volume: data, at: '00:00', destination: to });
    await call('runSchedule', { id: 'mine' });
    assert.deepEqual(await call('removeFromSchedule', { id: 'mine' }), { removed: ['mine'] });
    assert.equal(archives().length, 1);
    assert.deepEqual(settings().get<object[]>('schedule')?.length, 1);
    await assert.rejects(
      async () => call('removeFromSchedule', { id: 'mine' }),
      /no scheduled backup "mine"; the scheduled ones are: "volume:another"/,
    );
  });

  it('bad entries are named with field and way out, and the good ones work', async () => {
    await write([
      { volume: data, evry: '1d' },
      { id: 'good', volume: data, every: '1d', destination: to },
      { id: 'when', volume: data, at: '25:00' },
    ]);
    const all = await call<Listed[]>('listSchedule');
    assert.deepEqual(
      all.map(({ id }) => id),
      ['good', undefined, undefined],
    );
    assert.match(all[1]?.problem ?? '', /Entry 1 .*"evry" is unknown; use id, /);
    assert.match(all[2]?.problem ?? '', /Entry 3 \("when"\).*"at" is "25:00"/);
    await until('the good one', () => archives().length === 1, 20_000);
  });

  it('a destination that vanished: the entry says so, and works again when it is back', async () => {
    await call('backUpRegularly', { id: 'mine', volume: data, at: '00:00', destination: to });
    await call('runSchedule', { id: 'mine' });
    renameSync(to, `${to}.away`);
    await assert.rejects(
      async () => call('runSchedule', { id: 'mine' }),
      /does not exist; create it or choose another/,
    );
    assert.match((await listed('mine'))?.lastError?.message ?? '', /does not exist/);
    renameSync(`${to}.away`, to);
    await call('runSchedule', { id: 'mine' });
    assert.equal((await listed('mine'))?.lastError, null);
  });

  it('encrypted without a passphrase fails with the way out; set, it runs at once', async () => {
    await call('backUpRegularly', { id: 'mine', volume: data, every: '1d', destination: to, encrypt: true });
    await until('the failure', async () =>
      /no passphrase is stored; set it by/.test((await listed('mine'))?.lastError?.message ?? ''),
    );
    await call('setPassphrase', { passphrase: 'correct horse' });
    await until('an archive', () => archives().some((name) => name.endsWith('.age')), 20_000);
  });

  it('no workspace brings a schedule of its own', () => {
    const { capabilities, contributes } = vscode.extensions.getExtension('docker-mounts.docker-mounts')
      ?.packageJSON as {
      capabilities: { untrustedWorkspaces: { restrictedConfigurations: string[] } };
      contributes: { configuration: { properties: Record<string, { scope: string }> } };
    };
    assert.ok(capabilities.untrustedWorkspaces.restrictedConfigurations.includes('dockerMounts.schedule'));
    assert.equal(contributes.configuration.properties['dockerMounts.schedule']?.scope, 'machine');
  });

  const refused: [string, object, RegExp][] = [
    ['a volume that is not there', { volume: 'never-made', every: '1d' }, /no volume "never-made"/],
    ['a Compose project without volumes', { project: 'nobody', every: '1d' }, /project "nobody" has no volumes/],
    ['a container without mounts', { container: unique('bare'), every: '1d' }, /no volume or bind mount/],
    ['an interval that is none', { volume: data, every: 'often' }, /"every" is "often".*such as "30m"/],
    ['two subjects', { volume: data, project: 'x', every: '1d' }, /"volume" and "project"; give one/],
    ['a misspelt argument', { volume: data, evry: '1d' }, /"evry" is unknown/],
    ['keeping nothing', { volume: data, every: '1d', keep: { last: 0 } }, /would keep nothing/],
  ];
  for (const [what, args, message] of refused) {
    it(`refuses ${what}, and writes nothing`, async () => {
      if ('container' in args) await container(connection, String(args.container), { start: false });
      await assert.rejects(async () => call('backUpRegularly', { destination: to, ...args }), message);
      assert.deepEqual(settings().get('schedule'), []);
    });
  }

  it('refuses an id that is taken, and one that is unknown', async () => {
    await call('backUpRegularly', { id: 'mine', volume: data, at: '00:00', destination: to });
    await assert.rejects(
      async () => call('backUpRegularly', { id: 'mine', volume: data, every: '1d', destination: to }),
      /"mine" already/,
    );
    await assert.rejects(
      async () => call('runSchedule', { id: 'yours' }),
      /no scheduled backup "yours"; the scheduled ones are: "mine"/,
    );
  });
});
