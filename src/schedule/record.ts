/**
 * What no manifest can say: runs of an entry that failed or were cancelled. One small file for each entry, in a folder
 * that the windows of this machine share, so that they agree on when to retry and whether the user was told.
 */
import { createHash } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSmallText } from '../engine/boundedFile.ts';
import type { Logger } from '../engine/log.ts';

/** Times are milliseconds since 1970. */
export interface RunRecord {
  readonly failure?: {
    readonly at: number;
    readonly message: string;
    /** Name of the error's class. */
    readonly kind: string;
    /** Failures in a row. */
    readonly attempts: number;
    /** When the user was told last. */
    readonly toldAt?: number;
  };
  /** When the user cancelled a run: the slot is skipped. */
  readonly cancelledAt?: number;
  /** The destination has held an archive of this entry: if it is empty later, it is not the intended folder. */
  readonly hadArchives?: boolean;
}

function fileOf(folder: string, key: string): string {
  return join(folder, `${createHash('sha256').update(key).digest('hex').slice(0, 16)}.json`);
}

const MOST_BYTES = 256 * 1024;

/** Leaves out fields of a wrong type. */
function checked(value: unknown): RunRecord {
  const raw = (typeof value === 'object' && value !== null ? value : {}) as Partial<Record<keyof RunRecord, unknown>>;
  const failure = (typeof raw.failure === 'object' && raw.failure !== null ? raw.failure : {}) as Partial<
    Record<keyof NonNullable<RunRecord['failure']>, unknown>
  >;
  const { at, message, kind, attempts, toldAt } = failure;
  const isFailure =
    typeof at === 'number' && typeof message === 'string' && typeof kind === 'string' && typeof attempts === 'number';
  return {
    ...(isFailure
      ? { failure: { at, message, kind, attempts, ...(typeof toldAt === 'number' ? { toldAt } : {}) } }
      : {}),
    ...(typeof raw.cancelledAt === 'number' ? { cancelledAt: raw.cancelledAt } : {}),
    ...(raw.hadArchives === true ? { hadArchives: true } : {}),
  };
}

/** Records by key: one key for each entry with its subject and destination. */
export class RunRecords {
  readonly #folder: string;
  readonly #log: Logger;
  /** What could not be written: without it a failure would be retried, and the user told, every minute. */
  readonly #unwritten = new Map<string, RunRecord>();

  constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#log = log;
  }

  /** An empty record where there is none, or where it cannot be read. */
  async read(key: string): Promise<RunRecord> {
    const kept = this.#unwritten.get(key);
    if (kept !== undefined) return kept;
    try {
      return checked(JSON.parse(await readSmallText(fileOf(this.#folder, key), MOST_BYTES)));
    } catch {
      return {};
    }
  }

  /** Replaces a record. Never throws: one that cannot be written is kept in memory. */
  async write(key: string, record: RunRecord): Promise<void> {
    const file = fileOf(this.#folder, key);
    const fresh = `${file}.${process.pid}`;
    try {
      await mkdir(this.#folder, { recursive: true });
      await writeFile(fresh, JSON.stringify(record), { mode: 0o600 });
      await rename(fresh, file);
      this.#unwritten.delete(key);
    } catch (error) {
      this.#unwritten.set(key, record);
      this.#log.warn(
        `The outcome of a scheduled backup cannot be written to "${this.#folder}": ${(error as Error).message}`,
      );
    }
  }
}
