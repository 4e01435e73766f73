import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { Volume } from '../../src/engine/model.ts';
import { BUSYBOX, until } from '../engine/support.ts';
import { call } from './call.ts';
import { staged, type Stage } from './stage.ts';

describe('Commands inside VS Code', () => {
  const stage = staged();

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

  const refused: [string, string, (on: Stage) => object | Promise<object>, RegExp][] = [
    ['an unknown container', 'backup', (on) => ({ container: 'nobody', destination: on.folder }), /"nobody"/],
    ['an unknown volume', 'inspect', () => ({ volume: 'nothing' }), /"nothing"/],
    ['an unknown container to start', 'startContainer', () => ({ container: 'nobody' }), /"nobody"/],
    [
      'a missing folder',
      'backup',
      async (on) => ({ volume: (await on.data()).name, destination: join(on.folder, 'missing') }),
      /missing" does not exist/,
    ],
    [
      'a file as folder',
      'backup',
      async (on) => ({ volume: (await on.data()).name, destination: join(on.site(), 'index.html') }),
      /not a folder/,
    ],
    ['a missing archive', 'verifyBackup', (on) => ({ file: join(on.folder, 'gone.tar') }), /gone\.tar/],
    ['a missing backup folder', 'listBackups', (on) => ({ folder: join(on.folder, 'gone') }), /gone/],
    [
      'a misspelt argument',
      'backup',
      async (on) => ({ volume: (await on.data()).name, destinaton: on.folder }),
      /"destinaton" is unknown/,
    ],
    ['an argument of the wrong type', 'backup', (on) => ({ volume: 7, destination: on.folder }), /"volume".*7/],
    [
      'two subjects at once',
      'backup',
      async (on) => {
        const { web, data } = await on.web();
        return { volume: data, container: web, destination: on.folder };
      },
      /not several/,
    ],
    ['an unknown image', 'createContainer', () => ({ image: 'no-such-image' }), /no-such-image/],
    ['a mount that cannot be', 'createContainer', () => ({ image: BUSYBOX, mounts: ['rel/ative:/x'] }), /rel\/ative/],
    ['an unknown volume to remove', 'removeVolume', () => ({ volume: 'never-made' }), /never-made/],
    [
      'an unknown target',
      'backup',
      async (on) => ({ container: (await on.web()).web, targets: ['/nowhere'], destination: on.folder }),
      /"\/nowhere".*"\/data"/,
    ],
  ];
  for (const [what, command, args, message] of refused) {
    it(`refuses ${what}, and says so`, async () => {
      const given = await args(stage());
      await assert.rejects(
        async () => call(command, given),
        (error: Error) => {
          assert.match(error.message, message);
          return true;
        },
      );
      assert.deepEqual(
        readdirSync(stage().folder).filter((name) => name.includes('.partial')),
        [],
      );
    });
  }

  it('the engine down: each command names the address; up again, all work', async () => {
    const { folder } = stage();
    const { name: data } = await stage().data();
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
