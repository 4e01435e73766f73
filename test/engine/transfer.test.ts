import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { after, before, it } from 'node:test';
import { cloneVolume, copyData, copyVolumeToEngine } from '../../src/backup/copy.ts';
import { undoJob } from '../../src/backup/recovery.ts';
import type { Connection } from '../../src/engine/connection.ts';
import { BadArgument, Cancelled, EngineUnavailable, NotFound, TargetNotEmpty } from '../../src/engine/errors.ts';
import { recoverJobs } from '../../src/engine/helper/records.ts';
import { startEngine } from '../host/engine.mjs';
import { makeImages } from '../host/images.mjs';
import { assertSameTree, buildTree } from './trees.ts';
import { begin, connect, end, GNU_TAR, helpersOf, job, jobOn, unique, volume } from './support.ts';

const MIB = 1024 * 1024;
let connection: Connection;
let other: Awaited<ReturnType<typeof startEngine>>;
let folder: string;
let source: string;
let path: string;
before(async () => {
  ({ connection, folder } = await begin());
  other = await startEngine();
  await makeImages(other.host);
  source = unique('source');
  path = await volume(connection, source);
  buildTree(path, { files: 200, bigFileMiB: 2 });
});
after(async () => {
  await other.stop();
  await end(connection, folder);
});

const mountpoint = async (on: Connection, name: string) => (await on.docker.getVolume(name).inspect()).Mountpoint;
const exists = (on: Connection, name: string) =>
  on.docker
    .getVolume(name)
    .inspect()
    .then(
      () => true,
      () => false,
    );
const full = { nanoseconds: true, attributes: true };

it('a clone holds all that the volume holds; a name that is taken or cannot be is refused', async () => {
  const name = unique('clone');
  const result = await cloneVolume(jobOn(connection), source, name, { helperImage: GNU_TAR });
  assertSameTree(await mountpoint(connection, name), path, full);
  assert.ok(result.entries > 200 && result.bytes > 2 * MIB);
  await assert.rejects(cloneVolume(jobOn(connection), source, name, {}), BadArgument);
  await assert.rejects(cloneVolume(jobOn(connection), 'no-such', unique('x'), {}), NotFound);
  await assert.rejects(cloneVolume(jobOn(connection), source, '/', {}), BadArgument);
  assert.equal(await helpersOf(connection), 0);
});

it('a volume goes to another engine, with and without a tar there', async () => {
  const to = await connect(other.host);
  for (const helperImage of [GNU_TAR, undefined]) {
    const name = unique('moved');
    const result = await copyVolumeToEngine(jobOn(connection), source, to, name, { helperImage });
    assert.equal(result.name, name);
    const there = await mountpoint(to, name);
    if (helperImage) assertSameTree(there, path, full);
    else assert.deepEqual(readdirSync(there).sort(), readdirSync(path).sort());
  }
  assert.deepEqual([await helpersOf(connection), await helpersOf(to)], [0, 0]);
});

it('cancelled, or the other engine killed, in the middle: nothing is left on either side', async () => {
  const large = unique('large');
  writeFileSync(join(await volume(connection, large), 'a'), randomBytes(150 * MIB));
  for (const helperImage of [GNU_TAR, undefined]) {
    const to = await connect(other.host);
    const [cancelled, killed] = [unique('cancelled'), unique('killed')];
    const work = job(() => work.abort.abort());
    await assert.rejects(copyVolumeToEngine(jobOn(connection, work), large, to, cancelled, { helperImage }), Cancelled);
    assert.equal(await exists(to, cancelled), false);
    let death: Promise<void> | undefined;
    const dying = job((bytes) => {
      if (bytes > MIB) death ??= other.kill();
    });
    await assert.rejects(
      copyVolumeToEngine(jobOn(connection, dying), large, to, killed, { helperImage }),
      (error: Error) => error instanceof EngineUnavailable,
    );
    await death;
    assert.equal(await helpersOf(connection), 0);
    await other.restart();
    const back = await connect(other.host);
    await recoverJobs(back, job().log, undoJob);
    assert.deepEqual([await exists(back, killed), await helpersOf(back)], [false, 0]);
  }
});

it('a volume into a directory of the host and back; a target that holds something is refused', async () => {
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  await copyData(
    jobOn(connection),
    { type: 'volume', source },
    { type: 'bind', source: empty },
    { helperImage: GNU_TAR },
  );
  assertSameTree(empty, path, full);
  await assert.rejects(
    copyData(jobOn(connection), { type: 'volume', source }, { type: 'bind', source: empty }, {}),
    TargetNotEmpty,
  );
  const name = unique('back');
  await copyData(
    jobOn(connection),
    { type: 'bind', source: empty },
    { type: 'volume', source: name },
    { helperImage: GNU_TAR },
  );
  assertSameTree(await mountpoint(connection, name), path, full);
  const { docker } = connection;
  await docker.getVolume(name).remove();
  assert.equal(await helpersOf(connection), 0);
});
