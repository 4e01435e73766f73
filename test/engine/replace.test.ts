import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import type { Connection } from '../../src/engine/connection.ts';
import { BadArgument, InUse } from '../../src/engine/errors.ts';
import { CONFIG, ENDPOINT, HOST_CONFIG, type Fate } from '../../src/mounts/carryOver.ts';
import type { MountChange } from '../../src/mounts/changeConfig.ts';
import {
  putBack,
  recordReplacement,
  unfinishedReplacements,
  unrecordedLeftovers,
  type ReplacementFacts,
} from '../../src/mounts/recovery.ts';
import { Inventory } from '../../src/engine/inventory.ts';
import { changeMounts } from '../../src/mounts/replace.ts';
import { parseMountSpecs } from '../../src/mounts/spec.ts';
import { begin, container, end, job, LABEL, unique, until, volume, WITH_VOLUME } from './support.ts';

const LOCAL = { home: '/root' };
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
const change = (name: string, what: MountChange, keepIn?: string) =>
  changeMounts(connection, name, what, job().log, keepIn);
const add = (name: string, ...specs: string[]) => change(name, { kind: 'add', mounts: parseMountSpecs(specs, LOCAL) });
const names = async () =>
  (await connection.docker.listContainers({ all: true, filters: { label: [LABEL] } }))
    .map(({ Names }) => Names[0])
    .sort();

/**
 * The networks are joined again as they were asked for; all else is the state of the sandbox. A port that the engine
 * chose may be another.
 */
const NETWORK_SETTINGS: Readonly<Record<string, Fate>> = {
  Networks: 'adapted',
  Bridge: 'given',
  SandboxID: 'given',
  SandboxKey: 'given',
  HairpinMode: 'given',
  LinkLocalIPv6Address: 'given',
  LinkLocalIPv6PrefixLen: 'given',
  Ports: 'given',
  SecondaryIPAddresses: 'given',
  SecondaryIPv6Addresses: 'given',
  EndpointID: 'given',
  Gateway: 'given',
  GlobalIPv6Address: 'given',
  GlobalIPv6PrefixLen: 'given',
  IPAddress: 'given',
  IPPrefixLen: 'given',
  IPv6Gateway: 'given',
  MacAddress: 'given',
};

/** Every field is in the table, and what the table calls `same` is the same. */
function assertCarried(after: object, before: object, fates: Readonly<Record<string, Fate>>): void {
  const fields = Object.entries(before) as [string, unknown][];
  assert.deepEqual(
    fields.map(([field]) => field).filter((field) => !(field in fates)),
    [],
    'fields that no one decided on',
  );
  for (const [field, value] of fields)
    if (fates[field] === 'same')
      assert.deepEqual((after as Record<string, unknown>)[field] ?? null, value ?? null, field);
}

it('a mount is added: every field of the configuration, and the anonymous volume with its data, are carried over', async () => {
  const [name, helper] = [unique('rich'), unique('helper')];
  await container(connection, helper);
  const id = await container(connection, name, {
    Image: WITH_VOLUME,
    Env: ['MODE=test', 'EMPTY='],
    User: '1000:1000',
    WorkingDir: '/tmp',
    Hostname: 'shop',
    Domainname: 'example.org',
    Entrypoint: ['sh', '-c'],
    Cmd: ['sleep 1000000'],
    Tty: true,
    OpenStdin: true,
    StdinOnce: true,
    ExposedPorts: { '80/tcp': {}, '53/udp': {} },
    Labels: { [LABEL]: '1', team: 'blue' },
    Healthcheck: {
      Test: ['CMD', 'true'],
      Interval: 5_000_000_000,
      Timeout: 1_000_000_000,
      Retries: 4,
      StartPeriod: 2_000_000_000,
    },
    StopSignal: 'SIGINT',
    StopTimeout: 0,
    Shell: ['/bin/sh', '-ec'],
    HostConfig: {
      Tmpfs: { '/scratch': 'size=1m' },
      RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
      Init: true,
      Memory: 64 * 1024 * 1024,
      MemorySwap: 128 * 1024 * 1024,
      MemoryReservation: 32 * 1024 * 1024,
      CpuShares: 512,
      CpuPeriod: 100_000,
      CpuQuota: 50_000,
      CpusetCpus: '0',
      PidsLimit: 100,
      OomScoreAdj: 300,
      CapAdd: ['NET_ADMIN'],
      CapDrop: ['MKNOD'],
      GroupAdd: ['4242'],
      Devices: [{ PathOnHost: '/dev/null', PathInContainer: '/dev/nothing', CgroupPermissions: 'r' }],
      DeviceCgroupRules: ['c 1:3 r'],
      Ulimits: [{ Name: 'nofile', Soft: 1000, Hard: 2000 }],
      Sysctls: { 'net.ipv4.ip_forward': '1' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } },
      ExtraHosts: ['db:10.0.0.1'],
      Dns: ['10.0.0.53'],
      DnsSearch: ['example.org'],
      DnsOptions: ['ndots:2'],
      SecurityOpt: ['no-new-privileges'],
      ReadonlyRootfs: true,
      ShmSize: 8 * 1024 * 1024,
      PidMode: `container:${helper}`,
      UTSMode: '',
      VolumeDriver: 'local',
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
  assertCarried(after.Config, before.Config, CONFIG);
  assertCarried(after.HostConfig, before.HostConfig, HOST_CONFIG);
  assertCarried(after.NetworkSettings, before.NetworkSettings, NETWORK_SETTINGS);
  assertCarried(after.NetworkSettings.Networks['none']!, before.NetworkSettings.Networks['none']!, ENDPOINT);
  assert.deepEqual(after.Config.ExposedPorts, before.Config.ExposedPorts);
  assert.deepEqual(
    [after.Config.Hostname, after.Config.Image, after.Config.Entrypoint, after.HostConfig.Tmpfs],
    ['shop', WITH_VOLUME, ['sh', '-c'], { '/scratch': 'size=1m' }],
  );
  assert.equal(after.Mounts.find(({ Destination }) => Destination === '/var/lib/data')?.Name, anonymous.Name);
  assert.deepEqual(
    result.mounts.map(({ target, readOnly }) => [target, readOnly]),
    [
      ['/memory', false],
      ['/scratch', false],
      ['/srv', true],
      ['/var/lib/data', false],
    ],
  );
  await assert.rejects(inspect(id));
  assert.deepEqual(await names(), [`/${helper}`, `/${name}`].sort());
  for (const one of [name, helper]) await connection.docker.getContainer(one).remove({ force: true, v: true });
});

it('an entrypoint that was taken away from an image that has one stays away; one that the image gives stays given', async () => {
  const [maker, image] = [unique('maker'), unique('entry')];
  await container(connection, maker, { start: false });
  await connection.docker.getContainer(maker).commit({ repo: image, changes: 'ENTRYPOINT ["sleep"]' });
  try {
    const [without, given] = [unique('without'), unique('given')];
    await container(connection, without, { Image: image, Entrypoint: [''], Cmd: ['sh', '-c', 'exec sleep 1000000'] });
    await container(connection, given, { Image: image, Cmd: ['1000000'] });
    for (const [name, entrypoint] of [
      [without, null],
      [given, ['sleep']],
    ] as const) {
      await add(name, `${folder}/site:/srv`);
      const { Config, State } = await inspect(name);
      assert.deepEqual([Config.Entrypoint, State.Running], [entrypoint, true], name);
      await connection.docker.getContainer(name).remove({ force: true });
    }
  } finally {
    await connection.docker.getImage(image).remove({ force: true });
  }
});

it('what was written outside of the mounts is kept in an image when that is wanted, and the image goes when the change fails', async () => {
  const [name, image] = [unique('writer'), `${unique('kept')}:before-mounts`];
  await container(connection, name, {
    Cmd: ['sh', '-c', 'test -e /note || echo mine > /note; test -e /poison/x && exit 3; exec sleep 1000000'],
  });
  writeFileSync(join(folder, 'site/x'), '');
  await until('written', async () =>
    ((await connection.docker.getContainer(name).changes()) as unknown as { Path: string }[] | null)?.some(
      ({ Path }) => Path === '/note',
    ),
  );
  await assert.rejects(
    change(name, { kind: 'add', mounts: parseMountSpecs([`${folder}/site:/poison`], LOCAL) }, image),
    /ended at once/,
  );
  await assert.rejects(connection.docker.getImage(image).inspect());
  try {
    const result = await change(name, { kind: 'add', mounts: parseMountSpecs([`${folder}/site:/srv`], LOCAL) }, image);
    assert.equal(result.image, image);
    const { Config, State } = await inspect(name);
    assert.deepEqual([Config.Image, State.Running], [image, true]);
    const exec = await connection.docker.getContainer(name).exec({ Cmd: ['cat', '/note'], AttachStdout: true });
    const said: Buffer[] = [];
    for await (const chunk of await exec.start({})) said.push(chunk as Buffer);
    assert.match(Buffer.concat(said).toString(), /mine/);
    await assert.rejects(
      change(name, { kind: 'remove', target: '/srv' }, image),
      (error: Error) => error instanceof BadArgument && error.message.includes(image),
    );
  } finally {
    await connection.docker.getContainer(name).remove({ force: true });
    await connection.docker.getImage(image).remove({ force: true });
  }
});

it('one that lends its network or its processes is refused, and the borrower is named', async () => {
  for (const mode of ['NetworkMode', 'PidMode'] as const) {
    const [name, borrower] = [unique('lender'), unique('borrower')];
    const id = await container(connection, name);
    await container(connection, borrower, {
      ExposedPorts: mode === 'PidMode' ? { '80/tcp': {} } : {},
      HostConfig: { [mode]: `container:${name}` },
    });
    await assert.rejects(
      add(name, `${folder}/site:/srv`),
      (error: Error) => error instanceof InUse && error.message.includes(borrower),
    );
    assert.equal((await inspect(name)).Id, id);
    // The borrower itself can change: it goes on borrowing.
    await add(borrower, `${folder}/site:/srv`);
    assert.equal((await inspect(borrower)).HostConfig[mode], `container:${id}`);
    for (const one of [borrower, name]) await connection.docker.getContainer(one).remove({ force: true });
  }
});

it('one whose volumes others take: they keep them, and a restart finds them', async () => {
  const [giver, taker] = [unique('giver'), unique('taker')];
  await container(connection, giver, { Image: WITH_VOLUME });
  await container(connection, taker, { HostConfig: { VolumesFrom: [giver] } });
  await add(giver, `${folder}/site:/srv`);
  await connection.docker.getContainer(taker).restart({ t: 0 });
  const volumeOf = async (name: string) =>
    (await inspect(name)).Mounts.find(({ Destination }) => Destination === '/var/lib/data')?.Name;
  assert.equal(await volumeOf(taker), await volumeOf(giver));
  const found = (await new Inventory(connection).read()).containers.find((one) => one.name === giver);
  assert.deepEqual(found?.givesVolumesTo, [taker]);
  for (const one of [giver, taker]) await connection.docker.getContainer(one).remove({ force: true, v: true });
});

it('rights there and back, a mount removed, volumes taken from another; a stopped container stays stopped', async () => {
  const [name, giver, data] = [unique('changed'), unique('giver'), unique('data')];
  await volume(connection, data);
  await container(connection, giver, { Image: WITH_VOLUME, start: false });
  await container(connection, name, {
    start: false,
    HostConfig: { Binds: [`${data}:/data`], Mounts: [{ Type: 'bind', Source: join(folder, 'site'), Target: '/srv' }] },
  });
  const rw = async (target: string) =>
    (await inspect(name)).Mounts.find(({ Destination }) => Destination === target)?.RW;
  for (const target of ['/data', '/srv']) {
    await change(name, { kind: 'readOnly', target, readOnly: true });
    assert.equal(await rw(target), false);
    await change(name, { kind: 'readOnly', target, readOnly: false });
    assert.equal(await rw(target), true);
  }
  await change(name, { kind: 'remove', target: '/srv' });
  assert.equal(await rw('/srv'), undefined);
  const { mounts } = await change(name, { kind: 'volumesFrom', from: giver, readOnly: true });
  assert.deepEqual(
    mounts.map(({ target, readOnly, from }) => [target, readOnly, from]),
    [
      ['/data', false, undefined],
      ['/var/lib/data', true, giver],
    ],
  );
  assert.equal((await inspect(name)).State.Status, 'created');
});

it('a replacement that cannot start or ends at once: the old container is back, running, with its id', async () => {
  const name = unique('kept');
  const id = await container(connection, name, {
    Cmd: ['sh', '-c', 'test -e /poison/x && exit 3; exec sleep 1000000'],
  });
  writeFileSync(join(folder, 'site/x'), '');
  const before = await names();
  await assert.rejects(add(name, `${folder}/site:/poison`), (error: Error) =>
    /ended at once with code 3/.test(error.message),
  );
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
  for (const [what, attempt, message] of refused)
    await assert.rejects(
      attempt(),
      (error: Error) => error instanceof BadArgument && message.test(error.message),
      what,
    );
  assert.equal((await inspect(name)).Id, id);
});

it('several networks with aliases and a fixed address are carried over, and ports', async () => {
  const [name, front, rear] = [unique('net'), unique('front'), unique('rear')];
  for (const [index, Name] of [front, rear].entries()) {
    await connection.docker.createNetwork({
      Name,
      Labels: { [LABEL]: '1' },
      IPAM: { Driver: 'default', Config: [{ Subnet: `10.213.${index}.0/24` }] },
    });
  }
  try {
    await container(connection, name, {
      start: false,
      ExposedPorts: { '80/tcp': {} },
      HostConfig: { NetworkMode: front, PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '18080' }] } },
      NetworkingConfig: {
        EndpointsConfig: { [front]: { IPAMConfig: { IPv4Address: '10.213.0.77' }, Aliases: ['shop'] } },
      },
    });
    await connection.docker
      .getNetwork(rear)
      .connect({ Container: name, EndpointConfig: { Aliases: ['inner', 'api'] } });
    await add(name, `${folder}/site:/srv`);
    const { NetworkSettings, HostConfig } = await inspect(name);
    assert.deepEqual(Object.keys(NetworkSettings.Networks).sort(), [front, rear].sort());
    assert.equal((NetworkSettings.Networks[front]?.IPAMConfig as { IPv4Address?: string }).IPv4Address, '10.213.0.77');
    const aliases = (network: string) => NetworkSettings.Networks[network]?.Aliases as unknown as string[];
    assert.ok(aliases(front).includes('shop'));
    for (const alias of ['inner', 'api']) assert.ok(aliases(rear).includes(alias));
    assert.deepEqual((HostConfig.PortBindings as Record<string, unknown>)['80/tcp'], [
      { HostIp: '127.0.0.1', HostPort: '18080' },
    ]);
  } finally {
    await connection.docker.getContainer(name).remove({ force: true });
    for (const network of [front, rear]) await connection.docker.getNetwork(network).remove();
  }
});

it('cut off at any step, the old container is found by its record and put back under its name, running or paused as it was', async () => {
  const steps: [string, boolean, boolean, boolean][] = [
    ['after the create', false, false, false],
    ['after the stop', true, false, false],
    ['after the first rename', true, true, false],
    ['after the second rename', true, true, true],
  ];
  for (const [when, stopped, oldRenamed, newRenamed] of steps) {
    for (const knowsId of [true, false]) {
      for (const wasPaused of [false, true]) {
        const name = unique('cut');
        const id = await container(connection, name);
        const facts: ReplacementFacts = {
          name,
          oldId: id,
          oldName: `${name}-old-abc123abc123`,
          freshName: `${name}-new-abc123abc123`,
          wasRunning: true,
          wasPaused,
        };
        const record = await recordReplacement(connection, facts);
        const fresh = await container(connection, facts.freshName, { start: false });
        // The window was killed between the making of the new one and the record of its id.
        if (!knowsId && newRenamed) continue;
        if (knowsId) await record.note({ ...facts, freshId: fresh });
        const old = connection.docker.getContainer(id);
        if (stopped) await old.kill();
        if (oldRenamed) await old.rename({ name: facts.oldName });
        if (newRenamed) await connection.docker.getContainer(fresh).rename({ name });
        assert.deepEqual(await unfinishedReplacements(connection, job().log), [], 'a window still works on it');
        record.leave();
        const [found, ...more] = await unfinishedReplacements(connection, job().log);
        assert.ok(found, when);
        assert.deepEqual(more, []);
        await putBack(connection, found, job().log);
        const now = await inspect(name);
        assert.deepEqual([now.Id, now.State.Running, now.State.Paused], [id, true, wasPaused], when);
        await assert.rejects(inspect(fresh), when);
        assert.deepEqual(await connection.journal.entries(connection.key), []);
      }
    }
  }
});

it('a container that only looks like the rest of a replacement is shown and never touched', async () => {
  const name = unique('real');
  const id = await container(connection, name);
  const marked = await Promise.all(
    [`${name}-old-rabc123`, `${name}-new-s012345`, `${name}-old-abc123abc123`].map((one) => container(connection, one)),
  );
  assert.deepEqual(await unfinishedReplacements(connection, job().log), []);
  const { containers } = await new Inventory(connection).read();
  const leftovers = (await unrecordedLeftovers(connection, containers)).filter(({ of }) => of === name);
  assert.equal(leftovers.length, 3);
  for (const one of [id, ...marked]) assert.equal((await inspect(one)).State.Running, true);
});
