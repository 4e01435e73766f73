import assert from 'node:assert/strict';
import { chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import type { Connection } from '../../src/engine/connection.ts';
import { EngineUnavailable, FileRefused } from '../../src/engine/errors.ts';
import { recoverJobs } from '../../src/engine/helper/records.ts';
import { Inventory } from '../../src/engine/inventory.ts';
import { Files } from '../../src/files/files.ts';
import { placeOf } from '../../src/files/place.ts';
import { startEngine } from '../host/engine.mjs';
import { makeImages } from '../host/images.mjs';
import { mortalWay } from './mortal.ts';
import { connect, helpersOf, job, remove, temporary, volume } from './support.ts';

let engine: Awaited<ReturnType<typeof startEngine>>;
let folder: string;
before(async () => {
  engine = await startEngine();
  folder = temporary();
});
after(async () => {
  await engine.stop();
  remove(folder);
});

const at = (path: string) => placeOf('volume', 'data', path);
const both = { create: true, overwrite: true };

function filesOf(connection: Connection): Files {
  const inventory = new Inventory(connection);
  return new Files({ connection: () => Promise.resolve(connection), snapshot: () => inventory.read(), log: job().log });
}

it('an engine without any image: files are listed, read, saved, renamed and deleted, and the only images are ours', async () => {
  const connection = await connect(engine.host);
  const files = filesOf(connection);
  const root = await volume(connection, 'data');
  mkdirSync(join(root, 'sub/deeper'), { recursive: true });
  writeFileSync(join(root, 'sub/file'), 'old');
  writeFileSync(join(root, 'sub/deeper/hidden'), 'x');
  chownSync(join(root, 'sub/file'), 12, 34);
  assert.deepEqual(
    (await files.list(at('/sub'))).map(({ name, type, size }) => [name, type, type === 'file' ? size : 0]),
    [
      ['deeper', 'directory', 0],
      ['file', 'file', 3],
    ],
  );
  assert.equal((await files.read(at('/sub/file'))).toString(), 'old');
  await files.write(at('/sub/file'), Buffer.from('new content'), both);
  assert.deepEqual(
    [readFileSync(join(root, 'sub/file'), 'utf8'), statSync(join(root, 'sub/file')).uid],
    ['new content', 12],
  );
  assert.deepEqual(readdirSync(join(root, 'sub')).sort(), ['deeper', 'file']);
  await files.makeDirectory(at('/made'));
  await files.write(at('/made/file'), Buffer.from('x'), { create: true, overwrite: false });
  await files.rename(at('/made/file'), at('/made/other'), false, job());
  assert.deepEqual(readdirSync(join(root, 'made')), ['other']);
  await files.remove(at('/made'), true);
  await files.dispose();
  assert.equal(await helpersOf(connection), 0);
  const tags = (await connection.docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []);
  assert.deepEqual(tags.map((tag) => tag.split(':')[0]).sort(), ['docker-mounts/helper', 'docker-mounts/tools']);
});

it('an engine of another architecture: files are listed, read, saved and made; delete and rename say what is missing, and what works', async () => {
  const real = await connect(engine.host);
  const docker = Object.assign(Object.create(real.docker) as typeof real.docker, {
    version: async () => ({ ...(await real.docker.version()), Arch: 's390x' }),
  });
  const connection = Object.assign(Object.create(Object.getPrototypeOf(real) as object) as Connection, real, {
    docker,
  });
  const files = filesOf(connection);
  const root = (await connection.docker.getVolume('data').inspect()).Mountpoint;
  assert.deepEqual(
    (await files.list(at('/sub'))).map(({ name }) => name),
    ['deeper', 'file'],
  );
  assert.equal((await files.read(at('/sub/file'))).toString(), 'new content');
  for (const content of ['newer', 'newest']) await files.write(at('/sub/file'), Buffer.from(content), both);
  assert.deepEqual(
    [readFileSync(join(root, 'sub/file'), 'utf8'), statSync(join(root, 'sub/file')).uid],
    ['newest', 12],
  );
  // The other name of the last save cannot be removed without a program; there is never more than this one.
  assert.deepEqual(readdirSync(join(root, 'sub')).sort(), ['.docker-mounts-save-last', 'deeper', 'file']);
  await files.makeDirectory(at('/made'));
  await files.write(at('/made/file'), Buffer.from('x'), { create: true, overwrite: false });
  const noTools = (error: Error) =>
    error instanceof FileRefused &&
    error.trouble === 'noTools' &&
    /s390x\. Files can still be listed/.test(error.message);
  await assert.rejects(files.remove(at('/made'), true), noTools);
  await assert.rejects(files.rename(at('/made/file'), at('/made/other'), false, job()), noTools);
  await files.dispose();
  assert.equal(await helpersOf(connection), 0);
});

it('the engine killed after any step of a save: the file is whole, old or new, and a new session cleans up', async () => {
  await makeImages(engine.host);
  const old = 'old\n'.repeat(1000);
  const next = 'new\n'.repeat(1000);
  const saveWith = async (deathAfter: number) => {
    const way = await mortalWay(engine.socket, Infinity, () => engine.kill());
    const files = filesOf(await connect(way.host, engine.host));
    await files.write(at('/sub/file'), Buffer.from(old), both);
    const before = way.seen.length;
    way.dieAfter(deathAfter);
    const failure = await files.write(at('/sub/file'), Buffer.from(next), both).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (deathAfter === Infinity) await files.dispose();
    way.close();
    return { steps: way.seen.slice(before), failure };
  };
  const { steps, failure } = await saveWith(Infinity);
  assert.equal(failure, undefined);
  assert.ok(steps.length >= 3, steps.join());
  const saves = steps.findLastIndex((step) => step.startsWith('POST /exec'));
  for (let step = 0; step <= saves; step += 1) {
    const what = `killed after ${steps[step]}`;
    const killed = await saveWith(step + 1);
    assert.ok(killed.failure instanceof EngineUnavailable, `${what}: ${String(killed.failure)}`);
    await engine.restart();
    const connection = await connect(engine.host);
    const root = (await connection.docker.getVolume('data').inspect()).Mountpoint;
    assert.ok([old, next].includes(readFileSync(join(root, 'sub/file'), 'utf8')), what);
    if (step === 0) assert.equal(readFileSync(join(root, 'sub/file'), 'utf8'), old, what);
    for (const { Id } of await connection.docker.listContainers({ all: true }))
      await connection.docker.getContainer(Id).remove({ force: true });
  }
});

it('the engine killed in the middle of a large upload over a file: the old content is whole', async () => {
  const connection = await connect(engine.host);
  const files = filesOf(connection);
  await files.write(at('/big'), Buffer.from('old'), both);
  const local = join(folder, 'big');
  writeFileSync(local, Buffer.alloc(100_000_000, 7));
  let killed: Promise<void> | undefined;
  const progress = (bytes: number) => {
    if (bytes > 20_000_000) killed ??= engine.kill();
  };
  await assert.rejects(
    files.upload(local, at('/big'), true, { entries: 0, bytes: 0 }, job(progress)),
    (error: Error) => error instanceof EngineUnavailable,
  );
  await killed;
  await engine.restart();
  const again = await connect(engine.host);
  const root = (await again.docker.getVolume('data').inspect()).Mountpoint;
  assert.equal(readFileSync(join(root, 'big'), 'utf8'), 'old');
  await files.dispose();
  await recoverJobs(again, job().log);
  assert.equal(await helpersOf(again), 0);
});
