import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import type { Connection } from '../../src/engine/connection.ts';
import { Inventory } from '../../src/engine/inventory.ts';
import type { Snapshot } from '../../src/engine/model.ts';
import { OriginMemory } from '../../src/engine/volumeOrigins.ts';
import { begin, container, end, unique, volume, WITH_VOLUME } from './support.ts';

let connection: Connection;
let folder: string;
let snapshot: Snapshot;
const all = unique('all');
const data = unique('data');
const second = unique('second');
const third = unique('third');
const reader = unique('reader');
const named = unique('named');
const idle = unique('idle');

const of = (name: string, from: Snapshot = snapshot) => {
  const found = from.containers.find((one) => one.name === name);
  assert.ok(found, `${name} is not in the snapshot`);
  return found;
};
const mountOf = (name: string, target: string) => {
  const found = of(name).mounts.find((mount) => mount.target === target);
  assert.ok(found, `${name} has no ${target}`);
  return found;
};

before(async () => {
  ({ connection, folder } = await begin());
  mkdirSync(join(folder, 'site'));
  writeFileSync(join(folder, 'app.conf'), 'x');
  await volume(connection, named, { Labels: { 'docker-mounts.test': '1', team: 'blue' } });
  writeFileSync(join(await volume(connection, idle), 'kept'), Buffer.alloc(5000));
  await container(connection, all, {
    HostConfig: {
      Binds: [`${folder}/site:/site`, `${folder}/app.conf:/etc/app.conf:ro`, `${named}:/named`],
      Tmpfs: { '/scratch': 'size=1m' },
      Mounts: [{ Type: 'tmpfs', Source: '', Target: '/memory' }],
    },
    Labels: { 'docker-mounts.test': '1', 'com.docker.compose.project': 'shop' },
  });
  await container(connection, data, { Image: WITH_VOLUME, start: false });
  await container(connection, second, { HostConfig: { VolumesFrom: [data] } });
  await container(connection, third, { HostConfig: { VolumesFrom: [second], Binds: [`${named}:/shared:ro`] } });
  await container(connection, reader, { HostConfig: { VolumesFrom: [`${data}:ro`] } });
  snapshot = await new Inventory(connection).read();
});
after(async () => {
  await end(connection, folder);
});

it('a bind of a directory, of a single file read-only, a named volume and both kinds of tmpfs', () => {
  const site = mountOf(all, '/site');
  assert.deepEqual([site.type, site.source, site.readOnly], ['bind', join(folder, 'site'), false]);
  const file = mountOf(all, '/etc/app.conf');
  assert.deepEqual([file.type, file.source, file.readOnly], ['bind', join(folder, 'app.conf'), true]);
  const volumeMount = mountOf(all, '/named');
  assert.deepEqual(
    [volumeMount.type, volumeMount.source, volumeMount.volume, volumeMount.anonymous, volumeMount.driver],
    ['volume', named, named, false, 'local'],
  );
  assert.equal(mountOf(all, '/scratch').type, 'tmpfs');
  assert.deepEqual(mountOf(all, '/scratch').options, ['size=1m']);
  assert.equal(mountOf(all, '/memory').type, 'tmpfs');
  assert.equal(of(all).state, 'running');
  assert.equal(of(all).composeProject, 'shop');
});

it('the anonymous volume of an image says which container, target and image it came from', () => {
  const mount = mountOf(data, '/var/lib/data');
  assert.equal(mount.anonymous, true);
  const found = snapshot.volumes.find(({ name }) => name === mount.volume);
  assert.deepEqual(
    [found?.label, found?.image, found?.anonymous, found?.dangling],
    [`${data}:/var/lib/data`, WITH_VOLUME, true, false],
  );
  assert.deepEqual(
    found?.usedBy.map((use) => [use.container, use.readOnly]).sort(),
    [
      [data, false],
      [reader, true],
      [second, false],
      [third, false],
    ].sort(),
  );
});

it('volumes-from in a chain and read-only: lineage both ways, and from whom each mount came', () => {
  assert.deepEqual(of(second).volumesFrom, [{ container: data, readOnly: false }]);
  assert.deepEqual(of(third).volumesFrom, [{ container: second, readOnly: false }]);
  assert.deepEqual(of(reader).volumesFrom, [{ container: data, readOnly: true }]);
  assert.deepEqual(of(data).givesVolumesTo, [reader, second].sort());
  assert.deepEqual(of(second).givesVolumesTo, [third]);
  assert.equal(mountOf(second, '/var/lib/data').from, data);
  assert.equal(mountOf(third, '/var/lib/data').from, second);
  assert.equal(mountOf(third, '/shared').from, undefined);
  assert.equal(mountOf(reader, '/var/lib/data').readOnly, true);
});

it('who shares a source, whatever way they came to it', () => {
  assert.deepEqual(of(all).sharesWith, [third]);
  assert.deepEqual(of(third).sharesWith, [all, data, reader, second].sort());
});

it('a volume that nobody uses is dangling; labels, size and creation are there', async () => {
  const found = snapshot.volumes.find(({ name }) => name === idle);
  assert.deepEqual([found?.dangling, found?.usedBy, found?.size], [true, [], null]);
  assert.equal(new Date(found?.createdAt ?? '').toISOString(), found?.createdAt);
  assert.equal(snapshot.volumes.find(({ name }) => name === named)?.labels['team'], 'blue');
  assert.equal((await new Inventory(connection).sizes()).get(idle), 5000);
});

it('the data container removed: its anonymous volume keeps its label, and its name stays in the lineage', async () => {
  const stored: Record<string, unknown>[] = [];
  const origins = new OriginMemory({}, (map) => stored.push(map));
  const inventory = new Inventory(connection, origins);
  await inventory.read();
  assert.ok(stored.length > 0);
  const { volume: name } = mountOf(data, '/var/lib/data');
  await connection.docker.getContainer(data).remove();
  const later = await inventory.read();
  assert.equal(later.volumes.find((one) => one.name === name)?.label, `${data}:/var/lib/data`);
  assert.deepEqual(of(second, later).volumesFrom, [{ container: data, readOnly: false }]);
});
