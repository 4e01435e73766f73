import assert from 'node:assert/strict';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { Container } from '../../src/engine/model.ts';
import { BUSYBOX, container, unique, until, WITH_VOLUME } from '../engine/support.ts';
import { call } from './call.ts';
import { staged } from './stage.ts';

describe('Containers inside VS Code', () => {
  const stage = staged();

  it('listContainers: mounts, lineage and sharing; without all only what runs', async () => {
    const { web } = await stage().web();
    const taker = await stage().taker(web);
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

  it('startContainer, restartContainer and stopContainer, also when it is so already', async () => {
    const { connection } = stage();
    const name = unique('turned');
    await container(connection, name);
    const state = async () => (await connection.docker.getContainer(name).inspect()).State;
    await call('startContainer', { container: name });
    await call('startContainer', { container: name });
    const { StartedAt, Running } = await state();
    assert.equal(Running, true);
    await call('restartContainer', { container: name });
    assert.notEqual((await state()).StartedAt, StartedAt);
    await call('stopContainer', { container: name });
    await call('stopContainer', { container: name });
    assert.equal((await state()).Running, false);
  });

  for (const [kind, named] of [
    ['container', async () => (await stage().web()).web],
    ['volume', async () => (await stage().data()).name],
    ['image', () => Promise.resolve(BUSYBOX)],
  ] as const) {
    it(`inspect a ${kind}: the JSON, and a read-only document`, async () => {
      const value = await call<Record<string, unknown>>('inspect', { [kind]: await named() });
      assert.ok(value['Id'] ?? value['Name']);
      const editor = vscode.window.activeTextEditor;
      assert.equal(editor?.document.languageId, 'json');
      assert.deepEqual(JSON.parse(editor.document.getText()), value);
      assert.notEqual(vscode.workspace.fs.isWritableFileSystem(editor.document.uri.scheme), true);
    });
  }

  it('createContainer with mounts as people type them, then removed with its volumes', async () => {
    const { folder } = stage();
    const { name: data } = await stage().data();
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
    const { connection } = stage();
    const { web, site } = await stage().web();
    type Changed = { id: string; name: string; replaced: string; mounts: Container['mounts'] };
    const name = unique('change');
    const first = await container(connection, name);
    const added = await call<Changed>('addMount', { container: name, mounts: [`${site}:/srv`] });
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
    const { connection } = stage();
    const { name: data } = await stage().data();
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
    const { connection } = stage();
    const site = stage().site();
    const made = await call<{ name: string }>('runWithFolder', {
      path: site,
      image: BUSYBOX,
      target: '/work',
      readOnly: true,
    });
    const found = await connection.docker.getContainer(made.name).inspect();
    await connection.docker.getContainer(made.name).remove({ force: true });
    assert.deepEqual(
      [found.State.Running, found.Mounts.map(({ Source, Destination, RW }) => [Source, Destination, RW])],
      [true, [[site, '/work', false]]],
    );
  });
});
