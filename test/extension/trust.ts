import assert from 'node:assert/strict';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { BackupResult } from '../../src/backup/backup.ts';
import type { Connection } from '../../src/engine/connection.ts';
import { begin, BUSYBOX, container, end, unique, volume } from '../engine/support.ts';
import { call } from './call.ts';

/** By way of the window, as a keybinding or a link comes: `runCommands` is a command of the window. */
const fromWindow = (command: string, args: unknown): Thenable<unknown> =>
  vscode.commands.executeCommand('runCommands', { commands: [{ command: `dockerMounts.${command}`, args }] });

describe('Who may give a container power over the machine', () => {
  let connection: Connection;
  let folder: string;
  let file: string;
  const web = unique('web');
  const risky = unique('risky');
  const taker = unique('taker');
  const shared = unique('etc');
  const data = unique('data');
  const made = unique('made');
  const asked: string[] = [];
  const { showWarningMessage } = vscode.window;

  before(async () => {
    ({ connection, folder } = await begin());
    mkdirSync(join(folder, 'site'));
    symlinkSync('/etc', join(folder, 'site/link'));
    symlinkSync(connection.endpoint.options.socketPath ?? '', join(folder, 'site/innocent'));
    writeFileSync(join(await volume(connection, data), 'rows'), 'one\n');
    await volume(connection, shared, { DriverOpts: { type: 'none', o: 'bind', device: '/etc' } });
    await container(connection, web, {
      start: false,
      HostConfig: { Binds: ['/etc:/host-etc:ro', `${folder}/site:/srv`] },
    });
    await container(connection, risky, { start: false, HostConfig: { Binds: ['/etc:/host-etc'] } });
    await container(connection, taker, { start: false });
    ({ file } = await call<BackupResult>('backup', { volume: data, destination: folder }));
    // The questions are answered with no.
    Object.assign(vscode.window, {
      showWarningMessage: (question: string) => (asked.push(question), Promise.resolve(undefined)),
    });
  });
  after(async () => {
    Object.assign(vscode.window, { showWarningMessage });
    await end(connection, folder);
  });
  beforeEach(() => asked.splice(0));

  const image = { image: BUSYBOX, name: made, start: false };
  const dangerous: [string, string, () => object][] = [
    [
      'a bind as an API object',
      'createContainer',
      () => ({ ...image, mounts: [{ Type: 'bind', Source: '/etc', Target: '/x' }] }),
    ],
    ['a -v string', 'createContainer', () => ({ ...image, mounts: ['//etc/.:/x'] })],
    [
      'a --mount string',
      'createContainer',
      () => ({ ...image, mounts: ['type=bind,src=/srv/../var/run,dst=/x,readonly'] }),
    ],
    [
      'the engine’s socket',
      'createContainer',
      () => ({ ...image, mounts: [`${connection.endpoint.options.socketPath}:/x:ro`] }),
    ],
    ['a link to the socket', 'createContainer', () => ({ ...image, mounts: [`${folder}/site/innocent:/x`] })],
    ['a path behind a link', 'createContainer', () => ({ ...image, mounts: [`${folder}/site/link/cron.d:/x`] })],
    ['another home', 'createContainer', () => ({ ...image, mounts: ['/home/somebody/x:/x'] })],
    ['the own keys', 'createContainer', () => ({ ...image, mounts: [`${homedir()}/.ssh:/x:ro`] })],
    ['volumes from a container that has such a bind', 'createContainer', () => ({ ...image, volumesFrom: [risky] })],
    [
      'a new volume that is a bind',
      'createContainer',
      () => ({
        ...image,
        mounts: [
          {
            Type: 'volume',
            Target: '/x',
            VolumeOptions: { DriverConfig: { Name: 'local', Options: { type: 'none', o: 'bind', device: '/etc' } } },
          },
        ],
      }),
    ],
    ['a volume that is a bind already', 'createContainer', () => ({ ...image, mounts: [`${shared}:/x`] })],
    ['a folder to run with', 'runWithFolder', () => ({ ...image, path: '/etc', target: '/x' })],
    ['a bind that is added', 'addMount', () => ({ container: taker, mounts: ['/etc:/x'] })],
    ['a volume that is attached', 'attachVolume', () => ({ container: taker, volume: shared, target: '/x' })],
    ['volumes that are attached', 'attachVolumesFrom', () => ({ container: taker, from: risky })],
    ['rights', 'setReadWrite', () => ({ container: web, target: '/host-etc' })],
    [
      'a volume with the device of a bind',
      'createVolume',
      () => ({ name: made, driverOpts: { type: 'none', o: 'bind', device: '/etc' } }),
    ],
    ['a volume of a disk', 'createVolume', () => ({ name: made, driverOpts: { type: 'ext4', device: '/dev/sda1' } })],
    ['a restore into /etc', 'restore', () => ({ file, source: '/etc', mode: 'merge' })],
    ['a restore into a volume that is /etc', 'restore', () => ({ file, volume: shared, mode: 'merge' })],
    ['a restore into the mount of a container', 'restore', () => ({ file, container: risky, mode: 'merge' })],
    ['a copy to /etc', 'copyData', () => ({ volume: data, toSource: '/etc/cron.d' })],
    ['a new file in /etc', 'newFile', () => ({ container: risky, path: '/host-etc/dm-test' })],
    ['a file that is deleted in /etc', 'deleteFile', () => ({ container: risky, paths: ['/host-etc/hostname'] })],
    ['a file for /etc', 'upload', () => ({ container: risky, path: '/host-etc', files: [file] })],
    ['a key for a volume', 'upload', () => ({ volume: data, files: [join(homedir(), '.ssh/id_rsa')] })],
    [
      'a download to where the shell begins',
      'download',
      () => ({ volume: data, path: 'rows', destination: homedir() }),
    ],
  ];
  for (const [what, command, args] of dangerous) {
    it(`${command}: ${what} is asked about once, whoever calls, and no is no`, async () => {
      const before = [
        await connection.docker.getContainer(taker).inspect(),
        await connection.docker.getContainer(web).inspect(),
      ].map(({ Id }) => Id);
      assert.equal(await call(command, args()), undefined);
      assert.equal(asked.length, 1, asked.join(' | '));
      await fromWindow(command, args());
      assert.equal(asked.length, 2, asked.join(' | '));
      assert.deepEqual(
        [
          await connection.docker.getContainer(taker).inspect(),
          await connection.docker.getContainer(web).inspect(),
        ].map(({ Id }) => Id),
        before,
      );
      await assert.rejects(async () => connection.docker.getContainer(made).inspect(), /404/);
      await assert.rejects(async () => connection.docker.getVolume(made).inspect(), /404/);
      assert.deepEqual(
        [
          existsSync('/etc/dm-test'),
          existsSync('/etc/rows'),
          existsSync('/etc/cron.d/rows'),
          existsSync(join(homedir(), 'rows')),
        ],
        [false, false, false, false],
      );
    });

    it(`${command}: ${what} with "confirmed" from the window is refused: neither asked about nor done`, async () => {
      const state = async () =>
        [
          await connection.docker.getContainer(taker).inspect(),
          await connection.docker.getContainer(web).inspect(),
        ].map(({ Id }) => Id);
      const before = await state();
      // `runCommands` shows a failure and does not throw it; what counts is that nothing came of the call.
      for (const confirmed of [true, 'true', 1, false])
        await fromWindow(command, { ...args(), confirmed }).then(undefined, () => undefined);
      assert.deepEqual(asked, []);
      assert.deepEqual(await state(), before);
      await assert.rejects(async () => connection.docker.getContainer(made).inspect(), /404/);
      await assert.rejects(async () => connection.docker.getVolume(made).inspect(), /404/);
      assert.deepEqual(
        ['/etc/dm-test', '/etc/rows', '/etc/cron.d/rows', join(homedir(), 'rows')].filter((path) => existsSync(path)),
        [],
      );
    });
  }

  const losing: [string, () => object][] = [
    ['removeVolume', () => ({ volume: data })],
    ['pruneVolumes', () => ({ all: true })],
    ['removeContainer', () => ({ container: taker, force: true, removeVolumes: true })],
    ['deleteBackup', () => ({ file })],
    ['deleteFile', () => ({ volume: data, paths: ['rows'] })],
    ['restore', () => ({ file, volume: data, mode: 'replace' })],
    ['removeMount', () => ({ container: web, target: '/srv' })],
  ];
  for (const [command, args] of losing) {
    it(`${command} by a link or a keybinding is asked about first, and no is no`, async () => {
      const { Id } = await connection.docker.getContainer(web).inspect();
      await fromWindow(command, args());
      assert.equal(asked.length, 1, asked.join(' | '));
      assert.match(asked[0] ?? '', /a link or a keybinding/);
      const { Mountpoint } = await connection.docker.getVolume(data).inspect();
      assert.ok(existsSync(join(Mountpoint, 'rows')));
      assert.ok(existsSync(file));
      assert.equal((await connection.docker.getContainer(web).inspect()).Id, Id);
      assert.ok((await connection.docker.getContainer(taker).inspect()).Id);
    });
  }

  it('an extension in this host that says "confirmed" is obeyed without a question', async () => {
    const { id } = await call<{ id: string }>('createContainer', { ...image, mounts: ['/etc:/x'], confirmed: true });
    assert.deepEqual(asked, []);
    await call('setReadWrite', { container: web, target: '/host-etc', confirmed: true });
    assert.deepEqual(asked, []);
    await connection.docker.getContainer(id).remove();
  });

  it('also in a call that follows a wait, and by way of a command of its own', async () => {
    await new Promise((resolve) => setTimeout(resolve, 10));
    const own = vscode.commands.registerCommand('dockerMountsTest.own', () =>
      call('createVolume', {
        name: made,
        driverOpts: { type: 'none', o: 'bind', device: '/etc' },
        labels: { 'docker-mounts.test': '1' },
        confirmed: true,
      }),
    );
    try {
      await vscode.commands.executeCommand('runCommands', { commands: ['dockerMountsTest.own'] });
    } finally {
      own.dispose();
    }
    assert.deepEqual([asked, (await connection.docker.getVolume(made).inspect()).Name], [[], made]);
    await connection.docker.getVolume(made).remove();
  });

  it('"confirmed" must be true or false', async () => {
    await assert.rejects(
      async () => call('createContainer', { ...image, mounts: ['/etc:/x'], confirmed: 'yes' }),
      /"confirmed" must be true or false/,
    );
  });

  it('the user’s own folders are not asked about', async () => {
    const { id } = await call<{ id: string }>('createContainer', {
      ...image,
      mounts: [`${folder}/site:/x`, `${vscode.workspace.workspaceFolders?.[0]?.uri.fsPath}:/work`, `${data}:/data`],
      volumesFrom: [taker],
    });
    await connection.docker.getContainer(id).remove();
    assert.deepEqual(asked, []);
  });

  const SECRET = 'Hunter-2!x';
  const shapes: [string, unknown][] = [
    ['a number', 4242424242],
    ['an object', { a: { b: SECRET } }],
    ['a list', [SECRET, { b: SECRET }, 7]],
    ['a nested list', [[SECRET]]],
    ['true', true],
  ];
  const keys: [string, string, object][] = [
    ['setPassphrase', 'passphrase', {}],
    ...['backup', 'verifyBackup', 'restore', 'restoreSome', 'verifyAgainst'].map(
      (command): [string, string, object] => [command, 'passphrase', { file: '/nonexistent.tar', volume: 'nothing' }],
    ),
    ['createContainer', 'env', { image: 'none' }],
    ['createContainer', 'command', { image: 'none' }],
    ['runWithFolder', 'env', { image: 'none', path: '/srv/x', target: '/x' }],
    ['createVolume', 'driverOpts', { name: 'dm-never-made' }],
    ['createVolume', 'labels', { name: 'dm-never-made' }],
  ];
  for (const [command, key, rest] of keys) {
    for (const [what, value] of shapes) {
      it(`${command}: "${key}" given as ${what} is refused without being quoted`, async () => {
        await assert.rejects(
          async () =>
            call(command, { ...rest, ...(command === 'verifyBackup' ? { volume: undefined } : {}), [key]: value }),
          (error: Error) => {
            assert.ok(error.message.length > 10);
            for (const secret of [SECRET, '4242424242'])
              assert.equal(error.message.includes(secret), false, error.message);
            return true;
          },
        );
      });
    }
  }

  it('a value in the place of a name is not quoted', async () => {
    for (const command of ['backup', 'createVolume', 'createContainer', 'removeVolume']) {
      await assert.rejects(
        async () => call(command, { [SECRET]: 1 }),
        (error: Error) => /unknown/.test(error.message) && !error.message.includes(SECRET),
      );
    }
  });

  it('of several that are removed, what went and what did not is said', async () => {
    await assert.rejects(
      async () => call('removeVolume', { volumes: [data, 'dm-nothing'] }),
      /"dm-nothing".*nothing was removed/,
    );
  });
});
