// A Docker engine of our own: private data, no network, gone at the end.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { withSystemPath } from './machine.mjs';

const READY_MS = 60_000;

/**
 * Starts dockerd as root. `folder` is kept when given, else it is temporary.
 * @param {{ folder?: string }} options
 */
export async function startEngine({ folder } = {}) {
  if (process.getuid?.() !== 0) throw new Error('A private Docker engine needs root. Start Docker yourself and set DOCKER_HOST, or run as root.');
  const isTemporary = folder === undefined;
  const home = folder ?? mkdtempSync(join(tmpdir(), 'dm-engine-'));
  mkdirSync(home, { recursive: true });
  const socket = join(home, 'docker.sock');
  const pidFile = join(home, 'pid');
  const host = `unix://${socket}`;
  let child;

  const start = async () => {
    rmSync(socket, { force: true });
    const log = openSync(join(home, 'log'), 'a');
    const args = ['--storage-driver=vfs', '--bridge=none', '--iptables=false', '--data-root', join(home, 'data'), '--exec-root', join(home, 'exec'), '--pidfile', pidFile, '-H', host];
    child = spawn('dockerd', args, { detached: true, stdio: ['ignore', log, log], env: withSystemPath({ ...process.env, DOCKER_HOST: undefined }) });
    let failed;
    child.on('error', (error) => (failed = error));
    child.on('exit', (code) => (failed = new Error(`dockerd ended with ${code}; see ${join(home, 'log')}:\n${readFileSync(join(home, 'log'), 'utf8').slice(-2000)}`)));
    for (const end = Date.now() + READY_MS; ; await sleep(100)) {
      if (failed) throw failed;
      if (existsSync(socket) && (await answers(host))) return;
      if (Date.now() > end) throw new Error(`dockerd was not ready within ${READY_MS / 1000} s; see ${join(home, 'log')}`);
    }
  };
  const end = (signal) =>
    new Promise((resolve) => {
      if (!child || child.exitCode !== null || child.signalCode !== null) return resolve();
      child.removeAllListeners('exit');
      const ending = child;
      // Not `child`: by then that may be the engine that was started again.
      const late = setTimeout(() => ending.kill('SIGKILL'), 20_000).unref();
      ending.once('exit', () => {
        clearTimeout(late);
        resolve();
      });
      ending.kill(signal);
    });
  await start();
  return {
    host,
    socket,
    /** As a crash: no goodbye, and its containerd goes with it. */
    async kill() {
      await end('SIGKILL');
      killRest(home);
    },
    /** Again on the same data, after kill(). */
    async restart() {
      // A process number in these would be taken for a containerd that still runs.
      for (const stale of ['pid', 'exec/containerd/containerd.pid', 'exec/containerd/containerd.sock']) rmSync(join(home, stale), { force: true });
      await start();
    },
    async stop() {
      await end('SIGTERM');
      killRest(home);
      if (!isTemporary) return;
      for (let attempt = 0; attempt < 5; attempt += 1) {
        try {
          return rmSync(home, { recursive: true, force: true });
        } catch {
          // A container's mount may still be there for a moment.
          await sleep(500);
        }
      }
    },
  };
}

/** Kills what an engine leaves running when it is killed itself: containerd and the containers' shims. */
function killRest(home) {
  spawnSync('pkill', ['-KILL', '-f', home]);
}

/** Whether an engine answers at a host, by its version endpoint. */
export async function answers(host) {
  const { default: Docker } = await import('dockerode');
  const docker = new Docker(optionsOf(host));
  return docker.ping().then(
    () => true,
    () => false,
  );
}

/** dockerode's options for unix:// and tcp:// addresses of tests. */
export function optionsOf(host) {
  const url = new URL(host);
  return url.protocol === 'unix:' ? { socketPath: url.pathname } : { host: url.hostname, port: Number(url.port || 2375), protocol: 'http' };
}
