// What a script starts and must not outlive it: see keeper.mjs. Only Node's own modules here.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { nestedEnvironment } from './environment.mjs';

const KEEPER = fileURLToPath(new URL('keeper.mjs', import.meta.url));

/**
 * A keeper for one command and the folders that go with it. The folders are made at once, and removed at the end,
 * with what is mounted in them. The command starts with start(). Nothing of it is left after end(), nor after the
 * end of this process, whatever its kind.
 * @param {object} options
 * @param {string} [options.command] none: only the folders are kept
 * @param {string[]} [options.args]
 * @param {string} [options.cwd]
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {string[]} [options.folders] absolute
 * @param {string} [options.cgroup] name of a cgroup whose remains go too
 * @param {number} [options.graceMs] how long the command may take to end by itself after SIGTERM
 * @param {boolean} [options.isNamespace] the command is an unshare that forks
 * @param {'inherit' | 'pipe' | number} [options.output]
 */
export function keep({
  command,
  args = [],
  cwd,
  env = nestedEnvironment(process.env),
  folders = [],
  cgroup,
  graceMs = 5000,
  isNamespace = false,
  output = 'inherit',
}) {
  const order = JSON.stringify({ command, args, cwd, folders, cgroup, graceMs, isNamespace });
  const keeper = spawn(process.execPath, [KEEPER, order], {
    detached: true,
    env,
    stdio: ['pipe', output, output, 'pipe'],
  });
  let said = '';
  for (const stream of [keeper.stdout, keeper.stderr])
    stream?.on('data', (chunk) => (said = (said + chunk).slice(-16_000)));
  keeper.stdin.on('error', () => undefined);
  const waiting = new Set();
  const tell = (event) => {
    for (const wait of [...waiting]) wait(event);
  };
  createInterface({ input: keeper.stdio[3] }).on('line', (line) => {
    const [kind = '', ...words] = line.split(' ');
    if (kind === 'left') console.error(`Could not be removed: ${words.join(' ')}`);
    tell({ kind, words });
  });
  let isGone = false;
  const gone = new Promise((resolve) => {
    keeper.on('error', (error) => {
      tell({ kind: 'failed', words: [error.message] });
      resolve();
    });
    keeper.on('exit', () => {
      isGone = true;
      tell({ kind: 'ended', words: ['-', 'SIGKILL'] });
      resolve();
    });
  });
  /** The next report of one of these kinds. */
  const next = (...kinds) =>
    new Promise((resolve) => {
      const wait = (event) => {
        if (!kinds.includes(event.kind)) return;
        waiting.delete(wait);
        resolve(event);
      };
      waiting.add(wait);
    });
  let state = 'idle';
  let exited = Promise.resolve({ code: null, signal: null });
  return {
    /** The last output of the command, where it is a pipe. */
    said: () => said,
    isRunning: () => state === 'running',
    /** When the folders are there. */
    ready: next('ready', 'failed', 'ended'),
    /** How the command ended: its exit code or signal, or an error. */
    exited: () => exited,
    async start() {
      if (isGone) throw new Error(`The keeper of "${command}" has ended; what it kept is gone.`);
      state = 'running';
      exited = next('ended', 'failed').then(({ kind, words }) => {
        state = 'idle';
        if (kind === 'failed') return { code: null, signal: null, error: new Error(words.join(' ')) };
        return { code: words[0] === '-' ? null : Number(words[0]), signal: words[1] === '-' ? null : words[1] };
      });
      keeper.stdin.write('start\n');
      await Promise.race([next('started'), exited]);
    },
    /** By SIGKILL; resolves when it and all it started are gone. */
    async kill() {
      if (state !== 'running') return;
      keeper.stdin.write('kill\n');
      await exited;
    },
    /** By SIGTERM first. */
    async stop() {
      if (state !== 'running') return;
      keeper.stdin.write('stop\n');
      await exited;
    },
    async end() {
      keeper.stdin.end();
      await gone;
    },
  };
}
