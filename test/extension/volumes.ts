import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Volume } from '../../src/engine/model.ts';
import { unique } from '../engine/support.ts';
import { call } from './call.ts';
import { staged } from './stage.ts';

describe('Volumes inside VS Code', () => {
  const stage = staged();

  it('listVolumes: with sizes when asked', async () => {
    const { web, data } = await stage().web();
    const taker = await stage().taker(web);
    const found = (await call<Volume[]>('listVolumes', { sizes: true })).find(({ name }) => name === data);
    assert.equal(found?.size, 8);
    assert.deepEqual(found.usedBy.map((use) => use.container).sort(), [taker, web].sort());
  });

  it('cloneVolume, copyVolumeToContext and copyData', async () => {
    const { connection, folder } = stage();
    const site = stage().site();
    const { name: data } = await stage().data();
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
    assert.deepEqual(await call('copyData', { source: site, toVolume: back }), {
      entries: 1,
      bytes: 8,
    });
    await assert.rejects(async () => call('copyData', { volume: data, toSource: site }), /holds data/);
    await call('removeVolume', { volumes: [clone, copy, back] });
  });

  it('createVolume, removeVolume and pruneVolumes', async () => {
    const { data } = await stage().web();
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
});
