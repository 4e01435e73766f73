import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { backup } from '../../src/backup/backup.ts';
import { quietly, isDatabase } from '../../src/backup/consistency.ts';
import { restore } from '../../src/backup/restore/restore.ts';
import { undoJob } from '../../src/backup/recovery.ts';
import type { Connection } from '../../src/engine/connection.ts';
import { BadArchive, Cancelled, EngineFailure, EngineUnavailable } from '../../src/engine/errors.ts';
import { recordUndo, recoverJobs } from '../../src/engine/helper/records.ts';
import { startEngine } from '../host/engine.mjs';
import { makeImages } from '../host/images.mjs';
import { begin, connect, container, end, GNU_TAR, helpersOf, job, jobOn, unique, volume } from './support.ts';

const MIB = 1024 * 1024;
let connection: Connection;
let folder: string;
let file: string;
before(async () => {
  ({ connection, folder } = await begin());
  mkdirSync(join(folder, 'in'));
  for (const name of ['a', 'b']) writeFileSync(join(folder, 'in', name), randomBytes(80 * MIB));
  file = join(folder, 'data.tar');
  execFileSync('tar', ['-cf', file, '-C', join(folder, 'in'), '.']);
});
after(() => end(connection, folder));

/** Old contents that must survive. */
function fill(path: string): string {
  writeFileSync(join(path, 'old.txt'), 'old');
  mkdirSync(join(path, '.git'));
  writeFileSync(join(path, '.git/HEAD'), 'ref');
  execFileSync('chown', ['12:34', path]);
  execFileSync('touch', ['-d', '@1000000000', path]);
  return path;
}
function assertOld(path: string, what: string): void {
  assert.deepEqual(readdirSync(path).sort(), ['.git', 'old.txt'], what);
  assert.equal(readFileSync(join(path, '.git/HEAD'), 'utf8'), 'ref', what);
  const { uid, gid, mtimeMs } = statSync(path);
  assert.deepEqual([uid, gid, mtimeMs], [12, 34, 1_000_000_000_000], what);
}

for (const method of ['archive', 'tar'] as const) {
  describe(`method ${method}`, () => {
    const request = { method, helperImage: GNU_TAR } as const;

    it('cancelled at the check, at the first bytes written, in the middle: what was there is there', async () => {
      const size = statSync(file).size;
      // The progress runs over the file twice: once for the check, once for the writing.
      for (const moment of [0.1, 1.02, 1.5, 1.95]) {
        const what = `cancelled at ${moment}`;
        const name = unique('cancelled');
        const path = fill(await volume(connection, name));
        let last = 0;
        let before = 0;
        const work = job((bytes) => {
          if (bytes < last) before = size;
          last = bytes;
          if (before + bytes >= moment * size) work.abort.abort();
        });
        await assert.rejects(
          restore(jobOn(connection, work), { ...request, file, into: { kind: 'volume', name: name }, mode: 'replace' }),
          Cancelled,
          what,
        );
        assertOld(path, what);
        const fresh = unique('never');
        const again = job((bytes) => bytes > MIB && again.abort.abort());
        await assert.rejects(
          restore(jobOn(connection, again), { ...request, file, into: { kind: 'volume', name: fresh }, mode: 'empty' }),
          Cancelled,
        );
        await assert.rejects(connection.docker.getVolume(fresh).inspect());
        assert.equal(await helpersOf(connection), 0);
      }
    });

    it('a full target: a clear error, and what was there is there', async () => {
      const name = unique('full');
      await volume(connection, name, { DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: 'size=100m' } });
      // The engine mounts such a volume while a container that uses it runs.
      await container(connection, unique('holder'), { HostConfig: { Binds: [`${name}:/data`] } });
      const path = fill((await connection.docker.getVolume(name).inspect()).Mountpoint);
      await assert.rejects(
        restore(jobOn(connection), { ...request, file, into: { kind: 'volume', name: name }, mode: 'replace' }),
        (error: Error) => {
          assert.ok(error instanceof EngineFailure, String(error));
          assert.match(error.message, /[Nn]o space/);
          return true;
        },
      );
      assertOld(path, 'full');
      assert.equal(await helpersOf(connection), 0);
    });

    it('the engine killed in the middle: what was there comes back at the next connection', async () => {
      const engine = await startEngine();
      try {
        await makeImages(engine.host);
        const mortal = await connect(engine.host);
        for (const mode of ['replace', 'empty'] as const) {
          const path = await volume(mortal, `data-${mode}`);
          if (mode === 'replace') fill(path);
          let last = 0;
          let isWriting = false;
          let death: Promise<void> | undefined;
          const work = job((bytes) => {
            if (bytes < last) isWriting = true;
            last = bytes;
            if (isWriting && bytes > 20 * MIB) death ??= engine.kill();
          });
          const target = await connect(engine.host);
          await assert.rejects(
            restore(jobOn(target, work), { ...request, file, into: { kind: 'volume', name: `data-${mode}` }, mode }),
            (error: Error) => {
              assert.ok(error instanceof EngineUnavailable, String(error));
              assert.match(error.message, /put back at the next connection/);
              return true;
            },
          );
          await death;
          await engine.restart();
          const back = await connect(engine.host);
          await recoverJobs(back, job().log, undoJob);
          assert.equal(await helpersOf(back), 0);
          if (mode === 'replace') assertOld(path, 'killed');
          else assert.deepEqual(readdirSync(path), []);
        }
      } finally {
        await engine.stop();
      }
    });
  });
}

it('a restore that a window lost at any of its steps is put right, or finished, at the next connection', async () => {
  const id = '.docker-mounts-cafe0123-';
  const steps: [string, 'restore' | 'finish', (path: string) => void, boolean][] = [
    ['nothing moved yet', 'restore', () => undefined, true],
    [
      'half moved',
      'restore',
      (path) => execFileSync('sh', ['-c', `cd "$1"; mkdir ${id}moving; mv old.txt ${id}moving`, 'sh', path]),
      true,
    ],
    [
      'all moved',
      'restore',
      (path) => execFileSync('sh', ['-c', `cd "$1"; mkdir ${id}before; mv old.txt .git ${id}before`, 'sh', path]),
      true,
    ],
    [
      'half written',
      'restore',
      (path) =>
        execFileSync('sh', [
          '-c',
          `cd "$1"; mkdir ${id}before; mv old.txt .git ${id}before; echo new > .new; echo new > ./old.txt`,
          'sh',
          path,
        ]),
      true,
    ],
    [
      'half put back',
      'restore',
      (path) => execFileSync('sh', ['-c', `cd "$1"; mkdir ${id}moving; mv old.txt ${id}moving`, 'sh', path]),
      true,
    ],
    [
      'written',
      'finish',
      (path) =>
        execFileSync('sh', [
          '-c',
          `cd "$1"; mkdir ${id}before; mv old.txt .git ${id}before; echo new > new.txt`,
          'sh',
          path,
        ]),
      false,
    ],
    [
      'the safety copy half removed',
      'finish',
      (path) =>
        execFileSync('sh', [
          '-c',
          `cd "$1"; mkdir ${id}done; mv old.txt ${id}done; rm -r .git; echo new > new.txt`,
          'sh',
          path,
        ]),
      false,
    ],
  ];
  for (const [what, kind, reach, isOld] of steps) {
    const name = unique('lost');
    const path = fill(await volume(connection, name));
    const record = await recordUndo(connection, {
      kind,
      id,
      kept: [{ type: 'volume', source: name, root: { owner: '12:34', mode: '755', mtime: '1000000000' } }],
    });
    reach(path);
    record.leave();
    await recoverJobs(connection, job().log, undoJob);
    if (isOld) assertOld(path, what);
    else assert.deepEqual(readdirSync(path), ['new.txt'], what);
    assert.equal(await helpersOf(connection), 0);
  }
});

it('an archive that would unpack without end is refused, and memory stays small', async () => {
  const header = execFileSync('tar', ['-cf', '-', '-C', folder, '--exclude=*', 'in'], { maxBuffer: MIB }).subarray(
    0,
    512,
  );
  const bomb = join(folder, 'bomb.tar.gz');
  // A gzip member of 16 MiB of zeros is 16 kB; one after the other they make one file (RFC 1952).
  const zeros = gzipSync(Buffer.alloc(16 * MIB), { level: 9 });
  const size = 200 * 16 * MIB;
  const file = Buffer.from(header);
  file.write('huge\0', 0);
  file.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  file.write('0', 156);
  file.fill(' ', 148, 156);
  file.write(
    `${file
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  );
  writeFileSync(
    bomb,
    Buffer.concat([gzipSync(file), ...Array.from({ length: 200 }, () => zeros), gzipSync(Buffer.alloc(1024))]),
  );
  const before = process.memoryUsage().rss;
  await assert.rejects(
    restore(jobOn(connection), { file: bomb, into: { kind: 'volume', name: unique('bomb') }, mode: 'empty' }),
    (error: Error) => error instanceof BadArchive && /unpacks to more than/.test(error.message),
  );
  assert.ok(process.memoryUsage().rss - before < 300 * MIB);
});

describe('consistency', () => {
  const state = async (name: string) => (await connection.docker.getContainer(name).inspect()).State;

  it('writers are paused or stopped for the time of a backup, readers are left alone, and all go on afterwards', async () => {
    const [data, writer, reader] = [unique('data'), unique('writer'), unique('reader')];
    const path = await volume(connection, data);
    writeFileSync(join(path, 'x'), 'x');
    await container(connection, writer, { HostConfig: { Binds: [`${path}:/mnt`] } });
    await container(connection, reader, { HostConfig: { Binds: [`${data}:/data:ro`] } });
    for (const [how, during] of [
      ['pause', { Paused: true, Running: true }],
      ['stop', { Paused: false, Running: false }],
    ] as const) {
      const seen: unknown[] = [];
      await quietly(jobOn(connection), [{ type: 'volume', source: data }], how, async () => {
        const { Paused, Running } = await state(writer);
        seen.push({ Paused, Running }, (await state(reader)).Paused);
      });
      assert.deepEqual(seen, [during, false]);
      assert.deepEqual([(await state(writer)).Running, (await state(writer)).Paused], [true, false]);
      const work = job();
      await backup(jobOn(connection, work), {
        subject: { kind: 'volume', name: data },
        destination: folder,
        consistency: how,
      });
      assert.ok(
        work.lines.some((line) => line.includes(writer) && line.includes('Resumed')),
        how,
      );
      await assert.rejects(
        quietly(jobOn(connection), [{ type: 'volume', source: data }], how, () => Promise.reject(new Error('failed'))),
        /failed/,
      );
      assert.deepEqual([(await state(writer)).Running, (await state(writer)).Paused], [true, false]);
    }
    assert.equal(await helpersOf(connection), 0);
  });

  it('the window lost while they are paused or stopped: they go on at the next connection', async () => {
    for (const how of ['pause', 'stop'] as const) {
      const name = unique('lost');
      const id = await container(connection, name);
      const record = await recordUndo(connection, { kind: 'resume', how, containers: [{ id, name }] });
      await (how === 'pause' ? connection.docker.getContainer(id).pause() : connection.docker.getContainer(id).stop());
      record.leave();
      await recoverJobs(connection, job().log, undoJob);
      assert.deepEqual([(await state(name)).Running, (await state(name)).Paused], [true, false], how);
    }
  });

  it('a database is known by its image or its labels', () => {
    const table: [string, boolean][] = [
      ['postgres:16', true],
      ['bitnami/mariadb', true],
      ['docker.io/library/redis:7-alpine', true],
      ['timescale/timescaledb-ha', true],
      ['myapp/postgres-backup', true],
      ['nginx', false],
      ['mongoose-api:1', false],
      ['reg.example.org:5000/shop/mysql@sha256:abc', true],
    ];
    for (const [image, expected] of table) assert.equal(isDatabase({ image, labels: {} }), expected, image);
    assert.equal(isDatabase({ image: 'sha256:0123', labels: { 'com.docker.compose.service': 'mongo' } }), true);
  });
});
