import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { backup } from '../../src/backup/backup.ts';
import { listBackups } from '../../src/backup/archive/list.ts';
import { openManifest } from '../../src/backup/archive/manifestFile.ts';
import { parseSchedule } from '../../src/schedule/entry.ts';
import { ScheduleLock } from '../../src/schedule/lock.ts';
import { ScheduleRunner, type EntryResult, type Failure, type RunnerOptions } from '../../src/schedule/runner.ts';
import type { Connection } from '../../src/engine/connection.ts';
import { EngineUnavailable } from '../../src/engine/errors.ts';
import { begin, container, end, helpersOf, jobOn, unique, until, volume } from './support.ts';

const HOUR = 3_600_000;
let connection: Connection;
let folder: string;
let to: string;
let records: string;
let data: string;
let source: string;
const runners: ScheduleRunner[] = [];

before(async () => {
  ({ connection, folder } = await begin());
});
after(() => end(connection, folder));
beforeEach(async () => {
  to = join(folder, unique('to'));
  records = join(folder, unique('records'));
  mkdirSync(to);
  data = unique('data');
  source = await volume(connection, data);
  writeFileSync(join(source, 'rows'), 'x'.repeat(10_000));
});
afterEach(async () => {
  for (const runner of runners.splice(0)) await runner.stop();
});

interface Told {
  readonly failures: Failure[][];
  readonly shrunk: string[];
  readonly lines: string[];
}

/** A runner as a window has it. */
function window(
  schedule: object[],
  more: Partial<RunnerOptions> & { onLine?: (line: string) => void } = {},
): { runner: ScheduleRunner; told: Told } {
  const { entries, problems } = parseSchedule(schedule.map((one) => ({ destination: to, ...one })));
  assert.deepEqual(problems, []);
  const told: Told = { failures: [], shrunk: [], lines: [] };
  const say = (line: string) => {
    told.lines.push(line);
    more.onLine?.(line);
  };
  const runner = new ScheduleRunner({
    entries: () => entries,
    destination: ({ destination }) => destination,
    connection: () => Promise.resolve(connection),
    connected: () => connection,
    passphrase: () => Promise.resolve(undefined),
    defaults: () => ({}),
    records,
    log: { debug: say, info: say, warn: say, error: say },
    work: (_entry, task) => task({ progress: () => undefined }),
    onFailures: (failures) => told.failures.push([...failures]),
    onShrunk: ({ file }) => told.shrunk.push(file),
    ...more,
  });
  runners.push(runner);
  return { runner, told };
}

const archives = () =>
  readdirSync(to)
    .filter((name) => !name.endsWith('.json'))
    .sort();
const outcomes = (results: readonly EntryResult[]) => results.map(({ outcome }) => outcome);

/** Makes archives older, as if the time had passed. */
function age(hours: number, files = archives()): void {
  for (const name of files) {
    const manifest = join(to, `${name}.json`);
    if (!existsSync(manifest)) continue;
    const known = JSON.parse(readFileSync(manifest, 'utf8')) as { createdAt: string };
    writeFileSync(
      manifest,
      JSON.stringify({ ...known, createdAt: new Date(Date.parse(known.createdAt) - hours * HOUR).toISOString() }),
    );
  }
}

describe('a plan', () => {
  it('backs up when a window opens, verifies, says in the manifest who made it, and is not due again', async () => {
    const { runner } = window([{ id: 'mine', volume: data, every: '6h' }]);
    runner.start();
    await until('an archive', () => archives().some((name) => name.endsWith('.tar.zst')));
    await until('all done', () => runner.status()[0]?.last !== undefined);
    const [name = ''] = archives();
    const manifest = await openManifest(join(to, name), undefined);
    assert.deepEqual([manifest?.plan, manifest?.verified?.ok, manifest?.subject], ['mine', true, data]);
    const [status] = runner.status();
    assert.ok(Math.abs((status?.next ?? 0) - Date.now() - 6 * HOUR) < 60_000);
    await runner.wake();
    assert.deepEqual(outcomes(await runner.run()), ['notDue']);
    assert.deepEqual(archives(), [name], 'no lock and no second archive');
    assert.equal(await helpersOf(connection), 0);
  });

  it('closed for a week makes up for it with one run, and another window agrees', async () => {
    const entry = { volume: data, every: '1d' };
    assert.deepEqual(outcomes(await window([entry]).runner.run()), ['done']);
    age(7 * 24);
    assert.deepEqual(outcomes(await window([entry]).runner.run()), ['done']);
    assert.deepEqual(outcomes(await window([entry]).runner.run()), ['notDue']);
    assert.equal(archives().length, 2);
  });

  it('two windows at once make one archive', async () => {
    const entry = { volume: data, every: '1d' };
    const results = await Promise.all(
      [window([entry]), window([entry]), window([entry])].map(({ runner }) => runner.run()),
    );
    assert.deepEqual(
      results.flatMap(outcomes).filter((outcome) => outcome === 'done'),
      ['done'],
    );
    assert.equal(archives().length, 1);
  });

  it('the volumes of a Compose project get an archive each; a mount of a container and a bind work too', async () => {
    const project = unique('shop');
    const labels = { 'com.docker.compose.project': project, 'docker-mounts.test': '1' };
    await volume(connection, `${project}_db`, { Labels: labels });
    await container(connection, `${project}-web`, {
      start: false,
      Labels: labels,
      HostConfig: { Binds: [`${data}:/data`] },
    });
    const bind = join(folder, unique('bind'));
    mkdirSync(bind);
    const { runner } = window([
      { project, every: '1d' },
      { container: `${project}-web`, targets: ['/data'], every: '1d' },
      { source: bind, every: '1d', compression: 'gzip' },
    ]);
    const results = await runner.run();
    assert.deepEqual(
      results.map((result) => ('subject' in result ? result.subject.name : '')).sort(),
      [`${project}_db`, data, `${project}-web`, bind].sort(),
    );
    assert.deepEqual(outcomes(await runner.run()), ['notDue', 'notDue', 'notDue', 'notDue']);
    assert.equal(runner.status()[0]?.subjects.length, 2);
  });

  it('a container named by its id is known again by its name', async () => {
    const id = await container(connection, unique('by-id'), { start: false, HostConfig: { Binds: [`${data}:/data`] } });
    const { runner } = window([{ container: id.slice(0, 12), every: '1d' }]);
    assert.deepEqual([outcomes(await runner.run()), outcomes(await runner.run())], [['done'], ['notDue']]);
  });

  it('keeps a paused writer paused no longer than the backup takes', async () => {
    const writer = unique('writer');
    await container(connection, writer, { HostConfig: { Binds: [`${data}:/data`] } });
    const { runner, told } = window([{ volume: data, every: '1d', consistency: 'pause' }]);
    assert.deepEqual(outcomes(await runner.run()), ['done']);
    assert.ok(told.lines.includes(`Paused ${writer}.`));
    assert.equal((await connection.docker.getContainer(writer).inspect()).State.Paused, false);
  });

  it('for another engine waits, and says so when run by hand', async () => {
    const { runner, told } = window([{ id: 'far', volume: data, every: '1d', engine: 'another-machine' }]);
    runner.start();
    await runner.wake();
    assert.equal(runner.status()[0]?.isElsewhere, true);
    const [result] = await runner.run('far');
    assert.match(result?.outcome === 'failed' ? result.error : '', /for the engine "another-machine"/);
    assert.deepEqual([archives(), told.failures], [[], []]);
  });
});

describe('retention on real files', () => {
  it('removes the oldest of its own, and nothing that it did not make', async () => {
    const { runner, told } = window([{ id: 'mine', volume: data, every: '1d', keep: { last: 2 } }]);
    const byHand = await backup(jobOn(connection), {
      subject: { kind: 'volume', name: data },
      destination: to,
      name: 'by-hand',
    });
    const other = await backup(jobOn(connection), {
      subject: { kind: 'volume', name: data },
      destination: to,
      name: 'of-another-plan',
      plan: 'another',
    });
    writeFileSync(join(to, 'foreign.tar'), execFileSync('tar', ['-cf', '-', '-C', source, '.']));
    writeFileSync(join(to, `${data}-20200101T000000Z.tar.zst`), 'named alike, without a manifest');
    const foreign = archives();
    age(1000);
    const made: string[] = [];
    for (let run = 0; run < 4; run += 1) {
      age(
        25,
        made.map((file) => file.slice(to.length + 1)),
      );
      const [result] = await runner.run('mine');
      assert.equal(result?.outcome, 'done', JSON.stringify(result));
      if (result.outcome === 'done') made.push(result.file);
    }
    assert.deepEqual(
      archives()
        .filter((name) => !foreign.includes(name))
        .map((name) => join(to, name))
        .sort(),
      made.slice(2).sort(),
    );
    assert.deepEqual(
      archives().filter((name) => foreign.includes(name)),
      foreign,
    );
    for (const { file, manifest } of [byHand, other]) assert.ok(existsSync(file) && existsSync(manifest));
    assert.ok(
      told.lines.some(
        (line) => line.includes(made[0] ?? '?') && /Removed .*mine.*older than what is kept \(last 2\)/.test(line),
      ),
    );
    // Backups of one second can take the name of one that went.
    const isNameFree = !made.slice(1).includes(made[0] ?? '');
    assert.equal(existsSync(`${made[0]}.json`), !isNameFree, 'its manifest went too');
  });

  it('a backup that fails its check leaves the older ones, is tried again, and of the broken ones one stays', async () => {
    let isBroken = false;
    const onLine = (line: string) => {
      const [, file] = /^Wrote "([^"]+)"/.exec(line) ?? [];
      if (!isBroken || file === undefined) return;
      const bytes = readFileSync(file);
      bytes[bytes.length >> 1]! ^= 0x10;
      writeFileSync(file, bytes);
    };
    const { runner, told } = window([{ id: 'mine', volume: data, every: '1d', keep: { last: 1 } }], { onLine });
    await runner.run('mine');
    const good = archives();
    age(48);
    isBroken = true;
    await runner.look();
    runner.start();
    await until('the failure is told', () => told.failures.length > 0);
    assert.match(told.failures[0]?.[0]?.error.message ?? '', /verifying it failed: .*Earlier backups were kept/);
    for (let run = 0; run < 2; run += 1) assert.deepEqual(outcomes(await runner.run('mine')), ['failed']);
    assert.equal(archives().length, 2);
    assert.ok(archives().includes(good[0] ?? '?'));
    assert.deepEqual(
      (await listBackups(to)).map(({ verified }) => verified?.ok),
      [false, true],
    );
    isBroken = false;
    assert.deepEqual(outcomes(await runner.run()), ['done'], 'it is still due');
    assert.equal(runner.status()[0]?.failure, undefined);
    assert.equal(archives().includes(good[0] ?? '?'), false, 'now the old one may go');
  });

  it('data that vanished: told once, and the archive with the data stays', async () => {
    const { runner, told } = window([{ id: 'mine', volume: data, every: '1d', keep: { last: 1 } }]);
    await runner.run('mine');
    const [full = ''] = archives();
    writeFileSync(join(source, 'rows'), '');
    for (let run = 0; run < 3; run += 1) {
      age(25);
      await runner.run('mine');
    }
    assert.ok(archives().includes(full));
    assert.equal(archives().length, 2);
    assert.equal(told.shrunk.length, 1);
  });
});

describe('what goes wrong', () => {
  it('the engine is down: told once, and done when it is back', async () => {
    let isDown = true;
    let asked = 0;
    const { runner, told } = window([{ volume: data, every: '1d' }], {
      connection: () => {
        asked += 1;
        return isDown
          ? Promise.reject(new EngineUnavailable('notRunning', 'unix:///x', 'Nothing answers at unix:///x.'))
          : Promise.resolve(connection);
      },
    });
    runner.start();
    await until('told', () => told.failures.length === 1);
    for (let wake = 0; wake < 5; wake += 1) await runner.wake();
    await runner.wake('EngineUnavailable');
    assert.deepEqual(
      [told.failures.length, asked],
      [1, 2],
      'tried again when it seemed to be back, and not told again',
    );
    assert.match(runner.status()[0]?.failure?.message ?? '', /Nothing answers/);
    assert.equal(runner.status()[0]?.failure?.attempts, 2);
    isDown = false;
    await runner.wake('EngineUnavailable');
    assert.equal(archives().length, 1);
    assert.equal(runner.status()[0]?.failure, undefined);
  });

  it('a second window does not tell of the same failure', async () => {
    const entry = { volume: 'never-made', every: '1d' };
    const [one, two] = [window([entry]), window([entry])];
    one.runner.start();
    await until('told', () => one.told.failures.length === 1);
    two.runner.start();
    await two.runner.wake();
    assert.deepEqual([two.told.failures, two.runner.status()[0]?.failure?.attempts], [[], 1]);
  });

  it('the destination vanishes, or stands empty without its disk: named, and done when it is back', async () => {
    const { runner, told } = window([{ volume: data, every: '1d' }]);
    await runner.run();
    age(48);
    const away = `${to}.away`;
    renameSync(to, away);
    assert.match(failed(await runner.run()), /folder ".*" does not exist/);
    mkdirSync(to);
    assert.match(failed(await runner.run()), /is empty now: is the disk or network folder mounted\?/);
    assert.deepEqual([readdirSync(to), told.failures], [[], []], 'whoever ran it by hand sees it there');
    renameSync(away, to);
    assert.deepEqual(outcomes(await runner.run()), ['done']);
  });

  it('a destination emptied on purpose is filled again by hand', async () => {
    const { runner } = window([{ id: 'mine', volume: data, every: '1d' }]);
    await runner.run();
    execFileSync('sh', ['-c', 'rm -f "$1"/*', 'sh', to]);
    assert.match(failed(await runner.run()), /is empty now/);
    assert.deepEqual(outcomes(await runner.run('mine')), ['done']);
  });

  it('encrypted without a passphrase fails before anything is written; with one it is opened to be verified', async () => {
    const stored: string[] = [];
    const { runner } = window([{ volume: data, every: '1d', encrypt: true }], {
      passphrase: () => Promise.resolve(stored[0]),
    });
    assert.match(failed(await runner.run()), /no passphrase is stored/);
    assert.deepEqual(archives(), []);
    stored.push('correct horse');
    assert.deepEqual(outcomes(await runner.run()), ['done']);
    assert.match(archives()[0] ?? '', /\.tar\.zst\.age$/);
    assert.equal(runner.status()[0]?.last?.verified?.ok, true);
  });

  it('one subject that fails does not keep another entry from its turn', async () => {
    const { runner } = window([
      { volume: 'never-made', every: '1d' },
      { volume: data, every: '1d' },
    ]);
    assert.deepEqual(outcomes(await runner.run()), ['failed', 'done']);
  });

  it('cancelled: nothing is left, and that slot is passed over', async () => {
    const { runner } = window([{ id: 'mine', volume: data, every: '1d' }], {
      onLine: (line) => line.startsWith('Backing up') && runner.cancel('mine'),
    });
    assert.deepEqual(outcomes(await runner.run('mine')), ['cancelled']);
    assert.deepEqual(readdirSync(to), []);
    assert.equal(await helpersOf(connection), 0);
    assert.deepEqual(outcomes(await runner.run()), ['notDue']);
  });

  it('the window closes in the middle: nothing is left, and the next window does it', async () => {
    const entry = { volume: data, every: '1d' };
    const first = window([entry], { onLine: (line) => line.startsWith('Backing up') && first.runner.dispose() });
    await first.runner.run();
    await first.runner.stop();
    assert.deepEqual(readdirSync(to), []);
    assert.deepEqual(outcomes(await window([entry]).runner.run()), ['done']);
  });

  it('records that cannot be written make no storm of runs', async () => {
    writeFileSync(records, 'a file where the folder should be');
    let asked = 0;
    const { runner, told } = window([{ volume: 'never-made', every: '1d' }], {
      connection: () => ((asked += 1), Promise.resolve(connection)),
    });
    runner.start();
    for (let wake = 0; wake < 4; wake += 1) await runner.wake();
    assert.deepEqual([asked, told.failures.length], [1, 1]);
  });
});

describe('the lock', () => {
  it('of a process that crashed is taken over at once', async () => {
    const script = `import { ScheduleLock } from ${JSON.stringify(join(process.cwd(), 'src/schedule/lock.ts'))}; await ScheduleLock.take(process.argv[1], 'mine'); console.log('held'); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, to], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    assert.deepEqual(outcomes(await window([{ id: 'mine', volume: data, every: '1d' }]).runner.run('mine')), ['busy']);
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    assert.deepEqual(outcomes(await window([{ id: 'mine', volume: data, every: '1d' }]).runner.run('mine')), ['done']);
    assert.deepEqual(
      readdirSync(to).filter((name) => name.includes('.lock')),
      [],
    );
  });

  it('of a machine that went away is taken over once it stands still, by one of many', async () => {
    const quick = { heartbeatMs: 50, staleMs: 400 };
    const held = await ScheduleLock.take(to, 'mine', quick);
    assert.ok(held);
    const [file = ''] = readdirSync(to);
    assert.equal(
      await until('a heartbeat', async () => (await ScheduleLock.take(to, 'mine', quick)) === undefined),
      true,
    );
    await held.release();
    writeFileSync(join(to, file), JSON.stringify({ machine: 'elsewhere', pid: 1, token: 'old' }));
    assert.equal(await ScheduleLock.take(to, 'mine', quick), undefined, 'fresh: not yet');
    await new Promise((resolve) => setTimeout(resolve, 500));
    const taken = (await Promise.all(Array.from({ length: 10 }, () => ScheduleLock.take(to, 'mine', quick)))).filter(
      (lock) => lock !== undefined,
    );
    assert.equal(taken.length, 1);
    await taken[0]?.release();
    assert.deepEqual(readdirSync(to), []);
  });

  it('that another took over while this machine slept ends the run', async () => {
    const held = await ScheduleLock.take(to, 'mine', { heartbeatMs: 30 });
    assert.ok(held);
    const [file = ''] = readdirSync(to);
    writeFileSync(join(to, file), JSON.stringify({ machine: 'elsewhere', pid: 1, token: 'other' }));
    await until('it notices', () => held.lost.aborted);
    await held.release();
    assert.deepEqual(readdirSync(to), [file], 'the other one’s lock stays');
  });
});

function failed(results: readonly EntryResult[]): string {
  const [result] = results;
  assert.equal(result?.outcome, 'failed', JSON.stringify(results));
  return result.outcome === 'failed' ? result.error : '';
}
