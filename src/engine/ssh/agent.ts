/**
 * HTTP to an engine behind ssh: each connection is one process of the user's own ssh program, with `docker system
 * dial-stdio` on the other side. ssh itself handles configuration, agent, jump hosts and hardware keys.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { Agent, type ClientRequest } from 'node:http';
import { homedir } from 'node:os';
import { Duplex } from 'node:stream';
import { sshArguments, type SshAddress } from './address.ts';
import { sshError, type SshEnd } from './failure.ts';
import { SshAskpass, type SshPrompts } from './questions.ts';

/** A connection that was not used for this long is closed: an ssh process is worth keeping, but not forever. */
const IDLE_MS = 60_000;
/** No more connections are kept between requests. */
const MOST_IDLE = 4;
/** Each connection starts two programs on the other side. */
const MOST_FOR_REQUESTS = 3;
/** A server refuses more than ten connections that have not yet authenticated (sshd_config(5), MaxStartups). */
const MOST_STARTING = 4;
/** After this time the engine has been reached, even if it lets a request wait. */
const STARTED_MS = 5_000;
const MOST_SAID_BYTES = 16 * 1024;
/** Time for a process to end by itself when it is no longer needed. */
const END_MS = 2_000;
const STDERR_MS = 200;

type Child = ChildProcessWithoutNullStreams;

/** Input and output of an ssh process as one stream. http uses it like a socket, even before the process is started. */
class SshStream extends Duplex {
  readonly #address: SshAddress;
  readonly #start: (stream: SshStream) => Promise<Child>;
  #child: Child | undefined;
  #ended: Promise<SshEnd> | undefined;
  #hasEnded = false;
  #answered = false;
  #isNeeded = true;
  #onDrain: (() => void) | undefined;
  #timeout: NodeJS.Timeout | undefined;
  #timeoutMs = 0;

  constructor(address: SshAddress, start: (stream: SshStream) => Promise<Child>) {
    super({ allowHalfOpen: true, highWaterMark: 1024 * 1024 });
    this.#address = address;
    this.#start = start;
  }

  override _construct(done: (error?: Error | null) => void): void {
    this.#start(this).then(
      (child) => {
        this.#attach(child);
        done();
      },
      (error: Error) => done(error),
    );
  }

  #attach(child: Child): void {
    this.#child = child;
    this.#ended = this.#watch(child);
    if (!this.#isNeeded) this.unref();
    child.stdout.on('data', (chunk: Buffer) => {
      if (!this.#answered) {
        this.#answered = true;
        this.emit('answered');
      }
      this.#touch();
      if (!this.push(chunk)) child.stdout.pause();
    });
    child.stdout.on('error', () => undefined);
    child.stdout.once('end', () => void this.#outputEnded());
    child.stdin.on('drain', () => this.#goOn());
    // The exit code of a process says why it ended; what could not be written does not matter.
    child.stdin.on('error', () => this.#goOn());
    child.stdin.on('close', () => this.#goOn());
    void this.#ended.then((end) => {
      if (end.startFailure !== undefined) this.destroy(sshError(this.#address, end, false));
    });
  }

  /**
   * Waits for the exit, not for the closing of the pipes: a connection that the user's configuration shares outlives
   * its first process and holds stderr open.
   */
  #watch(child: Child): Promise<SshEnd> {
    let said = '';
    const { stderr } = child;
    stderr.setEncoding('utf8');
    stderr.on('data', (text: string) => {
      if (said.length < MOST_SAID_BYTES) said += text.slice(0, MOST_SAID_BYTES - said.length);
    });
    stderr.on('error', () => undefined);
    return new Promise((resolve) => {
      const done = (end: Omit<SshEnd, 'said'>) => {
        this.#hasEnded = true;
        resolve({ ...end, said });
      };
      child.once('error', (error: NodeJS.ErrnoException) =>
        done({ startFailure: error.code ?? error.message, exitCode: null, signal: null }),
      );
      child.once('exit', (exitCode, signal) => {
        const late = setTimeout(finish, STDERR_MS);
        stderr.once('end', finish);
        function finish(): void {
          clearTimeout(late);
          stderr.destroy();
          done({ exitCode, signal });
        }
      });
    });
  }

  async #outputEnded(): Promise<void> {
    // ssh ends right after this; if not, the stream has ended anyway.
    const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), END_MS));
    const end = await Promise.race([this.#ended, late]);
    if (end === undefined || end.exitCode === 0) this.push(null);
    else this.destroy(sshError(this.#address, end, this.#answered));
  }

  override _read(): void {
    this.#child?.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#touch();
    const stdin = this.#child?.stdin;
    // Once the process has ended, the error comes from its exit code.
    if (stdin === undefined || !stdin.writable || stdin.write(chunk)) return done();
    this.#onDrain = done;
  }

  #goOn(): void {
    const done = this.#onDrain;
    this.#onDrain = undefined;
    done?.();
  }

  override _final(done: () => void): void {
    this.#child?.stdin.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#timeout);
    this.#goOn();
    const child = this.#child;
    child?.stdin.destroy();
    child?.stdout.destroy();
    if (child?.pid === undefined || this.#hasEnded) return done(error);
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), END_MS);
    void this.#ended?.then(() => {
      clearTimeout(late);
      done(error);
    });
  }

  /** Like that of a net.Socket: ends the writing side, then everything. */
  destroySoon(): void {
    if (this.writableFinished) this.destroy();
    else this.end(() => this.destroy());
  }

  setTimeout(ms: number, listener?: () => void): this {
    this.#timeoutMs = ms;
    if (listener !== undefined) {
      if (ms > 0) this.once('timeout', listener);
      else this.off('timeout', listener);
    }
    this.#touch();
    return this;
  }

  #touch(): void {
    clearTimeout(this.#timeout);
    if (this.#timeoutMs > 0) this.#timeout = setTimeout(() => this.emit('timeout'), this.#timeoutMs).unref();
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    this.#isNeeded = true;
    this.#child?.ref();
    for (const pipe of this.#pipes()) pipe.ref?.();
    return this;
  }

  unref(): this {
    this.#isNeeded = false;
    this.#child?.unref();
    for (const pipe of this.#pipes()) pipe.unref?.();
    return this;
  }

  #pipes(): { ref?(): void; unref?(): void }[] {
    return (this.#child === undefined ? [] : [this.#child.stdin, this.#child.stdout, this.#child.stderr]) as {
      ref?(): void;
      unref?(): void;
    }[];
  }
}

/** Starts the ssh programs of one address, a few at a time. */
class SshStarter {
  readonly #address: SshAddress;
  readonly #env: NodeJS.ProcessEnv;
  readonly #askpass: SshAskpass | undefined;
  readonly #waiting: (() => void)[] = [];
  #starting = 0;
  /** Until one connection is established, each would ask its own question. */
  #hasAnswered = false;
  isClosed = false;

  constructor(address: SshAddress, env: NodeJS.ProcessEnv, askpass: SshAskpass | undefined) {
    this.#address = address;
    this.#env = env;
    this.#askpass = askpass;
  }

  start(): SshStream {
    return new SshStream(this.#address, (stream) => this.#spawn(stream));
  }

  async #spawn(stream: SshStream): Promise<Child> {
    await this.#turn();
    let isOver = false;
    const started = () => {
      if (isOver) return;
      isOver = true;
      this.#starting -= 1;
      this.#startMore();
    };
    try {
      if (stream.destroyed) throw new Error('closed before it was started');
      const asking = this.isClosed ? undefined : await this.#askpass?.environment().catch(() => undefined);
      // Without a terminal, ssh asks only through the program that it is given.
      const env = { ...this.#env, ...(asking ?? { SSH_ASKPASS_REQUIRE: 'never' }) };
      const child = spawn('ssh', sshArguments(this.#address, asking !== undefined), {
        stdio: 'pipe',
        env,
        cwd: homedir(),
        detached: process.platform !== 'win32',
        windowsHide: true,
      });
      stream.once('answered', () => {
        this.#hasAnswered = true;
        started();
      });
      stream.once('close', started);
      if (this.#hasAnswered) setTimeout(started, STARTED_MS).unref();
      return child;
    } catch (error) {
      started();
      throw error;
    }
  }

  async #turn(): Promise<void> {
    if (this.#starting >= (this.#hasAnswered ? MOST_STARTING : 1))
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#starting += 1;
  }

  #startMore(): void {
    while (this.#waiting.length > 0 && this.#starting < (this.#hasAnswered ? MOST_STARTING : 1)) {
      this.#starting += 1;
      this.#waiting.shift()?.();
    }
  }
}

class SshPool extends Agent {
  readonly #starter: SshStarter;
  readonly #timers = new WeakMap<Duplex, NodeJS.Timeout>();

  constructor(starter: SshStarter, maxSockets: number) {
    super({ keepAlive: true, maxSockets, maxFreeSockets: MOST_IDLE, scheduling: 'lifo' });
    this.#starter = starter;
  }

  /** Synchronous, since an agent counts only the connections that it has. */
  override createConnection(): Duplex {
    return this.#starter.start();
  }

  override keepSocketAlive(stream: Duplex): boolean {
    if (this.#starter.isClosed || stream.readableEnded || stream.destroyed) return false;
    (stream as SshStream).unref();
    this.#timers.set(stream, setTimeout(() => stream.destroy(), IDLE_MS).unref());
    return true;
  }

  override reuseSocket(stream: Duplex, request: ClientRequest): void {
    clearTimeout(this.#timers.get(stream));
    super.reuseSocket(stream, request);
  }

  closeIdle(): void {
    for (const streams of Object.values(this.freeSockets)) for (const stream of streams ?? []) stream.destroy();
  }
}

/** The way to one engine by ssh. Starts nothing before the first request. */
export class SshWay {
  /** For requests that are answered at once: they share a few connections. */
  readonly requests: Agent;
  /** For long requests, during which others must be able to begin: streams, and waiting for an end. */
  readonly streams: Agent;
  readonly #starter: SshStarter;
  readonly #askpass: SshAskpass | undefined;
  readonly #pools: readonly SshPool[];

  constructor(address: SshAddress, env: NodeJS.ProcessEnv, prompts: SshPrompts | undefined) {
    // On Windows the program that asks would be a batch file, which is unsafe with foreign text.
    this.#askpass =
      prompts === undefined || process.platform === 'win32' ? undefined : new SshAskpass(address.address, prompts);
    this.#starter = new SshStarter(address, env, this.#askpass);
    const pools = [new SshPool(this.#starter, MOST_FOR_REQUESTS), new SshPool(this.#starter, Infinity)] as const;
    [this.requests, this.streams] = pools;
    this.#pools = pools;
  }

  /** Whether a person is being asked: then the engine cannot answer yet. */
  get isAsking(): boolean {
    return this.#askpass?.isAsking ?? false;
  }

  /**
   * Ends what is idle, or everything, and forgets what was typed. A connection in use ends with its request, and nobody
   * is asked any more.
   */
  async close(all = false): Promise<void> {
    this.#starter.isClosed = true;
    for (const pool of this.#pools) {
      pool.closeIdle();
      if (all) pool.destroy();
    }
    await this.#askpass?.close();
  }
}
