/** What engine tests build from: one label on all, so that a crashed run leaves nothing that the next trips over. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { Connection } from '../../src/engine/connection.ts';
import { resolveEndpoint } from '../../src/engine/endpoint.ts';

import { HELPER_LABEL } from '../../src/engine/model.ts';
import { Journal } from '../../src/journal/journal.ts';
import type { Work, Job } from '../../src/engine/job.ts';

export const LABEL = 'docker-mounts.test';
export const BUSYBOX = 'docker-mounts-test/busybox:latest';
export const GNU_TAR = 'docker-mounts-test/tar:latest';
export const WITH_VOLUME = 'docker-mounts-test/volumes:latest';

/**
 * The folder of the journal: that of the process that started this one, so that two "windows" share it as on one
 * machine.
 */
export const JOURNAL_FOLDER =
  process.env['DOCKER_MOUNTS_TEST_JOURNAL'] ?? mkdtempSync(join(tmpdir(), 'dm-test-journal-'));
if (process.env['DOCKER_MOUNTS_TEST_JOURNAL'] === undefined)
  process.once('exit', () => rmSync(JOURNAL_FOLDER, { recursive: true, force: true }));

/** The journal of this test's window. */
export const journal = new Journal(JOURNAL_FOLDER);

/** `address` is what the engine is known by, where `host` is only a way to it. */
export async function connect(
  host: string | undefined = process.env['DOCKER_MOUNTS_TEST_HOST'],
  address?: string,
): Promise<Connection> {
  assert.ok(host, 'DOCKER_MOUNTS_TEST_HOST names the engine for tests; npm test sets it');
  const endpoint = await resolveEndpoint({ host, env: {}, home: '/nonexistent' });
  return Connection.open(address === undefined ? endpoint : { ...endpoint, address }, journal);
}

export function unique(what: string): string {
  return `dm-${what}-${randomBytes(4).toString('hex')}`;
}

/** Creates a container, started unless told otherwise. */
export async function container(
  connection: Connection,
  name: string,
  options: Partial<Docker.ContainerCreateOptions> & { start?: boolean } = {},
): Promise<string> {
  const { start = true, HostConfig, ...rest } = options;
  const made = await connection.docker.createContainer({
    Image: BUSYBOX,
    Cmd: ['sleep', '1000000'],
    name,
    Labels: { [LABEL]: '1' },
    StopTimeout: 0,
    ...rest,
    HostConfig: { NetworkMode: 'none', ...HostConfig },
  });
  if (start) await made.start();
  return made.id;
}

export async function volume(connection: Connection, name: string, rest: object = {}): Promise<string> {
  await connection.docker.createVolume({ Name: name, Labels: { [LABEL]: '1' }, ...rest });
  return (await connection.docker.getVolume(name).inspect()).Mountpoint;
}

/** Removes every container and volume of the tests, and helpers of a run that crashed. */
export async function removeAll({ docker }: Connection): Promise<void> {
  for (const label of [LABEL, HELPER_LABEL]) {
    for (const { Id } of await docker.listContainers({ all: true, filters: { label: [label] } }))
      await docker.getContainer(Id).remove({ force: true, v: true });
  }
  const { Volumes } = await docker.listVolumes({ filters: { label: [LABEL] } });
  for (const { Name } of Volumes ?? []) await docker.getVolume(Name).remove({ force: true });
}

/** The beginning of a test file: the engine, clean, and a folder. */
export async function begin(): Promise<{ connection: Connection; folder: string }> {
  const connection = await connect();
  await removeAll(connection);
  return { connection, folder: temporary() };
}

/** The end of a test file. */
export async function end(connection: Connection, folder: string): Promise<void> {
  await removeAll(connection);
  remove(folder);
}

export function temporary(): string {
  return mkdtempSync(join(tmpdir(), 'dm-test-'));
}

export function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

export interface Recorded extends Work {
  readonly lines: string[];
  readonly abort: AbortController;
}

/** A job that keeps what it was told. */
export function job(progress: (bytes: number, total?: number) => void = () => undefined): Recorded {
  const lines: string[] = [];
  const say = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  const abort = new AbortController();
  return {
    lines,
    abort,
    signal: abort.signal,
    progress,
    log: { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') },
  };
}

/** The same on an engine. */
export function jobOn<W extends Work>(connection: Connection, work: W = job() as unknown as W): Job & W {
  return { ...work, connection, warn: (message) => work.log.warn(message) };
}

export async function helpersOf({ docker }: Connection): Promise<number> {
  return (await docker.listContainers({ all: true, filters: { label: [HELPER_LABEL] } })).length;
}

/** Nothing of a job may remain: no file in the destination, no helper container. */
export async function nothingLeft(connection: Connection, destination: string): Promise<void> {
  assert.deepEqual(readdirSync(destination), []);
  assert.equal(await helpersOf(connection), 0);
}

/** Waits until something is so; fails with its name when it never is. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  ms = 10_000,
): Promise<T> {
  for (const end = Date.now() + ms; ; await sleep(20)) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) assert.fail(`${what}: not within ${ms} ms`);
  }
}
