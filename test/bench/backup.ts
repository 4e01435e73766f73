/**
 * Backups, restores and clones against the plain commands in the same run, as ratios. `node backup.ts [MiB] [small
 * files]`
 */
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { backup } from '../../src/backup/backup.ts';
import { restore } from '../../src/backup/restore/restore.ts';
import { cloneVolume } from '../../src/backup/copy.ts';
import { connect, GNU_TAR, jobOn, remove, removeAll, temporary, unique, volume } from '../engine/support.ts';
import { fill, measured, plain, print, quietJob, type Row } from './measure.ts';

const size = Number(process.argv[2] ?? 1024);
const SMALL = Number(process.argv[3] ?? 100_000);
const METHODS = ['tar', 'archive'] as const;

const connection = await connect();
await removeAll(connection);
const folder = temporary();

function plainBackup(source: string, flags: string): Row {
  const to = join(folder, unique('plain'));
  mkdirSync(to);
  const row = plain(
    `docker run … tar ${flags}`,
    [`${source}:/data`, `${to}:/backup`],
    'tar',
    flags,
    '/backup/backup.tar',
    '/data',
  );
  const { size: bytes } = statSync(join(to, 'backup.tar'));
  remove(to);
  return { ...row, bytes };
}

/** Writes an archive and leaves it where `keep`. */
async function ours(
  source: string,
  method: 'tar' | 'archive',
  compression: 'none' | 'gzip' | 'zstd',
  keep = false,
): Promise<Row & { file: string }> {
  const to = join(folder, unique('ours'));
  mkdirSync(to);
  let file = '';
  const row = await measured(`backup, ${method}, ${compression}`, async () => {
    const result = await backup(jobOn(connection, quietJob()), {
      subject: { kind: 'volume', name: source },
      destination: to,
      method,
      compression,
      helperImage: GNU_TAR,
    });
    ({ file } = result);
    return result.archiveBytes;
  });
  if (readdirSync(to).length !== 2) throw new Error('the backup is not whole');
  if (!keep) remove(to);
  return { ...row, file };
}

/** The reverse of each backup: into a new volume each time. */
async function restores(source: string): Promise<[Row, Row][]> {
  const rows: [Row, Row][] = [];
  for (const [flags, packed, compression] of [
    ['xf', 'cf', 'none'],
    ['xzf', 'czf', 'zstd'],
  ] as const) {
    const to = join(folder, unique('restore'));
    mkdirSync(to);
    plain('', [`${source}:/data`, `${to}:/backup`], 'tar', packed, '/backup/backup.tar', '/data');
    const target = unique('plain');
    await volume(connection, target);
    const base = plain(
      `docker run … tar ${flags}`,
      [`${target}:/data`, `${to}:/backup`],
      'tar',
      flags,
      '/backup/backup.tar',
    );
    remove(to);
    await connection.docker.getVolume(target).remove();
    rows.push([base, base]);
    const { file } = await ours(source, 'tar', compression, true);
    for (const method of METHODS) {
      const fresh = unique('fresh');
      const row = await measured(`restore, ${method}, ${compression}`, async () => {
        await restore(jobOn(connection, quietJob()), {
          file,
          into: { kind: 'volume', name: fresh },
          mode: 'empty',
          method,
          helperImage: GNU_TAR,
        });
        return undefined;
      });
      await connection.docker.getVolume(fresh).remove();
      rows.push([row, base]);
    }
    remove(join(file, '..'));
  }
  return rows;
}

async function clones(source: string): Promise<[Row, Row][]> {
  const target = unique('plain');
  await volume(connection, target);
  const base = plain(
    'docker run … tar c \\| tar x',
    [`${source}:/from:ro`, `${target}:/to`],
    'sh',
    '-c',
    'tar -C /from -cf - . | tar -C /to -xf -',
  );
  await connection.docker.getVolume(target).remove();
  const rows: [Row, Row][] = [[base, base]];
  for (const [what, helperImage] of [
    ['tar', GNU_TAR],
    ['archive', undefined],
  ] as const) {
    const name = unique('clone');
    const row = await measured(`clone, ${what}`, async () => {
      await cloneVolume(jobOn(connection, quietJob()), source, name, { helperImage });
      return undefined;
    });
    await connection.docker.getVolume(name).remove();
    rows.push([row, base]);
  }
  return rows;
}

async function backups(source: string, compressions: readonly ('none' | 'gzip' | 'zstd')[]): Promise<[Row, Row][]> {
  // Once unmeasured, so that every row reads from the page cache.
  plainBackup(source, 'cf');
  const base = plainBackup(source, 'cf');
  const packed = plainBackup(source, 'czf');
  const rows: [Row, Row][] = [
    [base, base],
    [packed, packed],
  ];
  for (const compression of compressions) {
    for (const method of METHODS)
      rows.push([await ours(source, method, compression), compression === 'none' ? base : packed]);
  }
  return rows;
}

try {
  if (size > 0) {
    await fill(connection, 'bench', size, 0);
    print(`${size} MiB, half random, half text`, [
      ...(await backups('bench', ['none', 'gzip', 'zstd'])),
      ...(await restores('bench')),
      ...(await clones('bench')),
    ]);
  }
  if (SMALL > 0) {
    await fill(connection, 'small', 0, SMALL);
    print(`${SMALL} small files`, [
      ...(await backups('small', ['none', 'zstd'])),
      ...(await restores('small')),
      ...(await clones('small')),
    ]);
  }
} finally {
  await removeAll(connection);
  remove(folder);
}
