/** A replacement that is whole but for the removal of the old container, found by the next window. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Connection } from '../../src/engine/connection.ts';
import { recordReplacement, unfinishedReplacements } from '../../src/mounts/recovery.ts';
import { begin, container, end, job, unique } from './support.ts';

let connection: Connection;
let folder: string;
before(async () => {
  ({ connection, folder } = await begin());
});
after(() => end(connection, folder));

const cases: [string, boolean, (oldId: string) => Promise<unknown>][] = [
  ['left as it was', true, () => Promise.resolve()],
  ['renamed since then', false, (oldId) => connection.docker.getContainer(oldId).rename({ name: unique('mine') })],
  ['started since then', false, (oldId) => connection.docker.getContainer(oldId).start()],
];
for (const [what, isRemoved, since] of cases) {
  it(`the old container, ${what}: it ${isRemoved ? 'is removed' : 'stays'}, the new one stays, once for two windows`, async () => {
    const name = unique('whole');
    const oldName = `${name}-old-0123456789ab`;
    const oldId = await container(connection, oldName, { start: false });
    const freshId = await container(connection, name);
    const facts = { name, oldId, oldName, freshName: `${name}-new-0123456789ab`, freshId, wasRunning: true };
    (await recordReplacement(connection, { ...facts, wasPaused: false, isWhole: true })).leave();
    await since(oldId);
    const work = job();
    const found = await Promise.all([1, 2].map(() => unfinishedReplacements(connection, work.log)));
    assert.deepEqual(found, [[], []], 'nothing is offered');
    const isThere = (id: string) =>
      connection.docker
        .getContainer(id)
        .inspect()
        .then(
          () => true,
          () => false,
        );
    assert.deepEqual([await isThere(oldId), await isThere(freshId)], [!isRemoved, true]);
    assert.equal(work.lines.filter((line) => /stays: it was renamed or started/.test(line)).length, isRemoved ? 0 : 1);
    for (const id of isRemoved ? [freshId] : [oldId, freshId])
      await connection.docker.getContainer(id).remove({ force: true });
  });
}
