/** What somebody else puts on the engine is shown and never believed. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, it } from 'node:test';
import { identityOf } from '../../src/backup/undo/identity.ts';
import { withNewVolume } from '../../src/backup/undo/newVolume.ts';
import { parseUndo } from '../../src/backup/undo/records.ts';
import { undoJob } from '../../src/backup/recovery.ts';
import type { Connection } from '../../src/engine/connection.ts';
import { recordHelper, recordUndo, recoverJobs } from '../../src/engine/helper/records.ts';
import { createArchiveHelper } from '../../src/engine/helper/helper.ts';
import { Inventory } from '../../src/engine/inventory.ts';
import { HELPER_LABEL } from '../../src/engine/model.ts';
import { begin, BUSYBOX, container, end, job, jobOn, journal, LABEL, unique, volume } from './support.ts';

let connection: Connection;
let folder: string;
before(async () => ({ connection, folder } = await begin()));
after(() => end(connection, folder));

const isThere = (id: string) =>
  connection.docker
    .getContainer(id)
    .inspect()
    .then(
      () => true,
      () => false,
    );
const shown = async () => (await new Inventory(connection).read()).containers.map(({ name }) => name);

/** An image whose labels say that its containers are ours, and what is to be undone after them. */
async function imageWithLabels(labels: Record<string, string>): Promise<string> {
  const context = join(folder, unique('context'));
  mkdirSync(context);
  const { Id } = (await connection.docker
    .getContainer(await container(connection, unique('base'), { start: false }))
    .commit({ repo: 'docker-mounts-test/hostile', tag: unique('tag') })) as { Id: string };
  const name = unique('labelled');
  const changes = Object.entries({ ...labels, [LABEL]: '1' }).map(
    ([key, value]) => `LABEL ${JSON.stringify(key)}=${JSON.stringify(value)}`,
  );
  const exported = (await connection.docker
    .getContainer(await container(connection, unique('base'), { start: false }))
    .export()) as Readable;
  const answer = (await connection.docker.importImage(exported, {
    repo: `docker-mounts-test/${name}`,
    tag: 'latest',
    changes,
  })) as Readable;
  for await (const _ of answer) void _;
  await connection.docker.getImage(Id).remove({ force: true });
  return `docker-mounts-test/${name}:latest`;
}

it('an image labelled as our helper, with something to undo and an owner that is gone: nothing runs, nothing goes, and it is shown', async () => {
  const victim = join(folder, 'victim');
  mkdirSync(victim);
  writeFileSync(join(victim, 'precious.txt'), 'precious');
  const precious = unique('precious');
  writeFileSync(join(await volume(connection, precious), 'data'), 'data');
  const undos: unknown[] = [
    { kind: 'restore', id: '.docker-mounts-cafe0123-', image: BUSYBOX, kept: [{ type: 'bind', source: victim }] },
    { kind: 'finish', id: '.docker-mounts-cafe0123-', image: BUSYBOX, kept: [{ type: 'bind', source: victim }] },
    {
      kind: 'clear',
      image: BUSYBOX,
      kept: [
        { type: 'bind', source: victim },
        { type: 'volume', source: precious },
      ],
    },
    { kind: 'removeVolume', volume: precious },
    { kind: 'resume', how: 'stop', containers: [{ id: 'x', name: 'x' }] },
  ];
  for (const undo of undos) {
    const image = await imageWithLabels({
      [HELPER_LABEL]: '1',
      'docker-mounts.owner': `${hostname()}/999999`,
      'docker-mounts.undo': JSON.stringify(undo),
    });
    const running = unique('hostile');
    const stopped = unique('hostile');
    const ids = [
      await container(connection, running, { Image: image }),
      await container(connection, stopped, { Image: image, start: false }),
    ];
    const before = (await connection.docker.listContainers({ all: true })).length;
    const work = job();
    assert.equal(await recoverJobs(connection, work.log, undoJob), 0);
    assert.equal((await connection.docker.listContainers({ all: true })).length, before);
    for (const id of ids) assert.ok(await isThere(id));
    assert.equal((await connection.docker.getContainer(ids[0]!).inspect()).State.Running, true);
    assert.deepEqual(
      (await shown()).filter((name) => name === running || name === stopped).sort(),
      [running, stopped].sort(),
    );
    assert.equal(readFileSync(join(victim, 'precious.txt'), 'utf8'), 'precious');
    assert.deepEqual(work.lines, []);
    for (const id of ids) await connection.docker.getContainer(id).remove({ force: true });
    await connection.docker.getImage(image).remove({ force: true });
  }
  assert.ok((await connection.docker.getVolume(precious).inspect()).Name);
});

it('a container that is only named like a helper is shown; a helper of ours is not, in this window and in another', async () => {
  const name = 'docker-mounts-helper-0123456789ab';
  const id = await container(connection, name, { Labels: { [LABEL]: '1', [HELPER_LABEL]: '1' } });
  const helper = await createArchiveHelper(connection, [], job().log);
  try {
    assert.deepEqual(
      (await shown()).filter((one) => one.startsWith('docker-mounts-helper-')),
      [name],
    );
    assert.equal(await recoverJobs(connection, job().log), 0, 'one that a job works with stays');
    assert.ok(await isThere(helper.container.id));
  } finally {
    await helper.remove();
    await connection.docker.getContainer(id).remove({ force: true });
  }
  assert.deepEqual(await journal.entries(connection.key), []);
});

it('the tag of the helper image on another image: helpers are made from what holds nothing all the same', async () => {
  const [id] = [await container(connection, unique('base'), { start: false })];
  await connection.docker
    .getContainer(id)
    .commit({ repo: 'docker-mounts/helper', tag: 'latest', changes: ['VOLUME /hostile', 'LABEL evil=1'] });
  const hostile = (await connection.docker.getImage('docker-mounts/helper:latest').inspect()).Id;
  const helper = await createArchiveHelper(connection, [], job().log);
  try {
    const { Image, Mounts } = await helper.container.inspect();
    assert.notEqual(Image, hostile);
    assert.deepEqual(Mounts, []);
    const { RootFS } = (await connection.docker.getImage(Image).inspect()) as unknown as {
      RootFS: { Layers: string[] };
    };
    assert.equal(RootFS.Layers.length, 1);
    const again = await createArchiveHelper(connection, [], job().log);
    assert.equal((await again.container.inspect()).Image, Image, 'it is imported once');
    await again.remove();
  } finally {
    await helper.remove();
    await connection.docker.getImage(hostile).remove({ force: true });
  }
});

it('a helper whose id was not written down yet is known by its name only together with its image and label', async () => {
  const name = unique('unrecorded');
  const record = await recordHelper(connection, { name, image: 'docker-mounts/helper:latest' }, job().log);
  const id = await container(connection, name);
  record.leave();
  assert.equal(await recoverJobs(connection, job().log), 0);
  assert.ok(await isThere(id), 'it is from another image');
  const real = unique('unrecorded');
  const lost = await recordHelper(connection, { name: real, image: BUSYBOX }, job().log);
  const helper = await container(connection, real, { Labels: { [LABEL]: '1', [HELPER_LABEL]: '1' } });
  lost.leave();
  assert.equal(await recoverJobs(connection, job().log), 1);
  assert.ok(!(await isThere(helper)));
});

it('a volume that was made for a job goes with it; another that has its name meanwhile stays', async () => {
  const name = unique('made');
  const failing = () => Promise.reject(new Error('the job failed'));
  await assert.rejects(withNewVolume(jobOn(connection), { name }, failing), /the job failed/);
  await assert.rejects(connection.docker.getVolume(name).inspect());
  for (const isKnown of [true, false]) {
    const other = unique('made');
    const path = await volume(connection, other);
    writeFileSync(join(path, 'mine'), 'mine');
    const record = await recordUndo(connection, {
      kind: 'removeVolume',
      volume: other,
      ...(isKnown ? { identity: 'another' } : {}),
    });
    record.leave();
    const work = job();
    await recoverJobs(connection, work.log, undoJob);
    assert.ok(existsSync(join(path, 'mine')));
    assert.ok(work.lines.some((line) => line.includes(other) && /stays/.test(line)));
  }
});

it('what a cut-off restore began to write is emptied only where it is the same volume and nobody writes to it', async () => {
  const cases: [string, boolean, (name: string) => Promise<void>][] = [
    ['the same', true, () => Promise.resolve()],
    [
      'made anew',
      false,
      async (name) => {
        await connection.docker.getVolume(name).remove();
        await new Promise((resolve) => setTimeout(resolve, 1100));
        writeFileSync(join(await volume(connection, name), 'mine'), 'mine');
      },
    ],
    [
      'a container writes to it',
      false,
      async (name) =>
        void (await container(connection, unique('writer'), { HostConfig: { Binds: [`${name}:/data`] } })),
    ],
  ];
  for (const [what, isEmptied, meanwhile] of cases) {
    const name = unique('begun');
    await volume(connection, name);
    const one = { type: 'volume', source: name } as const;
    const kept = [{ ...one, identity: await identityOf(connection, one) }];
    (await recordUndo(connection, { kind: 'clear', kept })).leave();
    await meanwhile(name);
    const { Mountpoint } = await connection.docker.getVolume(name).inspect();
    writeFileSync(join(Mountpoint, 'half'), 'half');
    const work = job();
    await recoverJobs(connection, work.log, undoJob);
    assert.equal(existsSync(join(Mountpoint, 'half')), !isEmptied, what);
    if (!isEmptied)
      assert.ok(
        work.lines.some((line) => line.includes(name) && /was not emptied/.test(line)),
        what,
      );
    assert.deepEqual(await journal.entries(connection.key), [], what);
  }
});

it('another engine that states the same id takes no record away; the true one still finds it', async () => {
  (await recordUndo(connection, { kind: 'removeVolume', volume: unique('never') })).leave();
  const other = Object.create(connection, {
    endpoint: { value: { ...connection.endpoint, address: 'tcp://elsewhere:2375' } },
  }) as Connection;
  const work = job();
  await recoverJobs(other, work.log, undoJob);
  assert.equal((await journal.entries(connection.key)).length, 1);
  assert.ok(work.lines.some((line) => line.includes(connection.endpoint.address)));
  await recoverJobs(connection, job().log, undoJob);
  assert.deepEqual(await journal.entries(connection.key), []);
});

it('an undo of a volume that somebody removed meanwhile makes no new one; a record that is none is kept and does nothing', async () => {
  const name = unique('gone');
  const kept = [{ type: 'volume', source: name }];
  for (const what of [
    { kind: 'clear', kept },
    { kind: 'restore', id: '.docker-mounts-cafe0123-', kept },
  ]) {
    (await recordUndo(connection, what)).leave();
    await recoverJobs(connection, job().log, undoJob);
    await assert.rejects(connection.docker.getVolume(name).inspect());
  }
  const strange: unknown[] = [
    null,
    [],
    'restore',
    { kind: 'rm' },
    { kind: 'restore', id: '../../', kept: [] },
    { kind: 'restore', id: '.docker-mounts-', kept: [{ type: 'bind' }] },
    { kind: 'clear', kept: [{ type: 'tmpfs', source: '/x' }] },
    { kind: 'resume', how: 'kill', containers: [] },
    { kind: 'removeVolume', volume: 7 },
  ];
  for (const what of strange) {
    assert.throws(() => parseUndo(what));
    (await recordUndo(connection, what)).leave();
  }
  await recoverJobs(connection, job().log, undoJob);
  const left = await journal.entries(connection.key);
  assert.equal(left.length, strange.length);
  for (const entry of left) await (await journal.claim(entry))?.end();
});
