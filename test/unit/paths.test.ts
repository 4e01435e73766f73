import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { Container, Mount, Volume } from '../../src/engine/model.ts';
import type { HostPlace } from '../../src/paths/hostPlace.ts';
import {
  indexPaths,
  mountRoots,
  rootKey,
  viewsOfContainerPath,
  viewsOfHostFile,
  type HostFile,
  type PathIndex,
} from '../../src/paths/paths.ts';
import { parsePath } from '../../src/paths/pathText.ts';

const LINUX: HostPlace = { local: true, desktop: false, platform: 'linux' };
const REMOTE: HostPlace = { local: false, desktop: false, platform: 'linux' };
const MAC: HostPlace = { local: true, desktop: true, platform: 'darwin' };
const WINDOWS: HostPlace = { local: true, desktop: true, platform: 'win32' };
const WSL: HostPlace = { local: true, desktop: true, platform: 'linux' };
const VOLUMES = '/var/lib/docker/volumes';

const bind = (source: string, target: string, readOnly = false): Mount => ({ type: 'bind', source, target, readOnly });
const named = (volume: string, target: string, rest: Partial<Mount> = {}): Mount => ({
  type: 'volume',
  source: volume,
  volume,
  target,
  readOnly: false,
  ...rest,
});
const tmpfs = (target: string): Mount => ({ type: 'tmpfs', source: '', target, readOnly: false });
const volume = (name: string, rest: Partial<Volume> = {}): Volume => ({
  name,
  label: name,
  driver: 'local',
  anonymous: false,
  dangling: false,
  createdAt: '',
  labels: {},
  usedBy: [],
  size: null,
  mountpoint: `${VOLUMES}/${name}/_data`,
  options: {},
  ...rest,
});
const container = (name: string, mounts: readonly Mount[]): Container => ({
  id: name,
  name,
  image: 'i',
  state: 'running',
  status: '',
  createdAt: '',
  labels: {},
  mounts,
  volumesFrom: [],
  givesVolumesTo: [],
  sharesWith: [],
});

const ALL_VOLUMES = [
  volume('db'),
  volume('src', { options: { type: 'none', o: 'bind,ro', device: '/home/me/src' } }),
  volume('far', { driver: 'nfs-plugin', mountpoint: '' }),
  volume('spaced name'),
];

interface Setting {
  readonly host?: HostPlace;
  readonly real?: Record<string, string>;
}
function index(containers: Record<string, readonly Mount[]>, { host = LINUX, real = {} }: Setting = {}): PathIndex {
  return indexPaths(
    { containers: Object.entries(containers).map(([name, mounts]) => container(name, mounts)), volumes: ALL_VOLUMES },
    host,
    new Map(Object.entries(real)),
  );
}
const written = (views: readonly { container: string; containerPath: string; readOnly: boolean }[]) =>
  views.map((view) => `${view.container}:${view.containerPath}${view.readOnly ? ':ro' : ''}`);

type HostRow = [
  what: string,
  containers: Record<string, readonly Mount[]>,
  file: string | HostFile,
  expected: string[],
  setting?: Setting,
];
const hostRows: HostRow[] = [
  ['a file of a bound directory', { web: [bind('/srv', '/app')] }, '/srv/a/b.txt', ['web:/app/a/b.txt']],
  ['the bound directory itself', { web: [bind('/srv', '/app')] }, '/srv', ['web:/app']],
  ['the directory above it', { web: [bind('/srv/app', '/app')] }, '/srv', []],
  ['a neighbour with the same beginning', { web: [bind('/srv', '/app')] }, '/srv2/a', []],
  ['a read-only bind', { web: [bind('/srv', '/app', true)] }, '/srv/a', ['web:/app/a:ro']],
  [
    'a file bind',
    { web: [bind('/srv/nginx.conf', '/etc/nginx.conf', true)] },
    '/srv/nginx.conf',
    ['web:/etc/nginx.conf:ro'],
  ],
  ['the neighbour of a file bind', { web: [bind('/srv/nginx.conf', '/etc/nginx.conf')] }, '/srv/nginx.conf.bak', []],
  ['a source with a trailing slash', { web: [bind('/srv/', '/app/')] }, '/srv/a', ['web:/app/a']],
  ['a path with .. and double slashes', { web: [bind('/srv', '/app')] }, '/srv//x/../a/', ['web:/app/a']],
  ['a path whose .. leave the bind', { web: [bind('/srv', '/app')] }, '/srv/../etc/passwd', []],
  ['a source with ..', { web: [bind('/home/../srv', '/app')] }, '/srv/a', ['web:/app/a']],
  ['a relative path', { web: [bind('/srv', '/app')] }, 'srv/a', []],
  ['a name with spaces', { web: [bind('/my files', '/the app')] }, '/my files/a b', ['web:/the app/a b']],
  ['names that differ in case', { web: [bind('/srv', '/app')] }, '/Srv/a', []],
  ['the whole host', { spy: [bind('/', '/host', true)] }, '/srv/a', ['spy:/host/srv/a:ro']],
  ['the root of the whole host', { spy: [bind('/', '/host')] }, '/', ['spy:/host']],
  [
    'two containers',
    { a: [bind('/srv', '/x')], b: [bind('/srv/in', '/y', true)] },
    '/srv/in/f',
    ['a:/x/in/f', 'b:/y/f:ro'],
  ],
  [
    'two mounts of one container',
    { a: [bind('/srv', '/x'), bind('/srv', '/y', true)] },
    '/srv/f',
    ['a:/x/f', 'a:/y/f:ro'],
  ],
  [
    'an inner bind of the same files takes its place',
    { web: [bind('/srv', '/app'), bind('/srv/data', '/app/data', true)] },
    '/srv/data/f',
    ['web:/app/data/f:ro'],
  ],
  [
    'an inner bind of other files hides',
    { web: [bind('/srv', '/app'), bind('/other', '/app/data')] },
    '/srv/data/f',
    [],
  ],
  ['and shows its own', { web: [bind('/srv', '/app'), bind('/other', '/app/data')] }, '/other/f', ['web:/app/data/f']],
  [
    'hidden at one place, seen at another',
    { web: [bind('/srv', '/app'), bind('/other', '/app/data'), bind('/srv/data', '/logs')] },
    '/srv/data/f',
    ['web:/logs/f'],
  ],
  ['three deep', { web: [bind('/a', '/x'), bind('/b', '/x/y'), bind('/c', '/x/y/z')] }, '/b/z/f', []],
  [
    'three deep, the innermost',
    { web: [bind('/a', '/x'), bind('/b', '/x/y'), bind('/c', '/x/y/z')] },
    '/c/f',
    ['web:/x/y/z/f'],
  ],
  [
    'the order of the mounts does not matter',
    { web: [bind('/c', '/x/y/z'), bind('/b', '/x/y'), bind('/a', '/x')] },
    '/a/y/z/f',
    [],
  ],
  ['a directory around a hidden one', { web: [bind('/srv', '/app'), tmpfs('/app/tmp')] }, '/srv', ['web:/app']],
  ['a tmpfs hides', { web: [bind('/srv', '/app'), tmpfs('/app/tmp')] }, '/srv/tmp/f', []],
  [
    'a tmpfs with a longer name does not',
    { web: [bind('/srv', '/app'), tmpfs('/app/tmp')] },
    '/srv/tmpfile',
    ['web:/app/tmpfile'],
  ],
  ['a volume hides', { web: [bind('/srv', '/app'), named('db', '/app/node_modules')] }, '/srv/node_modules/x', []],
  ['the engine’s own files lie over a bound /etc', { web: [bind('/etc', '/etc')] }, '/etc/hosts', []],
  ['unless they are bound themselves', { web: [bind('/my/hosts', '/etc/hosts')] }, '/my/hosts', ['web:/etc/hosts']],
  ['a named volume on this machine', { db: [named('db', '/data')] }, `${VOLUMES}/db/_data/base/1`, ['db:/data/base/1']],
  [
    'a part of a volume',
    { db: [named('db', '/data', { subpath: 'one/two' })] },
    `${VOLUMES}/db/_data/one/two/f`,
    ['db:/data/f'],
  ],
  [
    'another part of that volume',
    { db: [named('db', '/data', { subpath: 'one/two' })] },
    `${VOLUMES}/db/_data/one/three/f`,
    [],
  ],
  [
    'a volume that is a directory of the host',
    { web: [named('src', '/code')] },
    '/home/me/src/a.ts',
    ['web:/code/a.ts'],
  ],
  ['and not its empty mountpoint', { web: [named('src', '/code')] }, `${VOLUMES}/src/_data/a.ts`, []],
  [
    'all volumes bound',
    { spy: [bind(VOLUMES, '/v')], db: [named('db', '/data')] },
    `${VOLUMES}/db/_data/f`,
    ['spy:/v/db/_data/f', 'db:/data/f'],
  ],
  [
    'volumes-from',
    { a: [bind('/srv', '/app')], b: [{ ...bind('/srv', '/app', true), from: 'a' }] },
    '/srv/f',
    ['a:/app/f', 'b:/app/f:ro'],
  ],
  [
    'a symlinked workspace, the real one bound',
    { web: [bind('/data/ws', '/app')] },
    { path: '/ws/f', real: '/data/ws/f', links: [{ at: '/ws', reach: '/' }] },
    ['web:/app/f'],
  ],
  [
    'a symlinked workspace, the link bound',
    { web: [bind('/ws', '/app')] },
    { path: '/data/ws/f', real: '/data/ws/f' },
    ['web:/app/f'],
    { real: { '/ws': '/data/ws' } },
  ],
  [
    'a symlinked workspace, both ways',
    { web: [bind('/ws', '/app')] },
    { path: '/ws/f', real: '/data/ws/f', links: [{ at: '/ws', reach: '/' }] },
    ['web:/app/f'],
    { real: { '/ws': '/data/ws' } },
  ],
  [
    'a source below a link',
    { web: [bind('/ws/site', '/app')] },
    { path: '/data/ws/site/f', real: '/data/ws/site/f' },
    ['web:/app/f'],
    { real: { '/ws/site': '/data/ws/site' } },
  ],
  [
    'a relative link inside of the mount keeps its name',
    { web: [bind('/srv', '/app')] },
    { path: '/srv/current/f', real: '/srv/v5/f', links: [{ at: '/srv/current', reach: '/srv' }] },
    ['web:/app/current/f'],
  ],
  [
    'a relative link to what another mount hides is not seen',
    { web: [bind('/srv', '/app'), bind('/other', '/app/v5')] },
    { path: '/srv/current/f', real: '/srv/v5/f', links: [{ at: '/srv/current', reach: '/srv' }] },
    [],
  ],
  [
    'a link that is hidden itself',
    { web: [bind('/srv', '/app'), tmpfs('/app/current')] },
    { path: '/srv/current/f', real: '/srv/v5/f', links: [{ at: '/srv/current', reach: '/srv' }] },
    ['web:/app/v5/f'],
  ],
  [
    'an absolute link inside of the mount leads elsewhere in the container',
    { web: [bind('/srv', '/app')] },
    { path: '/srv/current/f', real: '/srv/v5/f', links: [{ at: '/srv/current', reach: '/' }] },
    ['web:/app/v5/f'],
  ],
  [
    'a link out of the mount is not seen',
    { web: [bind('/srv', '/app')] },
    { path: '/srv/out/f', real: '/elsewhere/f', links: [{ at: '/srv/out', reach: '/' }] },
    [],
  ],
  [
    'what a link out of one mount leads to, in another',
    { web: [bind('/srv', '/app'), bind('/elsewhere', '/e')] },
    { path: '/srv/out/f', real: '/elsewhere/f', links: [{ at: '/srv/out', reach: '/' }] },
    ['web:/e/f'],
  ],
  ['no such file yet', { web: [bind('/srv', '/app')] }, { path: '/srv/new' }, ['web:/app/new']],
  ['a remote engine', { web: [bind('/srv', '/app')] }, '/srv/f', [], { host: REMOTE }],
  [
    'Docker Desktop on a Mac',
    { web: [bind('/host_mnt/Users/me/src', '/app')] },
    '/Users/me/src/f',
    ['web:/app/f'],
    { host: MAC },
  ],
  [
    'the same with the plain path',
    { web: [bind('/Users/me/src', '/app')] },
    '/Users/Me/SRC/Read.me',
    ['web:/app/Read.me'],
    { host: MAC },
  ],
  [
    'a Mac’s decomposed names',
    { web: [bind('/Users/me/caf\u00e9', '/app')] },
    '/Users/me/cafe\u0301/f',
    ['web:/app/f'],
    { host: MAC },
  ],
  ['a volume inside of Desktop’s machine', { db: [named('db', '/data')] }, `${VOLUMES}/db/_data/f`, [], { host: MAC }],
  ['a directory that only looks like Desktop’s', { web: [bind('/host_mnt/x', '/app')] }, '/x/f', []],
  [
    'Windows, the drive as typed',
    { web: [bind('C:\\Users\\me\\src', '/app')] },
    'c:\\Users\\me\\src\\a\\b.txt',
    ['web:/app/a/b.txt'],
    { host: WINDOWS },
  ],
  ['Windows, a drive root', { web: [bind('D:\\', '/d')] }, 'd:\\x', ['web:/d/x'], { host: WINDOWS }],
  [
    'Windows with WSL 2',
    { web: [bind('/run/desktop/mnt/host/c/Users/me/src', '/app')] },
    'C:\\Users\\me\\src\\f',
    ['web:/app/f'],
    { host: WINDOWS },
  ],
  [
    'Windows with Hyper-V',
    { web: [bind('/host_mnt/c/Users/me', '/app')] },
    'C:\\Users\\ME\\f',
    ['web:/app/f'],
    { host: WINDOWS },
  ],
  [
    'Windows, the path as Git Bash writes it',
    { web: [bind('/c/Users/me', '/app')] },
    'C:/Users/me/f',
    ['web:/app/f'],
    { host: WINDOWS },
  ],
  [
    'Windows, a share',
    { web: [bind('\\\\nas\\media\\films', '/films')] },
    '\\\\nas\\media\\films\\f',
    ['web:/films/f'],
    { host: WINDOWS },
  ],
  [
    'in WSL, a drive of Windows',
    { web: [bind('/run/desktop/mnt/host/c/src', '/app')] },
    '/mnt/c/src/f',
    ['web:/app/f'],
    { host: WSL },
  ],
  ['in WSL, its own files', { web: [bind('/home/me/src', '/app')] }, '/home/me/src/f', ['web:/app/f'], { host: WSL }],
  [
    'in WSL, what Docker binds under a name of its own',
    { web: [bind('/run/desktop/mnt/host/wsl/docker-desktop-bind-mounts/Ubuntu/ab12', '/app')] },
    '/mnt/wsl/docker-desktop-bind-mounts/Ubuntu/ab12/f',
    ['web:/app/f'],
    { host: WSL },
  ],
];
for (const [what, containers, file, expected, setting] of hostRows) {
  it(`from the host: ${what}`, () => {
    const views = viewsOfHostFile(index(containers, setting), typeof file === 'string' ? { path: file } : file);
    assert.deepEqual(written(views), expected);
  });
}

type ContainerRow = [
  what: string,
  containers: Record<string, readonly Mount[]>,
  from: [container: string, path: string],
  expected: string[],
  hostPath: string | undefined,
  setting?: Setting,
];
const containerRows: ContainerRow[] = [
  ['a bound file', { web: [bind('/srv', '/app')] }, ['web', '/app/a'], ['web:/app/a'], '/srv/a'],
  ['the container’s own layer', { web: [bind('/srv', '/app')] }, ['web', '/etc/passwd'], [], undefined],
  ['a container that there is not', { web: [bind('/srv', '/app')] }, ['db', '/app/a'], [], undefined],
  [
    'the innermost mount wins',
    { web: [bind('/srv', '/app'), bind('/other', '/app/data')] },
    ['web', '/app/data/f'],
    ['web:/app/data/f'],
    '/other/f',
  ],
  ['.. and slashes', { web: [bind('/srv', '/app')] }, ['web', '/app/x/..//a/'], ['web:/app/a'], '/srv/a'],
  [
    'every other container',
    { web: [bind('/srv', '/app')], job: [bind('/srv/in', '/in', true)] },
    ['web', '/app/in/f'],
    ['web:/app/in/f', 'job:/in/f:ro'],
    '/srv/in/f',
  ],
  [
    'another place in the same container',
    { web: [bind('/srv', '/app'), bind('/srv/data', '/logs')] },
    ['web', '/logs/f'],
    ['web:/logs/f', 'web:/app/data/f'],
    '/srv/data/f',
  ],
  [
    'a volume',
    { a: [named('db', '/x')], b: [named('db', '/y', { readOnly: true })] },
    ['a', '/x/f'],
    ['a:/x/f', 'b:/y/f:ro'],
    `${VOLUMES}/db/_data/f`,
  ],
  [
    'a volume whose driver names no path',
    { a: [named('far', '/x')], b: [named('far', '/y')], c: [named('db', '/z')] },
    ['a', '/x/f'],
    ['a:/x/f', 'b:/y/f'],
    undefined,
  ],
  [
    'a part of such a volume',
    { a: [named('far', '/x')], b: [named('far', '/y', { subpath: 'p' })] },
    ['a', '/x/p/f'],
    ['a:/x/p/f', 'b:/y/f'],
    undefined,
  ],
  [
    'a volume and the bind of its directory',
    { a: [named('src', '/x')], b: [bind('/home/me', '/home')] },
    ['b', '/home/src/f'],
    ['b:/home/src/f', 'a:/x/f'],
    '/home/me/src/f',
  ],
  ['memory is seen here only', { a: [tmpfs('/run')], b: [tmpfs('/run')] }, ['a', '/run/f'], ['a:/run/f'], undefined],
  [
    'a source that is a link, and what it leads to',
    { a: [bind('/ws', '/x')], b: [bind('/data/ws', '/y')] },
    ['a', '/x/f'],
    ['a:/x/f', 'b:/y/f'],
    '/ws/f',
    { real: { '/ws': '/data/ws' } },
  ],
  [
    'a remote engine: a path of its host',
    { web: [bind('/srv', '/app')] },
    ['web', '/app/f'],
    ['web:/app/f'],
    '/srv/f',
    { host: REMOTE },
  ],
  [
    'a remote engine on Windows',
    { web: [bind('C:\\srv', '/app')] },
    ['web', '/app/a/f'],
    ['web:/app/a/f'],
    'c:\\srv\\a\\f',
    { host: REMOTE },
  ],
  [
    'Windows: a path as the editor knows it',
    { web: [bind('/run/desktop/mnt/host/c/src', '/app')] },
    ['web', '/app/a/f'],
    ['web:/app/a/f'],
    'c:\\src\\a\\f',
    { host: WINDOWS },
  ],
  [
    'a Mac: a volume has no path here',
    { a: [named('db', '/x')], b: [named('db', '/y')] },
    ['a', '/x/f'],
    ['a:/x/f', 'b:/y/f'],
    undefined,
    { host: MAC },
  ],
  [
    'the engine’s own file in a bound /etc',
    { web: [bind('/etc', '/etc')] },
    ['web', '/etc/resolv.conf'],
    [],
    undefined,
  ],
  [
    'a Windows container',
    { win: [bind('C:\\srv', 'C:\\app')] },
    ['win', 'c:\\app\\f'],
    ['win:c:\\app\\f'],
    'c:\\srv\\f',
    { host: WINDOWS },
  ],
];
for (const [what, containers, [name, path], expected, hostPath, setting] of containerRows) {
  it(`from a container: ${what}`, () => {
    const views = viewsOfContainerPath(index(containers, setting), name, path);
    assert.deepEqual(written(views), expected);
    assert.equal(views[0]?.hostPath, hostPath);
  });
}

it('from a container, with what the file system says: links inside of the mount are followed, others are not guessed', () => {
  const made = index({
    web: [bind('/srv', '/app'), bind('/other', '/app/v6')],
    job: [bind('/srv/v5', '/five')],
    spy: [bind('/srv', '/s')],
  });
  const look = (real: string, reach: string) =>
    viewsOfContainerPath(made, 'web', '/app/current/f', {
      path: '/srv/current/f',
      real,
      links: [{ at: '/srv/current', reach }],
    });
  assert.deepEqual(written(look('/srv/v5/f', '/srv')), ['web:/app/current/f', 'job:/five/f', 'spy:/s/current/f']);
  for (const [real, reach] of [
    ['/srv/v5/f', '/'],
    ['/elsewhere/f', '/'],
    ['/srv/v6/f', '/srv'],
  ] as const) {
    assert.deepEqual(
      look(real, reach).map(({ containerPath, hostPath }) => [containerPath, hostPath]),
      [['/app/current/f', undefined]],
    );
  }
});

it('roots of mounts, by either spelling; one that another mount hides is none', () => {
  const made = index(
    {
      web: [bind('/ws', '/app'), named('db', '/app/data'), bind('/gone', '/x'), tmpfs('/y')],
      job: [bind('/data/ws', '/w', true)],
    },
    { real: { '/ws': '/data/ws' } },
  );
  const roots = mountRoots(made);
  const at = (path: string) => written(roots.get(rootKey(made, path) ?? '') ?? []);
  assert.deepEqual(at('/ws/'), ['web:/app']);
  assert.deepEqual(at('/data/ws'), ['web:/app', 'job:/w:ro']);
  assert.deepEqual(at(`${VOLUMES}/db/_data`), ['web:/app/data']);
  assert.deepEqual(at('/data'), []);
  assert.equal(mountRoots(index({ web: [bind('/ws', '/app')] }, { host: REMOTE })).size, 0);
});

const name = fc.constantFrom('a', 'b', 'c', 'd e', '…');
const path = (shortest: number) =>
  fc.array(name, { minLength: shortest, maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
const mount = fc.oneof(
  fc
    .record({ source: path(0), target: path(1), readOnly: fc.boolean() })
    .map((one): Mount => ({ type: 'bind', ...one })),
  path(1).map(tmpfs),
  path(1).map((target) => named('db', target)),
);
const mounts = fc.uniqueArray(mount, { maxLength: 6, selector: ({ target }) => target });

it('there and back: each view of a host file leads back to it, and names all the others', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom('web', 'job', 'spy'), mounts), path(0), (containers, file) => {
      const made = index(containers);
      const views = viewsOfHostFile(made, { path: file });
      for (const view of views) {
        assert.equal(view.hostPath, file);
        const back = viewsOfContainerPath(made, view.container, view.containerPath);
        assert.deepEqual(back[0], view);
        assert.deepEqual(written(back).sort(), written(views).sort());
      }
    }),
    { numRuns: 2000 },
  );
});

it('back and there: what a container path leads to is seen at that path, by the deepest mount around it', () => {
  fc.assert(
    fc.property(mounts, path(0), (own, inside) => {
      const made = index({ web: own });
      const [view] = viewsOfContainerPath(made, 'web', inside);
      const around = own
        .filter(({ target }) => inside === target || inside.startsWith(`${target}/`))
        .sort((a, b) => b.target.length - a.target.length);
      assert.equal(view?.mount, around[0]);
      if (view?.hostPath === undefined) return;
      assert.ok(written(viewsOfHostFile(made, { path: view.hostPath })).includes(written([view])[0]!));
    }),
    { numRuns: 2000 },
  );
});

it('paths of any characters are never taken for others', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.string({ minLength: 1 }).filter((part) => !part.includes('/') && part !== '.' && part !== '..'),
        { maxLength: 4 },
      ),
      (parts) => {
        assert.deepEqual(parsePath(`/${parts.join('/')}`)?.parts, parts);
      },
    ),
  );
});
