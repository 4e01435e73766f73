/**
 * What this machine's own jobs have begun and not ended: one small file for each, in the extension's storage. Only the
 * journal says what may be undone and which containers are ours; labels and names are never trusted.
 *
 * A record's file name holds the session that it belongs to, `<record>~<session>.json`, so that it is taken over by one
 * rename, in which only one process succeeds.
 */
import * as l10n from '@vscode/l10n';
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ExpectedError } from '../expectedError.ts';
import { livenessOf, Session } from './session.ts';

/** Our records are much smaller. */
const LARGEST_RECORD = 4 * 1024 * 1024;
const NAME = /^([0-9a-f]{16})~([0-9a-f]{16})\.json$/;

/**
 * The journal cannot be written, so that a job could not be undone after a crash.
 * @internal
 */
export class JournalFailure extends ExpectedError {
  override readonly name = 'JournalFailure';
  readonly folder: string;
  constructor(folder: string, cause: unknown) {
    super(
      l10n.t(
        'The record that is needed to undo this job cannot be written to "{0}": {1}. Nothing was changed; free some space there, or make the folder writable.',
        folder,
        (cause as Error).message,
      ),
      { cause },
    );
    this.folder = folder;
  }
}

/** An engine, by its own id and by its address: any engine can state the id of another. */
export interface EngineKey {
  readonly id: string;
  readonly address: string;
}

interface Stored {
  readonly version: 1;
  readonly kind: string;
  readonly engine: string;
  readonly address: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly facts: unknown;
}

/** One record. */
export interface Entry {
  readonly id: string;
  readonly session: string;
  readonly kind: string;
  /** The engine that it is about. */
  readonly engine: EngineKey;
  /** When it began; ISO 8601, UTC. */
  readonly at: string;
  readonly facts: unknown;
}

/** A record that a job of this process holds. */
export interface OpenEntry extends Entry {
  /** Replaces the facts in one step. Throws JournalFailure. */
  note(facts: unknown): Promise<void>;
  /** All is done or undone: the record is removed. */
  end(): Promise<void>;
  /** The job gives up: the next recovery takes the record over. */
  leave(): void;
}

/** Owned by the composition root; ends with `dispose`. */
export class Journal {
  readonly #folder: string;
  readonly #sessions: string;
  #session: Promise<Session> | undefined;
  /** Records that a job of this process works with. */
  readonly #held = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
    this.#sessions = join(folder, 'sessions');
  }

  #begin(): Promise<Session> {
    this.#session ??= Session.begin(this.#sessions).catch((error: unknown) => {
      this.#session = undefined;
      throw new JournalFailure(this.#folder, error);
    });
    return this.#session;
  }

  /** Writes a record, and flushes it to the disk where it says how to undo something. Throws JournalFailure. */
  async open(
    kind: string,
    engine: EngineKey,
    facts: unknown,
    { flush }: { readonly flush: boolean },
  ): Promise<OpenEntry> {
    const session = (await this.#begin()).id;
    const entry: Entry = {
      id: randomBytes(8).toString('hex'),
      session,
      kind,
      engine,
      at: new Date().toISOString(),
      facts,
    };
    this.#held.add(entry.id);
    try {
      await this.#write(entry, flush);
    } catch (error) {
      this.#held.delete(entry.id);
      throw error;
    }
    return this.#opened(entry, flush);
  }

  #opened(entry: Entry, flush: boolean): OpenEntry {
    let current = entry;
    return {
      ...entry,
      note: (facts) => {
        current = { ...current, facts };
        return this.#write(current, flush);
      },
      end: async () => {
        await rm(this.#fileOf(current), { force: true });
        this.#held.delete(current.id);
      },
      leave: () => void this.#held.delete(current.id),
    };
  }

  #fileOf({ id, session }: Pick<Entry, 'id' | 'session'>): string {
    return join(this.#folder, `${id}~${session}.json`);
  }

  async #write(entry: Entry, flush: boolean): Promise<void> {
    const { kind, engine, at, facts } = entry;
    const stored: Stored = { version: 1, kind, engine: engine.id, address: engine.address, at, facts };
    const file = this.#fileOf(entry);
    const aside = `${file}.new`;
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      const handle = await open(aside, 'w', 0o600);
      try {
        await handle.writeFile(JSON.stringify(stored));
        if (flush) await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(aside, file);
      if (flush) await this.#flushFolder();
    } catch (error) {
      await rm(aside, { force: true }).catch(() => undefined);
      throw new JournalFailure(this.#folder, error);
    }
  }

  /** A rename is on the disk once its folder is flushed; Windows cannot open a folder as a file. */
  async #flushFolder(): Promise<void> {
    if (process.platform === 'win32') return;
    const handle = await open(this.#folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /**
   * All records about an engine, at any address and of every session, oldest first. Damaged files are left out and not
   * touched.
   */
  async entries({ id }: EngineKey): Promise<Entry[]> {
    const names = await readdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const found: (Entry | undefined)[] = [];
    for (const name of names) found.push(await this.#read(name));
    return found
      .filter((entry) => entry !== undefined)
      .filter((entry) => entry.engine.id === id)
      .sort((a, b) => (a.at < b.at ? -1 : 1));
  }

  async #read(name: string): Promise<Entry | undefined> {
    const [, id, session] = NAME.exec(name) ?? [];
    if (id === undefined || session === undefined) return undefined;
    try {
      const text = await readFile(join(this.#folder, name), 'utf8');
      if (text.length > LARGEST_RECORD) return undefined;
      const { version, kind, engine, address, at, facts } = (JSON.parse(text) ?? {}) as Partial<Stored>;
      if (
        version !== 1 ||
        typeof kind !== 'string' ||
        typeof engine !== 'string' ||
        typeof address !== 'string' ||
        typeof at !== 'string'
      )
        return undefined;
      return { id, session, kind, engine: { id: engine, address }, at, facts };
    } catch (error) {
      // Ended or taken over meanwhile.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  /**
   * Records whose job no longer runs: those of a session that has ended, or those that a job of this session gave up.
   * Records with the same id at another address may be about another engine; their address distinguishes them.
   */
  async abandoned(engine: EngineKey): Promise<Entry[]> {
    const found: Entry[] = [];
    for (const entry of await this.entries(engine)) if (await this.#isAbandoned(entry)) found.push(entry);
    return found;
  }

  async #isAbandoned({ id, session }: Entry): Promise<boolean> {
    const own = await this.#session?.catch(() => undefined);
    if (session === own?.id) return !this.#held.has(id);
    return (await livenessOf(this.#sessions, session)) === 'gone';
  }

  /** Takes over a record; undefined where another process was faster, or it ended meanwhile. Throws JournalFailure. */
  async claim(entry: Entry): Promise<OpenEntry | undefined> {
    const session = (await this.#begin()).id;
    if (this.#held.has(entry.id)) return undefined;
    const claimed: Entry = { ...entry, session };
    this.#held.add(entry.id);
    try {
      // A record that this session gave up keeps its file name.
      await rename(this.#fileOf(entry), this.#fileOf(claimed));
      return this.#opened(claimed, true);
    } catch (error) {
      this.#held.delete(entry.id);
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new JournalFailure(this.#folder, error);
    }
  }

  /** Ends the session. Other sessions then recover what its jobs have not ended. */
  async dispose(): Promise<void> {
    const session = await this.#session?.catch(() => undefined);
    this.#session = undefined;
    this.#held.clear();
    await session?.end();
  }
}
