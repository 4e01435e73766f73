import assert from 'node:assert/strict';
import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import type { Connection } from '../../src/engine/connection.ts';
import { dangerOf } from '../../src/mounts/danger.ts';
import { bindsOfOptions, findDangers, type Asked } from '../../src/mounts/findDangers.ts';

const place = { home: '/home/me', workspaces: ['/home/me/code/shop'] };
const cases: [string, boolean, string | undefined][] = [
  ['/var/run/docker.sock', true, 'socket'],
  ['/run/user/1000/podman/podman.sock', false, 'socket'],
  ['/', false, 'system'],
  ['/etc/', false, 'system'],
  ['/etc', true, undefined],
  ['/etc/nginx', false, undefined],
  ['/home/you', false, 'home'],
  ['/root', false, 'home'],
  ['/home', false, 'home'],
  ['/home/me', false, 'aboveWorkspace'],
  ['/home/me/code', false, 'aboveWorkspace'],
  ['/home/me/code', true, undefined],
  ['/home/me/code/shop', false, undefined],
  ['/home/me/code/sho', false, undefined],
  ['/srv/data', false, undefined],
];
for (const [Source, ReadOnly, expected] of cases) {
  it(`a ${ReadOnly ? 'read-only' : 'writable'} bind of ${Source}: ${expected ?? 'no danger'}`, () => {
    assert.equal(dangerOf({ Type: 'bind', Source, ReadOnly }, place), expected);
  });
}

type Row = [source: string, readOnly: boolean, expected: string | undefined];
const more: Row[] = [
  // One path in many spellings.
  ['/etc/.', false, 'system'],
  ['//etc', false, 'system'],
  ['/srv/../etc', false, 'system'],
  ['/etc//', false, 'system'],
  ['///', false, 'system'],
  ['/private/etc', false, 'system'],
  // The socket, and what it lies in: read-only does not help.
  ['/run/docker.sock', true, 'socket'],
  ['/var/run/docker.sock.raw', true, 'socket'],
  ['/run/podman/podman.sock', true, 'socket'],
  ['/run/containerd/containerd.sock', false, 'socket'],
  ['/run/crio/crio.sock', true, 'socket'],
  ['/run', true, 'socket'],
  ['/var/run', true, 'socket'],
  ['/var', true, 'socket'],
  ['/', true, 'socket'],
  ['/run/podman', true, 'socket'],
  ['/run/user/1000', true, 'socket'],
  ['/home/me/.docker/desktop/docker.sock', true, 'socket'],
  ['\\\\.\\pipe\\docker_engine', false, 'socket'],
  ['//./pipe/docker_engine', false, 'socket'],
  // The system, at any depth, and the engine's own data.
  ['/var', false, 'system'],
  ['/etc/cron.d', false, 'system'],
  ['/etc/sudoers.d/x', false, 'system'],
  ['/usr/local/bin', false, 'system'],
  ['/lib/systemd/system', false, 'system'],
  ['/dev/sda', false, 'system'],
  ['/proc/sys', false, 'system'],
  ['/boot/grub', false, 'system'],
  ['/var/lib/docker/volumes/db/_data', false, 'system'],
  ['/var/lib/containers', false, 'system'],
  ['/data/docker/volumes', false, 'system'],
  ['/data', false, 'system'],
  ['/opt', false, 'system'],
  ['/etc/localtime', true, undefined],
  ['/etc/ssl/certs', true, undefined],
  ['/etc/letsencrypt', false, undefined],
  ['/dev/shm', false, undefined],
  ['/opt/shop', false, undefined],
  ['/var/log/shop', false, undefined],
  ['/var/lib/shop', false, undefined],
  ['/var/www', false, undefined],
  ['/run/shop', false, undefined],
  // Other people's homes, also to look into.
  ['/home/you/x', false, 'home'],
  ['/home/you/x', true, 'home'],
  ['/root/.ssh', false, 'home'],
  ['/Users/other', false, 'home'],
  ['/Users/other/Documents', true, 'home'],
  ['/home/me/../you', false, 'home'],
  ['/home', true, 'home'],
  ['/Users/Shared/x', false, undefined],
  // The own home: keys, what starts by itself, and all the rest.
  ['/home/me/.ssh', true, 'secrets'],
  ['/home/me/.ssh/id_rsa', true, 'secrets'],
  ['/home/me/.aws', true, 'secrets'],
  ['/home/me/.docker/config.json', true, 'secrets'],
  ['/home/me/.config', true, 'secrets'],
  ['/home/me', true, 'secrets'],
  ['/home/me/.bashrc', false, 'startup'],
  ['/home/me/.bashrc', true, undefined],
  ['/home/me/.local/bin', false, 'startup'],
  ['/home/me/.config/autostart/x.desktop', false, 'startup'],
  ['/home/me/.vscode-server', false, 'startup'],
  ['/home/me/.cache/pip', false, undefined],
  ['/home/me/.m2', false, undefined],
  ['/home/me/.config/shop', false, undefined],
  ['/home/me/data', false, undefined],
  ['/home/me/code/shop/.env', false, undefined],
  ['/home/meg', false, 'home'],
];
const known = { ...place, dataRoot: '/data/docker' };
for (const [Source, ReadOnly, expected] of more) {
  it(`a ${ReadOnly ? 'read-only' : 'writable'} bind of ${Source}: ${expected ?? 'no danger'}`, () => {
    assert.equal(dangerOf({ Type: 'bind', Source, ReadOnly }, known), expected);
  });
}

it('on Windows: the drive, the system and other users', () => {
  const windows = { home: 'C:\\Users\\me', workspaces: ['C:\\Users\\me\\code\\shop'] };
  const rows: Row[] = [
    ['C:\\', false, 'system'],
    ['C:', false, 'system'],
    ['c:/', false, 'system'],
    ['C:\\Windows', false, 'system'],
    ['C:\\Windows\\System32', false, 'system'],
    ['C:\\Program Files\\x', false, 'system'],
    ['/c/Windows', false, 'system'],
    ['//c/windows', false, 'system'],
    ['/host_mnt/c/Windows', false, 'system'],
    ['/mnt/c/', false, 'system'],
    ['\\\\?\\C:\\Windows', false, 'system'],
    ['C:\\Users', false, 'home'],
    ['C:\\Users\\other', true, 'home'],
    ['C:\\Users\\me\\..\\other', false, 'home'],
    ['C:\\Users\\me\\.ssh', true, 'secrets'],
    ['C:\\Users\\me\\code\\shop', false, undefined],
    ['C:\\Users\\me\\code\\shop\\data', false, undefined],
    ['D:\\data', false, undefined],
    ['C:\\data', false, undefined],
  ];
  for (const [Source, ReadOnly, expected] of rows)
    assert.equal(dangerOf({ Type: 'bind', Source, ReadOnly }, windows), expected, Source);
  assert.equal(dangerOf({ Type: 'npipe', Source: '\\\\.\\pipe\\anything', ReadOnly: true }, windows), 'socket');
});

it('a workspace in another home is no danger to who has opened it, and a system directory stays one', () => {
  const asRoot = { home: '/root', workspaces: ['/home/me/code/shop'] };
  const judge = (Source: string, ReadOnly = false) => dangerOf({ Type: 'bind', Source, ReadOnly }, asRoot);
  assert.deepEqual(
    [judge('/home/me/code/shop'), judge('/home/me/code/shop/site'), judge('/home/me'), judge('/root/x')],
    [undefined, undefined, 'home', undefined],
  );
  assert.equal(
    dangerOf({ Type: 'bind', Source: '/etc/cron.d', ReadOnly: false }, { home: '/root', workspaces: ['/etc'] }),
    'system',
  );
});

it('a volume that is a bind, a disk or the kernel under a name', () => {
  const rows: [string, Record<string, string>, string | undefined][] = [
    ['local', { type: 'none', o: 'bind', device: '/etc' }, 'system'],
    ['', { o: 'rw,rbind', device: '/var/run' }, 'socket'],
    ['local', { type: 'tmpfs', o: 'bind', device: '/etc' }, 'system'],
    ['local', { type: 'ext4', device: '/dev/sda1' }, 'system'],
    ['local', { type: 'proc', device: 'proc' }, 'system'],
    [
      'local',
      { type: 'overlay', device: 'overlay', o: 'lowerdir=/srv/a:/srv/b,upperdir=/etc,workdir=/srv/w' },
      'system',
    ],
    ['some/plugin', { mountpoint: '/etc/ssh' }, 'system'],
    ['local', { type: 'none', o: 'bind', device: '/srv/data' }, undefined],
    ['local', { type: 'nfs', o: 'addr=nas,rw', device: ':/etc' }, undefined],
    ['local', { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' }, undefined],
    ['local', { type: 'cifs', device: '//nas/share', o: 'username=me' }, undefined],
    ['local', {}, undefined],
    // The kernel follows links before "..", and takes what is relative from where the engine runs.
    ['local', { type: 'none', o: 'bind', device: '/var/run/../etc' }, 'system'],
    ['local', { type: 'none', o: 'bind', device: '/var/run/../etc/dm-attack-dir' }, 'system'],
    ['local', { type: 'none', o: 'bind', device: 'etc' }, 'system'],
    ['local', { type: 'none', o: 'bind', device: '../../../../../../../../etc' }, 'system'],
    ['local', { type: 'NONE', o: 'bind', device: '//var//run/../etc' }, 'system'],
    ['local', { type: 'none', o: 'bind', device: '/srv/./data' }, 'system'],
    ['local', { type: 'none', o: 'bind', device: '/srv//data' }, 'system'],
    ['local', { type: 'none', o: 'bind', device: '/srv\\data' }, 'system'],
    ['local', { type: 'none', o: 'bind', device: '/srv/data\n' }, 'system'],
    ['local', { type: 'none', o: 'bind', device: '' }, 'system'],
    ['local', { type: 'nfs', o: 'rbind ,x', device: '/etc' }, 'system'],
    ['local', { type: 'nfs', o: 'rw,bind', device: '/etc' }, 'system'],
    ['local', { type: 'nfs', o: 'rw', device: '/var/run/../etc' }, 'system'],
    ['local', { type: 'cifs', o: 'credentials=/etc/smb', device: '//nas/share' }, 'system'],
    ['local', { type: 'overlay', device: 'overlay', o: 'lowerdir=/e\\tc:/srv' }, 'system'],
    ['local', { type: 'overlay', device: 'overlay', o: 'lowerdir+=/etc,lowerdir+=/srv' }, 'system'],
    ['local', { type: 'overlay', device: 'overlay', o: 'lowerdir=/srv/a::/etc' }, 'system'],
    ['local', { type: 'overlay', device: 'overlay', o: 'lowerdir+=/srv,datadir+=/etc' }, 'system'],
    ['local', { type: 'overlay', device: 'overlay', o: 'lowerdir=srv' }, 'system'],
    ['local', { type: 'overlay', device: 'overlay', o: 'lowerdir=/var/run/../etc' }, 'system'],
    ['local', { type: 'overlay', device: 'overlay' }, 'system'],
    ['local', { type: 'fuse', device: '/srv/x' }, 'system'],
    ['local', { type: 'btrfs', device: '/dev/sda1', o: 'subvol=x' }, 'system'],
    ['some/plugin', { mountpoint: '/var/run/../etc' }, 'system'],
    ['some/plugin', { mountpoint: '../../etc' }, 'system'],
    [
      'local',
      { type: 'overlay', device: 'overlay', o: 'lowerdir=/srv/a:/srv/b,upperdir=/srv/u,workdir=/srv/w' },
      undefined,
    ],
    ['local', { type: 'none', o: 'bind', device: '/home/me/code/shop/data' }, undefined],
    ['local', { type: 'nfs4', o: 'addr=10.0.0.1,rw,nfsvers=4,soft', device: ':/export/../x' }, undefined],
    ['local', { type: 'cifs', device: '//nas/share/dir', o: 'username=me,password=x,vers=3.0,uid=1000' }, undefined],
    ['local', { type: 'tmpfs', device: 'tmpfs', o: 'size=100m,uid=1000,mode=755' }, undefined],
    ['local', { o: 'uid=1000,gid=1000' }, undefined],
    ['local', { size: '10G' }, undefined],
    ['some/plugin', { share: '//nas/share', size: '10G', url: 'https://nas/x' }, undefined],
  ];
  for (const [driver, options, expected] of rows) {
    const found = bindsOfOptions(driver, options, false)
      .map((bind) => dangerOf(bind, place))
      .find((danger) => danger !== undefined);
    assert.equal(found, expected, JSON.stringify(options));
  }
  // Who mounts a disk can read every file of it.
  for (const options of [
    { type: 'ext4', device: '/dev/sda1', o: '' },
    { type: 'ext4', device: '/dev/vda', o: 'ro' },
    { type: 'none', o: 'bind', device: '/var/run/../etc' },
  ])
    assert.deepEqual(
      bindsOfOptions('local', options, true).map((bind) => dangerOf(bind, place)),
      ['system'],
    );
});

/** An engine of this machine or another one, with the volumes that it has. */
function engineOf(local: boolean, volumes: Readonly<Record<string, object>> = {}): Connection {
  const inspect = (name: string) =>
    volumes[name] === undefined
      ? Promise.reject(Object.assign(new Error('no such volume'), { statusCode: 404 }))
      : Promise.resolve(volumes[name]);
  return {
    docker: { info: () => Promise.resolve({}), getVolume: (name: string) => ({ inspect: () => inspect(name) }) },
    info: { local },
    endpoint: { options: {} },
  } as unknown as Connection;
}

it('".." behind a link is where the link leads, and may be anywhere where links cannot be followed', async () => {
  const root = await mkdtemp(join(await realpath(tmpdir()), 'danger-'));
  try {
    await mkdir(join(root, 'home/me/deep'), { recursive: true });
    await mkdir(join(root, 'home/you'));
    await symlink('/etc/cron.d', join(root, 'home/me/cron'));
    await symlink('/etc/cron.d/not-there-yet', join(root, 'home/me/new'));
    await symlink(join(root, 'home/me/deep'), join(root, 'home/me/link'));
    const here = { home: join(root, 'home/me'), workspaces: [] };
    const judge = async (Source: string, local = true) =>
      (await findDangers(engineOf(local), { mounts: [{ Type: 'bind', Source, ReadOnly: false }] }, here))[0]?.danger;
    assert.deepEqual(
      [
        await judge(`${here.home}/cron/../ssh`),
        await judge(`${here.home}/new`),
        await judge(`${here.home}/link/../../you`),
        await judge(`${here.home}/deep/..//deep`),
        await judge(`${here.home}/link`),
      ],
      ['system', 'system', 'home', undefined, undefined],
    );
    assert.deepEqual(
      [
        await judge('/srv/a/../b', false),
        await judge('/srv/b', false),
        dangerOf({ Type: 'bind', Source: '/srv/a/../b', ReadOnly: true }, place),
        dangerOf({ Type: 'bind', Source: '/../srv/b/', ReadOnly: false }, place),
      ],
      ['system', undefined, 'system', undefined],
    );
  } finally {
    await rm(root, { recursive: true });
  }
});

it('a volume is judged by what it is and by what is asked for, also as a restore makes it from a manifest', async () => {
  const options = { type: 'none', o: 'bind', device: '/var/run/../etc/dm-attack-dir' };
  const made = {
    Type: 'volume',
    Source: '',
    ReadOnly: false,
    VolumeOptions: { DriverConfig: { Name: 'local', Options: options } },
  };
  const ask = async (mount: NonNullable<Asked['mounts']>[number], volumes = {}) =>
    (await findDangers(engineOf(true, volumes), { mounts: [mount] }, place)).map(({ danger }) => danger);
  assert.deepEqual(await ask(made), ['system']);
  assert.deepEqual(
    await ask(
      { Type: 'volume', Source: 'shop', ReadOnly: true },
      { shop: { Name: 'shop', Driver: 'local', Options: options } },
    ),
    ['system'],
  );
  assert.deepEqual(
    await ask(
      { Type: 'volume', Source: 'shop', ReadOnly: false },
      { shop: { Name: 'shop', Driver: 'local', Options: null } },
    ),
    [],
  );
  assert.deepEqual(
    await ask(
      {
        Type: 'volume',
        Source: 'shop',
        ReadOnly: false,
        VolumeOptions: { DriverConfig: { Name: 'local', Options: { type: 'nfs', o: 'addr=nas,rw', device: ':/x' } } },
      },
      { shop: { Name: 'shop', Driver: 'local', Options: null } },
    ),
    [],
  );
});

it('services of the system and of the user, what runs, and what starts by itself', () => {
  const rows: Row[] = [
    ...[
      '/run/dbus',
      '/run/dbus/system_bus_socket',
      '/var/run/dbus/system_bus_socket',
      '/run/systemd',
      '/run/systemd/private',
      '/run/user',
      '/run/user/1000/bus',
      '/run/user/1000/systemd',
      '/run/user/1000/docker.sock',
      '/run/user/1000/podman',
      '/run/snapd.socket',
      '/run/libvirt',
      '/run/libvirt/libvirt-sock',
      '/var/lib/lxd',
      '/var/lib/lxd/unix.socket',
      '/var/lib/incus',
      '/run/containerd',
      '/run/crio',
    ].flatMap((path): Row[] => [
      [path, false, 'socket'],
      [path, true, 'socket'],
    ]),
    ['/var/lib', true, 'socket'],
    ['/var/lib', false, 'system'],
    ['/proc', true, 'system'],
    ['/proc/1/root/run', true, 'system'],
    ['/proc/1/cwd', true, 'system'],
    ['/proc/1/root', false, 'system'],
    ['/sys', false, 'system'],
    ['/sys/fs/cgroup', false, 'system'],
    ['/sys', true, undefined],
    ...[
      '.config/VSCodium',
      '.config/VSCodium/User/settings.json',
      '.config/Cursor',
      '.config/Code - Insiders',
      '.config/plasma-workspace',
      '.config/plasma-workspace/env/x.sh',
      '.config/autostart-scripts',
      '.config/google-chrome',
      '.config/chromium',
      '.config/mozilla',
      '.cargo/bin',
      '.cargo/bin/cargo',
      '.cargo/env',
      '.cargo',
      '.nvm',
      '.pyenv',
      '.rbenv',
      '.sdkman',
      '.deno/bin',
      '.bun/bin',
      'go/bin',
    ].map((name): Row => [`/home/me/${name}`, false, 'startup']),
    ['/home/me/.mozilla', false, 'secrets'],
    ['/home/me/.cargo/registry', false, undefined],
    ['/home/me/go/pkg', false, undefined],
    ['/home/me/.nvm', true, undefined],
    ['/home/me/.config/shop', false, undefined],
    ['/etc/nginx', true, undefined],
    ['/etc/hosts', true, undefined],
    ['/run/systemd/resolve/stub-resolv.conf', true, undefined],
    ['/run/shop', false, undefined],
    ['/var/lib/shop', false, undefined],
    ['/process', false, undefined],
    ['/home/me/code/shop/proc', false, undefined],
  ];
  for (const [Source, ReadOnly, expected] of rows)
    assert.equal(
      dangerOf({ Type: 'bind', Source, ReadOnly }, place),
      expected,
      `${Source} ${ReadOnly ? 'read-only' : 'writable'}`,
    );
});

it('what a project runs or obeys asks where arguments have data written, and not where it is mounted', () => {
  const shop = '/home/me/code/shop';
  const judge = (Source: string, writes: boolean) =>
    dangerOf({ Type: 'bind', Source, ReadOnly: false }, { ...place, writes });
  for (const name of [
    '.git',
    '.git/hooks',
    '.git/hooks/post-checkout',
    '.git/config',
    'sub/.git/hooks/x',
    '.GIT/hooks',
    '.vscode/tasks.json',
    '.vscode',
    '.envrc',
    '.devcontainer/devcontainer.json',
    '.devcontainer.json',
    '.husky/pre-commit',
    'shop.code-workspace',
    '.code-workspace',
  ]) {
    assert.deepEqual([judge(`${shop}/${name}`, true), judge(`${shop}/${name}`, false)], ['project', undefined], name);
  }
  for (const name of [
    '',
    '/',
    '/src',
    '/.github',
    '/.gitignore',
    '/data/x.git',
    '/x.code-workspaces',
    '/.vscodeignore',
  ])
    assert.equal(judge(shop + name, true), undefined, name);
  assert.equal(judge('/home/me/code/other/.git/hooks', true), undefined);
});

it('writes by way of a link reach what a project runs', async () => {
  const root = await mkdtemp(join(await realpath(tmpdir()), 'danger-'));
  try {
    await mkdir(join(root, '.git/hooks'), { recursive: true });
    await symlink('.git/hooks', join(root, 'out'));
    const judge = async (Source: string, writes: boolean, local = true, here = local) =>
      (
        await findDangers(
          engineOf(local),
          { mounts: [{ Type: 'bind', Source, ReadOnly: false }], writes, here },
          { home: '/home/me', workspaces: [root] },
        )
      ).map(({ danger }) => danger);
    assert.deepEqual(
      [
        await judge(join(root, 'out/post-checkout'), true),
        await judge(join(root, 'out'), false),
        await judge(root, true),
      ],
      [['project'], [], []],
    );
    // A download lands on this machine, also from an engine elsewhere.
    assert.deepEqual(
      [await judge(join(root, 'out/x'), true, false, true), await judge(join(root, 'out/x'), true, false)],
      [['project'], []],
    );
  } finally {
    await rm(root, { recursive: true });
  }
});

it('any socket of this machine, but for one in the workspace', async () => {
  const root = await mkdtemp(join(await realpath(tmpdir()), 'danger-'));
  const servers = [createServer(), createServer()];
  try {
    await mkdir(join(root, 'shop'));
    const paths = [join(root, 'any'), join(root, 'shop/own')] as const;
    for (const [index, server] of servers.entries())
      await new Promise<void>((resolve) => server.listen(paths[index], resolve));
    await symlink(paths[0], join(root, 'link'));
    const judge = async (Source: string, local = true) =>
      (
        await findDangers(
          engineOf(local),
          { mounts: [{ Type: 'bind', Source, ReadOnly: true }] },
          { home: '/home/me', workspaces: [join(root, 'shop')] },
        )
      ).map(({ danger }) => danger);
    assert.deepEqual(
      [
        await judge(paths[0]),
        await judge(join(root, 'link')),
        await judge(paths[1]),
        await judge(join(root, 'shop')),
        await judge(paths[0], false),
      ],
      [['socket'], ['socket'], [], [], []],
    );
  } finally {
    for (const server of servers) server.close();
    await rm(root, { recursive: true });
  }
});
