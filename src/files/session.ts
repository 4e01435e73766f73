/** Helpers that stay for a while: one pair per mount, made at first use and removed when nobody has asked for a minute. */
import type { Connection } from '../engine/connection.ts';
import { FileRefused, NotFound } from '../engine/errors.ts';
import { createArchiveHelper, type Helper } from '../engine/helpers.ts';
import type { Logger } from '../engine/log.ts';
import { findTools } from '../engine/tools.ts';
import { messagePath, type Source } from './place.ts';
import { ToolBox } from './toolBox.ts';

const IDLE_MS = 60_000;

/** What one mount is reached by. */
export class Session {
  readonly source: Source;
  readonly connection: Connection;
  readonly #log: Logger;
  readonly #likelyImages: () => readonly string[];
  #archive: Promise<Helper> | undefined;
  #tools: Promise<ToolBox | undefined> | undefined;

  constructor(connection: Connection, source: Source, likelyImages: () => readonly string[], log: Logger) {
    this.connection = connection;
    this.source = source;
    this.#likelyImages = likelyImages;
    this.#log = log;
  }

  /** The helper for the archive endpoint, which is never started. */
  archive(): Promise<Helper> {
    const { type, source, target, readOnly } = this.source;
    // One that could not be made is tried anew the next time.
    this.#archive ??= createArchiveHelper(this.connection, [{ type, source, target, readOnly }], this.#log).catch((error: unknown) => {
      this.#archive = undefined;
      throw error;
    });
    return this.#archive;
  }

  /** The programs; undefined where no local image has them. */
  tools(): Promise<ToolBox | undefined> {
    this.#tools ??= this.#openTools().catch((error: unknown) => {
      this.#tools = undefined;
      throw error;
    });
    return this.#tools;
  }

  async #openTools(): Promise<ToolBox | undefined> {
    const image = await findTools(this.connection, this.#likelyImages(), this.#log);
    return image === undefined ? undefined : ToolBox.open(this.connection, image, this.source, this.#log);
  }

  /** The programs. Throws FileRefused where no local image has them. */
  async needTools(path: string, what: string): Promise<ToolBox> {
    const tools = await this.tools();
    if (tools !== undefined) return tools;
    throw new FileRefused('noTools', messagePath(path), `${what} needs a local image with sh, find and mv, and there is none. Pull one such as busybox, or name one in the setting "dockerMounts.backup.image".`);
  }

  async close(): Promise<void> {
    const archive = await this.#archive?.catch(() => undefined);
    const tools = await this.#tools?.catch(() => undefined);
    await Promise.all([archive, tools?.helper].filter((helper) => helper !== undefined).map((helper) => helper.remove()));
  }
}

interface Kept {
  readonly session: Session;
  users: number;
  timer: NodeJS.Timeout | undefined;
}

/** All sessions; owned by `Files`. */
export class Sessions {
  readonly #connect: () => Promise<Connection>;
  readonly #likelyImages: () => readonly string[];
  readonly #log: Logger;
  readonly #kept = new Map<string, Kept>();
  readonly #idleMs: number;

  constructor(connect: () => Promise<Connection>, likelyImages: () => readonly string[], log: Logger, idleMs = IDLE_MS) {
    this.#connect = connect;
    this.#likelyImages = likelyImages;
    this.#log = log;
    this.#idleMs = idleMs;
  }

  /** Runs a task over one mount. A helper that somebody removed meanwhile is made anew, once. */
  async use<T>(source: Source, task: (session: Session) => Promise<T>): Promise<T> {
    try {
      return await this.#useOnce(source, task);
    } catch (error) {
      if (!(error instanceof NotFound && error.kind === 'container')) throw error;
      await this.#drop(keyOf(source));
      return this.#useOnce(source, task);
    }
  }

  async #useOnce<T>(source: Source, task: (session: Session) => Promise<T>): Promise<T> {
    const connection = await this.#connect();
    const key = keyOf(source);
    let kept = this.#kept.get(key);
    if (kept !== undefined && kept.session.connection !== connection) {
      void this.#drop(key);
      kept = undefined;
    }
    if (kept === undefined) {
      kept = { session: new Session(connection, source, this.#likelyImages, this.#log), users: 0, timer: undefined };
      this.#kept.set(key, kept);
    }
    const { session } = kept;
    clearTimeout(kept.timer);
    kept.users += 1;
    try {
      return await task(session);
    } finally {
      kept.users -= 1;
      if (kept.users === 0 && this.#kept.get(key) === kept) kept.timer = setTimeout(() => void this.#drop(key), this.#idleMs).unref();
    }
  }

  async #drop(key: string): Promise<void> {
    const kept = this.#kept.get(key);
    this.#kept.delete(key);
    clearTimeout(kept?.timer);
    await kept?.session.close();
  }

  /** Removes the helpers, so that what they mount can be removed too. */
  async release(): Promise<void> {
    await Promise.all([...this.#kept.keys()].map((key) => this.#drop(key)));
  }
}

function keyOf({ type, source, target, readOnly }: Source): string {
  return JSON.stringify([type, source, target, readOnly]);
}
