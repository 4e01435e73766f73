/**
 * Allows one run of an entry at a time among all windows, processes and machines that share the destination: a lock
 * file beside the archives. Its owner rewrites it regularly; one that is not rewritten was left by a crash and is taken
 * over.
 */
import * as l10n from '@vscode/l10n';
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { open, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { readSmallText } from '../engine/boundedFile.ts';
import { FileFailure } from '../engine/errors.ts';
import { processLives } from '../journal/processLives.ts';

const HEARTBEAT_MS = 20_000;
/** After this time without a heartbeat, by the clock of the file system, the owner counts as dead. */
const STALE_MS = 180_000;

interface Owner {
  readonly machine: string;
  readonly pid: number;
  readonly token: string;
}

function tryRead(read: () => string): string {
  try {
    return read().trim();
  } catch {
    return '';
  }
}

/** Where a process number is valid: WSL and containers share a host's name but not its processes. */
const MACHINE = [
  hostname(),
  process.platform,
  tryRead(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')),
  tryRead(() => readlinkSync('/proc/self/ns/pid')),
].join(' ');

function lockFile(folder: string, id: string): string {
  // A hash: an id may hold characters that a file name may not.
  return join(folder, `.docker-mounts-${createHash('sha256').update(id).digest('hex').slice(0, 16)}.lock`);
}

/** A lock holds a hundred bytes. */
const MOST_LOCK_BYTES = 4096;

function isOwner(value: unknown): value is Owner {
  const { machine, pid, token } = (typeof value === 'object' && value !== null ? value : {}) as Partial<
    Record<keyof Owner, unknown>
  >;
  return typeof machine === 'string' && typeof pid === 'number' && typeof token === 'string';
}

async function ownerOf(file: string): Promise<Owner | undefined> {
  try {
    const owner: unknown = JSON.parse(await readSmallText(file, MOST_LOCK_BYTES));
    return isOwner(owner) ? owner : undefined;
  } catch {
    // Removed, or its owner is about to write it.
    return undefined;
  }
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? '';

/** How long ago the lock was written, by the clock of its file system. */
async function ageOf(file: string): Promise<number> {
  const probe = `${file}.${randomUUID()}`;
  try {
    await writeFile(probe, '', { flag: 'wx', mode: 0o600 });
    const [now, then] = await Promise.all([stat(probe), stat(file)]);
    return now.mtimeMs - then.mtimeMs;
  } finally {
    await unlink(probe).catch(() => undefined);
  }
}

/** Moves away a lock whose owner is dead. False where another process was faster. */
async function takeAway(file: string, dead: Owner | undefined): Promise<boolean> {
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
  } catch {
    return false;
  }
  const moved = await ownerOf(aside);
  const isDead = moved?.token === dead?.token;
  // Another process had taken it over in between, and notices at its next heartbeat at the latest. So it is put back at
  // once.
  if (isDead) await unlink(aside).catch(() => undefined);
  else await rename(aside, file).catch(() => undefined);
  return isDead;
}

/** A lock that is held, until `release`. */
export class ScheduleLock {
  readonly #file: string;
  readonly #owner: Owner;
  readonly #lost = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> = Promise.resolve();

  private constructor(file: string, owner: Owner, heartbeatMs: number) {
    this.#file = file;
    this.#owner = owner;
    this.#timer = setInterval(() => {
      this.#beating = this.#beat();
    }, heartbeatMs);
    this.#timer.unref();
  }

  /** Undefined where another process holds it. Throws FileFailure where no file can be created in the folder. */
  static async take(
    folder: string,
    id: string,
    { heartbeatMs = HEARTBEAT_MS, staleMs = STALE_MS } = {},
  ): Promise<ScheduleLock | undefined> {
    const file = lockFile(folder, id);
    const owner: Owner = { machine: MACHINE, pid: process.pid, token: randomUUID() };
    for (let attempt = 0; attempt < 2; attempt += 1) {
      try {
        const handle = await open(file, 'wx', 0o600);
        await handle.writeFile(JSON.stringify(owner)).finally(() => handle.close());
        return new ScheduleLock(file, owner, heartbeatMs);
      } catch (error) {
        if (codeOf(error) !== 'EEXIST')
          throw new FileFailure(
            folder,
            codeOf(error),
            l10n.t(
              'The folder "{0}" cannot be written ({1}); check that it exists and that you may write to it.',
              folder,
              codeOf(error),
            ),
            { cause: error },
          );
      }
      const other = await ownerOf(file);
      const crashed = other?.machine === MACHINE && !processLives(other.pid);
      if (!crashed && (await ageOf(file).catch(() => 0)) < staleMs) return undefined;
      if (!(await takeAway(file, other))) return undefined;
    }
    return undefined;
  }

  /** Aborts when another process has taken over the lock, for example after this machine slept. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async #beat(): Promise<void> {
    const { token } = (await ownerOf(this.#file)) ?? {};
    if (token !== undefined && token !== this.#owner.token) return this.#lost.abort();
    // Written, not only touched, so that the time is the file system's own. Never overwrites a lock that was created in
    // between.
    await writeFile(this.#file, JSON.stringify(this.#owner), {
      mode: 0o600,
      flag: token === undefined ? 'wx' : 'r+',
    }).catch(() => undefined);
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beating;
    if ((await ownerOf(this.#file))?.token === this.#owner.token) await unlink(this.#file).catch(() => undefined);
  }
}
