import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import type { Connection } from '../../src/engine/connection.ts';
import { BadArgument } from '../../src/engine/errors.ts';
import type { MountChange } from '../../src/mounts/change.ts';
import { markedName, putBack, unfinishedReplacements } from '../../src/mounts/recover.ts';
import { Inventory } from '../../src/engine/inventory.ts';
import { changeMounts } from '../../src/mounts/replace.ts';
import { parseMountSpecs } from '../../src/mounts/spec.ts';
import { begin, container, end, job, LABEL, unique, volume, WITH_VOLUME } from './support.ts';

let connection: Connection;
let folder: string;
before(async () => {
  ({ connection, folder } = await begin());
  mkdirSync(join(folder, 'site'));
});
after(async () => {
  await end(connection, folder);
});

const inspect = (name: string) => connection.docker.getContainer(name).inspect();
const change = (name: string, what: MountChange) => changeMounts(connection, name, what, job().log);
const add = (name: string, ...specs: string[]) => change(name, { kind: 'add', mounts: parseMountSpecs(specs, '/root') });
const names = async () => (await connection.docker.listContainers({ all: true, filters: { label: [LABEL] } })).map(({ Names }) => Names[0]).sort();

it('a mount is added: the configuration and the anonymous volume with its data are carried over', async () => {
  const name = unique('rich');
  const id = await container(connection, name, {
    Image: WITH_VOLUME,
    Env: ['MODE=test'],
    User: '1000:1000',
    WorkingDir: '/tmp',
    Hostname: 'shop',
    Labels: { [LABEL]: '1', team: 'blue' },
    Healthcheck: { Test: ['CMD', 'true'], Interval: 5_000_000_000 },
    StopSignal: 'SIGINT',
    HostConfig: {
      Tmpfs: { '/scratch': 'size=1m' },
      RestartPolicy: { Name: 'unless-stopped', MaximumRetryCount: 0 },
      Memory: 64 * 1024 * 1024,
      CapAdd: ['NET_ADMIN'],
      Ulimits: [{ Name: 'nofile', Soft: 1000, Hard: 2000 }],
      LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } },
      ExtraHosts: ['db:10.0.0.1'],
      ReadonlyRootfs: true,
    },
  });
  const before = await inspect(name);
  const anonymous = before.Mounts[0]!;
  writeFileSync(join(anonymous.Source, 'mine'), 'kept');
  const result = await add(name, `${folder}/site:/srv:ro`, 'type=tmpfs,dst=/memory');
  assert.deepEqual([result.name, result.replaced], [name, id]);
  const after = await inspect(name);
  assert.equal(after.Id, result.id);
  assert.equal(after.State.Running, true);
  assert.deepEqual(after.Config, before.Config);
  for (const key of ['RestartPolicy', 'Memory', 'CapAdd', 'Ulimits', 'LogConfig', 'ExtraHosts', 'ReadonlyRootfs', 'Tmpfs', 'NetworkMode'] as const) assert.deepEqual(after.HostConfig[key], before.HostConfig[key], key);
  assert.equal(after.Mounts.find(({ Destination }) => Destination === '/var/lib/data')?.Name, anonymous.Name);
  assert.deepEqual(result.mounts.map(({ target, readOnly }) => [target, readOnly]), [['/memory', false], ['/scratch', false], ['/srv', true], ['/var/lib/data', false]]);
  await assert.rejects(inspect(id));
  assert.deepEqual(await names(), [`/${name}`]);
  await connection.docker.getContainer(name).remove({ force: true, v: true });
});

it('rights there and back, a mount removed, volumes taken from another; a stopped container stays stopped', async () => {
  const [name, giver, data] = [unique('changed'), unique('giver'), unique('data')];
  await volume(connection, data);
  await container(connection, giver, { Image: WITH_VOLUME, start: false });
  await container(connection, name, { start: false, HostConfig: { Binds: [`${data}:/data`], Mounts: [{ Type: 'bind', Source: join(folder, 'site'), Target: '/srv' }] } });
  const rw = async (target: string) => (await inspect(name)).Mounts.find(({ Destination }) => Destination === target)?.RW;
  for (const target of ['/data', '/srv']) {
    await change(name, { kind: 'readOnly', target, readOnly: true });
    assert.equal(await rw(target), false);
    await change(name, { kind: 'readOnly', target, readOnly: false });
    assert.equal(await rw(target), true);
  }
  await change(name, { kind: 'remove', target: '/srv' });
  assert.equal(await rw('/srv'), undefined);
  const { mounts } = await change(name, { kind: 'volumesFrom', from: giver, readOnly: true });
  assert.deepEqual(mounts.map(({ target, readOnly, from }) => [target, readOnly, from]), [['/data', false, undefined], ['/var/lib/data', true, giver]]);
  assert.equal((await inspect(name)).State.Status, 'created');
});

it('a replacement that cannot start or ends at once: the old container is back, running, with its id', async () => {
  const name = unique('kept');
  const id = await container(connection, name, { Cmd: ['sh', '-c', 'test -e /poison/x && exit 3; exec sleep 1000000'] });
  writeFileSync(join(folder, 'site/x'), '');
  const before = await names();
  await assert.rejects(add(name, `${folder}/site:/poison`), (error: Error) => /ended at once with code 3/.test(error.message));
  await assert.rejects(add(name, `${folder}/site/x:/bin`), (error: Error) => error.message.includes(name));
  await assert.rejects(add(name, `type=bind,src=${folder}/missing,dst=/x,bind-nonrecursive`), /missing/);
  const now = await inspect(name);
  assert.deepEqual([now.Id, now.State.Running], [id, true]);
  assert.deepEqual(await names(), before);
});

it('a paused container stays paused', async () => {
  const name = unique('paused');
  await container(connection, name);
  await connection.docker.getContainer(name).pause();
  await add(name, `${folder}/site:/srv`);
  assert.equal((await inspect(name)).State.Paused, true);
  await connection.docker.getContainer(name).unpause();
});

it('what cannot be is refused before anything is touched', async () => {
  const [name, selfRemoving, taker] = [unique('plain'), unique('rm'), unique('taker')];
  const id = await container(connection, name, { Image: WITH_VOLUME });
  await container(connection, selfRemoving, { HostConfig: { AutoRemove: true } });
  await container(connection, taker, { HostConfig: { VolumesFrom: [name] } });
  const refused: [string, () => Promise<unknown>, RegExp][] = [
    ['taken target', () => add(name, `${folder}/site:/var/lib/data`), /already/],
    ['declared by the image', () => change(name, { kind: 'remove', target: '/var/lib/data' }), /declares/],
    ['no such target', () => change(name, { kind: 'remove', target: '/nowhere' }), /no mount at "\/nowhere"/],
    ['from another', () => change(taker, { kind: 'remove', target: '/var/lib/data' }), /volumes-from/],
    ['writable already', () => change(name, { kind: 'readOnly', target: '/var/lib/data', readOnly: false }), /already/],
    ['removes itself', () => add(selfRemoving, `${folder}/site:/srv`), /--rm/],
  ];
  for (const [what, attempt, message] of refused) await assert.rejects(attempt(), (error: Error) => error instanceof BadArgument && message.test(error.message), what);
  assert.equal((await inspect(name)).Id, id);
});

it('several networks with aliases and a fixed address are carried over, and ports', async () => {
  const [name, front, rear] = [unique('net'), unique('front'), unique('rear')];
  for (const [index, Name] of [front, rear].entries()) {
    await connection.docker.createNetwork({ Name, Labels: { [LABEL]: '1' }, IPAM: { Driver: 'default', Config: [{ Subnet: `10.213.${index}.0/24` }] } });
  }
  try {
    await container(connection, name, {
      start: false,
      ExposedPorts: { '80/tcp': {} },
      HostConfig: { NetworkMode: front, PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '18080' }] } },
      NetworkingConfig: { EndpointsConfig: { [front]: { IPAMConfig: { IPv4Address: '10.213.0.77' }, Aliases: ['shop'] } } },
    });
    await connection.docker.getNetwork(rear).connect({ Container: name, EndpointConfig: { Aliases: ['inner', 'api'] } });
    await add(name, `${folder}/site:/srv`);
    const { NetworkSettings, HostConfig } = await inspect(name);
    assert.deepEqual(Object.keys(NetworkSettings.Networks).sort(), [front, rear].sort());
    assert.equal((NetworkSettings.Networks[front]?.IPAMConfig as { IPv4Address?: string }).IPv4Address, '10.213.0.77');
    const aliases = (network: string) => NetworkSettings.Networks[network]?.Aliases as unknown as string[];
    assert.ok(aliases(front).includes('shop'));
    for (const alias of ['inner', 'api']) assert.ok(aliases(rear).includes(alias));
    assert.deepEqual((HostConfig.PortBindings as Record<string, unknown>)['80/tcp'], [{ HostIp: '127.0.0.1', HostPort: '18080' }]);
  } finally {
    await connection.docker.getContainer(name).remove({ force: true });
    for (const network of [front, rear]) await connection.docker.getNetwork(network).remove();
  }
});

it('cut off at any step, the old container is found and put back under its name, running', async () => {
  const steps: [string, boolean, boolean, boolean][] = [
    ['after the create', false, false, false],
    ['after the stop', true, false, false],
    ['after the first rename', true, true, false],
    ['after the second rename', true, true, true],
  ];
  for (const [when, stopped, oldRenamed, newRenamed] of steps) {
    const name = unique('cut');
    const id = await container(connection, name);
    const fresh = await container(connection, markedName(name, 'new', true, 'abc123'), { start: false });
    const old = connection.docker.getContainer(id);
    if (stopped) await old.kill();
    if (oldRenamed) await old.rename({ name: markedName(name, 'old', true, 'abc123') });
    if (newRenamed) await connection.docker.getContainer(fresh).rename({ name });
    const found = unfinishedReplacements((await new Inventory(connection).read()).containers).filter((one) => one.name === name);
    assert.equal(found.length, 1, when);
    await putBack(connection, found[0]!, job().log);
    const now = await inspect(name);
    assert.deepEqual([now.Id, now.State.Running], [id, true], when);
    await assert.rejects(inspect(fresh), when);
  }
});
