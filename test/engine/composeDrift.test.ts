/** What the real docker-compose makes of a file is no difference to it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import type { Connection } from '../../src/engine/connection.ts';
import { Inventory } from '../../src/engine/inventory.ts';
import { loadProject } from '../../src/projects/composeProject.ts';
import { driftOf, runningProjects, type Drift } from '../../src/projects/drift.ts';
import { begin, BUSYBOX, end, unique, volume, WITH_VOLUME } from './support.ts';

const command = process.env['DOCKER_MOUNTS_TEST_COMPOSE'] ?? 'docker-compose';
const project = unique('compose');
let connection: Connection;
let folder: string;
let file: string;

function compose(...args: string[]): string {
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    DOCKER_HOST: process.env['DOCKER_MOUNTS_TEST_HOST'],
    COMPOSE_PROJECT_NAME: project,
  };
  return execFileSync('sh', ['-c', '"$@" 2>&1', 'sh', command, ...args], { cwd: folder, encoding: 'utf8', env });
}

async function drifts(): Promise<Drift[]> {
  const snapshot = await new Inventory(connection).read();
  const read = (path: string) =>
    Promise.resolve()
      .then(() => readFileSync(path, 'utf8'))
      .catch(() => undefined);
  const found = await loadProject({
    file,
    read,
    env: { COMPOSE_PROJECT_NAME: project },
    home: folder,
    running: runningProjects(snapshot),
  });
  assert.equal(found.name, project);
  return found.services.flatMap((service) => driftOf(found, service, snapshot, new Map()));
}

before(async () => {
  ({ connection, folder } = await begin());
  file = join(folder, 'docker-compose.yml');
  mkdirSync(join(folder, 'src'));
  writeFileSync(join(folder, 'secret'), 's');
  writeFileSync(
    file,
    `version: "3.8"
x-base: &base
  image: ${WITH_VOLUME}
  network_mode: none
  command: sleep 1000000
  labels: {docker-mounts.test: "1"}
services:
  web:
    <<: *base
    volumes:
      - ./src:/src:ro
      - data:/data
      - /anonymous
      - type: bind
        source: ./src
        target: /long/
        read_only: true
    tmpfs: [/run, "/tmp:size=1m,ro"]
    secrets: [key]
  db:
    <<: *base
    image: ${BUSYBOX}
    volumes:
      - ready:/data:ro
secrets:
  key: {file: ./secret}
volumes:
  data:
    labels: {docker-mounts.test: "1"}
  ready:
    labels: {docker-mounts.test: "1"}
`,
  );
});
after(async () => {
  await end(connection, folder);
});

it('containers that Compose made differ in nothing; a volume with its labels is taken for its own', async () => {
  await volume(connection, `${project}_ready`, {
    Labels: { 'docker-mounts.test': '1', 'com.docker.compose.project': project, 'com.docker.compose.volume': 'ready' },
  });
  const said = compose('up', '--no-start');
  assert.doesNotMatch(said, /already exists|not created by/i);
  const snapshot = await new Inventory(connection).read();
  assert.equal(snapshot.containers.filter(({ composeProject }) => composeProject === project).length, 2);
  assert.deepEqual(await drifts(), []);
});

it('after the file changed they differ, until Compose makes them anew', async () => {
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace('./src:/src:ro', './src:/src').replace('- ready:/data:ro', '- data:/data:ro'),
  );
  const kinds = (await drifts()).flatMap(({ differences }) =>
    differences.map(({ kind, target }) => `${kind} ${target}`),
  );
  assert.deepEqual(kinds.sort(), ['rights /src', 'source /data']);
  compose('up', '--no-start');
  assert.deepEqual(await drifts(), []);
});
