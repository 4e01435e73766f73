/** What was read of an archive for a question is not read again for the work, unless it was written to. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync, statSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { contentsOf } from '../../src/backup/archive/contents.ts';
import { KnownScans } from '../../src/backup/archive/scan.ts';
import { backup } from '../../src/backup/backup.ts';
import { describeRestore } from '../../src/backup/restore/preview.ts';
import { restore } from '../../src/backup/restore/restore.ts';
import type { Connection } from '../../src/engine/connection.ts';
import { BadArchive } from '../../src/engine/errors.ts';
import { begin, end, job, jobOn, unique, volume } from './support.ts';

const MIB = 1024 * 1024;
let connection: Connection;
let folder: string;
let file: string;
let size: number;
before(async () => {
  ({ connection, folder } = await begin());
  const source = unique('source');
  const path = await volume(connection, source);
  writeFileSync(join(path, 'large'), randomBytes(48 * MIB));
  writeFileSync(join(path, 'small'), 'small');
  ({ file } = await backup(jobOn(connection), {
    subject: { kind: 'volume', name: source },
    destination: folder,
    compression: 'none',
    method: 'archive',
  }));
  size = statSync(file).size;
});
after(() => end(connection, folder));

/** How often the archive was read, by what this process has read in all. */
async function readings(work: () => Promise<unknown>): Promise<number> {
  const read = () => Number(/^rchar: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
  const before = read();
  await work();
  return Math.round((read() - before) / size);
}

it('a restore by hand reads the archive twice: once to check it, once to write it', async () => {
  const known = new KnownScans();
  const request = {
    file,
    into: { kind: 'volume', name: unique('target') },
    mode: 'empty',
    method: 'archive',
    known,
  } as const;
  assert.equal(await readings(() => describeRestore(jobOn(connection), request)), 1);
  assert.equal(await readings(() => restore(jobOn(connection), request)), 1);
  assert.equal(
    await readings(() => restore(jobOn(connection), { ...request, mode: 'merge', known: new KnownScans() })),
    2,
    'without the question',
  );
});

it('some files chosen by hand: listed and checked by one reading, counted by one, written by one', async () => {
  const known = new KnownScans();
  const { listed } = await contentsOf(job(), file, undefined, known);
  assert.deepEqual(listed.map(({ path }) => path).sort(), ['large', 'small']);
  const entries = ['small'];
  const request = {
    file,
    into: { kind: 'volume', name: unique('some') },
    mode: 'merge',
    method: 'archive',
    known,
    entries,
  } as const;
  assert.equal(await readings(() => describeRestore(jobOn(connection), request)), 1);
  assert.equal(await readings(() => restore(jobOn(connection), request)), 1);
});

it('written to after it was checked, with the same size and time: it is checked again and refused', async () => {
  const known = new KnownScans();
  const target = unique('unchanged');
  const path = await volume(connection, target);
  writeFileSync(join(path, 'old'), 'old');
  const request = { file, into: { kind: 'volume', name: target }, mode: 'replace', method: 'archive', known } as const;
  await describeRestore(jobOn(connection), request);
  const { atime, mtime } = statSync(file);
  const handle = openSync(file, 'r+');
  writeSync(handle, Buffer.from('changed'), 0, 7, 20 * MIB);
  closeSync(handle);
  utimesSync(file, atime, mtime);
  await assert.rejects(restore(jobOn(connection), request), BadArchive);
  assert.equal(readFileSync(join(path, 'old'), 'utf8'), 'old');
});

it('written to while it is restored: what was there comes back', async () => {
  const target = unique('during');
  const path = await volume(connection, target);
  writeFileSync(join(path, 'old'), 'old');
  const known = new KnownScans();
  const copy = join(folder, 'copy.tar');
  writeFileSync(copy, readFileSync(file));
  const request = {
    file: copy,
    into: { kind: 'volume', name: target },
    mode: 'replace',
    method: 'archive',
    known,
  } as const;
  await describeRestore(jobOn(connection), request);
  let isChanged = false;
  const changing = job((bytes) => {
    if (isChanged || bytes < MIB) return;
    isChanged = true;
    const handle = openSync(copy, 'r+');
    writeSync(handle, Buffer.from('changed'), 0, 7, 40 * MIB);
    closeSync(handle);
  });
  await assert.rejects(restore(jobOn(connection, changing), request), BadArchive);
  assert.ok(isChanged);
  assert.equal(readFileSync(join(path, 'old'), 'utf8'), 'old');
});
