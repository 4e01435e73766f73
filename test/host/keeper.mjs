// A process beside the one that needs an engine, a VS Code or an install: it runs the command, and outlives whoever
// asked for it just long enough to end the command and remove its folders. However that one ends, also by SIGKILL,
// its end of the pipe on our standard input closes. keep.mjs is the other end.
//
// Orders on standard input, a line each: start, kill, stop. Reports on descriptor 3: started PID, ended CODE SIGNAL,
// failed MESSAGE.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, rmdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * @type {{ command?: string, args?: string[], cwd?: string, folders: string[], cgroup?: string, graceMs: number,
 * isNamespace: boolean }}
 */
const { command, args = [], cwd, folders, cgroup, graceMs, isNamespace } = JSON.parse(process.argv[2]);

let child;
let isStopping = false;
let gone = Promise.resolve();

function report(...words) {
  try {
    writeSync(3, `${words.join(' ').replaceAll('\n', ' ')}\n`);
  } catch {
    // Whoever asked is no more.
  }
}

function start() {
  // Where this process itself is killed, the kernel kills the command.
  const [program, ...rest] = hasProgram('setpriv')
    ? ['setpriv', '--pdeathsig', 'KILL', command, ...args]
    : [command, ...args];
  child = spawn(program, rest, { cwd, detached: true, stdio: ['ignore', 1, 2] });
  const own = child;
  gone = new Promise((resolve) => {
    own.on('error', (error) => {
      report('failed', error.message);
      child = undefined;
      resolve();
    });
    own.on('exit', async (code, signal) => {
      // What it started and left behind belongs to the same group: npm ends before the script that it runs has put
      // things in order.
      for (const end = Date.now() + (isStopping ? graceMs : 0); Date.now() < end && signalTo(-own.pid, 0);)
        await sleep(50);
      signalTo(-own.pid, 'SIGKILL');
      child = undefined;
      report('ended', code ?? '-', signal ?? '-');
      resolve();
    });
  });
  if (own.pid !== undefined) report('started', own.pid);
}

function hasProgram(name) {
  return process.platform === 'linux' && spawnSync('sh', ['-c', 'command -v -- "$1"', 'sh', name]).status === 0;
}

/** Whether there was anything to signal. */
function signalTo(pid, signal) {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    // It has ended already.
    return false;
  }
}

/** The first process of a namespace: unshare ends when the kernel has ended all that was in there with it. */
function insideOf(unshare) {
  try {
    const [first] = readFileSync(`/proc/${unshare}/task/${unshare}/children`, 'utf8').split(' ');
    return first ? Number(first) : undefined;
  } catch {
    return undefined;
  }
}

async function send(signal) {
  if (child === undefined) return;
  const target = (isNamespace && insideOf(child.pid)) || -child.pid;
  signalTo(target, signal);
}

async function kill() {
  if (child === undefined) return;
  await send('SIGKILL');
  const ended = await Promise.race([gone.then(() => true), sleep(10_000, false)]);
  if (!ended && child !== undefined) signalTo(-child.pid, 'SIGKILL');
  await gone;
}

async function stop() {
  isStopping = true;
  if (child !== undefined && graceMs > 0) {
    await send('SIGTERM');
    await Promise.race([gone, sleep(graceMs)]);
  }
  await kill();
  isStopping = false;
}

/** Mounts at or below a folder, the innermost first. */
function mountsBelow(folder) {
  if (process.platform !== 'linux') return [];
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) =>
      (line.split(' ')[4] ?? '').replace(/\\(\d{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8))),
    );
  return points.filter((point) => point === folder || point.startsWith(`${folder}/`)).reverse();
}

async function removeFolder(folder) {
  let problem;
  for (let attempt = 0; attempt < 50; attempt += 1, await sleep(200)) {
    for (const point of mountsBelow(folder)) spawnSync('umount', ['-l', point]);
    // Through a mount, something that is not ours would be removed.
    if (mountsBelow(folder).length > 0) continue;
    try {
      rmSync(folder, { recursive: true, force: true });
      return;
    } catch (error) {
      problem = error;
    }
  }
  report('left', problem?.message ?? folder);
}

function removeCgroups() {
  const base = '/sys/fs/cgroup';
  if (cgroup === undefined || !existsSync(base)) return;
  const remove = (folder) => {
    if (!existsSync(folder)) return;
    for (const entry of readdirSync(folder, { withFileTypes: true }))
      if (entry.isDirectory()) remove(join(folder, entry.name));
    try {
      rmdirSync(folder);
    } catch {
      // The kernel takes a moment to see it empty; an empty cgroup costs nothing.
    }
  };
  for (const hierarchy of ['.', ...readdirSync(base)]) remove(join(base, hierarchy, cgroup));
}

let isEnding = false;
async function end() {
  if (isEnding) return;
  isEnding = true;
  await stop();
  for (const folder of folders) await removeFolder(folder);
  removeCgroups();
  process.exit(0);
}

// The group of a terminal is not ours, but a service manager may send one to every process.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => void end());
for (const folder of folders) mkdirSync(folder, { recursive: true, mode: 0o700 });
const orders = createInterface({ input: process.stdin });
let last = Promise.resolve();
orders.on('line', (order) => {
  if (order === 'start') last = last.then(start);
  if (order === 'kill') last = last.then(kill);
  if (order === 'stop') last = last.then(stop);
});
orders.on('close', () => void end());
report('ready');
