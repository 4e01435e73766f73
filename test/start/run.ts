/** One run of `npm start` or `npm test` as a person's terminal starts it, and the look for what it left behind. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { nestedEnvironment } from '../host/environment.mjs';
import { until } from '../engine/support.ts';

const MARK = 'DOCKER_MOUNTS_TEST_MARK';

export interface Left {
  readonly processes: string[];
  readonly folders: string[];
  readonly mounts: string[];
  readonly cgroups: string[];
}

export class Run {
  /** What it printed. */
  output = '';
  /** The folder that stands for the machine's temporary folder. */
  readonly temporary: string;
  readonly #npm: ChildProcess;
  readonly #mark = randomBytes(8).toString('hex');
  readonly #cache: string;
  #engines: string[] = [];
  #windows: string[] = [];
  #closed = false;

  constructor(checkout: string, temporary: string, changes: NodeJS.ProcessEnv = {}, command: string[] = ['start']) {
    this.temporary = temporary;
    const env: NodeJS.ProcessEnv = {
      ...nestedEnvironment(process.env),
      TMPDIR: temporary,
      [MARK]: this.#mark,
      ...changes,
    };
    this.#cache = join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'docker-mounts');
    // Its own group is what a terminal calls the foreground group.
    this.#npm = spawn('npm', command, { cwd: checkout, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#npm.stdout, this.#npm.stderr])
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString('utf8')));
    this.#npm.on('close', () => (this.#closed = true));
  }

  /** Waits for a text in the output. */
  async says(text: RegExp, ms = 600_000): Promise<string> {
    try {
      return await until(
        `npm says ${text}`,
        () => {
          const found = this.output.match(text);
          if (found !== null) return found[1] ?? found[0];
          assert.ok(!this.#closed, `npm ended before it said ${text}`);
          return undefined;
        },
        ms,
      );
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.output}`, { cause: error });
    } finally {
      // npm test has a temporary folder of its own in there.
      const inner = readdirSync(this.temporary)
        .filter((name) => name.startsWith('dm-run-'))
        .map((name) => join(this.temporary, name));
      this.#engines = [this.temporary, ...inner]
        .flatMap((folder) => readdirSync(folder))
        .filter((name) => name.startsWith('dm-engine-'));
      // Those of other runs are there as well.
      const pids = new Set(this.#processes().map(({ pid }) => String(pid)));
      const owner = (name: string) => {
        const file = join(this.#cache, name, 'owner');
        return existsSync(file) ? readFileSync(file, 'utf8') : '';
      };
      this.#windows = this.#cached().filter((name) => name.startsWith('window-') && pids.has(owner(name)));
    }
  }

  #cached(): string[] {
    return existsSync(this.#cache) ? readdirSync(this.#cache) : [];
  }

  /** As a terminal does it: to every process of the foreground group. */
  signalGroup(signal: NodeJS.Signals): void {
    assert.ok(this.#npm.pid !== undefined);
    process.kill(-this.#npm.pid, signal);
  }

  /** The same, where anything of the group may have ended already. */
  signalGroupIfThere(signal: NodeJS.Signals): void {
    try {
      this.signalGroup(signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  signalNpm(signal: NodeJS.Signals): void {
    this.#npm.kill(signal);
  }

  signalScript(signal: NodeJS.Signals): void {
    const script = this.#processes().find(
      ({ command }) => /main\.mjs (start|test)\b/.test(command) && !command.startsWith('sh '),
    );
    assert.ok(script !== undefined, this.output);
    process.kill(script.pid, signal);
  }

  /** Until npm has ended and its output is closed; returns its exit code. */
  async ended(ms = 60_000): Promise<number | null> {
    await until('npm ends', () => this.#closed, ms);
    return this.#npm.exitCode;
  }

  /** The processes that have the mark of this run in their environment, those of containers excepted. */
  #processes(): { pid: number; command: string }[] {
    const found = [];
    for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
      const read = (file: string) => {
        try {
          return readFileSync(`/proc/${name}/${file}`, 'utf8');
        } catch {
          return '';
        }
      };
      const command = read('cmdline').replaceAll('\0', ' ').trim();
      const isOurs =
        read('environ').includes(`${MARK}=${this.#mark}`) ||
        this.#engines.some((engine) => read('cgroup').includes(engine)) ||
        command.includes(this.temporary);
      if (isOurs) found.push({ pid: Number(name), command });
    }
    return found;
  }

  left(): Left {
    const cgroups = ['.', ...readdirSync('/sys/fs/cgroup')].flatMap((hierarchy) =>
      this.#engines.map((engine) => join('/sys/fs/cgroup', hierarchy, engine)),
    );
    return {
      processes: this.#processes().map(({ command }) => command),
      folders: [
        ...readdirSync(this.temporary).filter((name) => name !== 'node-compile-cache'),
        ...this.#cached().filter(
          (name) => this.#windows.includes(name) || /^code-server.*\.(partial|lock)$/.test(name),
        ),
      ],
      mounts: readFileSync('/proc/mounts', 'utf8')
        .split('\n')
        .filter((line) => line.includes(this.temporary)),
      cgroups: cgroups.filter((folder) => existsSync(folder)),
    };
  }

  /** Fails with what is left. */
  async leavesNothing(ms = 30_000): Promise<void> {
    const nothing: Left = { processes: [], folders: [], mounts: [], cgroups: [] };
    for (const end = Date.now() + ms; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 200))) {
      if (JSON.stringify(this.left()) === JSON.stringify(nothing)) return;
    }
    assert.deepEqual(this.left(), nothing, this.output);
  }

  /** After a test that failed. */
  async destroy(): Promise<void> {
    for (const { pid } of this.#processes()) {
      try {
        process.kill(pid, 'SIGTERM');
      } catch {
        // It has ended by itself.
      }
    }
    await until('all processes of the run end', () => this.#processes().length === 0, 60_000);
  }
}
