import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { remove, temporary } from '../engine/support.ts';
import { Window } from '../browser/window.ts';
import { nestedEnvironment } from '../host/environment.mjs';
import { Run } from './run.ts';

const root = join(import.meta.dirname, '../..');
const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'docker-mounts');
let folder: string;
let clone: string;
let runs: Run[] = [];

before(() => {
  folder = temporary();
  clone = join(folder, 'clone');
  execFileSync('git', ['clone', '--quiet', root, clone], { env: nestedEnvironment(process.env) });
});
afterEach(async () => {
  for (const run of runs) {
    await run.destroy();
    remove(run.temporary);
  }
  runs = [];
});
after(() => remove(folder));

function start(changes: NodeJS.ProcessEnv = {}, command?: string[]): Run {
  // A socket's path is at most 107 bytes long, so this one is short.
  const run = new Run(clone, mkdtempSync(join(tmpdir(), 'dm-s-')), changes, command);
  runs.push(run);
  return run;
}

const ADDRESS = /Open {2}(http:\S+)/;

it('Ctrl+C while the dependencies are installed: nothing is left', async () => {
  const run = start();
  await run.says(/Installing the dependencies/);
  await sleep(3000);
  run.signalGroup('SIGINT');
  await run.ended();
  await run.leavesNothing();
});

it('a fresh clone: sample containers with their mounts, a backup by click; after Ctrl+C nothing is left', async () => {
  assert.ok(!existsSync(join(clone, 'node_modules/.package-lock.json')));
  const run = start();
  const address = await run.says(ADDRESS, 1_200_000);
  const workspace = new URL(address).searchParams.get('folder') ?? '';
  const window = await Window.visit(address);
  try {
    await window.expand(/^sample-web/);
    await window.row('/srv/site').waitFor();
    assert.match((await window.row('/srv/site').textContent()) ?? '', /bind ←.*site/);
    assert.match((await window.row('/etc/app.conf').textContent()) ?? '', /bind · read-only/);
    assert.match((await window.row('/var/lib/data').first().textContent()) ?? '', /anonymous volume/);
    await window.expand(/^sample-web/);
    await window.expand(/^sample-orders.*docker-mounts-test/);
    assert.match((await window.row('/var/lib/orders').first().textContent()) ?? '', /sample-orders/);
    await window.expand(/^sample-reader/);
    await window.row(/takes volumes from sample-orders/).waitFor();
    await (await window.menu(window.row(/^sample-orders.*docker-mounts-test/).first(), 'Back Up…')).click();
    await window.choice('Pause').click();
    await window.notification(/Backed up sample-orders: \d+ entries/).waitFor();
    await window.shot('start');
  } finally {
    await window.close();
  }
  const [archive = ''] = readdirSync(join(workspace, 'backups')).filter((name) => name.endsWith('.tar.zst'));
  const listed = execFileSync('sh', ['-c', 'zstd -dc "$1" | tar tf -', 'sh', join(workspace, 'backups', archive)], {
    encoding: 'utf8',
  });
  assert.match(listed, /var\/lib\/orders\/0\.txt/);
  run.signalGroup('SIGINT');
  await run.ended();
  await run.leavesNothing();
  assert.ok(!existsSync(workspace));
  assert.equal(
    execFileSync('git', ['-C', clone, 'status', '--porcelain'], {
      encoding: 'utf8',
      env: nestedEnvironment(process.env),
    }),
    '',
    'the clone is as it was, but for what .gitignore names',
  );
});

const MOMENTS: [string, RegExp, (run: Run) => void | Promise<void>][] = [
  [
    'Ctrl+C while the engine starts',
    /starting one for this window|Using the engine/,
    (run) => run.signalGroup('SIGINT'),
  ],
  ['Ctrl+C while the extension is built', /extension\.cjs/, (run) => run.signalGroup('SIGINT')],
  ['Ctrl+C while VS Code starts', /Sample containers/, (run) => run.signalGroup('SIGINT')],
  [
    'Ctrl+C three times',
    ADDRESS,
    async (run) => {
      run.signalGroup('SIGINT');
      for (let times = 0; times < 2; times += 1) {
        await sleep(100);
        // On a quick machine all of it has ended by now.
        run.signalGroupIfThere('SIGINT');
      }
    },
  ],
  ['SIGTERM to the script alone', ADDRESS, (run) => run.signalScript('SIGTERM')],
  ['the terminal closed', ADDRESS, (run) => run.signalGroup('SIGHUP')],
  ['npm killed', ADDRESS, (run) => run.signalNpm('SIGKILL')],
  ['the script killed', ADDRESS, (run) => run.signalScript('SIGKILL')],
  ['the whole foreground group killed', ADDRESS, (run) => run.signalGroup('SIGKILL')],
  ['the whole foreground group killed while VS Code starts', /Sample containers/, (run) => run.signalGroup('SIGKILL')],
];

for (const [what, moment, act] of MOMENTS) {
  it(`${what}: nothing is left`, async () => {
    const run = start();
    await run.says(moment);
    await act(run);
    await run.ended();
    await run.leavesNothing();
  });
}

for (const [what, act] of [
  ['Ctrl+C', (run: Run) => run.signalGroup('SIGINT')],
  ['SIGTERM to the script alone', (run: Run) => run.signalScript('SIGTERM')],
  ['the script killed', (run: Run) => run.signalScript('SIGKILL')],
] as const) {
  it(`npm test cut short, ${what}: its engines, folders and mounts go`, async () => {
    const run = start({}, ['test', '--', 'engine']);
    await run.says(/=== engine/);
    // The first file of the floor works with the engine by now.
    await run.says(/\u2714/);
    act(run);
    assert.notEqual(await run.ended(), 0);
    if (what !== 'the script killed') assert.match(run.output, /\n\d+ passed, \d+ failed\n$/);
    await run.leavesNothing();
  });
}

it('Ctrl+C while the VS Code server is installed: nothing is left, and no half of it is in the cache', async () => {
  const own = join(folder, 'cache');
  mkdirSync(join(own, 'docker-mounts'), { recursive: true });
  for (const name of readdirSync(cache).filter((entry) => entry.startsWith('node-')))
    symlinkSync(join(cache, name), join(own, 'docker-mounts', name));
  const run = start({ XDG_CACHE_HOME: own });
  await run.says(/Installing the VS Code server/);
  await sleep(5000);
  run.signalGroup('SIGINT');
  await run.ended();
  await run.leavesNothing();
  assert.deepEqual(
    readdirSync(join(own, 'docker-mounts')).filter((name) => name.startsWith('code-server')),
    [],
  );
  rmSync(own, { recursive: true });
});

it('two at once have an address, a workspace and samples of their own, and one goes on when the other ends', async () => {
  const [one, other] = [start(), start()];
  const addresses = [new URL(await one.says(ADDRESS)), new URL(await other.says(ADDRESS))];
  const [port, otherPort] = addresses.map((address) => address.port);
  assert.notEqual(port, otherPort);
  const [workspace = '', otherWorkspace = ''] = addresses.map((address) => address.searchParams.get('folder') ?? '');
  assert.notEqual(workspace, otherWorkspace);
  one.signalGroup('SIGINT');
  await one.ended();
  assert.ok(!existsSync(workspace));
  assert.ok(existsSync(join(otherWorkspace, 'site/index.html')));
  // With its token, the address leads into the window.
  assert.equal((await fetch(addresses[1]!, { redirect: 'manual' })).status, 302);
  other.signalGroup('SIGINT');
  await other.ended();
  await one.leavesNothing();
  await other.leavesNothing();
});

it('a second window on the same engine: its samples have names of their own, and end with it', async () => {
  const first = start();
  await first.says(ADDRESS);
  const [engine] = readdirSync(first.temporary).filter((name) => name.startsWith('dm-engine-'));
  // Where the machine has an engine of its own, both use that.
  const changes = engine === undefined ? {} : { DOCKER_HOST: `unix://${join(first.temporary, engine, 'docker.sock')}` };
  const second = start(changes);
  assert.match(await second.says(/Sample containers: (.*)\./), /^sample-orders-2, sample-web-2, sample-reader-2$/);
  await second.says(ADDRESS);
  second.signalGroup('SIGINT');
  await second.ended();
  await second.leavesNothing();
  const env = { ...nestedEnvironment(process.env), ...changes };
  const names = execFileSync(
    'docker',
    ['ps', '-a', '--filter', 'label=docker-mounts.sample', '--format', '{{.Names}}'],
    { encoding: 'utf8', env },
  )
    .trim()
    .split('\n')
    .sort();
  assert.deepEqual(names, ['sample-orders', 'sample-reader', 'sample-web']);
  first.signalGroup('SIGINT');
  await first.ended();
  await first.leavesNothing();
});

it('other users of this machine do not get in: without its token the server opens nothing', async () => {
  const run = start();
  const address = await run.says(ADDRESS);
  const refused = await fetch(address.replace(/tkn=[^&]*&?/, ''));
  assert.equal(refused.status, 403);
  run.signalGroup('SIGINT');
  await run.ended();
  await run.leavesNothing();
});

const REFUSED: [string, () => Promise<NodeJS.ProcessEnv> | NodeJS.ProcessEnv, RegExp][] = [
  [
    'DOCKER_HOST without an engine',
    () => ({ DOCKER_HOST: 'unix:///nonexistent/docker.sock' }),
    /DOCKER_HOST is "unix:\/\/\/nonexistent\/docker\.sock", and no engine answers there.*unset DOCKER_HOST/s,
  ],
  ['a Docker context that is not there', () => ({ DOCKER_CONTEXT: 'nowhere' }), /"nowhere".*docker context use/s],
  ['a port that is none', () => ({ PORT: '8o80' }), /PORT is "8o80"/],
];

for (const [what, changes, message] of REFUSED) {
  it(`${what} is named with the way out; nothing is left`, async () => {
    const run = start(await changes());
    assert.notEqual(await run.ended(), 0);
    assert.match(run.output, message);
    await run.leavesNothing();
  });
}

it('a port that is taken is named', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  try {
    const run = start({ PORT: String(port) });
    assert.notEqual(await run.ended(), 0);
    assert.match(run.output, new RegExp(`Port ${port}.*another program listens there`));
  } finally {
    server.close();
  }
});

it('the engine of the current Docker context is used, as the docker command uses it', async () => {
  const first = start();
  await first.says(ADDRESS);
  const engine = readdirSync(first.temporary).find((name) => name.startsWith('dm-engine-'));
  const host =
    engine === undefined ? 'unix:///var/run/docker.sock' : `unix://${join(first.temporary, engine, 'docker.sock')}`;
  const config = join(folder, 'docker-config');
  const env = { ...nestedEnvironment(process.env), DOCKER_CONFIG: config };
  execFileSync('docker', ['context', 'create', 'mine', '--docker', `host=${host}`], { env });
  execFileSync('docker', ['context', 'use', 'mine'], { env });
  assert.match(readFileSync(join(config, 'config.json'), 'utf8'), /mine/);
  const second = start({ DOCKER_CONFIG: config });
  await second.says(/Docker context "mine"/);
  await second.says(ADDRESS);
  for (const run of [second, first]) {
    run.signalGroup('SIGINT');
    await run.ended();
    await run.leavesNothing();
  }
});
