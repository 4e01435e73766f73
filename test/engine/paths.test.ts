import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, it } from 'node:test';
import { stdoutOf } from '../../src/engine/helper/attachStream.ts';
import type { Connection } from '../../src/engine/connection.ts';
import { Inventory } from '../../src/engine/inventory.ts';
import { findShell, startShell } from '../../src/engine/shell.ts';
import { lookAtHostFile, realPathOf } from '../../src/paths/hostFile.ts';
import { hostPlaceOf } from '../../src/paths/hostPlace.ts';
import {
  indexPaths,
  localSources,
  viewInContainer,
  viewsOfContainerPath,
  viewsOfHostFile,
  type PathIndex,
} from '../../src/paths/paths.ts';
import { begin, container, end, unique, until, volume } from './support.ts';

let connection: Connection;
let folder: string;
let index: PathIndex;
const names = {
  web: unique('web'),
  taker: unique('taker'),
  db: unique('db'),
  spy: unique('spy'),
  linked: unique('linked'),
  data: unique('data'),
  own: unique('own'),
};
const host = (path: string) => join(folder, path);

before(async () => {
  ({ connection, folder } = await begin());
  folder = realpathSync(folder);
  for (const path of ['site/data', 'site/scratch', 'site/dir with space', 'other', 'real/deep', 'own'])
    mkdirSync(host(path), { recursive: true });
  writeFileSync(host('one.conf'), '');
  symlinkSync(host('real'), host('link'));
  symlinkSync('data', host('site/current'));
  symlinkSync(host('site/data'), host('site/absolute'));
  symlinkSync(host('other'), host('site/out'));
  await volume(connection, names.data);
  await volume(connection, names.own, {
    Driver: 'local',
    DriverOpts: { type: 'none', o: 'bind', device: host('own') },
  });
  await container(connection, names.web, {
    HostConfig: {
      Binds: [
        `${folder}/site:/app`,
        `${folder}/other:/app/data:ro`,
        `${folder}/one.conf:/etc/one.conf:ro`,
        `${folder}/site/data:/logs`,
        `${names.data}:/var/lib/data`,
        `${names.own}:/own`,
      ],
      Tmpfs: { '/app/scratch': '' },
    },
  });
  await container(connection, names.taker, { HostConfig: { VolumesFrom: [`${names.web}:ro`] } });
  await container(connection, names.spy, { HostConfig: { Binds: [`${dirname(folder)}:/host`, '/etc:/etc'] } });
  await container(connection, names.linked, {
    HostConfig: { Binds: [`${folder}/link:/linked`, `${folder}/link/deep:/deep:ro`] },
  });
  await container(connection, names.db, { HostConfig: { Binds: [`${names.data}:/data:ro`] } });
  const snapshot = await new Inventory(connection).read();
  const place = hostPlaceOf(connection.info);
  const real = new Map<string, string>();
  for (const source of localSources(indexPaths(snapshot, place)))
    real.set(source, (await realPathOf(source)) ?? source);
  index = indexPaths(snapshot, place, real);
});
after(async () => {
  await end(connection, folder);
});

/** Runs a program in a container: its exit code and output. */
async function run(name: string, command: string[]): Promise<{ code: number | null; output: string }> {
  const exec = await connection.docker
    .getContainer(name)
    .exec({ Cmd: command, AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({ hijack: true, stdin: false });
  const output = (await buffer(stream.pipe(stdoutOf(() => undefined)))).toString('utf8');
  return { code: (await exec.inspect()).ExitCode, output };
}

const views = async (path: string) => viewsOfHostFile(index, await lookAtHostFile(host(path)));
/** `web:/app/x:ro`, with the short names of this file. */
const short = (found: { container: string; containerPath: string; readOnly: boolean }[]) => {
  const shortName = (full: string) => Object.entries(names).find(([, name]) => name === full)?.[0] ?? full;
  return found
    .map(
      (view) =>
        `${shortName(view.container)}:${view.containerPath.replace(`/host/${folder.split('/').at(-1)}`, '/host/F')}${view.readOnly ? ':ro' : ''}`,
    )
    .sort();
};

const rows: [what: string, path: string, seen: string[]][] = [
  [
    'a file of a bound directory',
    'site/index.html',
    ['web:/app/index.html', 'taker:/app/index.html:ro', 'spy:/host/F/site/index.html'],
  ],
  [
    'a name with a space and one that is not ASCII',
    'site/dir with space/größe ✓',
    [
      'web:/app/dir with space/größe ✓',
      'taker:/app/dir with space/größe ✓:ro',
      'spy:/host/F/site/dir with space/größe ✓',
    ],
  ],
  [
    'hidden by a nested bind, seen by another',
    'site/data/rows',
    ['web:/logs/rows', 'taker:/logs/rows:ro', 'spy:/host/F/site/data/rows'],
  ],
  [
    'the nested bind, read-only',
    'other/rows',
    ['web:/app/data/rows:ro', 'taker:/app/data/rows:ro', 'spy:/host/F/other/rows'],
  ],
  [
    'under a tmpfs, which volumes-from does not take along',
    'site/scratch/x',
    ['taker:/app/scratch/x:ro', 'spy:/host/F/site/scratch/x'],
  ],
  ['a file bind', 'one.conf', ['web:/etc/one.conf:ro', 'taker:/etc/one.conf:ro', 'spy:/host/F/one.conf']],
  [
    'a source that is a link, by the link',
    'link/deep/f',
    ['linked:/linked/deep/f', 'linked:/deep/f:ro', 'spy:/host/F/real/deep/f'],
  ],
  [
    'the same file by its real path',
    'real/deep/f',
    ['linked:/linked/deep/f', 'linked:/deep/f:ro', 'spy:/host/F/real/deep/f'],
  ],
  [
    'a relative link, which a nested mount hides',
    'site/current/rows',
    ['web:/logs/rows', 'taker:/logs/rows:ro', 'spy:/host/F/site/current/rows'],
  ],
  ['an absolute link', 'site/absolute/rows', ['web:/logs/rows', 'taker:/logs/rows:ro', 'spy:/host/F/site/data/rows']],
  [
    'a link out of one mount',
    'site/out/new',
    ['web:/app/data/new:ro', 'taker:/app/data/new:ro', 'spy:/host/F/other/new'],
  ],
  ['a volume that is a directory of the host', 'own/f', ['web:/own/f', 'taker:/own/f:ro', 'spy:/host/F/own/f']],
];
for (const [what, path, seen] of rows) {
  it(`${what}: read in each container where the map says, written only where it says`, async () => {
    const token = randomBytes(16).toString('hex');
    writeFileSync(host(path), token);
    const found = await views(path);
    assert.deepEqual(short(found), [...seen].sort());
    for (const view of found) {
      assert.equal(
        (await run(view.container, ['cat', view.containerPath])).output,
        token,
        `${view.container}:${view.containerPath}`,
      );
      const written = await run(view.container, ['sh', '-c', 'printf inside > "$1"', 'sh', view.containerPath]);
      assert.equal(written.code === 0, !view.readOnly, `a write to ${view.container}:${view.containerPath}`);
      assert.equal(readFileSync(host(path), 'utf8'), view.readOnly ? token : 'inside');
      writeFileSync(host(path), token);
      // The way back: the host file, and every place that was named.
      const back = viewsOfContainerPath(
        index,
        view.container,
        view.containerPath,
        await lookAtHostFile(view.hostPath ?? ''),
      );
      assert.equal(readFileSync(back[0]?.hostPath ?? '', 'utf8'), token);
      assert.equal(back.length, found.length);
      for (const other of back)
        assert.equal(
          (await run(other.container, ['cat', other.containerPath])).output,
          token,
          `${other.container}:${other.containerPath}`,
        );
    }
  });
}

it('a named volume, by its directory on this machine and from either container', async () => {
  const { Mountpoint } = await connection.docker.getVolume(names.data).inspect();
  const token = randomBytes(16).toString('hex');
  writeFileSync(join(Mountpoint, 'rows'), token);
  const found = viewsOfHostFile(index, await lookAtHostFile(join(Mountpoint, 'rows')));
  for (const view of found) assert.equal((await run(view.container, ['cat', view.containerPath])).output, token);
  const expected = ['db:/data/rows:ro', 'taker:/var/lib/data/rows:ro', 'web:/var/lib/data/rows'];
  assert.deepEqual(
    short(found).filter((line) => !line.startsWith('spy')),
    expected,
  );
  const [own, ...others] = viewsOfContainerPath(index, names.db, '/data/rows');
  assert.equal(own?.hostPath, join(Mountpoint, 'rows'));
  assert.deepEqual(
    short(others).filter((line) => !line.startsWith('spy')),
    expected.slice(1),
  );
});

it('what is in memory, the engine’s own files and the container’s layer lead to no host file', async () => {
  assert.equal(viewInContainer(index, names.web, '/app/scratch/x')?.mount.type, 'tmpfs');
  assert.equal(viewInContainer(index, names.web, '/app/scratch/x')?.hostPath, undefined);
  assert.deepEqual(viewsOfContainerPath(index, names.web, '/bin/sh'), []);
  assert.deepEqual(viewsOfContainerPath(index, names.spy, '/etc/hostname'), []);
  const inside = await run(names.spy, ['cat', '/etc/hostname']);
  assert.notEqual(inside.output, readFileSync('/etc/hostname', 'utf8'), 'the engine lays its own over it');
  assert.equal((await run(names.spy, ['cat', '/etc/passwd'])).output, readFileSync('/etc/passwd', 'utf8'));
});

it('a link that leads out of the mount leads elsewhere in the container: no host file is claimed for it', async () => {
  writeFileSync(host('other/new'), 'host');
  assert.notEqual((await run(names.web, ['cat', '/app/out/new'])).output, 'host');
  const at = viewInContainer(index, names.web, '/app/out/new');
  const [own, ...others] = viewsOfContainerPath(
    index,
    names.web,
    '/app/out/new',
    await lookAtHostFile(at?.hostPath ?? ''),
  );
  assert.deepEqual([own?.containerPath, own?.hostPath, others], ['/app/out/new', undefined, []]);
});

it('a shell starts in the directory of a file, speaks UTF-8, takes a size and says how it ended', async () => {
  writeFileSync(host('site/dir with space/größe ✓'), 'x');
  const plan = await findShell(connection, names.web, '/app/dir with space/größe ✓');
  assert.deepEqual([plan.shell, plan.cwd], ['sh', '/app/dir with space']);
  assert.equal(
    (await findShell(connection, names.web, '/app/current')).cwd,
    '/app/current',
    'a link to a directory is one',
  );
  const shell = await startShell(connection, plan, { columns: 91, rows: 33 });
  let said = '';
  // A chunk may end within a letter.
  const decoder = new TextDecoder();
  shell.stream.on('data', (chunk: Buffer) => (said += decoder.decode(chunk, { stream: true })));
  shell.stream.write('pwd; ls; stty size; id -u; echo $TERM\n');
  await until('its answers', () => /\/app\/dir with space\r\n.*größe .*33 91\r\n.*0\r\n.*xterm-256color/s.test(said));
  shell.resize(60, 20);
  await until('the new size', () => {
    shell.stream.write('stty size\n');
    return /20 60/.test(said);
  });
  shell.stream.write('exit 7\n');
  await until('its end', () => shell.stream.readableEnded || shell.stream.destroyed);
  assert.equal(await shell.exitCode(), 7);
});

it('a closed terminal leaves nothing that runs in the container', async () => {
  const shell = await startShell(connection, await findShell(connection, names.web), { columns: 80, rows: 24 });
  shell.stream.resume();
  shell.stream.write('sleep 98765 & sleep 98764\n');
  const processes = async () =>
    ((await connection.docker.getContainer(names.web).top()) as { Processes: string[][] }).Processes.map(
      (line) => line.at(-1) ?? '',
    );
  await until('they run', async () => (await processes()).filter((line) => line.includes('9876')).length === 2);
  await shell.hangUp();
  await until('they are gone', async () => (await processes()).length === 1);
});

it('no shell, no such path, no such container, one that is stopped: each is said', async () => {
  const stopped = unique('stopped');
  await container(connection, stopped, { start: false });
  await assert.rejects(findShell(connection, stopped), { name: 'EngineFailure', message: /is created; .*Start/ });
  await assert.rejects(findShell(connection, unique('nobody')), { name: 'NotFound' });
  await assert.rejects(findShell(connection, names.web, '/nowhere/at all'), {
    name: 'NotFound',
    message: /no "\/nowhere\/at all"/,
  });
  symlinkSync('circle', host('site/circle'));
  await assert.rejects(findShell(connection, names.web, '/app/circle'), {
    name: 'EngineFailure',
    message: /leads in a circle/,
  });
  const bare = unique('bare');
  await container(connection, bare, {
    Entrypoint: ['/bin/busybox', 'sleep', '1000000'],
    Cmd: [],
    HostConfig: { Tmpfs: { '/usr/bin': '', '/sbin': '' } },
  });
  await run(bare, ['sh', '-c', 'rm -f /bin/sh /bin/ash /bin/bash']);
  await assert.rejects(findShell(connection, bare), { name: 'NotFound', message: /has no shell/ });
});
