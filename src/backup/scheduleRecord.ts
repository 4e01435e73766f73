/**
 * What no manifest can say: runs of an entry that failed or were cancelled. One small file an entry, in a folder that the
 * windows of this machine share, so that they agree on when to try again and who has told the user.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

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
  /** When the user cancelled a run: the slot is passed over. */
  readonly cancelledAt?: number;
  /** The destination has held an archive of this entry: one that is all empty later is not the folder that was meant. */
  readonly hadArchives?: boolean;
}

function fileOf(folder: string, key: string): string {
  return join(folder, `${createHash('sha256').update(key).digest('hex').slice(0, 16)}.json`);
}

/** Empty where there is none, or where it cannot be read. */
export async function readRecord(folder: string, key: string): Promise<RunRecord> {
  try {
    return JSON.parse(await readFile(fileOf(folder, key), 'utf8')) as RunRecord;
  } catch {
    return {};
  }
}

/** Replaces the record. Throws what the file system throws. */
export async function writeRecord(folder: string, key: string, record: RunRecord): Promise<void> {
  const file = fileOf(folder, key);
  const fresh = `${file}.${process.pid}`;
  await mkdir(folder, { recursive: true });
  await writeFile(fresh, JSON.stringify(record), { mode: 0o600 });
  await rename(fresh, file);
}
