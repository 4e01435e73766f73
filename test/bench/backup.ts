/** Backups against the plain command in the same run, as ratios. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { backup } from '../../src/backup/backup.ts';
import { connect, container, GNU_TAR, job, remove, removeAll, temporary, volume } from '../engine/support.ts';

const MIB = 1024 * 1024;
const SMALL_FILES = 20_000;
const size = Number(process.argv[2] ?? 1024);
const WORDS = 'volume mount container image source target driver label bind anonymous named backup restore verify archive entry owner group mode time link'.split(' ');

const connection = await connect();
await removeAll(connection);
const folder = temporary();

/** Half random, half text, and many small files. */
async function fill(): Promise<void> {
  const root = await volume(connection, 'bench');
  for (let index = 0; index < size / 64; index += 1) {
    const isText = index % 2 === 1;
    const block = isText ? Buffer.from(text(64 * MIB)) : randomBytes(64 * MIB);
    writeFileSync(join(root, `${isText ? 'text' : 'random'}-${index}`), block);
  }
  for (let index = 0; index < SMALL_FILES; index += 1) {
    if (index % 500 === 0) mkdirSync(join(root, `small-${index / 500}`));
    writeFileSync(join(root, `small-${Math.floor(index / 500)}`, `${index}.json`), text(200 + (index % 1000)));
  }
  await container(connection, 'bench', { HostConfig: { Binds: ['bench:/data'] } });
}

function text(bytes: number): string {
  const parts: string[] = [];
  for (let length = 0; length < bytes; ) {
    const line = `${WORDS[Math.floor(Math.random() * WORDS.length)]} ${WORDS[Math.floor(Math.random() * WORDS.length)]} ${Math.floor(Math.random() * 1e5)}\n`;
    parts.push(line);
    length += line.length;
  }
  return parts.join('').slice(0, bytes);
}

interface Row {
  readonly what: string;
  readonly seconds: number;
  readonly bytes: number;
  readonly memory?: number;
}

function plain(flags: string): Row {
  const to = join(folder, `plain-${flags}`);
  mkdirSync(to);
  const started = performance.now();
  execFileSync('docker', ['run', '--rm', '--network', 'none', '--volumes-from', 'bench', '-v', `${to}:/backup`, GNU_TAR, 'tar', flags, '/backup/backup.tar', '/data'], { stdio: ['ignore', 'ignore', 'ignore'] });
  const seconds = (performance.now() - started) / 1000;
  const { size: bytes } = statSync(join(to, 'backup.tar'));
  remove(to);
  return { what: `docker run … tar ${flags}`, seconds, bytes };
}

async function ours(method: 'tar' | 'archive', compression: 'none' | 'gzip' | 'zstd'): Promise<Row> {
  const to = join(folder, `${method}-${compression}`);
  mkdirSync(to);
  global.gc?.();
  const before = process.memoryUsage.rss();
  let peak = before;
  const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 20);
  const started = performance.now();
  const result = await backup(connection, { subject: { kind: 'container', container: 'bench' }, destination: to, method, compression, helperImage: GNU_TAR }, { ...job(), log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined } });
  const seconds = (performance.now() - started) / 1000;
  clearInterval(timer);
  if (readdirSync(to).length !== 2) throw new Error('the backup is not whole');
  remove(to);
  return { what: `backup, ${method}, ${compression}`, seconds, bytes: result.archiveBytes, memory: peak - before };
}

try {
  await fill();
  // Once unmeasured, so that every row reads from the page cache.
  plain('cf');
  const base = plain('cf');
  const packed = plain('czf');
  const rows: [Row, Row][] = [[base, base], [packed, packed]];
  for (const compression of ['none', 'gzip', 'zstd'] as const) {
    for (const method of ['tar', 'archive'] as const) rows.push([await ours(method, compression), compression === 'none' ? base : packed]);
  }
  console.log(`\n${size} MiB and ${SMALL_FILES} small files, ${cpus().length} cores, Node ${process.versions.node}\n`);
  console.log('| | seconds | time, ratio to plain | size, MB | size, ratio | memory growth, MiB |');
  console.log('| :-- | --: | --: | --: | --: | --: |');
  for (const [row, reference] of rows) {
    console.log(`| ${row.what} | ${row.seconds.toFixed(1)} | ${(row.seconds / reference.seconds).toFixed(2)} | ${(row.bytes / 1e6).toFixed(0)} | ${(row.bytes / reference.bytes).toFixed(2)} | ${row.memory === undefined ? '' : (row.memory / MIB).toFixed(0)} |`);
  }
} finally {
  await removeAll(connection);
  remove(folder);
}
