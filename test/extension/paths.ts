import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { Connection } from '../../src/engine/connection.ts';
import type { PathView } from '../../src/paths/paths.ts';
import { begin, container, end, unique, until, volume } from '../engine/support.ts';
import { call } from './call.ts';

describe('Which container sees this file', () => {
  let connection: Connection;
  let folder: string;
  const web = unique('web');
  const job = unique('job');
  const data = unique('data');
  const stopped = unique('stopped');
  const at = (path: string) => join(folder, path);
  const views = async (args: object) =>
    (await call<PathView[]>('resolvePath', args)).map(
      (view) => `${view.container}:${view.containerPath}${view.readOnly ? ':ro' : ''}`,
    );

  before(async () => {
    ({ connection, folder } = await begin());
    folder = realpathSync(folder);
    mkdirSync(at('site/src/deep dir'), { recursive: true });
    mkdirSync(at('other'));
    writeFileSync(at('site/src/main.py'), 'one\ntwo\nthree\n');
    writeFileSync(at('site/odd:12'), 'odd\n');
    symlinkSync(at('site'), at('workspace'));
    await volume(connection, data);
    await container(connection, web, {
      HostConfig: { Binds: [`${folder}/site:/app`, `${folder}/other:/app/hidden`, `${data}:/data`] },
    });
    await container(connection, job, { HostConfig: { Binds: [`${folder}/site/src:/src:ro`], Tmpfs: { '/run': '' } } });
    await container(connection, stopped, { start: false, HostConfig: { Binds: [`${folder}/other:/o`] } });
    await call('refresh');
  });
  after(async () => {
    for (const terminal of vscode.window.terminals) terminal.dispose();
    await end(connection, folder);
  });

  it('resolvePath of a host path: every place, also through a symlinked workspace', async () => {
    const expected = [`${job}:/src/main.py:ro`, `${web}:/app/src/main.py`];
    assert.deepEqual(await views({ hostPath: at('site/src/main.py') }), expected);
    assert.deepEqual(await views({ hostPath: at('workspace/src/main.py') }), expected);
    assert.deepEqual(await views({ hostPath: at('site/hidden/x') }), []);
    assert.deepEqual(await views({ hostPath: '/proc/1' }), []);
    const [view] = await call<PathView[]>('resolvePath', { hostPath: at('site/src/main.py') });
    assert.deepEqual(view, {
      container: job,
      containerPath: '/src/main.py',
      hostPath: at('site/src/main.py'),
      readOnly: true,
      mount: { type: 'bind', target: '/src', source: at('site/src'), readOnly: true, options: ['rprivate'] },
    });
    assert.deepEqual(JSON.parse(JSON.stringify(view)), view);
  });

  it('resolvePath of a container path: the host path, and the other containers', async () => {
    const [own, other] = await call<PathView[]>('resolvePath', { container: job, containerPath: '/src/main.py' });
    assert.deepEqual(
      [own?.hostPath, other?.container, other?.containerPath],
      [at('site/src/main.py'), web, '/app/src/main.py'],
    );
    assert.deepEqual(await views({ container: job, containerPath: '/run/x' }), [`${job}:/run/x`]);
    assert.deepEqual(await views({ container: job, containerPath: '/bin/sh' }), []);
    assert.equal((await call<PathView[]>('showMounts', { hostPath: at('site/src') })).length, 2);
  });

  it('what cannot be resolved is refused with the reason', async () => {
    await assert.rejects(async () => call('resolvePath', { hostPath: 'site/x' }), /not an absolute path/);
    await assert.rejects(
      async () => call('resolvePath', { container: web, containerPath: 'x' }),
      /not an absolute path/,
    );
    await assert.rejects(async () => call('resolvePath', { container: web }), /together/);
    await assert.rejects(
      async () => call('resolvePath', { container: 'no-such', containerPath: '/x' }),
      /no container "no-such"/,
    );
    await assert.rejects(async () => call('resolvePath', { hostPath: '/x', container: web }), /either hostPath/);
    await assert.rejects(async () => call('copyContainerPath', { hostPath: '/proc/1' }), /No container sees/);
    await assert.rejects(
      async () => call('copyContainerPath', { hostPath: at('site'), container: job }),
      /does not see/,
    );
  });

  it('copyContainerPath: the path on the clipboard', async () => {
    assert.deepEqual(await call('copyContainerPath', { hostPath: at('site/src/main.py'), container: web }), {
      container: web,
      containerPath: '/app/src/main.py',
    });
    await until('it is on the clipboard', async () => (await vscode.env.clipboard.readText()) === '/app/src/main.py');
  });

  it('openHostFile: at line and column, by any container that has it, and a name that looks like a position', async () => {
    assert.deepEqual(await call('openHostFile', { container: web, containerPath: '/app/src/main.py:2:3' }), {
      container: web,
      hostPath: at('site/src/main.py'),
      line: 2,
      column: 3,
    });
    await until('it is open at the place', () => {
      const editor = vscode.window.activeTextEditor;
      return (
        editor?.document.uri.fsPath === at('site/src/main.py') &&
        editor.selection.active.isEqual(new vscode.Position(1, 2))
      );
    });
    const found = await call<{ hostPath: string }>('openHostFile', { containerPath: 'File "/src/main.py", line 3' });
    assert.equal(found.hostPath, at('site/src/main.py'));
    assert.equal(
      (await call<{ hostPath: string }>('openHostFile', { container: web, containerPath: '/app/odd:12' })).hostPath,
      at('site/odd:12'),
    );
    await assert.rejects(async () => call('openHostFile', { container: web, containerPath: '/bin/sh' }), /own layer/);
    await assert.rejects(
      async () => call('openHostFile', { container: web, containerPath: '/app/none.txt:3' }),
      /site\/none\.txt.*does not exist/,
    );
    await assert.rejects(async () => call('openHostFile', { container: job, containerPath: '/run/x' }), /tmpfs/);
    await assert.rejects(async () => call('openHostFile', { containerPath: '/nowhere/x' }), /No container has/);
  });

  it('openTerminal: a shell in the directory of the file; what is typed runs there', async () => {
    const opened = await call('openTerminal', { container: web, containerPath: '/app/src/deep dir' });
    assert.deepEqual(opened, { container: web, cwd: '/app/src/deep dir', shell: 'sh' });
    const terminal = await until('the terminal', () =>
      vscode.window.terminals.find(({ name }) => name.startsWith(web)),
    );
    terminal.sendText('pwd > out; echo "grüße ✓" >> out; mv out done');
    await until('its output', () => existsSync(at('site/src/deep dir/done')));
    assert.equal(readFileSync(at('site/src/deep dir/done'), 'utf8'), '/app/src/deep dir\ngrüße ✓\n');
    terminal.sendText('exit 3');
    assert.equal((await until('its end', () => terminal.exitStatus)).code, 3);
  });

  it('openTerminal: a stopped container, a path that is not there', async () => {
    await assert.rejects(async () => call('openTerminal', { container: stopped }), /is created/);
    await assert.rejects(
      async () => call('openTerminal', { container: web, containerPath: '/app/none' }),
      /no "\/app\/none"/,
    );
  });

  it('an engine on another machine: its own paths, and a clear word on those of this one', async () => {
    const server = createServer((socket) => {
      const engine = connect(connection.endpoint.options.socketPath ?? '');
      for (const [one, other] of [
        [socket, engine],
        [engine, socket],
      ] as const)
        one.on('error', () => other.destroy()).pipe(other);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const configuration = () => vscode.workspace.getConfiguration('dockerMounts');
    await configuration().update('host', `tcp://127.0.0.1:${port}`, vscode.ConfigurationTarget.Workspace);
    try {
      await until('it is another machine', async () =>
        call('resolvePath', { hostPath: at('site') }).then(
          () => false,
          (error: Error) => /127\.0\.0\.1:\d+ is on another machine/.test(error.message),
        ),
      );
      const [own, other] = await call<PathView[]>('resolvePath', { container: job, containerPath: '/src/main.py' });
      assert.deepEqual([own?.hostPath, other?.container], [at('site/src/main.py'), web]);
      await assert.rejects(
        async () => call('openHostFile', { container: web, containerPath: '/app/src/main.py' }),
        /on another machine/,
      );
      const { cwd } = await call<{ cwd: string }>('openTerminal', {
        container: web,
        containerPath: '/app/src/main.py',
      });
      assert.equal(cwd, '/app/src');
    } finally {
      await configuration().update('host', undefined, vscode.ConfigurationTarget.Workspace);
      await until('this machine again', async () =>
        call('resolvePath', { hostPath: at('site') }).then(
          () => true,
          () => false,
        ),
      );
      server.close();
    }
  });

  it('a change of mounts is seen at once', async () => {
    await call('addMount', { container: job, mounts: [`${folder}/other:/new`] });
    assert.deepEqual(await views({ hostPath: at('other/x') }), [
      `${job}:/new/x`,
      `${stopped}:/o/x`,
      `${web}:/app/hidden/x`,
    ]);
  });
});
