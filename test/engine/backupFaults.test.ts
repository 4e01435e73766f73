import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { randomBytes } from 'node:crypto';
import { backup } from '../../src/backup/backup.ts';
import type { Connection } from '../../src/engine/connection.ts';
import { Cancelled, EngineUnavailable, FileFailure } from '../../src/engine/errors.ts';
import { recoverJobs } from '../../src/engine/helper/records.ts';
import { startEngine } from '../host/engine.mjs';
import { makeImages } from '../host/images.mjs';
import {
  connect,
  GNU_TAR,
  helpersOf,
  job,
  jobOn,
  nothingLeft,
  remove,
  removeAll,
  temporary,
  unique,
  volume,
} from './support.ts';

let connection: Connection;
const name = unique('faults');
const MIB = 1024 * 1024;
const BYTES = 200 * MIB;

before(async () => {
  connection = await connect();
  const source = await volume(connection, name);
  writeFileSync(join(source, 'a'), randomBytes(BYTES / 2));
  writeFileSync(join(source, 'b'), randomBytes(BYTES / 2));
});
after(() => removeAll(connection));

for (const method of ['archive', 'tar'] as const) {
  describe(`method ${method}`, () => {
    const moments: [string, (bytes: number, total: number | undefined) => boolean][] = [
      ['at the first bytes', (bytes) => bytes > 0],
      ['in the middle', (bytes) => bytes > BYTES / 2],
      ['at the very end', (_bytes, total) => total !== undefined],
    ];
    it('cancelled before it starts: nothing is left', async () => {
      const to = temporary();
      const work = job();
      work.abort.abort();
      await assert.rejects(
        backup(jobOn(connection, work), {
          subject: { kind: 'volume', name: name },
          destination: to,
          method,
          helperImage: GNU_TAR,
        }),
        Cancelled,
      );
      await nothingLeft(connection, to);
      remove(to);
    });
    for (const [when, isNow] of moments) {
      it(`cancelled ${when}: nothing is left, neither file nor container`, async () => {
        const to = temporary();
        let wasCancelled = false;
        const work = job((bytes, total) => {
          if (!isNow(bytes, total)) return;
          wasCancelled = true;
          work.abort.abort();
        });
        await assert.rejects(
          backup(jobOn(connection, work), {
            subject: { kind: 'volume', name: name },
            destination: to,
            method,
            helperImage: GNU_TAR,
          }),
          Cancelled,
        );
        assert.ok(wasCancelled);
        await nothingLeft(connection, to);
        remove(to);
      });
    }

    it('a full disk: a clear error, and nothing is left', async () => {
      const to = temporary();
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=20m', 'tmpfs', to]);
      try {
        await assert.rejects(
          backup(jobOn(connection), {
            subject: { kind: 'volume', name: name },
            destination: to,
            method,
            helperImage: GNU_TAR,
          }),
          (error: Error) => {
            assert.ok(error instanceof FileFailure, String(error));
            assert.equal(error.code, 'ENOSPC');
            assert.match(error.message, /space/);
            return true;
          },
        );
        await nothingLeft(connection, to);
      } finally {
        execFileSync('umount', [to]);
        remove(to);
      }
    });

    it('the engine killed in the middle: a clear error, no archive, and its helper goes when it is back', async () => {
      const engine = await startEngine();
      const to = temporary();
      try {
        await makeImages(engine.host);
        const mortal = await connect(engine.host);
        const source = await volume(mortal, 'data');
        writeFileSync(join(source, 'a'), randomBytes(BYTES / 2));
        let killed: Promise<unknown> | undefined;
        const work = job((bytes) => {
          if (bytes > 0) killed ??= engine.kill();
        });
        // Slow enough that the engine is in the middle of it.
        await assert.rejects(
          backup(jobOn(mortal, work), {
            subject: { kind: 'volume', name: 'data' },
            destination: to,
            method,
            compression: 'zstd',
            level: 15,
            helperImage: GNU_TAR,
          }),
          (error: Error) => {
            assert.ok(error instanceof EngineUnavailable, String(error));
            assert.equal(error.reason, 'lost');
            assert.match(error.message, /went away/);
            return true;
          },
        );
        await killed;
        assert.deepEqual(readdirSync(to), []);
        await engine.restart();
        const back = await connect(engine.host);
        await recoverJobs(back, job().log);
        assert.equal(await helpersOf(back), 0);
      } finally {
        await engine.stop();
        remove(to);
      }
    });
  });
}
