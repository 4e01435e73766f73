/**
 * One session of this extension: a window's extension host. It holds a socket open while it is alive, so that any other
 * process on this machine can tell whether it still exists, also from another process or network namespace. The kernel
 * closes the socket of a process that was killed, and a suspended process still accepts connections.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { createConnection, createServer, type Server } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { processLives } from './processLives.ts';

/** sun_path of unix(7) holds 108 bytes on Linux and 104 on macOS, with the NUL at its end. */
const LONGEST_SOCKET_PATH = 100;
const CONNECT_MS = 5000;

interface SessionFacts {
  readonly machine: string;
  /** Tells one start of the machine from the next; '' where the system does not say. */
  readonly boot: string;
  readonly pid: number;
  /** The process table that the pid belongs to; '' where the system has only one. */
  readonly pidNamespace: string;
  readonly socket: string;
}

/** `elsewhere`: on another machine that shares this folder; its state is unknown here. */
export type Liveness = 'alive' | 'gone' | 'elsewhere';

/**
 * Only Linux distinguishes one start from the next; a start time that is computed from the clock changes with the
 * clock.
 */
async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim();
}

/** The host name alone is not an identity: cloned machines share it. */
async function machine(): Promise<string> {
  return `${hostname()} ${(await readFile('/etc/machine-id', 'utf8').catch(() => '')).trim()}`;
}

const pidNamespace = () => readlink('/proc/self/ns/pid').catch(() => '');

function socketPath(folder: string, id: string): string {
  if (process.platform === 'win32') return `\\\\.\\pipe\\docker-mounts-${id}`;
  const own = join(folder, `${id}.sock`);
  return Buffer.byteLength(own) <= LONGEST_SOCKET_PATH
    ? own
    : join(tmpdir(), `docker-mounts-${createHash('sha256').update(own).digest('hex').slice(0, 24)}.sock`);
}

/** The session of this process. Ends with `end`, or with the process. */
export class Session {
  readonly id: string;
  readonly #folder: string;
  readonly #server: Server;
  readonly #socket: string;

  private constructor(id: string, folder: string, server: Server, socket: string) {
    this.id = id;
    this.#folder = folder;
    this.#server = server;
    this.#socket = socket;
  }

  /** Begins a session whose facts are in `folder`. Throws the error of the file system. */
  static async begin(folder: string): Promise<Session> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const id = randomBytes(8).toString('hex');
    const socket = socketPath(folder, id);
    const server = createServer((connection) => connection.destroy());
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socket, resolve));
    server.removeAllListeners('error');
    server.on('error', () => undefined);
    server.unref();
    const facts: SessionFacts = {
      machine: await machine(),
      boot: await bootId(),
      pid: process.pid,
      pidNamespace: await pidNamespace(),
      socket,
    };
    await writeFile(join(folder, `${id}.json`), JSON.stringify(facts), { mode: 0o600 });
    return new Session(id, folder, server, socket);
  }

  /** Ends the session: any other session may recover what it leaves. */
  async end(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await forget(this.#folder, this.id);
    if (process.platform !== 'win32') await rm(this.#socket, { force: true });
  }
}

async function forget(folder: string, id: string): Promise<void> {
  await rm(join(folder, `${id}.json`), { force: true });
  await rm(join(folder, `${id}.sock`), { force: true });
}

async function factsOf(folder: string, id: string): Promise<SessionFacts | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, `${id}.json`), 'utf8')) as SessionFacts;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function connects(socket: string): Promise<'yes' | 'refused' | 'absent' | 'unknown'> {
  return new Promise((resolve) => {
    const connection = createConnection(socket);
    connection.setTimeout(CONNECT_MS, () => finish('unknown'));
    const finish = (answer: 'yes' | 'refused' | 'absent' | 'unknown') => {
      connection.destroy();
      resolve(answer);
    };
    connection.once('connect', () => finish('yes'));
    connection.once('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ECONNREFUSED') return finish('refused');
      // A full backlog means a process that is alive but too busy to accept.
      finish(code === 'ENOENT' ? 'absent' : code === 'EAGAIN' ? 'yes' : 'unknown');
    });
  });
}

/** Whether the session `id` that began in `folder` is still alive. */
export async function livenessOf(folder: string, id: string): Promise<Liveness> {
  const facts = await factsOf(folder, id);
  // The facts are written before the first record and removed with the session.
  if (facts === undefined) return 'gone';
  const answer = await connects(facts.socket);
  // Checked first: whatever clocks and names say, a session that answers is alive.
  if (answer === 'yes') return 'alive';
  const isSameStart = facts.boot === (await bootId());
  if (facts.machine !== (await machine()) && !(isSameStart && facts.boot !== '')) return 'elsewhere';
  if (!isSameStart) {
    await forget(folder, id);
    return 'gone';
  }
  const isOwnFolder = facts.socket.startsWith(folder);
  if (answer === 'refused' || (answer === 'absent' && isOwnFolder)) {
    await forget(folder, id);
    return 'gone';
  }
  // A socket in a temporary folder may not be visible in another container.
  if (facts.pidNamespace !== (await pidNamespace())) return 'elsewhere';
  return processLives(facts.pid) ? 'alive' : 'gone';
}
