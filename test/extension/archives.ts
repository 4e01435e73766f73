import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BackupResult } from '../../src/backup/backup.ts';
import type { BackupFile } from '../../src/backup/archive/list.ts';
import type { VerifyResult } from '../../src/backup/archive/verify.ts';
import type { Volume } from '../../src/engine/model.ts';
import { container, helpersOf, unique } from '../engine/support.ts';
import { call } from './call.ts';
import { staged } from './stage.ts';

describe('Backup and restore inside VS Code', () => {
  const stage = staged();

  it('backup of a container, one mount, a volume and a bind; verified and listed', async () => {
    const { web, site, data } = await stage().web();
    const to = stage().destination();
    const files: string[] = [];
    for (const [args, entries] of [
      [{ container: web }, 3],
      [{ container: web, targets: ['/data'] }, 1],
      [{ volume: data, compression: 'none', method: 'archive', name: 'mine' }, 1],
      [{ source: site, compression: 'gzip', level: 9, consistency: 'none' }, 1],
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
    assert.equal(await helpersOf(stage().connection), 0);
  });

  it('restore: a dry run, empty refused, replaced, merged; into a container; verified against its source', async () => {
    const { connection } = stage();
    const { web, site, data, path } = await stage().web();
    const to = stage().destination();
    const backup = await call<BackupResult>('backup', { container: web, targets: ['/data'], destination: to });
    writeFileSync(join(path, 'rows'), 'spoiled');
    writeFileSync(join(path, 'extra'), 'more');
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
    assert.equal(readFileSync(join(path, 'rows'), 'utf8'), 'spoiled');
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
    assert.deepEqual(readdirSync(path), ['rows']);
    assert.equal(readFileSync(join(path, 'rows'), 'utf8'), 'one\ntwo\n');
    const fresh = unique('restored');
    await call('restore', { file: backup.file, volume: fresh, mode: 'empty' });
    assert.ok((await call<Volume[]>('listVolumes', {})).some(({ name }) => name === fresh));
    await call('removeVolume', { volume: fresh });
    for (const [args, message] of [
      [{ file: join(to, 'gone.tar'), volume: data, mode: 'merge' }, /gone\.tar/],
      [{ file: backup.file, volume: data, mode: 'all' }, /"all" is unknown/],
      [{ file: backup.file, volume: data, mode: 'merge', consistency: 'hope' }, /"hope"/],
      [{ file: backup.file, container: 'nobody', mode: 'merge' }, /"nobody"/],
      [{ file: join(site, 'index.html'), volume: data, mode: 'replace' }, /index\.html.*not a tar/],
    ] as const)
      await assert.rejects(async () => call('restore', args), message);
    assert.equal(readFileSync(join(path, 'rows'), 'utf8'), 'one\ntwo\n');
    assert.equal(await helpersOf(connection), 0);
  });

  it('a destination that is not writable is named, and nothing is left', async () => {
    const { name: data } = await stage().data();
    const to = stage().destination();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', to]);
    try {
      await assert.rejects(
        async () => call('backup', { volume: data, destination: to }),
        (error: Error) => error.message.includes(to) && /cannot be written/.test(error.message),
      );
    } finally {
      execFileSync('umount', [to]);
    }
    assert.equal(await helpersOf(stage().connection), 0);
  });

  it('the log says what was done, without environment values', async () => {
    const { connection } = stage();
    const { name: data } = await stage().data();
    const secret = `secret-${unique('value')}`;
    const name = unique('secret');
    await container(connection, name, { Env: [`PASSWORD=${secret}`], HostConfig: { Binds: [`${data}:/data`] } });
    const { manifest } = await call<BackupResult>('backup', { container: name, destination: stage().destination() });
    assert.equal(readFileSync(manifest, 'utf8').includes(secret), false);
  });
});
