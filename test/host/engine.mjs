// A Docker engine of our own: private data, namespaces of its own, gone at the end.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfEnding } from './ending.mjs';
import { engineEnvironment } from './environment.mjs';
import { keep } from './keep.mjs';
import { has, withSystemPath } from './machine.mjs';

const READY_MS = 60_000;
/** Longest path of a Unix socket in bytes (unix(7): 108 with the end mark). */
const SOCKET_PATH_MAX = 107;

/**
 * What runs in the engine's namespaces, with its folder as the first argument.
 * In a network namespace of its own, `--bridge=none` deletes no other engine's bridge. In a mount namespace of its
 * own, no mount stays behind, and no other engine's key, settings or sockets are read or written. When the first
 * process of a process namespace ends, the kernel ends all others: dockerd, containerd, shims and containers. This
 * shell is that process, because dockerd would not collect the shims that end.
 */
const INSIDE = `
home=$1
shift
ip link set lo up 2>/dev/null || busybox ip link set lo up 2>/dev/null || ifconfig lo up
mkdir -p "$home/exec" "$home/etc" /run/containerd /run/docker /etc/docker || exit 1
for place in "$home/exec" /run/containerd /run/docker; do mount -t tmpfs -o mode=711 tmpfs "$place" || exit 1; done
# Docker 20.10 keeps the key that it takes its id from in here: the same after a restart.
mount --bind "$home/etc" /etc/docker || exit 1
dockerd "$@" >>"$home/log" 2>&1 &
engine=$!
trap 'kill -TERM $engine' TERM
while kill -0 $engine 2>/dev/null; do wait $engine; code=$?; done
exit $code
`;

/** Why no private engine can run here, with the way out; undefined where one can. */
export function whyNoPrivateEngine() {
  if (process.platform !== 'linux')
    return 'A private Docker engine runs on Linux only. Start Docker Desktop, Colima or another engine, and try again.';
  if (process.getuid?.() !== 0) {
    return 'A private Docker engine needs root. Start the engine of this machine ("sudo systemctl start docker"; if it refuses you, "sudo usermod -aG docker $USER" and log in again), or name another engine in DOCKER_HOST.';
  }
  const missing = ['unshare', 'setpriv', 'mount'].filter((program) => !has(program));
  if (missing.length > 0)
    return `A private Docker engine needs ${missing.join(' and ')}. Install the package util-linux, and try again.`;
  return undefined;
}

/**
 * Starts dockerd as root. `folder` is kept when given, else it is temporary.
 * The engine ends with this process, whatever ends this one.
 * @param {{ folder?: string }} options
 */
export async function startEngine({ folder } = {}) {
  const why = whyNoPrivateEngine();
  if (why !== undefined) throw new Error(why);
  const id = `dm-engine-${randomBytes(4).toString('hex')}`;
  const isTemporary = folder === undefined;
  const home = folder ?? join(tmpdir(), id);
  const socket = join(home, 'docker.sock');
  const host = `unix://${socket}`;
  if (Buffer.byteLength(socket) > SOCKET_PATH_MAX)
    throw new Error(
      `The path of the engine's socket is too long: ${socket}. Set TMPDIR to a shorter folder, and try again.`,
    );
  if (!isTemporary) mkdirSync(home, { recursive: true });
  const log = () => (existsSync(join(home, 'log')) ? readFileSync(join(home, 'log'), 'utf8').slice(-2000) : '');
  // A systemd outside of the namespace knows the processes by other numbers; so cgroups without it.
  const options = [
    '--storage-driver=vfs',
    '--bridge=none',
    '--iptables=false',
    '--exec-opt',
    'native.cgroupdriver=cgroupfs',
    '--cgroup-parent',
    `/${id}`,
  ];
  const places = [
    '--data-root',
    join(home, 'data'),
    '--exec-root',
    join(home, 'exec'),
    '--pidfile',
    join(home, 'exec/pid'),
    '-H',
    host,
  ];
  const kept = keep({
    command: 'unshare',
    // Mounts of the machine come in, where it shares them; none goes out.
    args: [
      '--net',
      '--mount',
      '--pid',
      '--fork',
      '--kill-child',
      '--mount-proc',
      '--propagation',
      'slave',
      'sh',
      '-c',
      INSIDE,
      'sh',
      home,
      ...options,
      ...places,
    ],
    env: withSystemPath(engineEnvironment(process.env, host)),
    folders: isTemporary ? [home] : [],
    cgroup: id,
    isNamespace: true,
    // A throw-away engine needs no goodbye: its containers, mounts and networks end with its namespaces.
    graceMs: isTemporary ? 0 : 20_000,
    output: 'pipe',
  });
  await kept.ready;

  const start = async () => {
    rmSync(socket, { force: true });
    await kept.start();
    for (const end = Date.now() + READY_MS; ; await sleep(100)) {
      throwIfEnding();
      if (!kept.isRunning()) {
        const { code, signal, error } = await kept.exited();
        throw new Error(`dockerd ended with ${error?.message ?? signal ?? `code ${code}`}:\n${kept.said()}${log()}`);
      }
      if (existsSync(socket) && (await answers(host))) return;
      if (Date.now() > end)
        throw new Error(`dockerd was not ready within ${READY_MS / 1000} s:\n${kept.said()}${log()}`);
    }
  };
  try {
    await start();
  } catch (error) {
    await kept.end();
    throw error;
  }
  return {
    host,
    socket,
    /** As a power cut: no goodbye, and all that it runs goes with it. */
    kill: () => kept.kill(),
    /** Again on the same data, after kill(). */
    restart: start,
    stop: () => kept.end(),
  };
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
  return url.protocol === 'unix:'
    ? { socketPath: url.pathname }
    : { host: url.hostname, port: Number(url.port || 2375), protocol: 'http' };
}
