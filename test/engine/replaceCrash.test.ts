import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Inventory } from '../../src/engine/inventory.ts';
import { putBack, unfinishedReplacements } from '../../src/mounts/recovery.ts';
import { changeMounts } from '../../src/mounts/replace.ts';
import { parseMountSpecs } from '../../src/mounts/spec.ts';
import { startEngine } from '../host/engine.mjs';
import { makeImages } from '../host/images.mjs';
import { mortalWay } from './mortal.ts';
import { connect, container, job, remove, temporary, unique } from './support.ts';

const LOCAL = { home: '/root' };
let engine: Awaited<ReturnType<typeof startEngine>>;
let folder: string;
before(async () => {
  engine = await startEngine();
  await makeImages(engine.host);
  folder = temporary();
  mkdirSync(join(folder, 'site'));
});
after(async () => {
  await engine.stop();
  remove(folder);
});

/**
 * Changes the mounts of a running container while the engine dies after its nth change; returns what was asked of it.
 */
async function changeWith(name: string, deathAfter: number): Promise<string[]> {
  const way = await mortalWay(engine.socket, deathAfter, () => engine.kill());
  try {
    const mounts = parseMountSpecs([`${folder}/site:/srv`], LOCAL);
    await changeMounts(
      await connect(way.host, engine.host),
      name,
      { kind: 'add', mounts },
      job().log,
      `${name}:kept`,
    ).catch((error: unknown) => error);
    return way.seen;
  } finally {
    way.close();
  }
}

it('the engine killed after any of its steps: the old container comes back with its id and runs, or the change is whole', async () => {
  const name = unique('mortal');
  await container(await connect(engine.host), name);
  const steps = await changeWith(name, Infinity);
  assert.ok(steps.length >= 6 && steps.length <= 12, steps.join());
  for (let step = 1; step <= steps.length; step += 1) {
    const what = `killed after ${steps[step - 1]} (${step})`;
    const before = await connect(engine.host);
    await before.docker.getContainer(name).remove({ force: true });
    const id = await container(before, name);
    await before.docker
      .getImage(`${name}:kept`)
      .remove()
      .catch(() => undefined);
    await changeWith(name, step);
    await engine.restart();
    const connection = await connect(engine.host);
    const all = async () => (await new Inventory(connection).read()).containers;
    const found = await unfinishedReplacements(connection, job().log);
    for (const one of found) await putBack(connection, one, job().log);
    const left = await all();
    assert.deepEqual(
      left.map((one) => one.name),
      [name],
      what,
    );
    if (left[0]?.id !== id) {
      // Only once the old one was asked to go may the new one stay.
      assert.equal(step, steps.length, what);
      assert.ok(
        left[0]?.mounts.some(({ target }) => target === '/srv'),
        what,
      );
      continue;
    }
    if (found.length > 0) assert.equal(left[0].state, 'running', what);
    assert.deepEqual(left[0].mounts, [], what);
  }
});
