import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import type { Connection } from '../../src/engine/connection.ts';
import { BadArgument, InUse, NotFound } from '../../src/engine/errors.ts';
import { Inventory } from '../../src/engine/inventory.ts';
import { createVolume, prunable, prune, removeVolumes } from '../../src/engine/volumes.ts';
import { volumeFates, removeContainer } from '../../src/mounts/removal.ts';
import { connect, container, LABEL, removeAll, unique, volume, WITH_VOLUME } from './support.ts';

let connection: Connection;
before(async () => {
  connection = await connect();
  await removeAll(connection);
});
after(() => removeAll(connection));

const exists = async (name: string) =>
  (await connection.docker.listVolumes()).Volumes.some(({ Name }) => Name === name);
const foretold = async (name: string) => {
  const snapshot = await new Inventory(connection).read();
  return volumeFates(
    snapshot,
    snapshot.containers.find((one) => one.name === name)!,
  );
};

it('data container removed with its volumes while used: the volumes stay; the last user removed: anonymous gone, named kept', async () => {
  const [data, user, named] = [unique('data'), unique('user'), unique('named')];
  await volume(connection, named);
  await container(connection, data, { Image: WITH_VOLUME, start: false, HostConfig: { Binds: [`${named}:/named`] } });
  await container(connection, user, { HostConfig: { VolumesFrom: [data] } });
  const before = await foretold(data);
  assert.deepEqual(before.goes, []);
  assert.deepEqual(
    before.stays.map(({ reason, users }) => [reason, users]),
    [
      ['used', [user]],
      ['used', [user]],
    ],
  );
  const first = await removeContainer(connection, data, { removeVolumes: true });
  assert.equal(first.removed, data);
  assert.deepEqual(first.volumesRemoved, []);
  assert.equal(first.volumesKept.length, 2);

  const anonymous = first.volumesKept.find((name) => name !== named)!;
  const later = await foretold(user);
  assert.deepEqual(
    [later.goes.map(({ name }) => name), later.stays.map(({ volume: kept, reason }) => [kept.name, reason])],
    [[anonymous], [[named, 'named']]],
  );
  const second = await removeContainer(connection, user, { removeVolumes: true, force: true });
  assert.deepEqual([second.volumesRemoved, second.volumesKept], [[anonymous], [named]]);
  assert.deepEqual([await exists(anonymous), await exists(named)], [false, true]);
});

it('without removeVolumes all volumes stay; a running container is not removed without force', async () => {
  const name = unique('runs');
  await container(connection, name, { Image: WITH_VOLUME });
  await assert.rejects(
    removeContainer(connection, name, {}),
    (error: Error) => error instanceof InUse && /is running/.test(error.message),
  );
  const { volumesRemoved, volumesKept } = await removeContainer(connection, name, { force: true });
  assert.deepEqual([volumesRemoved, volumesKept.length], [[], 1]);
  await connection.docker.getVolume(volumesKept[0]!).remove();
  await assert.rejects(removeContainer(connection, name, {}), NotFound);
});

it('a volume is made with driver options and labels, and a taken or impossible name is refused', async () => {
  const name = unique('made');
  const options = { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' };
  assert.deepEqual(
    await createVolume(connection, {
      name,
      driver: 'local',
      driverOpts: options,
      labels: { [LABEL]: '1', team: 'red' },
    }),
    { name },
  );
  const made = await connection.docker.getVolume(name).inspect();
  assert.deepEqual([made.Options, made.Labels['team']], [options, 'red']);
  await assert.rejects(
    createVolume(connection, { name }),
    (error: Error) => error instanceof BadArgument && error.message.includes(`"${name}" already`),
  );
  for (const bad of ['a', '-x', 'a/b', 'ü-volume', ''])
    await assert.rejects(createVolume(connection, { name: bad }), BadArgument);
  const nameless = await createVolume(connection, { labels: { [LABEL]: '1' } });
  assert.match(nameless.name, /^[0-9a-f]{64}$/);
});

it('volumes are removed all or none: one in use or missing is named', async () => {
  const [used, free, user] = [unique('used'), unique('free'), unique('user')];
  await volume(connection, used);
  await volume(connection, free);
  await container(connection, user, { start: false, HostConfig: { Binds: [`${used}:/x`] } });
  await assert.rejects(
    removeVolumes(connection, [free, used]),
    (error: Error) => error instanceof InUse && error.message.includes(user),
  );
  await assert.rejects(removeVolumes(connection, [free, 'missing-one']), NotFound);
  assert.equal(await exists(free), true);
  assert.deepEqual(await removeVolumes(connection, [free]), { removed: [free] });
});

it('prune takes anonymous dangling volumes only, unless all; it counts their bytes', async () => {
  await removeAll(connection);
  const named = unique('kept');
  await volume(connection, named);
  const anonymous = (await createVolume(connection, { labels: { [LABEL]: '1' } })).name;
  writeFileSync(
    join((await connection.docker.getVolume(anonymous).inspect()).Mountpoint, 'data'),
    Buffer.alloc(12_345),
  );
  const ours = (name: string) => name === named || name === anonymous;
  const some = (await prunable(connection, false)).filter(({ name }) => ours(name));
  assert.deepEqual(
    some.map(({ name, size }) => [name, size]),
    [[anonymous, 12_345]],
  );
  assert.deepEqual(
    (await prunable(connection, true))
      .filter(({ name }) => ours(name))
      .map(({ name }) => name)
      .sort(),
    [named, anonymous].sort(),
  );
  assert.deepEqual(await prune(connection, some), { removed: [anonymous], bytes: 12_345 });
  assert.equal(await exists(named), true);
});
