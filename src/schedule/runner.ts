/**
 * Runs the schedule while it exists: wakes up for what is due, catches up on what was missed, and reports failures
 * once.
 */
import * as l10n from '@vscode/l10n';
import { coalesced } from '../engine/coalesced.ts';
import { Emitter } from '../engine/emitter.ts';
import type { Connection } from '../engine/connection.ts';
import { BadArgument, Cancelled, NotFound } from '../engine/errors.ts';
import type { Logger } from '../engine/log.ts';
import type { BackupRequest } from '../backup/backup.ts';
import { listBackups, type BackupFile } from '../backup/archive/list.ts';
import { dueAt, retryAt, SKEW_MS } from './due.ts';
import type { ScheduleEntry } from './entry.ts';
import { RunRecords, type RunRecord } from './record.ts';
import { archivesBy, checkEngine, doneTimes, isElsewhere, runEntry, type RunResult } from './run.ts';
import type { Work } from '../engine/job.ts';
import type { Subject } from '../backup/subject.ts';

export interface RunnerOptions {
  readonly entries: () => readonly ScheduleEntry[];
  /** Absolute path of the entry's folder; undefined where none is known. */
  readonly destination: (entry: ScheduleEntry) => string | undefined;
  /** Throws EngineUnavailable. */
  readonly connection: () => Promise<Connection>;
  /** The existing connection, if any. */
  readonly connected: () => Connection | undefined;
  readonly passphrase: () => PromiseLike<string | undefined>;
  readonly defaults: () => Pick<BackupRequest, 'compression' | 'level' | 'method' | 'helperImage'>;
  /** Folder for the records of failures, shared by the windows of this machine. */
  readonly records: string;
  readonly log: Logger;
  /** Runs a job with the caller's kind of progress. */
  readonly work: <T>(entry: ScheduleEntry, task: (job: Pick<Work, 'progress'>) => Promise<T>) => Promise<T>;
  /** Called once for all failures of one wake-up that the user does not know of yet. */
  readonly onFailures: (failures: readonly Failure[]) => void;
  /** A backup holds less than half as much as the one before. */
  readonly onShrunk: (result: RunResult & { readonly outcome: 'done' }) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export interface Failure {
  readonly entry: ScheduleEntry;
  readonly error: Error;
}

/** The state of an entry. Times are milliseconds since 1970. */
export interface EntryStatus {
  readonly entry: ScheduleEntry;
  readonly destination: string | undefined;
  /** The subjects that it backs up, as far as known without the engine. */
  readonly subjects: readonly Subject[];
  /** The newest archive that it created. */
  readonly last: BackupFile | undefined;
  /** When it runs next; not after now where it is waiting for its turn. */
  readonly next: number;
  readonly failure: RunRecord['failure'];
  readonly isRunning: boolean;
  /** The window is connected to another engine than the entry is for. */
  readonly isElsewhere: boolean;
}

/** The outcome for an entry, or for one of its subjects. */
export type EntryResult =
  | RunResult
  | { readonly id: string; readonly outcome: 'busy' | 'elsewhere' | 'cancelled' }
  | { readonly id: string; readonly outcome: 'failed'; readonly error: string; readonly cause: Error };

interface Seen {
  readonly archives: readonly BackupFile[];
  readonly record: RunRecord;
  /** What the entry backs up, once the engine was asked. */
  readonly subjects: readonly Subject[] | undefined;
  readonly at: number;
}

/** The clock may jump and the machine may sleep: no timer is longer than this. */
const LONGEST_WAIT_MS = 60_000;
const SHORTEST_WAIT_MS = 1000;
/** Other windows and machines create archives too. */
const LOOK_AGAIN_MS = 600_000;
const TELL_AGAIN_MS = 86_400_000;

/** Owned by the composition root; ends with `dispose`, or with `stop` where the caller can wait for the current run. */
export class ScheduleRunner {
  readonly #options: RunnerOptions;
  readonly #changes = new Emitter<void>();
  readonly #seen = new Map<string, Seen>();
  readonly #running = new Map<string, AbortController>();
  readonly #records: RunRecords;
  /** One job at a time: the schedule must not take the whole machine from its user. */
  #queue: Promise<unknown> = Promise.resolve();
  readonly #pass = coalesced(() => this.#passOnce());
  #timer: NodeJS.Timeout | undefined;
  #isStarted = false;
  #isDisposed = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#records = new RunRecords(options.records, options.log);
  }

  onDidChange(listener: () => void): { dispose(): void } {
    return this.#changes.on(listener);
  }

  start(): void {
    this.#isStarted = true;
    void this.wake();
  }

  /**
   * Checks at once what is due. What failed with an error of the class `again`, or with any error, is retried now: the
   * cause may no longer exist. Never throws.
   */
  async wake(again?: 'EngineUnavailable' | 'PassphraseNeeded' | 'any'): Promise<void> {
    if (!this.#isStarted || this.#isDisposed) return;
    for (const [key, seen] of this.#seen) {
      if (seen.record.failure === undefined || (again !== 'any' && seen.record.failure.kind !== again)) continue;
      this.#seen.set(key, { ...seen, record: { ...seen.record, failure: { ...seen.record.failure, at: 0 } } });
    }
    await this.#pass();
  }

  /** Every entry and its state, as last seen. */
  status(): EntryStatus[] {
    return this.#options.entries().map((entry) => {
      const seen = this.#seen.get(this.#key(entry));
      const destination = this.#options.destination(entry);
      return {
        entry,
        destination,
        subjects: seen?.subjects ?? guessSubjects(entry, seen?.archives ?? []),
        last: seen?.archives[0],
        next: this.#nextOf(entry, seen),
        failure: seen?.record.failure,
        isRunning: this.#running.has(entry.id),
        isElsewhere: this.#isElsewhere(entry),
      };
    });
  }

  /** Reads the destinations again. Never throws. */
  async look(): Promise<void> {
    for (const entry of this.#options.entries()) await this.#look(entry);
    this.#changed();
  }

  /** Runs one entry now, due or not; without an id all that are due. Throws NotFound for an unknown id. */
  async run(id?: string): Promise<EntryResult[]> {
    const entries = this.#options.entries();
    const chosen = entries.filter((entry) => id === undefined || entry.id === id);
    if (id !== undefined && chosen.length === 0)
      throw new NotFound(
        'plan',
        id,
        l10n.t(
          'There is no scheduled backup "{0}"; the scheduled ones are: {1}.',
          id,
          entries.map((entry) => `"${entry.id}"`).join(', ') || 'none',
        ),
      );
    const results: EntryResult[] = [];
    for (const entry of chosen) {
      await this.#look(entry);
      results.push(...(await this.#inTurn(() => this.#attempt(entry, id !== undefined, true))));
    }
    this.#plan();
    return results;
  }

  /** Cancels the current run of an entry; its slot is skipped. False where it does not run. */
  cancel(id: string): boolean {
    const abort = this.#running.get(id);
    abort?.abort();
    return abort !== undefined;
  }

  dispose(): void {
    this.#isDisposed = true;
    clearTimeout(this.#timer);
    for (const abort of this.#running.values()) abort.abort();
    this.#changes.dispose();
  }

  /** Cancels what runs, and waits until it has cleaned up. */
  async stop(): Promise<void> {
    this.dispose();
    await this.#queue.catch(() => undefined);
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(task);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async #passOnce(): Promise<void> {
    const failures: Failure[] = [];
    const entries = this.#options.entries();
    const keys = entries.map((entry) => this.#key(entry));
    for (const key of this.#seen.keys()) if (!keys.includes(key)) this.#seen.delete(key);
    for (const entry of entries) {
      if (this.#isDisposed) return;
      const failure = await this.#inTurn(() => this.#visit(entry));
      if (failure !== undefined) failures.push(failure);
    }
    if (failures.length > 0) this.#options.onFailures(failures);
    this.#changed();
    this.#plan();
  }

  /** Runs an entry where it is due. Returns a failure that must be reported to the user. */
  async #visit(entry: ScheduleEntry): Promise<Failure | undefined> {
    const known = this.#seen.get(this.#key(entry));
    const isOld = known === undefined || Math.abs(this.#now() - known.at) > LOOK_AGAIN_MS;
    if (isOld) await this.#look(entry, true);
    if (!this.#isDue(entry) || this.#isElsewhere(entry)) return undefined;
    // What was due a while ago may have been done elsewhere since.
    if (!isOld) await this.#look(entry, true);
    if (!this.#isDue(entry)) return undefined;
    const results = await this.#attempt(entry, false, false);
    const failed = results.find((result) => result.outcome === 'failed');
    return failed !== undefined && (await this.#isToBeTold(entry)) ? { entry, error: failed.cause } : undefined;
  }

  #isElsewhere(entry: ScheduleEntry): boolean {
    const connection = this.#options.connected();
    return connection !== undefined && isElsewhere(entry, connection);
  }

  #isDue(entry: ScheduleEntry): boolean {
    return this.#nextOf(entry, this.#seen.get(this.#key(entry))) <= this.#now();
  }

  /** When to run: the earliest time of its subjects, but not before a failure is retried. */
  #nextOf(entry: ScheduleEntry, seen: Seen | undefined): number {
    const now = this.#now();
    if (seen === undefined) return now;
    const { subjects, archives, record } = seen;
    const known = subjects ?? (entry.subject.kind === 'project' ? [] : [undefined]);
    // A project's volumes are unknown until the engine was asked.
    const dues = known.map((subject) =>
      dueAt(
        entry.when,
        doneTimes(archivesBy(entry, entry.engine, subject, archives), record.cancelledAt),
        entry.since,
        now,
      ),
    );
    const due =
      dues.length === 0 ? dueAt(entry.when, doneTimes([], record.cancelledAt), entry.since, now) : Math.min(...dues);
    return record.failure === undefined ? due : Math.max(due, retryAt(record.failure.at, record.failure.attempts, now));
  }

  /** `isAwake` keeps a failure that is being retried now. */
  async #look(entry: ScheduleEntry, isAwake = false): Promise<void> {
    const destination = this.#options.destination(entry);
    const known = this.#seen.get(this.#key(entry));
    const archives = destination === undefined ? [] : await listBackups(destination).catch(() => []);
    const read = await this.#records.read(this.#key(entry));
    const record = isAwake && known?.record.failure?.at === 0 ? { ...read, failure: known.record.failure } : read;
    this.#seen.set(this.#key(entry), {
      archives: archivesBy(entry, entry.engine, undefined, archives),
      record,
      subjects: known?.subjects,
      at: this.#now(),
    });
  }

  async #attempt(entry: ScheduleEntry, force: boolean, byHand: boolean): Promise<EntryResult[]> {
    const abort = new AbortController();
    this.#running.set(entry.id, abort);
    this.#changed();
    const results = await this.#options.work(entry, ({ progress }) =>
      this.#tryOnce(entry, force, { signal: abort.signal, log: this.#options.log, progress }),
    );
    this.#running.delete(entry.id);
    if (!this.#isDisposed) await this.#write(entry, results, byHand);
    await this.#look(entry);
    const named = results.flatMap((result) => ('subject' in result ? [result.subject] : []));
    const seen = this.#seen.get(this.#key(entry));
    if (seen !== undefined && named.length > 0) this.#seen.set(this.#key(entry), { ...seen, subjects: named });
    for (const result of results)
      if (result.outcome === 'done' && result.shrunkFrom !== undefined) this.#options.onShrunk(result);
    this.#changed();
    return results;
  }

  async #tryOnce(entry: ScheduleEntry, force: boolean, work: Work): Promise<EntryResult[]> {
    const { id } = entry;
    try {
      const destination = this.#options.destination(entry);
      if (destination === undefined)
        throw new BadArgument(
          'destination',
          l10n.t(
            'The scheduled backup "{0}" has no destination; give it one, or set "dockerMounts.backup.folder".',
            id,
          ),
        );
      const connection = await this.#options.connection();
      if (force) checkEngine(entry, connection);
      if (isElsewhere(entry, connection)) return [{ id, outcome: 'elsewhere' }];
      const { cancelledAt, hadArchives = false } = this.#seen.get(this.#key(entry))?.record ?? {};
      const passphrase = entry.encrypt === true ? await this.#options.passphrase() : undefined;
      const options = {
        destination,
        defaults: this.#options.defaults(),
        passphrase,
        force,
        cancelledAt,
        hadArchives,
        now: () => this.#now(),
      };
      return (
        (await runEntry({ ...work, connection, warn: (message) => work.log.warn(message) }, entry, options)) ?? [
          { id, outcome: 'busy' },
        ]
      );
    } catch (error) {
      if (error instanceof Cancelled) return [{ id, outcome: 'cancelled' }];
      return [{ id, outcome: 'failed', error: (error as Error).message, cause: error as Error }];
    }
  }

  /** Records what no manifest says. */
  async #write(entry: ScheduleEntry, results: readonly EntryResult[], byHand: boolean): Promise<void> {
    const { failure: earlier, ...rest } = await this.#records.read(this.#key(entry));
    const failed = results.find((result) => result.outcome === 'failed');
    const isCancelled = results.some(({ outcome }) => outcome === 'cancelled');
    if (results.some(({ outcome }) => outcome === 'busy' || outcome === 'elsewhere')) return;
    if (failed !== undefined) this.#options.log.error(`The scheduled backup "${entry.id}" failed: ${failed.error}`);
    const now = this.#now();
    const failure = failed && {
      at: now,
      message: failed.error,
      kind: failed.cause.name,
      attempts: (earlier?.attempts ?? 0) + 1,
      toldAt: byHand ? now : earlier?.toldAt,
    };
    const record: RunRecord = {
      ...rest,
      ...(isCancelled ? { cancelledAt: now } : {}),
      ...(results.some(({ outcome }) => outcome === 'done') ? { hadArchives: true } : {}),
      ...(failure ? { failure } : isCancelled && earlier ? { failure: earlier } : {}),
    };
    await this.#records.write(this.#key(entry), record);
  }

  /** Whether no window has reported this series of failures within a day; marks it as reported. */
  async #isToBeTold(entry: ScheduleEntry): Promise<boolean> {
    const record = await this.#records.read(this.#key(entry));
    const now = this.#now();
    const toldAt = record.failure?.toldAt;
    if (
      record.failure === undefined ||
      (toldAt !== undefined && toldAt <= now + SKEW_MS && now - toldAt < TELL_AGAIN_MS)
    )
      return false;
    await this.#records.write(this.#key(entry), { ...record, failure: { ...record.failure, toldAt: now } });
    return true;
  }

  /** A new entry with the id of an earlier one shares nothing with it. */
  #key(entry: ScheduleEntry): string {
    return JSON.stringify([entry.id, entry.subject, this.#options.destination(entry)]);
  }

  #plan(): void {
    clearTimeout(this.#timer);
    if (this.#isDisposed || !this.#isStarted) return;
    const nexts = this.status().map(({ next }) => next - this.#now());
    if (nexts.length === 0) return;
    // What is due and could not be done (another window is already doing this) is checked again after the longest wait.
    const ahead = nexts.filter((ms) => ms > 0);
    this.#timer = setTimeout(() => void this.wake(), Math.max(SHORTEST_WAIT_MS, Math.min(LONGEST_WAIT_MS, ...ahead)));
    this.#timer.unref();
  }

  #changed(): void {
    this.#changes.tell();
  }
}

function guessSubjects({ subject: { kind, name } }: ScheduleEntry, archives: readonly BackupFile[]): Subject[] {
  switch (kind) {
    case 'container':
      return [{ kind, name: archives[0]?.subject ?? name }];
    case 'volume':
    case 'bind':
      return [{ kind, name }];
    case 'project':
      return [...new Set(archives.flatMap((one) => one.subject ?? []))].map((volume) => ({
        kind: 'volume',
        name: volume,
      }));
  }
}
