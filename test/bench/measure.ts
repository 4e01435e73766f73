/** What the benchmarks share: data to move, the plain command, and time and memory of a task. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { Connection } from '../../src/engine/connection.ts';

import { GNU_TAR, volume } from '../engine/support.ts';
import type { Work } from '../../src/engine/job.ts';

export const MIB = 1024 * 1024;
const WORDS =
  'volume mount container image source target driver label bind anonymous named backup restore verify archive entry owner group mode time link'.split(
    ' ',
  );

export interface Row {
  readonly what: string;
  readonly seconds: number;
  readonly bytes?: number;
  /** How far the process grew meanwhile. */
  readonly memory?: number;
}

export function text(bytes: number): string {
  const word = () => WORDS[Math.floor(Math.random() * WORDS.length)];
  const parts: string[] = [];
  for (let length = 0; length < bytes;) {
    const line = `${word()} ${word()} ${Math.floor(Math.random() * 1e5)}\n`;
    parts.push(line);
    length += line.length;
  }
  return parts.join('').slice(0, bytes);
}

/** A volume of `mebibytes`, half random and half text, and of `small` files of some hundred bytes. */
export async function fill(connection: Connection, name: string, mebibytes: number, small: number): Promise<void> {
  const root = await volume(connection, name);
  for (let index = 0; index < mebibytes / 64; index += 1) {
    const isText = index % 2 === 1;
    writeFileSync(
      join(root, `${isText ? 'text' : 'random'}-${index}`),
      isText ? text(64 * MIB) : randomBytes(64 * MIB),
    );
  }
  const contents = text(2000);
  for (let index = 0; index < small; index += 1) {
    const folder = join(root, `small-${Math.floor(index / 500)}`);
    if (index % 500 === 0) mkdirSync(folder);
    writeFileSync(join(folder, `${index}.json`), contents.slice(index % 1000, (index % 1000) + 200 + (index % 700)));
  }
}

/** The plain way: docker run with mounts as a person types them. */
export function plain(what: string, mounts: readonly string[], ...command: string[]): Row {
  const started = performance.now();
  execFileSync(
    'docker',
    ['run', '--rm', '--network', 'none', ...mounts.flatMap((mount) => ['-v', mount]), GNU_TAR, ...command],
    { stdio: ['ignore', 'ignore', 'ignore'] },
  );
  return { what, seconds: (performance.now() - started) / 1000 };
}

const silent = () => undefined;
export const quietJob = (): Work => ({
  signal: new AbortController().signal,
  progress: silent,
  log: { debug: silent, info: silent, warn: silent, error: silent },
});

export async function measured(what: string, task: () => Promise<number | undefined>): Promise<Row> {
  global.gc?.();
  const before = process.memoryUsage.rss();
  let peak = before;
  const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 20);
  const started = performance.now();
  const bytes = await task();
  const seconds = (performance.now() - started) / 1000;
  clearInterval(timer);
  return { what, seconds, bytes, memory: peak - before };
}

/** Each row beside the one that it is to be compared with. */
export function print(title: string, rows: readonly (readonly [Row, Row])[]): void {
  const ratio = (a: number | undefined, b: number | undefined) =>
    a === undefined || b === undefined ? '' : (a / b).toFixed(2);
  console.log(`\n${title}; ${cpus().length} cores, Node ${process.versions.node}\n`);
  console.log('| | seconds | time, ratio to plain | size, MB | size, ratio | memory growth, MiB |');
  console.log('| :-- | --: | --: | --: | --: | --: |');
  for (const [row, reference] of rows) {
    const size = row.bytes === undefined ? '' : (row.bytes / 1e6).toFixed(0);
    console.log(
      `| ${row.what} | ${row.seconds.toFixed(1)} | ${ratio(row.seconds, reference.seconds)} | ${size} | ${ratio(row.bytes, reference.bytes)} | ${row.memory === undefined ? '' : (row.memory / MIB).toFixed(0)} |`,
    );
  }
}
