import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BackupResult } from '../../src/backup/backup.ts';
import type { BackupFile } from '../../src/backup/archive/list.ts';
import type { VerifyResult } from '../../src/backup/archive/verify.ts';
import type { Connection } from '../../src/engine/connection.ts';
import { begin, end, helpersOf, unique, volume } from '../engine/support.ts';
import { call } from './call.ts';

describe('Backups inside VS Code', () => {
  let connection: Connection;
  let folder: string;
  const data = unique('data');
  let path: string;

  before(async () => {
    ({ connection, folder } = await begin());
    path = await volume(connection, data);
    mkdirSync(join(path, 'sub'));
    for (const name of ['one', 'two', 'sub/three']) writeFileSync(join(path, name), name);
  });
  after(() => end(connection, folder));

  const save = (args: object = {}) => call<BackupResult>('backup', { volume: data, destination: folder, ...args });

  it('encrypted with the passphrase that was set; verified, restored and compared with it or another', async () => {
    await call('setPassphrase', { passphrase: 'kept in the secret storage' });
    const kept = await save({ encrypt: true });
    assert.match(kept.file, /\.tar\.zst\.age$/);
    assert.equal(readFileSync(kept.file).subarray(0, 21).toString(), 'age-encryption.org/v1');
    assert.equal(readFileSync(kept.manifest, 'utf8').includes('secret storage'), false);
    assert.equal((await call<VerifyResult>('verifyBackup', { file: kept.file })).ok, true);
    const own = await save({ passphrase: 'another' });
    assert.equal((await call<VerifyResult>('verifyBackup', { file: own.file, passphrase: 'another' })).ok, true);
    await assert.rejects(async () => call('verifyBackup', { file: own.file, passphrase: 'wrong' }), /passphrase/);
    writeFileSync(join(path, 'one'), 'spoiled');
    const verdict = await call<VerifyResult>('verifyAgainst', { file: kept.file, volume: data });
    assert.deepEqual(verdict.problems, ['"one" differs from the archive']);
    await call('restore', { file: kept.file, volume: data, mode: 'replace' });
    assert.equal(readFileSync(join(path, 'one'), 'utf8'), 'one');
    const [listed] = (await call<BackupFile[]>('listBackups', { folder })).filter(({ file }) => file === kept.file);
    assert.equal(listed?.encrypted, true);
    await assert.rejects(async () => save({ passphrase: '' }), /"passphrase".*not empty/);
  });

  it('only some entries are restored, what else is there stays', async () => {
    const { file } = await save({ compression: 'none' });
    writeFileSync(join(path, 'two'), 'newer');
    writeFileSync(join(path, 'sub/three'), 'spoiled');
    const result = await call<{ entries: number }>('restore', { file, volume: data, mode: 'merge', entries: ['sub'] });
    assert.equal(result.entries, 2);
    assert.deepEqual(
      [readFileSync(join(path, 'two'), 'utf8'), readFileSync(join(path, 'sub/three'), 'utf8')],
      ['newer', 'sub/three'],
    );
    await assert.rejects(
      async () => call('restore', { file, volume: data, mode: 'merge', entries: ['nowhere'] }),
      /holds none of "nowhere"/,
    );
  });

  it('a backup is deleted with its manifest; what is no archive is not', async () => {
    const { file, manifest } = await save();
    assert.deepEqual(await call('deleteBackup', { file }), { removed: [file] });
    assert.deepEqual([existsSync(file), existsSync(manifest)], [false, false]);
    const notes = join(folder, 'notes.txt');
    writeFileSync(notes, 'keep me');
    await assert.rejects(async () => call('deleteBackup', { file: notes }), /notes\.txt.*not removed/);
    await assert.rejects(async () => call('deleteBackup', { file }), /does not exist/);
    assert.ok(readdirSync(folder).includes('notes.txt'));
    assert.equal(await helpersOf(connection), 0);
  });
});
