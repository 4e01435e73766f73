import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { BackupResult } from '../../src/backup/backup.ts';
import type { BackupFile } from '../../src/backup/archive/list.ts';
import type { VerifyResult } from '../../src/backup/archive/verify.ts';
import type { Connection } from '../../src/engine/connection.ts';
import type { Container, Volume } from '../../src/engine/model.ts';
import { begin, BUSYBOX, container, end, helpersOf, unique, until, volume, WITH_VOLUME } from '../engine/support.ts';

function call<T>(command: string, args?: unknown): Thenable<T> {
  return args === undefined
    ? vscode.commands.executeCommand<T>(`dockerMounts.${command}`)
    : vscode.commands.executeCommand<T>(`dockerMounts.${command}`, args);
}

describe('Docker Mounts inside VS Code', () => {
  let connection: Connection;
  let folder: string;
  const web = unique('web');
  const taker = unique('taker');
  const data = unique('data');

  before(async () => {
    ({ connection, folder } = await begin());
    mkdirSync(join(folder, 'site'));
    writeFileSync(join(folder, 'site/index.html'), '<p>hello');
    writeFileSync(join(await volume(connection, data), 'rows'), 'one\ntwo\n');
    await container(connection, web, {
      Image: WITH_VOLUME,
      HostConfig: { Binds: [`${folder}/site:/srv:ro`, `${data}:/data`] },
    });
    await container(connection, taker, { HostConfig: { VolumesFrom: [web] } });
  });
  after(async () => {
    await end(connection, folder);
  });

  const destination = () => {
    const path = join(folder, unique('to'));
    mkdirSync(path);
    return path;
  };

  it('activates, and every contributed command is there', async () => {
    await call('refresh');
    const extension = vscode.extensions.getExtension('docker-mounts.docker-mounts');
    assert.equal(extension?.isActive, true);
    const { contributes } = extension.packageJSON as {
      contributes: { commands: { command: string; title: string }[] };
    };
    const registered = await vscode.commands.getCommands(true);
    for (const { command, title } of contributes.commands) {
      assert.ok(registered.includes(command), command);
      assert.ok(!title.startsWith('%'), `${command} has no title`);
    }
  });

  it('listContainers: mounts, lineage and sharing; without all only what runs', async () => {
    const containers = await call<Container[]>('listContainers', { all: true });
    const found = containers.find(({ name }) => name === web);
    assert.deepEqual(
      found?.mounts.map(({ target, type, readOnly }) => [target, type, readOnly]),
      [
        ['/data', 'volume', false],
        ['/srv', 'bind', true],
        ['/var/lib/data', 'volume', false],
      ],
    );
    assert.deepEqual(found.givesVolumesTo, [taker]);
    assert.deepEqual(found.sharesWith, [taker]);
    await call('stopContainer', { container: taker });
    const running = await call<Container[]>('listContainers', { all: false });
    assert.deepEqual(
      [running.some(({ name }) => name === web), running.some(({ name }) => name === taker)],
      [true, false],
    );
    assert.deepEqual(JSON.parse(JSON.stringify(containers)), containers, 'plain JSON');
  });

  it('listVolumes: with sizes when asked', async () => {
    const found = (await call<Volume[]>('listVolumes', { sizes: true })).find(({ name }) => name === data);
    assert.equal(found?.size, 8);
    assert.deepEqual(found.usedBy.map((use) => use.container).sort(), [taker, web].sort());
  });

  it('startContainer, restartContainer and stopContainer, also when it is so already', async () => {
    const state = async () => (await connection.docker.getContainer(taker).inspect()).State;
    await call('startContainer', { container: taker });
    await call('startContainer', { container: taker });
    const { StartedAt, Running } = await state();
    assert.equal(Running, true);
    await call('restartContainer', { container: taker });
    assert.notEqual((await state()).StartedAt, StartedAt);
    await call('stopContainer', { container: taker });
    await call('stopContainer', { container: taker });
    assert.equal((await state()).Running, false);
  });

  for (const [kind, name] of [
    ['container', web],
    ['volume', data],
    ['image', BUSYBOX],
  ] as const) {
    it(`inspect a ${kind}: the JSON, and a read-only document`, async () => {
      const value = await call<Record<string, unknown>>('inspect', { [kind]: name });
      assert.ok(value['Id'] ?? value['Name']);
      const editor = vscode.window.activeTextEditor;
      assert.equal(editor?.document.languageId, 'json');
      assert.deepEqual(JSON.parse(editor.document.getText()), value);
      assert.notEqual(vscode.workspace.fs.isWritableFileSystem(editor.document.uri.scheme), true);
    });
  }

  it('backup of a container, one mount, a volume and a bind; verified and listed', async () => {
    const to = destination();
    const files: string[] = [];
    for (const [args, entries] of [
      [{ container: web }, 3],
      [{ container: web, targets: ['/data'] }, 1],
      [{ volume: data, compression: 'none', method: 'archive', name: 'mine' }, 1],
      [{ source: join(folder, 'site'), compression: 'gzip', level: 9, consistency: 'none' }, 1],
    ] as const) {
      const result = await call<BackupResult>('backup', { ...args, destination: to });
      assert.equal(result.entries, entries, JSON.stringify(args));
      assert.ok(existsSync(result.file) && existsSync(result.manifest));
      assert.deepEqual(JSON.parse(JSON.stringify(result)), result);
      const verdict = await call<VerifyResult>('verifyBackup', { file: result.file });
      assert.deepEqual(verdict, { ok: true, entries, bytes: result.bytes, problems: [] });
      files.push(result.file);
    }
    assert.equal(files[2], join(to, 'mine.tar'));
    assert.match(execFileSync('tar', ['tf', files[2]], { encoding: 'utf8' }), /rows/);
    const listed = await call<BackupFile[]>('listBackups', { folder: to });
    assert.deepEqual(listed.map(({ file }) => file).sort(), files.sort());
    assert.equal(await helpersOf(connection), 0);
  });

  it('createContainer with mounts as people type them, then removed with its volumes', async () => {
    const name = unique('created');
    const missing = join(folder, 'made-by-engine');
    const made = await call<{ id: string; name: string; warnings: string[] }>('createContainer', {
      image: WITH_VOLUME,
      name,
      mounts: [`${missing}:/srv:ro`, `type=volume,src=${data},dst=/data`, { Type: 'tmpfs', Target: '/scratch' }],
      env: { MODE: 'test' },
      command: ['sleep', '1000'],
    });
    assert.equal(made.name, name);
    assert.match(made.warnings.join(), /made-by-engine/);
    const found = (await call<Container[]>('listContainers', { all: true })).find((one) => one.name === name);
    assert.deepEqual(
      found?.mounts.map(({ target, type, readOnly }) => [target, type, readOnly]),
      [
        ['/data', 'volume', false],
        ['/scratch', 'tmpfs', false],
        ['/srv', 'bind', true],
        ['/var/lib/data', 'volume', false],
      ],
    );
    await assert.rejects(async () => call('removeContainer', { container: name }), /is running/);
    const removal = await call<{ removed: string; volumesRemoved: string[]; volumesKept: string[] }>(
      'removeContainer',
      { container: name, removeVolumes: true, force: true },
    );
    assert.deepEqual([removal.removed, removal.volumesRemoved.length, removal.volumesKept], [name, 1, [data]]);
  });

  it('addMount, setReadOnly, setReadWrite, attachVolumesFrom and removeMount on a container that exists', async () => {
    type Changed = { id: string; name: string; replaced: string; mounts: Container['mounts'] };
    const name = unique('change');
    const first = await container(connection, name);
    const added = await call<Changed>('addMount', { container: name, mounts: [`${folder}/site:/srv`] });
    assert.deepEqual([added.name, added.replaced, added.mounts.map(({ target }) => target)], [name, first, ['/srv']]);
    const rights = async (command: string) =>
      (await call<Changed>(command, { container: name, target: '/srv' })).mounts[0]?.readOnly;
    assert.equal(await rights('setReadOnly'), true);
    assert.equal(await rights('setReadWrite'), false);
    const attached = await call<Changed>('attachVolumesFrom', { container: name, from: web, readOnly: true });
    assert.ok(attached.mounts.some(({ from, target, readOnly }) => from === web && target === '/data' && readOnly));
    await call('removeMount', { container: name, target: '/nowhere' }).then(
      () => assert.fail('an unknown target was removed'),
      (error: Error) => assert.match(error.message, /"\/nowhere"/),
    );
  });

  it('attachVolume, keeping in an image what the container wrote; an unknown volume is not made by the way', async () => {
    const name = unique('attach');
    await container(connection, name, { Cmd: ['sh', '-c', 'echo note > /note; exec sleep 1000000'] });
    await until('written', async () =>
      ((await connection.docker.getContainer(name).changes()) as unknown as { Path: string }[] | null)?.some(
        ({ Path }) => Path === '/note',
      ),
    );
    await assert.rejects(
      async () => call('attachVolume', { container: name, volume: 'no-such-volume', target: '/data' }),
      /no-such-volume/,
    );
    const image = `${unique('kept')}:now`;
    const result = await call<{ image: string; mounts: Container['mounts'] }>('attachVolume', {
      container: name,
      volume: data,
      target: '/data',
      readOnly: true,
      commit: image,
    });
    assert.deepEqual(
      [result.image, result.mounts.map(({ target, source, readOnly }) => [target, source, readOnly])],
      [image, [['/data', data, true]]],
    );
    await connection.docker.getContainer(name).remove({ force: true });
    await connection.docker.getImage(image).remove({ force: true });
  });

  it('runWithFolder: a container with a folder of this machine', async () => {
    const made = await call<{ name: string }>('runWithFolder', {
      path: join(folder, 'site'),
      image: BUSYBOX,
      target: '/work',
      readOnly: true,
    });
    const found = await connection.docker.getContainer(made.name).inspect();
    await connection.docker.getContainer(made.name).remove({ force: true });
    assert.deepEqual(
      [found.State.Running, found.Mounts.map(({ Source, Destination, RW }) => [Source, Destination, RW])],
      [true, [[join(folder, 'site'), '/work', false]]],
    );
  });

  it('restore: a dry run, empty refused, replaced, merged; into a container; verified against its source', async () => {
    const to = destination();
    const backup = await call<BackupResult>('backup', { container: web, targets: ['/data'], destination: to });
    const { Mountpoint } = await connection.docker.getVolume(data).inspect();
    writeFileSync(join(Mountpoint, 'rows'), 'spoiled');
    writeFileSync(join(Mountpoint, 'extra'), 'more');
    const verdict = await call<VerifyResult>('verifyAgainst', {
      file: backup.file,
      container: web,
      targets: ['/data'],
    });
    assert.deepEqual(
      [verdict.ok, verdict.problems],
      [false, ['"rows" differs from the archive', '"extra" is not in the archive']],
    );
    await assert.rejects(
      async () => call('restore', { file: backup.file, container: web, mode: 'empty' }),
      (error: Error) => error.message.includes(data) && /holds data/.test(error.message),
    );
    const dry = await call<{ changed: string[]; removed: string[] }>('restore', {
      file: backup.file,
      container: web,
      mode: 'replace',
      dryRun: true,
    });
    assert.deepEqual([dry.changed, dry.removed], [['rows'], ['extra']]);
    assert.equal(readFileSync(join(Mountpoint, 'rows'), 'utf8'), 'spoiled');
    const merged = await call<{ entries: number; bytes: number; seconds: number }>('restore', {
      file: backup.file,
      container: web,
      targets: ['/data'],
      mode: 'merge',
      consistency: 'pause',
    });
    assert.deepEqual([merged.entries, merged.bytes, typeof merged.seconds], [1, 8, 'number']);
    assert.equal((await connection.docker.getContainer(web).inspect()).State.Paused, false);
    await call('restore', { file: backup.file, volume: data, mode: 'replace' });
    assert.deepEqual(readdirSync(Mountpoint), ['rows']);
    assert.equal(readFileSync(join(Mountpoint, 'rows'), 'utf8'), 'one\ntwo\n');
    const fresh = unique('restored');
    await call('restore', { file: backup.file, volume: fresh, mode: 'empty' });
    assert.ok((await call<Volume[]>('listVolumes', {})).some(({ name }) => name === fresh));
    await call('removeVolume', { volume: fresh });
    for (const [args, message] of [
      [{ file: join(to, 'gone.tar'), volume: data, mode: 'merge' }, /gone\.tar/],
      [{ file: backup.file, volume: data, mode: 'all' }, /"all" is unknown/],
      [{ file: backup.file, volume: data, mode: 'merge', consistency: 'hope' }, /"hope"/],
      [{ file: backup.file, container: 'nobody', mode: 'merge' }, /"nobody"/],
      [{ file: join(folder, 'site/index.html'), volume: data, mode: 'replace' }, /index\.html.*not a tar/],
    ] as const)
      await assert.rejects(async () => call('restore', args), message);
    assert.equal(readFileSync(join(Mountpoint, 'rows'), 'utf8'), 'one\ntwo\n');
    assert.equal(await helpersOf(connection), 0);
  });

  it('cloneVolume, copyVolumeToContext and copyData', async () => {
    const [clone, copy, back] = [unique('clone'), unique('copy'), unique('back')];
    assert.deepEqual(await call('cloneVolume', { volume: data, name: clone }), { name: clone, entries: 1, bytes: 8 });
    await assert.rejects(async () => call('cloneVolume', { volume: data, name: clone }), /already/);
    const config = join(folder, 'docker');
    const meta = join(config, 'contexts/meta', createHash('sha256').update('second').digest('hex'));
    mkdirSync(meta, { recursive: true });
    writeFileSync(
      join(meta, 'meta.json'),
      JSON.stringify({ Name: 'second', Endpoints: { docker: { Host: process.env['DOCKER_MOUNTS_TEST_HOST'] } } }),
    );
    const earlier = process.env['DOCKER_CONFIG'];
    process.env['DOCKER_CONFIG'] = config;
    try {
      assert.deepEqual(await call('copyVolumeToContext', { volume: data, context: 'second', name: copy }), {
        context: 'second',
        name: copy,
        entries: 1,
        bytes: 8,
      });
      await assert.rejects(async () => call('copyVolumeToContext', { volume: data, context: 'second' }), /same engine/);
      await assert.rejects(
        async () => call('copyVolumeToContext', { volume: data, context: 'nowhere' }),
        /"nowhere" does not exist/,
      );
      const chosen = await call<{ context: string; engine: string; apiVersion: string }>('selectContext', {
        context: 'second',
      });
      assert.deepEqual(
        [chosen.context, chosen.engine, chosen.apiVersion],
        ['second', connection.info.name, connection.info.apiVersion],
      );
      await assert.rejects(async () => call('selectContext', { context: 'nowhere' }), /"nowhere" does not exist/);
      assert.equal((await call<{ context: string }>('selectContext', { context: 'default' })).context, 'default');
    } finally {
      if (earlier === undefined) delete process.env['DOCKER_CONFIG'];
      else process.env['DOCKER_CONFIG'] = earlier;
    }
    assert.deepEqual(await call('copyData', { source: join(folder, 'site'), toVolume: back }), {
      entries: 1,
      bytes: 8,
    });
    await assert.rejects(async () => call('copyData', { volume: data, toSource: join(folder, 'site') }), /holds data/);
    await call('removeVolume', { volumes: [clone, copy, back] });
  });

  it('createVolume, removeVolume and pruneVolumes', async () => {
    const name = unique('by-command');
    assert.deepEqual(await call('createVolume', { name, labels: { 'docker-mounts.test': '1' } }), { name });
    await assert.rejects(async () => call('createVolume', { name }), /already/);
    await assert.rejects(async () => call('removeVolume', { volume: data }), /is used by/);
    assert.deepEqual(await call('removeVolume', { volumes: [name] }), { removed: [name] });
    const nameless = await call<{ name: string }>('createVolume', { labels: { 'docker-mounts.test': '1' } });
    const pruned = await call<{ removed: string[]; bytes: number }>('pruneVolumes', {});
    assert.ok(pruned.removed.includes(nameless.name));
    assert.equal(typeof pruned.bytes, 'number');
  });

  const refused: [string, string, () => Record<string, unknown>, RegExp][] = [
    ['an unknown container', 'backup', () => ({ container: 'nobody', destination: folder }), /"nobody"/],
    ['an unknown volume', 'inspect', () => ({ volume: 'nothing' }), /"nothing"/],
    ['an unknown container to start', 'startContainer', () => ({ container: 'nobody' }), /"nobody"/],
    [
      'a missing folder',
      'backup',
      () => ({ volume: data, destination: join(folder, 'missing') }),
      /missing" does not exist/,
    ],
    [
      'a file as folder',
      'backup',
      () => ({ volume: data, destination: join(folder, 'site/index.html') }),
      /not a folder/,
    ],
    ['a missing archive', 'verifyBackup', () => ({ file: join(folder, 'gone.tar') }), /gone\.tar/],
    ['a missing backup folder', 'listBackups', () => ({ folder: join(folder, 'gone') }), /gone/],
    ['a misspelt argument', 'backup', () => ({ volume: data, destinaton: folder }), /"destinaton" is unknown/],
    ['an argument of the wrong type', 'backup', () => ({ volume: 7, destination: folder }), /"volume".*7/],
    ['two subjects at once', 'backup', () => ({ volume: data, container: web, destination: folder }), /not several/],
    ['an unknown image', 'createContainer', () => ({ image: 'no-such-image' }), /no-such-image/],
    ['a mount that cannot be', 'createContainer', () => ({ image: BUSYBOX, mounts: ['rel/ative:/x'] }), /rel\/ative/],
    ['an unknown volume to remove', 'removeVolume', () => ({ volume: 'never-made' }), /never-made/],
    [
      'an unknown target',
      'backup',
      () => ({ container: web, targets: ['/nowhere'], destination: folder }),
      /"\/nowhere".*"\/data"/,
    ],
  ];
  for (const [what, command, args, message] of refused) {
    it(`refuses ${what}, and says so`, async () => {
      await assert.rejects(
        async () => call(command, args()),
        (error: Error) => {
          assert.match(error.message, message);
          return true;
        },
      );
      assert.deepEqual(
        readdirSync(folder).filter((name) => name.includes('.partial')),
        [],
      );
    });
  }

  it('a destination that is not writable is named, and nothing is left', async () => {
    const to = destination();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', to]);
    try {
      await assert.rejects(
        async () => call('backup', { volume: data, destination: to }),
        (error: Error) => error.message.includes(to) && /cannot be written/.test(error.message),
      );
    } finally {
      execFileSync('umount', [to]);
    }
    assert.equal(await helpersOf(connection), 0);
  });

  it('the engine down: each command names the address; up again, all work', async () => {
    const settings = vscode.workspace.getConfiguration('dockerMounts');
    await settings.update('host', 'unix:///nonexistent/docker.sock', vscode.ConfigurationTarget.Global);
    try {
      for (const [command, args] of [
        ['refresh', undefined],
        ['listContainers', { all: true }],
        ['backup', { volume: data, destination: folder }],
        ['inspect', { volume: data }],
      ] as const) {
        await until(`${command} fails`, async () => {
          try {
            await call(command, args);
            return false;
          } catch (error) {
            assert.match((error as Error).message, /\/nonexistent\/docker\.sock/);
            return true;
          }
        });
      }
    } finally {
      await settings.update('host', undefined, vscode.ConfigurationTarget.Global);
    }
    await until('back', async () =>
      call<Volume[]>('listVolumes', {}).then(
        (volumes) => volumes.length > 0,
        () => false,
      ),
    );
  });

  it('the log says what was done, without environment values', async () => {
    const secret = `secret-${unique('value')}`;
    const name = unique('secret');
    await container(connection, name, { Env: [`PASSWORD=${secret}`], HostConfig: { Binds: [`${data}:/data`] } });
    const { manifest } = await call<BackupResult>('backup', { container: name, destination: destination() });
    assert.equal(readFileSync(manifest, 'utf8').includes(secret), false);
  });

  // VS Code shows the message of an error that a keybinding's command rejects with, and makes links of it.
  it('the error of a command holds no link, whatever it was called with', async () => {
    for (const hostPath of ['[x](command:workbench.action.quit)', 'a\n[x](https://example.org) \u202e']) {
      await assert.rejects(
        async () => call('resolvePath', { hostPath }),
        (error: Error) =>
          !error.message.includes('](') &&
          !/[\n\u202e]/.test(error.message) &&
          error.message.includes('not an absolute path'),
      );
    }
  });
});
