/** Keeps one connection alive and its snapshot up to date, by the engine's events. */
import * as l10n from '@vscode/l10n';
import type { Readable } from 'node:stream';
import type { Journal } from '../journal/journal.ts';
import { coalesced } from './coalesced.ts';
import { Connection } from './connection.ts';
import { Emitter } from './emitter.ts';
import type { Endpoint } from './endpoint.ts';
import { EngineUnavailable } from './errors.ts';
import { isOwnHelper } from './helper/records.ts';
import { Inventory } from './inventory.ts';
import type { Logger } from './log.ts';
import type { Snapshot } from './model.ts';
import { OriginMemory } from './volumeOrigins.ts';

export type EngineState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'connected'; readonly connection: Connection; readonly snapshot: Snapshot }
  | { readonly kind: 'unavailable'; readonly error: EngineUnavailable };

export interface WatcherOptions {
  /** Called before every attempt, so that a changed setting or context is noticed. */
  readonly endpoint: () => Promise<Endpoint>;
  readonly log: Logger;
  readonly journal: Journal;
  readonly origins?: OriginMemory;
  /** Called before a connection that somebody requested, but not before an automatic retry. */
  readonly onAsked?: () => void;
  /** Called once for every new connection. */
  readonly onConnected?: (connection: Connection) => void;
}

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 5000;
/** Events come in bursts: a `docker compose up` sends dozens. */
const DEBOUNCE_MS = 100;
/** Every event is shorter. */
const MOST_EVENT_CHARACTERS = 16 * 1024 * 1024;
/** Detects when the network of a remote engine was lost silently. */
const KEEPALIVE_MS = 30_000;

/** Owned by the composition root; ends with `dispose`. */
export class EngineWatcher {
  readonly #options: WatcherOptions;
  readonly #changes = new Emitter<EngineState>();
  #state: EngineState = { kind: 'connecting' };
  #inventory: Inventory | undefined;
  #sizes: ReadonlyMap<string, number> = new Map();
  #measuring: Promise<void> | undefined;
  #events: Readable | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** One read at a time; a request during it causes one more. */
  readonly #read = coalesced(() => this.#readOnce());
  #attempt: Promise<void> | undefined;
  #retryMs = FIRST_RETRY_MS;
  #disposed = false;

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  get state(): EngineState {
    return this.#state;
  }

  onDidChange(listener: (state: EngineState) => void): { dispose(): void } {
    return this.#changes.on(listener);
  }

  /** The live connection; tries to connect once where there is none. Throws EngineUnavailable. */
  async connection(): Promise<Connection> {
    return (await this.#connected()).connection;
  }

  /** The latest snapshot. Throws EngineUnavailable. */
  async snapshot(): Promise<Snapshot> {
    return (await this.#connected()).snapshot;
  }

  async #connected(): Promise<EngineState & { kind: 'connected' }> {
    if (this.#state.kind !== 'connected') await this.start();
    const state = this.#state;
    switch (state.kind) {
      case 'connected':
        return state;
      case 'unavailable':
        throw state.error;
      case 'connecting':
        throw new EngineUnavailable('lost', '', l10n.t('The connection to the engine was closed.'));
    }
  }

  /** Reads everything but the sizes again; connects where there is no connection. Throws EngineUnavailable. */
  async refresh(): Promise<void> {
    if (this.#state.kind === 'connected') await this.#read();
    else this.#options.onAsked?.();
    await this.#connected();
  }

  /** Forgets the connection and starts again, after the address may have changed. */
  async reconnect(): Promise<void> {
    this.#options.onAsked?.();
    this.#drop();
    this.#retryMs = FIRST_RETRY_MS;
    await this.#attempt;
    this.#set({ kind: 'connecting' });
    await this.start();
  }

  /** Connects once and, where that fails, keeps trying in the background. Never throws. */
  start(): Promise<void> {
    clearTimeout(this.#timer);
    this.#attempt ??= this.#connect().finally(() => (this.#attempt = undefined));
    return this.#attempt;
  }

  /** Fills in the volumes' sizes; one measurement at a time. Never throws. */
  loadSizes(): Promise<void> {
    const inventory = this.#inventory;
    if (inventory === undefined) return Promise.resolve();
    this.#measuring ??= inventory
      .sizes()
      .then(
        (sizes) => {
          if (inventory !== this.#inventory || this.#state.kind !== 'connected') return;
          this.#sizes = sizes;
          this.#set({ ...this.#state, snapshot: this.#withSizes(this.#state.snapshot) });
        },
        (error: unknown) => this.#options.log.warn(String((error as Error).message)),
      )
      .finally(() => (this.#measuring = undefined));
    return this.#measuring;
  }

  dispose(): void {
    this.#disposed = true;
    this.#drop();
    this.#changes.dispose();
  }

  async #connect(): Promise<void> {
    try {
      const connection = await Connection.open(await this.#options.endpoint(), this.#options.journal);
      const inventory = new Inventory(connection, this.#options.origins);
      // First the events, then the snapshot, so that nothing in between is missed.
      const { events, snapshot } = await this.#begin(connection, inventory).catch(async (error: unknown) => {
        await connection.close();
        throw error;
      });
      if (this.#disposed) {
        events.destroy();
        return await connection.close();
      }
      this.#inventory = inventory;
      this.#events = events;
      this.#sizes = new Map();
      this.#retryMs = FIRST_RETRY_MS;
      const { version, apiVersion, product } = connection.info;
      this.#options.log.info(
        `Connected to ${product} ${version} (API ${apiVersion}) at ${connection.endpoint.address}.`,
      );
      this.#set({ kind: 'connected', connection, snapshot });
      this.#options.onConnected?.(connection);
    } catch (error) {
      this.#lost(error);
    }
  }

  async #begin(connection: Connection, inventory: Inventory): Promise<{ events: Readable; snapshot: Snapshot }> {
    const events = await this.#listen(connection);
    const snapshot = await inventory.read().catch((error: unknown) => {
      events.destroy();
      throw error;
    });
    return { events, snapshot };
  }

  async #listen(connection: Connection): Promise<Readable> {
    const stream = (await connection.docker.getEvents({
      filters: { type: ['container', 'volume'] },
    })) as unknown as Readable & { socket?: { setKeepAlive?(on: boolean, ms: number): void } };
    stream.socket?.setKeepAlive?.(true, KEEPALIVE_MS);
    let rest = '';
    stream.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString('utf8')).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > MOST_EVENT_CHARACTERS) return void stream.destroy();
      if (lines.some(isOfInterest)) this.#readSoon();
    });
    let over = false;
    const end = () => {
      if (over) return;
      over = true;
      if (stream === this.#events) {
        this.#lost(
          new EngineUnavailable(
            'lost',
            connection.endpoint.address,
            l10n.t(
              'The engine at {0} went away. The view comes back when the engine does.',
              connection.endpoint.address,
            ),
          ),
        );
      }
    };
    for (const event of ['end', 'close', 'error', 'aborted']) stream.on(event, end);
    return stream;
  }

  #readSoon(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#read(), DEBOUNCE_MS);
  }

  async #readOnce(): Promise<void> {
    const inventory = this.#inventory;
    if (inventory === undefined) return;
    try {
      const snapshot = await inventory.read();
      if (inventory !== this.#inventory || this.#state.kind !== 'connected') return;
      this.#set({ ...this.#state, snapshot: this.#withSizes(snapshot) });
    } catch (error) {
      if (inventory !== this.#inventory) return;
      if (error instanceof EngineUnavailable) return this.#lost(error);
      this.#options.log.warn((error as Error).message);
    }
  }

  #withSizes(snapshot: Snapshot): Snapshot {
    return {
      ...snapshot,
      volumes: snapshot.volumes.map((volume) => ({ ...volume, size: this.#sizes.get(volume.name) ?? null })),
    };
  }

  #lost(error: unknown): void {
    this.#drop();
    if (this.#disposed) return;
    const cause =
      error instanceof EngineUnavailable
        ? error
        : new EngineUnavailable('unreachable', '', (error as Error).message, { cause: error });
    const before = this.#state;
    if (before.kind !== 'unavailable' || before.error.message !== cause.message) this.#options.log.warn(cause.message);
    this.#set({ kind: 'unavailable', error: cause });
    this.#timer = setTimeout(() => void this.start(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
  }

  #drop(): void {
    clearTimeout(this.#timer);
    const events = this.#events;
    this.#events = undefined;
    this.#inventory = undefined;
    events?.destroy();
    if (this.#state.kind === 'connected') void this.#state.connection.close();
  }

  #set(state: EngineState): void {
    if (this.#disposed) return;
    this.#state = state;
    this.#changes.tell(state);
  }
}

/** Running commands, health checks and our own helpers change nothing that a snapshot shows. */
function isOfInterest(line: string): boolean {
  if (line.trim() === '') return false;
  try {
    const event = JSON.parse(line) as {
      Type?: string;
      Action?: string;
      Actor?: { Attributes?: Record<string, string> };
    };
    if (event.Type === 'container' && isOwnHelper(event.Actor?.Attributes?.['name'])) return false;
    return !/^(exec_|health_status|top|attach|resize|export|archive-path|extract-to-dir|mount|unmount)/.test(
      event.Action ?? '',
    );
  } catch {
    return true;
  }
}
