import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { backup, type BackupRequest } from '../../src/backup/backup.ts';
import { listBackups } from '../../src/backup/archive/list.ts';
import { restore } from '../../src/backup/restore/restore.ts';
import { cloneVolume } from '../../src/backup/copy.ts';
import { verifyBackup } from '../../src/backup/archive/verify.ts';
import type { Connection } from '../../src/engine/connection.ts';
import { BadArchive, EngineFailure, FileFailure, NotFound } from '../../src/engine/errors.ts';
import { HELPER_LABEL } from '../../src/engine/model.ts';
import {
  begin,
  BUSYBOX,
  container,
  end,
  GNU_TAR,
  helpersOf,
  job,
  jobOn,
  nothingLeft,
  remove,
  temporary,
  unique,
  volume,
  type Recorded,
} from './support.ts';

const MIB = 1024 * 1024;
const METHODS = ['archive', 'tar'] as const;
let connection: Connection;
let folder: string;
before(async () => {
  ({ connection, folder } = await begin());
});
after(() => end(connection, folder));

const save = (
  name: string,
  to: string,
  rest: Partial<BackupRequest> = {},
  work: Recorded = job(),
  on: Connection = connection,
) =>
  backup(jobOn(on, work), {
    subject: { kind: 'volume', name: name },
    destination: to,
    compression: 'none',
    helperImage: GNU_TAR,
    ...rest,
  });

/** A volume whose first file is so large that a backup is in the middle of it when the first progress is told. */
async function large(files: Readonly<Record<string, number>>): Promise<{ name: string; path: string }> {
  const name = unique('busy');
  const path = await volume(connection, name);
  for (const [file, bytes] of Object.entries(files)) writeFileSync(join(path, file), randomBytes(bytes));
  return { name, path };
}

/** A job that does something once, when the backup is under way. */
function meanwhile(act: () => void): Recorded {
  let isDone = false;
  return job((bytes) => {
    if (isDone || bytes === 0) return;
    isDone = true;
    act();
  });
}

describe('entries that the engine leaves out without a word', () => {
  it('are found: a path longer than the system takes is refused by the archive endpoint, and kept by tar', async () => {
    const name = unique('deep');
    const path = await volume(connection, name);
    const dig =
      "import os, sys\nos.chdir(sys.argv[1])\nfor i in range(25):\n  os.mkdir('d' * 200)\n  os.chdir('d' * 200)\n  open('f', 'w').close()\n";
    execFileSync('python3', ['-c', dig, path]);
    const user = unique('user');
    await container(connection, user, { Image: BUSYBOX, HostConfig: { Binds: [`${name}:/data`] } });
    const to = temporary();
    // With and without a program of an image to list the source.
    const far = Object.assign(Object.create(Object.getPrototypeOf(connection) as object) as Connection, connection, {
      info: { ...connection.info, local: false },
    });
    for (const [on, rest] of [
      [connection, { method: 'archive' }],
      [far, { method: 'auto', helperImage: undefined }],
    ] as const) {
      await assert.rejects(
        save(name, to, rest, job(), on),
        (error: Error) =>
          error instanceof BadArchive && error.message.includes(name) && /method "tar"/.test(error.message),
      );
      await nothingLeft(connection, to);
    }
    await assert.rejects(cloneVolume(jobOn(connection), name, unique('copy'), {}), BadArchive);
    const { entries } = await save(name, to, { method: 'tar' });
    assert.equal(entries, 50);
    execFileSync('rm', ['-rf', path]);
    mkdirSync(path);
    remove(to);
  });
});

describe('a source that changes while it is read', () => {
  it('a file that shrinks: the archive endpoint spoils what follows, which is refused; tar pads it, and says so', async () => {
    for (const method of METHODS) {
      const to = temporary();
      const { name, path } = await large({ a: 150 * MIB, b: 100 });
      const work = meanwhile(() => truncateSync(join(path, 'a'), MIB));
      if (method === 'archive') {
        await assert.rejects(save(name, to, { method }, work), BadArchive);
        await nothingLeft(connection, to);
      } else {
        const { warnings, file } = await save(name, to, { method }, work);
        assert.match(warnings.join(), /shrank|changed/);
        assert.equal((await verifyBackup(file, job())).ok, true);
      }
      remove(to);
    }
  });

  it('a file that grows, one that vanishes and one that appears: what is written is whole, and tar says what changed', async () => {
    for (const method of METHODS) {
      const to = temporary();
      const { name, path } = await large({ a: 150 * MIB, b: 100, c: 100 });
      const work = meanwhile(() => {
        appendFileSync(join(path, 'a'), randomBytes(MIB));
        unlinkSync(join(path, 'c'));
        writeFileSync(join(path, 'd'), 'new');
      });
      const made = await save(name, to, { method }, work).catch((error: unknown) => error as Error);
      if (made instanceof Error) {
        // The endpoint may find more to send than it said, and stop.
        assert.ok(method === 'archive' && made instanceof BadArchive, String(made));
        await nothingLeft(connection, to);
      } else {
        assert.deepEqual((await verifyBackup(made.file, job())).problems, []);
        if (method === 'tar') assert.match(made.warnings.join(), /changed|removed/);
        const listed = execFileSync('tar', ['tf', made.file], { encoding: 'utf8' });
        assert.match(listed, /\.\/b\n/);
      }
      remove(to);
    }
  });
});

describe('helpers that die', () => {
  const killHelpers = async () => {
    for (const { Id, State } of await connection.docker.listContainers({ filters: { label: [HELPER_LABEL] } }))
      if (State === 'running') await connection.docker.getContainer(Id).kill();
  };

  it('killed in the middle of a backup: an error that says so, and nothing is left', async () => {
    const { name } = await large({ a: 300 * MIB });
    const to = temporary();
    let killing: Promise<void> | undefined;
    const work = job(() => void (killing ??= killHelpers()));
    await assert.rejects(
      save(name, to, { method: 'tar', compression: 'zstd', level: 15 }, work),
      (error: Error) => error instanceof EngineFailure || error instanceof BadArchive,
    );
    await killing;
    await nothingLeft(connection, to);
    remove(to);
  });

  it('killed in the middle of a restore: what was there is there', async () => {
    const { name } = await large({ a: 200 * MIB });
    const { file } = await save(name, folder, { method: 'tar' });
    const old = unique('old');
    const path = await volume(connection, old);
    writeFileSync(join(path, 'old.txt'), 'old');
    let last = 0;
    let killing: Promise<void> | undefined;
    // The progress begins anew when the writing begins.
    const work = job((bytes) => {
      if (bytes < last) killing ??= killHelpers();
      last = bytes;
    });
    await assert.rejects(
      restore(jobOn(connection, work), {
        file,
        into: { kind: 'volume', name: old },
        mode: 'replace',
        method: 'tar',
        helperImage: GNU_TAR,
      }),
      EngineFailure,
    );
    await killing;
    assert.deepEqual(readdirSync(path), ['old.txt']);
    assert.equal(readFileSync(join(path, 'old.txt'), 'utf8'), 'old');
    assert.equal(await helpersOf(connection), 0);
  });
});

describe('a destination or a target that fails', () => {
  it('a folder that vanishes in the middle, as a network share does: a clear error, no helper', async () => {
    for (const method of METHODS) {
      const { name } = await large({ a: 50 * MIB });
      const to = temporary();
      const work = meanwhile(() => rmSync(to, { recursive: true }));
      await assert.rejects(
        save(name, to, { method }, work),
        (error: Error) => (error instanceof FileFailure || error instanceof NotFound) && error.message.includes(to),
      );
      assert.equal(existsSync(to), false);
      assert.equal(await helpersOf(connection), 0);
    }
  });

  it('a target that may not be written: a clear error, and it is as it was', async () => {
    const { name } = await large({ a: MIB });
    const { file } = await save(name, folder, { method: 'tar' });
    const target = temporary();
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', target]);
    try {
      writeFileSync(join(target, 'old.txt'), 'old');
      execFileSync('mount', ['-o', 'remount,ro', target]);
      for (const method of METHODS) {
        for (const mode of ['merge', 'replace'] as const) {
          await assert.rejects(
            restore(jobOn(connection), {
              file,
              into: { kind: 'bind', name: target },
              mode,
              method,
              helperImage: GNU_TAR,
            }),
            (error: Error) => error instanceof EngineFailure && /[Rr]ead-only/.test(error.message),
            `${method} ${mode}`,
          );
          assert.deepEqual(readdirSync(target), ['old.txt']);
        }
      }
    } finally {
      execFileSync('umount', [target]);
      remove(target);
    }
    assert.equal(await helpersOf(connection), 0);
  });
});

it('two backups of one subject at once, and a clock that jumps back: each is whole and has a name of its own', async (context) => {
  const { name } = await large({ a: 5 * MIB });
  const to = temporary();
  const both = await Promise.all([save(name, to), save(name, to)]);
  context.mock.timers.enable({ apis: ['Date'], now: Date.now() - 24 * 3600 * 1000 });
  const earlier = [await save(name, to), await save(name, to)];
  context.mock.timers.reset();
  const files = [...both, ...earlier].map(({ file }) => file);
  assert.equal(new Set(files).size, 4);
  for (const file of files) assert.deepEqual((await verifyBackup(file, job())).problems, []);
  assert.equal((await listBackups(to)).length, 4);
  assert.ok(both.every(({ seconds }) => seconds > 0 && seconds < 600));
  remove(to);
});
