import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { backup } from '../../src/backup/backup.ts';
import { removeStalePartials } from '../../src/backup/archive/remove.ts';
import { undoJob } from '../../src/backup/recovery.ts';
import type { Connection } from '../../src/engine/connection.ts';
import { recoverJobs } from '../../src/engine/helper/records.ts';
import { Inventory } from '../../src/engine/inventory.ts';
import { putBack, unfinishedReplacements } from '../../src/mounts/recovery.ts';
import type { DoomedJob } from './doomed.ts';
import { begin, container, end, GNU_TAR, helpersOf, job, jobOn, JOURNAL_FOLDER, unique, volume } from './support.ts';

const MIB = 1024 * 1024;
let connection: Connection;
let folder: string;
let data: string;
let archive: string;
before(async () => {
  ({ connection, folder } = await begin());
  data = unique('data');
  writeFileSync(join(await volume(connection, data), 'a'), randomBytes(100 * MIB));
  mkdirSync(join(folder, 'good'));
  archive = (
    await backup(jobOn(connection), {
      subject: { kind: 'volume', name: data },
      destination: join(folder, 'good'),
      method: 'tar',
      helperImage: GNU_TAR,
      compression: 'none',
    })
  ).file;
});
after(() => end(connection, folder));

/**
 * Kills the process without a word as soon as a line of its progress is the one, or, where none is, some time after it
 * began.
 */
async function killWindow(doomed: DoomedJob, isNow: (bytes: number) => boolean, afterMs?: number): Promise<string> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'doomed.ts'), JSON.stringify(doomed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, DOCKER_MOUNTS_TEST_JOURNAL: JOURNAL_FOLDER },
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  let last = '';
  for await (const line of createInterface({ input: child.stdout })) {
    last = line;
    if (line === 'begun' && afterMs !== undefined) void sleep(afterMs).then(() => child.kill('SIGKILL'));
    else if (isNow(Number(line))) child.kill('SIGKILL');
  }
  await gone;
  return last;
}

/** What the next window does when it connects. */
async function nextWindow(): Promise<void> {
  await recoverJobs(connection, job().log, undoJob);
  assert.equal(await helpersOf(connection), 0);
}

it('the window killed in the middle of a backup: paused and stopped containers go on, nothing looks whole, the rest goes', async () => {
  for (const [how, method] of [
    ['pause', 'tar'],
    ['stop', 'archive'],
  ] as const) {
    const [name, to] = [unique('writer'), join(folder, unique('to'))];
    mkdirSync(to);
    await container(connection, name, { HostConfig: { Binds: [`${data}:/data`] } });
    const state = async () => (await connection.docker.getContainer(name).inspect()).State;
    const request = {
      subject: { kind: 'volume', name: data },
      destination: to,
      method,
      helperImage: GNU_TAR,
      compression: 'zstd',
      level: 15,
      consistency: how,
    } as const;
    assert.notEqual(await killWindow({ kind: 'backup', request }, (bytes) => bytes > 0), 'done');
    const during = await state();
    assert.deepEqual([during.Paused, during.Running], how === 'pause' ? [true, true] : [false, false]);
    await nextWindow();
    const after = await state();
    assert.deepEqual([after.Paused, after.Running], [false, true]);
    const [partial = ''] = readdirSync(to);
    assert.match(partial, /\.partial$/);
    assert.equal(readdirSync(to).length, 1);
    assert.deepEqual(await removeStalePartials(to), [], 'it may still be written');
    utimesSync(join(to, partial), new Date(), new Date(Date.now() - 25 * 3600 * 1000));
    writeFileSync(join(to, 'notes.partial'), 'not ours');
    utimesSync(join(to, 'notes.partial'), new Date(), new Date(0));
    assert.deepEqual(await removeStalePartials(to), [join(to, partial)]);
    assert.deepEqual(readdirSync(to), ['notes.partial']);
    await connection.docker.getContainer(name).remove({ force: true });
  }
});

it('the window killed while a restore writes: what was there comes back, and a new volume goes', async () => {
  for (const method of ['tar', 'archive'] as const) {
    const old = unique('old');
    const path = await volume(connection, old);
    writeFileSync(join(path, 'old.txt'), 'old');
    const fresh = unique('fresh');
    for (const [into, mode] of [
      [old, 'replace'],
      [fresh, 'empty'],
    ] as const) {
      let last = 0;
      let isWriting = false;
      const isNow = (bytes: number) => {
        if (bytes < last) isWriting = true;
        last = bytes;
        return isWriting && bytes > 20 * MIB;
      };
      const request = {
        file: archive,
        into: { kind: 'volume', name: into },
        mode,
        method,
        helperImage: GNU_TAR,
      } as const;
      assert.notEqual(await killWindow({ kind: 'restore', request }, isNow), 'done');
      await nextWindow();
    }
    assert.deepEqual(readdirSync(path), ['old.txt']);
    assert.equal(readFileSync(join(path, 'old.txt'), 'utf8'), 'old');
    await assert.rejects(connection.docker.getVolume(fresh).inspect());
  }
});

it('the window killed in the middle of a clone: the half copy goes', async () => {
  const name = unique('half');
  assert.notEqual(
    await killWindow({ kind: 'clone', volume: data, name, helperImage: GNU_TAR }, (bytes) => bytes > 0),
    'done',
  );
  await nextWindow();
  await assert.rejects(connection.docker.getVolume(name).inspect());
  assert.ok((await connection.docker.getVolume(data).inspect()).Name);
});

it('the window killed at any moment of a change of mounts: the next one finds it and puts the old container back, or it is whole', async () => {
  let cut = 0;
  for (let afterMs = 50; afterMs < 3000; afterMs += 400) {
    const name = unique('changed');
    const id = await container(connection, name);
    const last = await killWindow(
      { kind: 'addMount', container: name, mount: `${folder}/good:/srv` },
      () => false,
      afterMs,
    );
    const all = async () =>
      (await new Inventory(connection).read()).containers.filter((one) => one.name.startsWith(name));
    const found = await unfinishedReplacements(connection, job().log);
    cut += found.length;
    for (const one of found) await putBack(connection, one, job().log);
    const [one, ...more] = await all();
    assert.deepEqual([one?.name, more.length], [name, 0], `${afterMs} ms`);
    assert.equal(one?.state, 'running', `${afterMs} ms`);
    if (last === 'done') assert.notEqual(one?.id, id);
    await connection.docker.getContainer(name).remove({ force: true });
  }
  assert.ok(cut > 0, 'no moment was in the middle of it');
});
