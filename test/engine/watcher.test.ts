import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, it } from 'node:test';
import type { Connection } from '../../src/engine/connection.ts';
import { resolveEndpoint } from '../../src/engine/endpoint.ts';
import { EngineUnavailable } from '../../src/engine/errors.ts';
import { EngineWatcher, type EngineState } from '../../src/engine/watcher.ts';
import { startEngine } from '../host/engine.mjs';
import { connect, container, job, journal, removeAll, unique, until, volume } from './support.ts';

let connection: Connection;
const watcherOf = (host: string | undefined) =>
  new EngineWatcher({
    endpoint: () => resolveEndpoint({ host, env: {}, home: '/nonexistent' }),
    log: job().log,
    journal,
  });
const stateOf = (state: EngineState, name: string) =>
  state.kind === 'connected' ? state.snapshot.containers.find((one) => one.name === name)?.state : undefined;

before(async () => {
  connection = await connect();
  await removeAll(connection);
});
after(() => removeAll(connection));

it('created, started, died and removed containers and volumes appear within a second, without polling', async () => {
  const watcher = watcherOf(process.env['DOCKER_MOUNTS_TEST_HOST']);
  try {
    await watcher.start();
    let changes = 0;
    watcher.onDidChange(() => (changes += 1));
    const name = unique('followed');
    await container(connection, name, { start: false });
    await until('created', () => stateOf(watcher.state, name) === 'created', 1000);
    await connection.docker.getContainer(name).start();
    await until('started', () => stateOf(watcher.state, name) === 'running', 1000);
    await connection.docker.getContainer(name).kill();
    await until('died', () => stateOf(watcher.state, name) === 'exited', 1000);
    await connection.docker.getContainer(name).rename({ name: `${name}-renamed` });
    await until('renamed', () => stateOf(watcher.state, `${name}-renamed`) === 'exited', 1000);
    await connection.docker.getContainer(`${name}-renamed`).remove();
    await until('removed', () => stateOf(watcher.state, `${name}-renamed`) === undefined, 1000);
    const made = unique('made');
    await volume(connection, made);
    const has = () =>
      watcher.state.kind === 'connected' && watcher.state.snapshot.volumes.some((one) => one.name === made);
    await until('volume created', has, 1000);
    await connection.docker.getVolume(made).remove();
    await until('volume removed', () => !has(), 1000);
    await sleep(400);
    changes = 0;
    await sleep(1500);
    assert.equal(changes, 0, 'nothing happened, so nothing was read');
  } finally {
    watcher.dispose();
  }
});

it('the engine killed and started again: unavailable with the reason, then back by itself', async () => {
  const engine = await startEngine();
  const watcher = watcherOf(engine.host);
  try {
    await watcher.start();
    assert.equal(watcher.state.kind, 'connected');
    await engine.kill();
    const lost = await until('unavailable', () => watcher.state.kind === 'unavailable' && watcher.state);
    assert.ok(['lost', 'notRunning'].includes(lost.error.reason), lost.error.reason);
    await assert.rejects(
      watcher.snapshot(),
      (error: Error) => error instanceof EngineUnavailable && error.message.includes(engine.host),
    );
    await engine.restart();
    await until('back', () => watcher.state.kind === 'connected', 10_000);
  } finally {
    watcher.dispose();
    await engine.stop();
  }
});

it('no socket at the address: not running, named with the address', async () => {
  const watcher = watcherOf('unix:///nonexistent/docker.sock');
  await assert.rejects(
    watcher.connection(),
    (error: Error) =>
      error instanceof EngineUnavailable &&
      error.reason === 'notRunning' &&
      error.message.includes('/nonexistent/docker.sock'),
  );
  watcher.dispose();
});
