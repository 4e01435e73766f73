import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { after, it } from 'node:test';
import { ProjectReader } from '../../src/projects/reader.ts';
import { LimitReached } from '../../src/projects/limits.ts';

const WORKER = new URL('../../src/projects/worker.ts', import.meta.url);
assert.ok(existsSync(WORKER));
const reader = new ProjectReader(WORKER);
after(() => reader.dispose());

const FILE = '/w/compose.yaml';
const compose = (text: string, from = reader) =>
  from.read({ kind: 'compose', file: FILE, env: {}, home: '/home/user', running: [] }, (file) =>
    Promise.resolve(file === FILE ? text : undefined),
  );
const service = (index: number) => `  s${index}:\n    image: x\n    volumes: ["v${index}:/v", "./a:/a:ro"]\n`;

it('reads each kind of file in the worker, several asked for at once', async () => {
  const [project, dockerfile, devcontainer] = await Promise.all([
    compose('services:\n  a:\n    volumes: [vv:/v]\n'),
    reader.read({ kind: 'dockerfile', file: '/w/Dockerfile', text: 'FROM a\nVOLUME /v\n' }, () =>
      Promise.resolve(undefined),
    ),
    reader.read(
      {
        kind: 'devcontainer',
        file: '/w/.devcontainer.json',
        text: '{"mounts": ["source=aa,target=/b"]}',
        env: {},
        home: '/home/user',
      },
      () => Promise.resolve(undefined),
    ),
  ]);
  assert.deepEqual(
    [project.services[0]?.mounts[0]?.source, dockerfile.volumes[0]?.target, devcontainer.mounts[0]?.target],
    ['w_vv', '/v', '/b'],
  );
});

it('a large honest file is read whole, and this thread goes on meanwhile', async () => {
  const text = `services:\n${Array.from({ length: 3000 }, (_, index) => service(index)).join('')}`;
  const delay = monitorEventLoopDelay({ resolution: 5 });
  let ticks = 0;
  const timer = setInterval(() => (ticks += 1), 5);
  delay.enable();
  const project = await compose(text);
  delay.disable();
  clearInterval(timer);
  assert.equal(project.services.length, 3000);
  assert.equal(project.limit, undefined);
  assert.ok(ticks > 10, `${ticks} turns while it was read`);
});

it('one that takes too long is given up, said, and does not keep others from being read', async () => {
  const hasty = new ProjectReader(WORKER, { longestMs: 15_000 });
  try {
    const stuck = hasty.read(
      { kind: 'compose', file: FILE, env: {}, home: '/', running: [] },
      () => new Promise(() => undefined),
    );
    const next = compose('services:\n  a:\n    volumes: [vv:/v]\n', hasty);
    assert.deepEqual((await stuck).limit, { kind: 'tooMuch', file: FILE });
    assert.equal((await next).services.length, 1);
  } finally {
    hasty.dispose();
  }
});

it('a file that is too large, or one that it names, is said', async () => {
  const project = await reader.read({ kind: 'compose', file: FILE, env: {}, home: '/', running: [] }, (file) =>
    file === FILE
      ? Promise.resolve('include: [big.yaml]\n')
      : file === '/w/big.yaml'
        ? Promise.reject(new LimitReached('tooLarge'))
        : Promise.resolve(undefined),
  );
  assert.deepEqual(project.limit, { kind: 'tooLarge', file: '/w/big.yaml' });
});
