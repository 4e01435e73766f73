/**
 * Helpers that are kept for a while: created at first use and removed when unused for a minute. Reading gets the mount
 * read-only. The first change creates helpers that may write, which then also read.
 */
import type { Connection } from '../engine/connection.ts';
import { FileRefused, NotFound } from '../engine/errors.ts';
import { createArchiveHelper, type Helper, type HelperMount } from '../engine/helper/helper.ts';
import type { Logger } from '../engine/log.ts';
import { findTool, noToolText } from '../engine/helper/toolImage.ts';
import { messagePath } from './place.ts';
import { ToolBox, type Access } from './idleTool.ts';

const IDLE_MS = 60_000;

/** The helpers of one mount. */
export class Session {
  readonly source: HelperMount;
  readonly connection: Connection;
  readonly #log: Logger;
  readonly #archives = new Map<Access, Promise<Helper>>();
  readonly #tools = new Map<Access, Promise<ToolBox | undefined>>();

  constructor(connection: Connection, source: HelperMount, log: Logger) {
    this.connection = connection;
    this.source = source;
    this.#log = log;
  }

  /** The helper for the archive endpoint, which is never started. */
  archive(access: Access = 'read'): Promise<Helper> {
    const { type, source, target } = this.source;
    return kept(this.#archives, access, () =>
      createArchiveHelper(this.connection, [{ type, source, target, readOnly: access === 'read' }], this.#log),
    );
  }

  /** The tool; undefined where there is none for this engine. */
  tools(access: Access = 'read'): Promise<ToolBox | undefined> {
    return kept(this.#tools, access, async () =>
      (await findTool(this.connection, this.#log)) === undefined
        ? undefined
        : ToolBox.open(this.connection, this.source, access, this.#log),
    );
  }

  #noToolError(path: string, needs: string): FileRefused {
    return new FileRefused('noTools', messagePath(path), noToolText(this.connection, needs));
  }

  /** The tool. Throws FileRefused, with the sentence `needs`, where there is none for this engine. */
  async needTools(path: string, access: Access, needs: string): Promise<ToolBox> {
    const tools = await this.tools(access);
    if (tools === undefined) throw this.#noToolError(path, needs);
    return tools;
  }

  /** Does something with a tool that may also write into its own container, which nothing else needs. */
  async withStaging(path: string, needs: string, task: (tools: ToolBox) => Promise<void>): Promise<void> {
    if ((await findTool(this.connection, this.#log)) === undefined) throw this.#noToolError(path, needs);
    const tools = await ToolBox.open(this.connection, this.source, 'write', this.#log, true);
    try {
      await task(tools);
    } finally {
      await tools.helper.remove();
    }
  }

  async close(): Promise<void> {
    const archives = await Promise.all([...this.#archives.values()].map((helper) => helper.catch(() => undefined)));
    const tools = await Promise.all(
      [...this.#tools.values()].map((box) =>
        box.then(
          (one) => one?.helper,
          () => undefined,
        ),
      ),
    );
    await Promise.all(
      [...archives, ...tools].filter((helper) => helper !== undefined).map((helper) => helper.remove()),
    );
  }
}

/** A helper that may write also reads. One that could not be created is tried again the next time. */
function kept<T>(all: Map<Access, Promise<T>>, access: Access, make: () => Promise<T>): Promise<T> {
  const there = all.get('write') ?? all.get(access);
  if (there !== undefined) return there;
  const made = make().catch((error: unknown) => {
    all.delete(access);
    throw error;
  });
  all.set(access, made);
  return made;
}

interface Kept {
  readonly session: Session;
  users: number;
  timer: NodeJS.Timeout | undefined;
}

/** All sessions; owned by `Files`. */
export class Sessions {
  readonly #connect: () => Promise<Connection>;
  readonly #log: Logger;
  readonly #kept = new Map<string, Kept>();
  readonly #idleMs: number;

  constructor(connect: () => Promise<Connection>, log: Logger, idleMs = IDLE_MS) {
    this.#connect = connect;
    this.#log = log;
    this.#idleMs = idleMs;
  }

  /** Runs a task over one mount. A helper that somebody removed meanwhile is created again, once. */
  async use<T>(source: HelperMount, task: (session: Session) => Promise<T>): Promise<T> {
    try {
      return await this.#useOnce(source, task);
    } catch (error) {
      if (!(error instanceof NotFound && error.kind === 'container')) throw error;
      await this.#drop(keyOf(source));
      return this.#useOnce(source, task);
    }
  }

  async #useOnce<T>(source: HelperMount, task: (session: Session) => Promise<T>): Promise<T> {
    const connection = await this.#connect();
    const key = keyOf(source);
    let kept = this.#kept.get(key);
    if (kept !== undefined && kept.session.connection !== connection) {
      void this.#drop(key);
      kept = undefined;
    }
    if (kept === undefined) {
      kept = { session: new Session(connection, source, this.#log), users: 0, timer: undefined };
      this.#kept.set(key, kept);
    }
    const { session } = kept;
    clearTimeout(kept.timer);
    kept.users += 1;
    try {
      return await task(session);
    } finally {
      kept.users -= 1;
      if (kept.users === 0 && this.#kept.get(key) === kept)
        kept.timer = setTimeout(() => void this.#drop(key), this.#idleMs).unref();
    }
  }

  async #drop(key: string): Promise<void> {
    const kept = this.#kept.get(key);
    this.#kept.delete(key);
    clearTimeout(kept?.timer);
    await kept?.session.close();
  }

  /** Removes the helpers, so that what they mount can be removed. */
  async release(): Promise<void> {
    await Promise.all([...this.#kept.keys()].map((key) => this.#drop(key)));
  }
}

function keyOf({ type, source, target, readOnly }: HelperMount): string {
  return JSON.stringify([type, source, target, readOnly]);
}
