import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, it } from 'node:test';
import { Journal, JournalFailure } from '../../src/journal/journal.ts';
import { livenessOf, Session } from '../../src/journal/session.ts';

const ENGINE = { id: 'engine-1', address: 'unix:///one.sock' };
const FLUSHED = { flush: true };
let home: string;
let folder: string;
const journals: Journal[] = [];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'dm-journal-'));
  folder = join(home, 'journal');
});
afterEach(async () => {
  await Promise.all(journals.splice(0).map((journal) => journal.dispose()));
  rmSync(home, { recursive: true, force: true });
});

function journalOf(at = folder): Journal {
  const journal = new Journal(at);
  journals.push(journal);
  return journal;
}

const records = () => readdirSync(folder).filter((name) => name.endsWith('.json'));

/** Another window, as a process of its own, that holds one record until it is ended. */
async function otherWindow(): Promise<ChildProcess> {
  const code = `
    import { Journal } from ${JSON.stringify(join(import.meta.dirname, '../../src/journal/journal.ts'))};
    const journal = new Journal(process.argv[1]);
    await journal.open('undo', ${JSON.stringify(ENGINE)}, { of: 'other' }, { flush: true });
    console.log('open');
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(createInterface({ input: child.stdout }), 'line');
  return child;
}

it('a record is there from before the work until its end, and says what was noted last', async () => {
  const journal = journalOf();
  const record = await journal.open('undo', ENGINE, { step: 1 }, FLUSHED);
  assert.deepEqual(
    (await journal.entries(ENGINE)).map(({ kind, facts }) => [kind, facts]),
    [['undo', { step: 1 }]],
  );
  await record.note({ step: 2 });
  assert.deepEqual(
    (await journal.entries(ENGINE)).map(({ facts }) => facts),
    [{ step: 2 }],
  );
  assert.deepEqual(await journal.entries({ ...ENGINE, id: 'another engine' }), []);
  assert.deepEqual(await journal.abandoned(ENGINE), [], 'its job still works');
  await record.end();
  assert.deepEqual(records(), []);
});

it('only this user can read or write the journal', async () => {
  await journalOf().open('undo', ENGINE, {}, FLUSHED);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  for (const name of records()) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600);
});

it('a window that was killed, or only sleeps: its records are abandoned, or not', async () => {
  const journal = journalOf();
  const child = await otherWindow();
  assert.equal((await journal.entries(ENGINE)).length, 1);
  assert.deepEqual(await journal.abandoned(ENGINE), [], 'it lives');
  child.kill('SIGSTOP');
  assert.deepEqual(await journal.abandoned(ENGINE), [], 'it sleeps, and may wake in the middle of its job');
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.deepEqual(
    (await journal.abandoned(ENGINE)).map(({ facts }) => facts),
    [{ of: 'other' }],
  );
});

it('of many windows that recover together, one takes a record over; when that one dies too, another does', async () => {
  const child = await otherWindow();
  child.kill('SIGKILL');
  await once(child, 'exit');
  const windows = Array.from({ length: 8 }, () => journalOf());
  const seen = await Promise.all(windows.map((journal) => journal.abandoned(ENGINE)));
  assert.ok(seen.every((found) => found.length === 1));
  const claimed = await Promise.all(windows.map((journal, index) => journal.claim(seen[index]![0]!)));
  assert.equal(claimed.filter((one) => one !== undefined).length, 1);
  for (const journal of windows) assert.deepEqual(await journal.abandoned(ENGINE), []);
  const winner = windows[claimed.findIndex((one) => one !== undefined)]!;
  await winner.dispose();
  const [loser] = windows.filter((journal) => journal !== winner);
  const [again] = await loser!.abandoned(ENGINE);
  assert.ok(again);
  await (await loser!.claim(again))!.end();
  assert.deepEqual(records(), []);
  assert.equal(await winner.claim(again), undefined, 'it has ended');
});

it('a record that a job gave up is taken over by the same window, once', async () => {
  const journal = journalOf();
  const record = await journal.open('undo', ENGINE, {}, FLUSHED);
  assert.equal(await journal.claim(record), undefined, 'its job still works');
  record.leave();
  const [entry] = await journal.abandoned(ENGINE);
  const claims = await Promise.all([journal.claim(entry!), journal.claim(entry!)]);
  assert.equal(claims.filter((one) => one !== undefined).length, 1);
});

it('what is no record, is damaged or comes from a newer version is left alone', async () => {
  const journal = journalOf();
  await journal.open('undo', ENGINE, {}, FLUSHED);
  const id = '0123456789abcdef';
  const strange: [string, string][] = [
    [`${id}~${id}.json`, '{"version":1,"kind":'],
    [
      `1${id.slice(1)}~${id}.json`,
      '{"version":2,"kind":"undo","engine":"engine-1","address":"unix:///one.sock","at":"2026-01-01T00:00:00Z"}',
    ],
    [`2${id.slice(1)}~${id}.json`, 'null'],
    [`3${id.slice(1)}~${id}.json`, '[]'],
    [`4${id.slice(1)}~${id}.json`, '{"version":1,"kind":{},"engine":"engine-1","address":"unix:///one.sock","at":0}'],
    [`../${'x'.repeat(3)}.json`, '{}'],
    ['notes.txt', 'mine'],
  ];
  for (const [name, text] of strange) writeFileSync(join(folder, name), text);
  assert.equal((await journal.entries(ENGINE)).length, 1);
  for (const [name] of strange) assert.ok(existsSync(join(folder, name)), name);
});

it('a folder that cannot be written: the job is told before it begins, and nothing is left', async () => {
  writeFileSync(folder, 'a file stands here');
  await assert.rejects(
    journalOf().open('undo', ENGINE, {}, FLUSHED),
    (error: Error) =>
      error instanceof JournalFailure && error.message.includes(folder) && /Nothing was changed/.test(error.message),
  );
});

it('a path too long for a socket, and a folder that went away meanwhile', async () => {
  const long = join(home, 'x'.repeat(120), 'journal');
  mkdirSync(long, { recursive: true });
  chmodSync(long, 0o700);
  const [one, two] = [journalOf(long), journalOf(long)];
  const record = await one.open('undo', ENGINE, {}, FLUSHED);
  assert.deepEqual(await two.abandoned(ENGINE), []);
  await one.dispose();
  assert.equal((await two.abandoned(ENGINE)).length, 1);
  rmSync(long, { recursive: true });
  assert.equal(await two.claim(record), undefined);
  assert.deepEqual(await two.entries(ENGINE), []);
});

it('a session is gone once it ended, or the machine was started anew; one of another machine nobody here can judge', async () => {
  const session = await Session.begin(folder);
  assert.equal(await livenessOf(folder, session.id), 'alive');
  await session.end();
  assert.equal(await livenessOf(folder, session.id), 'gone');
  assert.deepEqual(readdirSync(folder), []);
  const own = await Session.begin(folder);
  const facts = JSON.parse(readFileSync(join(folder, `${own.id}.json`), 'utf8')) as Record<string, unknown>;
  await own.end();
  const livenessWith = async (change: object) => {
    writeFileSync(join(folder, 'aaaaaaaaaaaaaaaa.json'), JSON.stringify({ ...facts, ...change }));
    return livenessOf(folder, 'aaaaaaaaaaaaaaaa');
  };
  assert.equal(await livenessWith({ boot: 'another start' }), 'gone');
  assert.equal(await livenessWith({ boot: 'another start', machine: 'another machine' }), 'elsewhere');
  assert.equal(
    await livenessWith({ machine: 'another container of this machine' }),
    'gone',
    'its socket is of this kernel',
  );
  const living = await Session.begin(folder);
  const { socket } = JSON.parse(readFileSync(join(folder, `${living.id}.json`), 'utf8')) as { socket: string };
  assert.equal(
    await livenessWith({ socket, boot: 'another start', machine: 'another machine' }),
    'alive',
    'whatever clocks and names say',
  );
  await living.end();
});
