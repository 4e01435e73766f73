/**
 * Runs in a network namespace of its own: an engine as a machine has it, with its default bridge, and one of ours
 * beside it. Says after each step whether a container of the first still gets its network.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { answers, startEngine } from '../host/engine.mjs';
import { makeImages } from '../host/images.mjs';
import { keep } from '../host/keep.mjs';
import { withSystemPath } from '../host/machine.mjs';
import { BUSYBOX, until } from './support.ts';

const home = process.argv[2] ?? '';
const socket = join(home, 'machine.sock');
const host = `unix://${socket}`;
execFileSync('ip', ['link', 'set', 'lo', 'up'], { env: withSystemPath() });
const options = [
  '--storage-driver=vfs',
  '--iptables=false',
  '--exec-opt',
  'native.cgroupdriver=cgroupfs',
  '--cgroup-parent',
  '/dm-machine',
  '--data-root',
  join(home, 'data'),
  '--exec-root',
  join(home, 'exec'),
  '--pidfile',
  join(home, 'pid'),
  '-H',
  host,
];
const script = 'mount -t tmpfs tmpfs /run/containerd; mount -t tmpfs tmpfs /etc/docker; dockerd "$@" & wait';
const machine = keep({
  command: 'unshare',
  args: ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', script, 'sh', ...options],
  env: withSystemPath(),
  cgroup: 'dm-machine',
  isNamespace: true,
  graceMs: 0,
  output: 'pipe',
});

function say(when: string): void {
  const { status, stdout, stderr } = spawnSync(
    'docker',
    ['-H', host, 'run', '--rm', BUSYBOX, 'ip', 'addr', 'show', 'eth0'],
    { encoding: 'utf8' },
  );
  const isOnBridge =
    status === 0 &&
    /inet 172\./.test(stdout) &&
    spawnSync('ip', ['link', 'show', 'docker0'], { env: withSystemPath() }).status === 0;
  process.stdout.write(`${when}: ${isOnBridge ? 'runs on docker0' : `${stdout}${stderr}`}\n`);
}

try {
  await machine.ready;
  await machine.start();
  await until('the engine of the machine', async () => machine.isRunning() && (await answers(host)), 60_000);
  await makeImages(host);
  say('before');
  const ours = await startEngine();
  say('while ours runs');
  await ours.stop();
  say('after ours ended');
  const killed = await startEngine();
  await killed.kill();
  await killed.stop();
  say('after ours was killed');
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n${machine.said()}`);
} finally {
  await machine.end();
}
