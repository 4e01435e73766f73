import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, it } from 'node:test';
import { startEngine } from '../host/engine.mjs';
import { makeImages } from '../host/images.mjs';
import { BUSYBOX, connect, container, remove, temporary, until } from './support.ts';

let folder: string;
before(() => {
  folder = temporary();
});
after(() => remove(folder));

const mounts = () => readFileSync('/proc/mounts', 'utf8');
const cgroupsOf = (id: string) =>
  ['.', ...readdirSync('/sys/fs/cgroup')].filter((hierarchy) => existsSync(join('/sys/fs/cgroup', hierarchy, id)));
const idOf = (socket: string) => socket.match(/dm-engine-\w+/)?.[0] ?? 'no id';
const processesOf = (id: string) =>
  readdirSync('/proc').filter(
    (pid) => /^\d+$/.test(pid) && (inProcess(pid, 'cgroup').includes(id) || inProcess(pid, 'cmdline').includes(id)),
  );
function inProcess(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

it('another engine on the machine starts containers on its bridge, while ours runs and after it ended', async () => {
  // A network namespace stands for the machine, so that the real one keeps its network.
  const child = spawn('unshare', ['--net', process.execPath, join(import.meta.dirname, 'twoEngines.ts'), folder], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, said] = await Promise.all([text(child.stdout), text(child.stderr)]);
  assert.equal(
    out,
    'before: runs on docker0\nwhile ours runs: runs on docker0\nafter ours ended: runs on docker0\nafter ours was killed: runs on docker0\n',
    said,
  );
});

it('stopped, with containers that run: no process, mount, cgroup or folder is left', async () => {
  const engine = await startEngine();
  const id = idOf(engine.socket);
  await makeImages(engine.host);
  await container(await connect(engine.host), 'one');
  assert.ok(processesOf(id).length > 0);
  await engine.stop();
  assert.deepEqual(
    {
      processes: processesOf(id),
      cgroups: cgroupsOf(id),
      folder: existsSync(join(engine.socket, '..')),
      mounts: mounts().includes(id),
    },
    { processes: [], cgroups: [], folder: false, mounts: false },
  );
});

it('killed and started again on the same data: containers are there, stopped, and none of their processes lived on', async () => {
  const engine = await startEngine();
  try {
    await makeImages(engine.host);
    const connection = await connect(engine.host);
    await container(connection, 'one');
    await engine.kill();
    assert.deepEqual(
      processesOf(idOf(engine.socket)).filter((pid) => !inProcess(pid, 'cmdline').includes('keeper.mjs')),
      [],
    );
    await engine.restart();
    const { State } = await connection.docker.getContainer('one').inspect();
    assert.equal(State.Running, false);
    await connection.docker.getContainer('one').start();
  } finally {
    await engine.stop();
  }
});

for (const [who, victim] of [
  ['the process that started it', 'owner'],
  ['its keeper', 'keeper'],
] as const) {
  it(`${who} killed: the engine ends`, async () => {
    const script = `
      import { startEngine } from ${JSON.stringify(join(import.meta.dirname, '../host/engine.mjs'))};
      const engine = await startEngine();
      console.log(engine.socket);
      setInterval(() => undefined, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let socket = '';
    owner.stdout.on('data', (chunk: Buffer) => (socket += chunk.toString('utf8')));
    await until('an engine', () => socket.includes('\n'), 60_000);
    const id = idOf(socket);
    if (victim === 'owner') owner.kill('SIGKILL');
    else
      process.kill(Number(processesOf(id).find((pid) => inProcess(pid, 'cmdline').includes('keeper.mjs'))), 'SIGKILL');
    await until('all processes end', () => processesOf(id).length === 0, 20_000);
    owner.kill('SIGKILL');
    const home = join(socket.trim(), '..');
    if (victim === 'owner') await until('the folder goes', () => !existsSync(home), 20_000);
    else {
      // Without a keeper, nobody is left to do it.
      remove(home);
      for (const hierarchy of cgroupsOf(id)) execFileSync('rmdir', [join('/sys/fs/cgroup', hierarchy, id)]);
    }
    assert.ok(!mounts().includes(id));
  });
}

it('the settings, key and networks of the machine’s own engine are not those of ours', async () => {
  const [one, other] = [await startEngine(), await startEngine()];
  try {
    const [first, second] = [await connect(one.host), await connect(other.host)];
    assert.notEqual(first.info.id, second.info.id);
    assert.equal(spawnSync('ip', ['link', 'show', 'docker0']).status === 0, existsSync('/sys/class/net/docker0'));
    await makeImages(one.host);
    await first.docker.createNetwork({ Name: 'inner' });
    const { stdout } = spawnSync(
      'docker',
      ['-H', one.host, 'run', '--rm', '--network', 'inner', BUSYBOX, 'ip', 'addr'],
      { encoding: 'utf8' },
    );
    assert.match(stdout, /eth0/);
    assert.doesNotMatch(execFileSync('ls', ['/sys/class/net'], { encoding: 'utf8' }), /^br-/m);
  } finally {
    await one.stop();
    await other.stop();
  }
});
