import assert from 'node:assert/strict';
import { chownSync, chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { Connection } from '../../src/engine/connection.ts';
import { begin, container, end, helpersOf, unique, until, volume } from '../engine/support.ts';
import { call } from './call.ts';

async function inside(connection: Connection, name: string, script: string): Promise<void> {
  const exec = await connection.docker.getContainer(name).exec({ Cmd: ['sh', '-c', script], AttachStdout: true });
  for await (const _ of await exec.start({})) void _;
}

const isCode = (code: string, message?: RegExp) => (error: Error) =>
  error instanceof vscode.FileSystemError && error.code === code && (message?.test(error.message) ?? true);

describe('Files in volumes and mounts', () => {
  let connection: Connection;
  let folder: string;
  let root: string;
  const data = unique('data');
  const web = unique('web');
  const reader = unique('reader');
  const at = (path: string) => vscode.Uri.from({ scheme: 'docker-mounts', path: `/volume/${data}${path}` });
  const { fs } = vscode.workspace;

  before(async () => {
    ({ connection, folder } = await begin());
    // In a browser VS Code saves by itself after a second.
    await vscode.workspace.getConfiguration('files').update('autoSave', 'off', vscode.ConfigurationTarget.Global);
    root = await volume(connection, data);
    mkdirSync(join(root, 'conf'));
    writeFileSync(join(root, 'conf/app.conf'), 'listen 8080\n');
    await container(connection, web, { HostConfig: { Binds: [`${data}:/data`] } });
    await container(connection, reader, { HostConfig: { Binds: [`${data}:/input:ro`] } });
    await call('refresh', undefined);
  });
  after(async () => {
    await vscode.workspace.getConfiguration('files').update('autoSave', undefined, vscode.ConfigurationTarget.Global);
    await end(connection, folder);
  });
  afterEach(async () => {
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  });

  const open = async (uri: vscode.Uri) => {
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document);
    return document;
  };
  const append = async (document: vscode.TextDocument, text: string) => {
    const edit = new vscode.WorkspaceEdit();
    edit.insert(document.uri, document.lineAt(document.lineCount - 1).range.end, text);
    assert.ok(await vscode.workspace.applyEdit(edit));
  };

  it('workspace.fs: list, stat, read, write, create, rename, copy and delete', async () => {
    assert.equal(fs.isWritableFileSystem('docker-mounts'), true);
    assert.deepEqual(await fs.readDirectory(at('')), [['conf', vscode.FileType.Directory]]);
    const stat = await fs.stat(at('/conf/app.conf'));
    assert.deepEqual([stat.type, stat.size, stat.permissions], [vscode.FileType.File, 12, undefined]);
    await fs.createDirectory(at('/new/deep'));
    await fs.writeFile(at('/new/deep/file'), Buffer.from([0, 255, 10]));
    assert.deepEqual([...(await fs.readFile(at('/new/deep/file')))], [0, 255, 10]);
    await fs.rename(at('/new/deep/file'), at('/new/moved'));
    await fs.copy(at('/new'), at('/copy'));
    assert.deepEqual(
      (await fs.readDirectory(at('/copy'))).map(([name]) => name),
      ['deep', 'moved'],
    );
    await assert.rejects(async () => fs.delete(at('/copy'), { recursive: false }));
    await fs.delete(at('/copy'), { recursive: true });
    await fs.delete(at('/new'), { recursive: true });
    await assert.rejects(async () => fs.stat(at('/copy')), isCode('FileNotFound'));
    await assert.rejects(async () => fs.readFile(at('/conf')), isCode('FileIsADirectory'));
    await assert.rejects(
      async () => fs.stat(vscode.Uri.parse('docker-mounts:/volume/no-such/file')),
      isCode('FileNotFound', /no volume "no-such"/),
    );
  });

  it('a document saved: owner and mode stay, and nothing is left beside it', async () => {
    const file = join(root, 'conf/app.conf');
    chownSync(file, 33, 44);
    chmodSync(file, 0o640);
    const document = await open(at('/conf/app.conf'));
    await append(document, 'workers 4\n');
    assert.ok(await document.save());
    assert.equal(readFileSync(file, 'utf8'), 'listen 8080\nworkers 4\n');
    const { uid, gid, mode } = statSync(file);
    assert.deepEqual([uid, gid, mode & 0o777], [33, 44, 0o640]);
    assert.deepEqual(await fs.readDirectory(at('/conf')), [['app.conf', vscode.FileType.File]]);
  });

  it('what the container writes shows up in the open editor, also through another name of the file', async () => {
    const document = await open(vscode.Uri.parse(`docker-mounts:/container/${web}/data/conf/app.conf`));
    await inside(connection, web, 'echo "# by the container" >> /data/conf/app.conf');
    await until('the change', () => document.getText().includes('by the container'));
    await fs.writeFile(at('/conf/app.conf'), Buffer.from('through the volume\n'));
    await until('the other change', () => document.getText() === 'through the volume\n');
  });

  it('a conflict: what the container wrote meanwhile is not written over, and the editor stays dirty', async () => {
    const document = await open(at('/conf/app.conf'));
    await append(document, 'mine\n');
    await inside(connection, web, 'sleep 1; echo theirs > /data/conf/app.conf');
    // VS Code asks by a notification; the save does not go through.
    void document.save();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    assert.equal(document.isDirty, true);
    assert.equal(readFileSync(join(root, 'conf/app.conf'), 'utf8'), 'theirs\n');
  });

  it('a read-only mount: readable, marked, and a write says why not', async () => {
    const uri = vscode.Uri.parse(`docker-mounts:/container/${reader}/input/conf/app.conf`);
    assert.equal((await fs.stat(uri)).permissions, vscode.FilePermission.Readonly);
    await fs.readFile(uri);
    await assert.rejects(async () => fs.delete(uri), /read-?only/i);
    await assert.rejects(async () => call('newFile', { container: reader, path: '/input/new' }), /mounted read-only/);
    assert.equal(existsSync(join(root, 'new')), false);
  });

  it('commands with all arguments ask nothing: list, new, rename, upload, download, copy, delete', async () => {
    const made = await call<{ uri: string }>('newFile', { volume: data, path: 'list/one.txt' }).then(
      undefined,
      (error: Error) => error,
    );
    assert.ok(made instanceof Error && /list/.test(made.message), 'its folder is missing');
    assert.deepEqual(await call('newFolder', { volume: data, path: 'list' }), {
      uri: `docker-mounts:/volume/${data}/list`,
    });
    assert.deepEqual(await call('newFile', { container: web, target: '/data', path: 'list/one.txt' }), {
      uri: `docker-mounts:/container/${web}/data/list/one.txt`,
    });
    assert.deepEqual(await call('renameFile', { volume: data, path: 'list/one.txt', name: 'two words.txt' }), {
      uri: `docker-mounts:/volume/${data}/list/two%20words.txt`,
    });
    const local = join(folder, 'local');
    mkdirSync(local);
    writeFileSync(join(local, 'file'), 'uploaded');
    const up = await call<{ uris: string[]; entries: number; bytes: number }>('upload', {
      volume: data,
      path: 'list',
      files: [local, vscode.Uri.file(join(local, 'file')).toString()],
    });
    assert.deepEqual(up, {
      uris: [`docker-mounts:/volume/${data}/list/local`, `docker-mounts:/volume/${data}/list/file`],
      entries: 3,
      bytes: 16,
    });
    const listed = await call<{ name: string; type: string; size: number }[]>('listFiles', {
      volume: data,
      path: '/list',
    });
    assert.deepEqual(
      listed.map(({ name, type, size }) => [name, type, type === 'file' ? size : 0]),
      [
        ['file', 'file', 8],
        ['local', 'directory', 0],
        ['two words.txt', 'file', 0],
      ],
    );
    assert.deepEqual(JSON.parse(JSON.stringify(listed)), listed);
    const copied = await call<{ entries: number }>('copyFiles', {
      from: [`docker-mounts:/volume/${data}/list/file`],
      volume: data,
      path: 'conf',
    });
    assert.equal(copied.entries, 1);
    const to = join(folder, 'to');
    mkdirSync(to);
    const down = await call<{ files: string[]; entries: number; bytes: number }>('download', {
      volume: data,
      path: 'list/local',
      destination: to,
    });
    assert.deepEqual(down, { files: [join(to, 'local')], entries: 1, bytes: 8 });
    assert.equal(readFileSync(join(to, 'local/file'), 'utf8'), 'uploaded');
    await assert.rejects(
      async () => call('download', { volume: data, path: 'list/local', destination: to }),
      /exists already/,
    );
    await assert.rejects(
      async () => call('upload', { volume: data, path: 'list', files: [join(folder, 'none')] }),
      /none" cannot be read/,
    );
    await assert.rejects(async () => call('listFiles', { volume: data, container: web }), /not several/);
    await assert.rejects(async () => call('listFiles', { volume: data, path: '../..' }), /steps up/);
    assert.deepEqual(await call('deleteFile', { volume: data, paths: ['list', 'conf/file'] }), {
      deleted: [`docker-mounts:/volume/${data}/list`, `docker-mounts:/volume/${data}/conf/file`],
    });
    assert.equal(existsSync(join(root, 'list')), false);
    assert.deepEqual(await call('copyFilePath', { container: web, path: '/data/conf/app.conf' }), {
      path: '/data/conf/app.conf',
    });
    assert.equal(await vscode.env.clipboard.readText(), '/data/conf/app.conf');
  });

  it('a volume that was just looked at can be removed: no helper holds it', async () => {
    const gone = unique('gone');
    writeFileSync(join(await volume(connection, gone), 'file'), 'x');
    await call('refresh', undefined);
    await call('listFiles', { volume: gone });
    assert.ok((await helpersOf(connection)) > 0);
    assert.deepEqual(await call('removeVolume', { volume: gone }), { removed: [gone] });
    assert.equal(await helpersOf(connection), 0);
  });

  it('the engine gone while an editor is dirty: the save fails, nothing is lost, and it saves when the engine is back', async () => {
    writeFileSync(join(root, 'conf/dirty.conf'), 'before\n');
    const document = await open(at('/conf/dirty.conf'));
    await append(document, 'typed meanwhile\n');
    const settings = vscode.workspace.getConfiguration('dockerMounts');
    await settings.update('host', 'unix:///nonexistent/docker.sock', vscode.ConfigurationTarget.Global);
    try {
      await until('the engine is gone', async () => {
        try {
          await fs.stat(at('/conf/dirty.conf'));
          return false;
        } catch (error) {
          return isCode('Unavailable', /nonexistent/)(error as Error);
        }
      });
      void document.save();
      await new Promise((resolve) => setTimeout(resolve, 2000));
      assert.equal(document.isDirty, true);
      assert.match(document.getText(), /typed meanwhile/);
    } finally {
      await settings.update('host', undefined, vscode.ConfigurationTarget.Global);
    }
    await until(
      'the engine is back',
      async () =>
        fs.stat(at('/conf/dirty.conf')).then(
          () => true,
          () => false,
        ),
      30_000,
    );
    assert.equal(await document.save(), true);
    assert.equal(readFileSync(join(root, 'conf/dirty.conf'), 'utf8'), 'before\ntyped meanwhile\n');
  });
});
