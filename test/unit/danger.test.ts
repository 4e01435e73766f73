import assert from 'node:assert/strict';
import { it } from 'node:test';
import { bindsOfOptions, dangerOf } from '../../src/mounts/danger.ts';

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
  ['/etc/.', false, 'system'], ['//etc', false, 'system'], ['/srv/../etc', false, 'system'], ['/etc//', false, 'system'], ['///', false, 'system'], ['/private/etc', false, 'system'],
  // The socket, and what it lies in: read-only does not help.
  ['/run/docker.sock', true, 'socket'], ['/var/run/docker.sock.raw', true, 'socket'], ['/run/podman/podman.sock', true, 'socket'], ['/run/containerd/containerd.sock', false, 'socket'], ['/run/crio/crio.sock', true, 'socket'],
  ['/run', true, 'socket'], ['/var/run', true, 'socket'], ['/var', true, 'socket'], ['/', true, 'socket'], ['/run/podman', true, 'socket'], ['/run/user/1000', true, 'socket'], ['/home/me/.docker/desktop/docker.sock', true, 'socket'],
  ['\\\\.\\pipe\\docker_engine', false, 'socket'], ['//./pipe/docker_engine', false, 'socket'],
  // The system, at any depth, and the engine's own data.
  ['/var', false, 'system'], ['/etc/cron.d', false, 'system'], ['/etc/sudoers.d/x', false, 'system'], ['/usr/local/bin', false, 'system'], ['/lib/systemd/system', false, 'system'], ['/dev/sda', false, 'system'], ['/proc/sys', false, 'system'], ['/boot/grub', false, 'system'],
  ['/var/lib/docker/volumes/db/_data', false, 'system'], ['/var/lib/containers', false, 'system'], ['/data/docker/volumes', false, 'system'], ['/data', false, 'system'], ['/opt', false, 'system'],
  ['/etc/localtime', true, undefined], ['/etc/ssl/certs', true, undefined], ['/etc/letsencrypt', false, undefined], ['/dev/shm', false, undefined], ['/opt/shop', false, undefined], ['/var/log/shop', false, undefined], ['/var/lib/shop', false, undefined], ['/var/www', false, undefined], ['/run/shop', false, undefined],
  // Other people's homes, also to look into.
  ['/home/you/x', false, 'home'], ['/home/you/x', true, 'home'], ['/root/.ssh', false, 'home'], ['/Users/other', false, 'home'], ['/Users/other/Documents', true, 'home'], ['/home/me/../you', false, 'home'], ['/home', true, 'home'], ['/Users/Shared/x', false, undefined],
  // The own home: keys, what starts by itself, and all the rest.
  ['/home/me/.ssh', true, 'secrets'], ['/home/me/.ssh/id_rsa', true, 'secrets'], ['/home/me/.aws', true, 'secrets'], ['/home/me/.docker/config.json', true, 'secrets'], ['/home/me/.config', true, 'secrets'], ['/home/me', true, 'secrets'],
  ['/home/me/.bashrc', false, 'startup'], ['/home/me/.bashrc', true, undefined], ['/home/me/.local/bin', false, 'startup'], ['/home/me/.config/autostart/x.desktop', false, 'startup'], ['/home/me/.vscode-server', false, 'startup'],
  ['/home/me/.cache/pip', false, undefined], ['/home/me/.m2', false, undefined], ['/home/me/.config/shop', false, undefined], ['/home/me/data', false, undefined], ['/home/me/code/shop/.env', false, undefined], ['/home/meg', false, 'home'],
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
    ['C:\\', false, 'system'], ['C:', false, 'system'], ['c:/', false, 'system'], ['C:\\Windows', false, 'system'], ['C:\\Windows\\System32', false, 'system'], ['C:\\Program Files\\x', false, 'system'], ['/c/Windows', false, 'system'], ['//c/windows', false, 'system'], ['/host_mnt/c/Windows', false, 'system'], ['/mnt/c/', false, 'system'], ['\\\\?\\C:\\Windows', false, 'system'],
    ['C:\\Users', false, 'home'], ['C:\\Users\\other', true, 'home'], ['C:\\Users\\me\\..\\other', false, 'home'],
    ['C:\\Users\\me\\.ssh', true, 'secrets'], ['C:\\Users\\me\\code\\shop', false, undefined], ['C:\\Users\\me\\code\\shop\\data', false, undefined], ['D:\\data', false, undefined], ['C:\\data', false, undefined],
  ];
  for (const [Source, ReadOnly, expected] of rows) assert.equal(dangerOf({ Type: 'bind', Source, ReadOnly }, windows), expected, Source);
  assert.equal(dangerOf({ Type: 'npipe', Source: '\\\\.\\pipe\\anything', ReadOnly: true }, windows), 'socket');
});

it('a workspace in another home is no danger to who has opened it, and a system directory stays one', () => {
  const asRoot = { home: '/root', workspaces: ['/home/me/code/shop'] };
  const judge = (Source: string, ReadOnly = false) => dangerOf({ Type: 'bind', Source, ReadOnly }, asRoot);
  assert.deepEqual([judge('/home/me/code/shop'), judge('/home/me/code/shop/site'), judge('/home/me'), judge('/root/x')], [undefined, undefined, 'home', undefined]);
  assert.equal(dangerOf({ Type: 'bind', Source: '/etc/cron.d', ReadOnly: false }, { home: '/root', workspaces: ['/etc'] }), 'system');
});

it('a volume that is a bind, a disk or the kernel under a name', () => {
  const rows: [string, Record<string, string>, string | undefined][] = [
    ['local', { type: 'none', o: 'bind', device: '/etc' }, 'system'],
    ['', { o: 'rw,rbind', device: '/var/run' }, 'socket'],
    ['local', { type: 'tmpfs', o: 'bind', device: '/etc' }, 'system'],
    ['local', { type: 'ext4', device: '/dev/sda1' }, 'system'],
    ['local', { type: 'proc', device: 'proc' }, 'system'],
    ['local', { type: 'overlay', device: 'overlay', o: 'lowerdir=/srv/a:/srv/b,upperdir=/etc,workdir=/srv/w' }, 'system'],
    ['some/plugin', { mountpoint: '/etc/ssh' }, 'system'],
    ['local', { type: 'none', o: 'bind', device: '/srv/data' }, undefined],
    ['local', { type: 'nfs', o: 'addr=nas,rw', device: ':/etc' }, undefined],
    ['local', { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' }, undefined],
    ['local', { type: 'cifs', device: '//nas/share', o: 'username=me' }, undefined],
    ['local', {}, undefined],
  ];
  for (const [driver, options, expected] of rows) {
    const found = bindsOfOptions(driver, options, false).map((bind) => dangerOf(bind, place)).find((danger) => danger !== undefined);
    assert.equal(found, expected, JSON.stringify(options));
  }
});
