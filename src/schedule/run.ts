/** One run of one entry of the schedule: back up what is due, verify it, and prune earlier archives of the entry. */
import * as l10n from '@vscode/l10n';
import { readdir } from 'node:fs/promises';
import type { Connection } from '../engine/connection.ts';
import { BadArchive, BadArgument, Cancelled, FileFailure, NotFound, PassphraseNeeded } from '../engine/errors.ts';
import { Inventory } from '../engine/inventory.ts';

import type { Container, Volume } from '../engine/model.ts';
import { checkDestination } from '../backup/archive/writer.ts';
import { backup, type BackupRequest } from '../backup/backup.ts';
import { listBackups, type BackupFile } from '../backup/archive/list.ts';
import { isByPlan, isFromEngine, isOfSubject } from '../backup/archive/manifest.ts';
import { recordVerdict } from '../backup/archive/manifestFile.ts';
import { findOrigin } from '../backup/source/trees.ts';
import { removeBackup } from '../backup/archive/remove.ts';
import { isSound, lastBeforeShrinking, removals, type PlannedArchive, type Removal } from './retention.ts';
import { dueAt } from './due.ts';
import type { ScheduleEntry } from './entry.ts';
import { ScheduleLock } from './lock.ts';
import { verifyBackup } from '../backup/archive/verify.ts';
import type { Job, Work } from '../engine/job.ts';
import type { Subject } from '../backup/subject.ts';

export interface RunOptions {
  readonly destination: string;
  /** What the entry itself does not say. */
  readonly defaults: Pick<BackupRequest, 'compression' | 'level' | 'method' | 'helperImage'>;
  /** For an entry that encrypts. */
  readonly passphrase: string | undefined;
  /** Also runs what is not due. */
  readonly force: boolean;
  /** When the user cancelled a run; that slot is skipped. */
  readonly cancelledAt: number | undefined;
  /** The destination has held archives of this entry. */
  readonly hadArchives: boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The outcome for one subject. */
export type RunResult = { readonly id: string; readonly subject: Subject } & (
  | {
      readonly outcome: 'done';
      readonly file: string;
      readonly verified: boolean;
      readonly removed: readonly string[];
      readonly shrunkFrom?: { readonly file: string; readonly bytes: number };
      readonly bytes: number;
    }
  | { readonly outcome: 'notDue' }
  | { readonly outcome: 'failed'; readonly error: string; readonly cause: Error }
);

/** The archives that an entry created of a subject, on the engine that it is for. */
export function archivesBy(
  entry: ScheduleEntry,
  engine: string | undefined,
  subject: Subject | undefined,
  backups: readonly BackupFile[],
): BackupFile[] {
  return backups.filter(
    (one) =>
      isByPlan(one, entry.id) &&
      one.createdAt !== undefined &&
      (engine === undefined || isFromEngine(one, engine)) &&
      (subject === undefined || isOfSubject(one, subject)),
  );
}

/**
 * The times of runs, in milliseconds since 1970. An archive that failed its check does not count: the run is still due.
 */
export function doneTimes(archives: readonly BackupFile[], cancelledAt: number | undefined): number[] {
  const made = archives
    .filter(({ verified, problem }) => verified?.ok !== false && problem === undefined)
    .map(({ createdAt, modifiedAt }) => Date.parse(createdAt ?? modifiedAt));
  return cancelledAt === undefined ? made : [...made, cancelledAt];
}

/** The volumes of a Compose project: those that it created, and other named volumes that its containers mount. */
export function volumesOfProject(
  project: string,
  { containers, volumes }: { readonly containers: readonly Container[]; readonly volumes: readonly Volume[] },
): string[] {
  const own = new Set(containers.filter(({ composeProject }) => composeProject === project).map(({ name }) => name));
  const isMounted = ({ anonymous, usedBy }: Volume) => !anonymous && usedBy.some(({ container }) => own.has(container));
  return volumes
    .filter((volume) => volume.labels['com.docker.compose.project'] === project || isMounted(volume))
    .map(({ name }) => name);
}

async function subjectsOf(connection: Connection, { subject }: ScheduleEntry): Promise<Subject[]> {
  if (subject.kind !== 'project') return [subject];
  const volumes = volumesOfProject(subject.name, await new Inventory(connection).read());
  if (volumes.length === 0)
    throw new NotFound(
      'volume',
      subject.name,
      l10n.t(
        'The Compose project "{0}" has no volumes on this engine; start it once, or correct "project".',
        subject.name,
      ),
    );
  return volumes.map((name) => ({ kind: 'volume', name }));
}

/** A mount point without its disk is an empty folder: a backup there would be on the wrong disk, unnoticed. */
async function checkSame(destination: string, hadArchives: boolean): Promise<void> {
  if (!hadArchives || (await readdir(destination)).length > 0) return;
  throw new FileFailure(
    destination,
    'EMPTY',
    l10n.t(
      'The folder "{0}" held scheduled backups and is empty now: is the disk or network folder mounted? If it was emptied on purpose, run the entry once by hand.',
      destination,
    ),
  );
}

/**
 * Runs an entry: what is due, or all of it. Undefined where another window is already doing this. A subject that fails
 * is in the results and does not stop the others. Throws NotFound, FileFailure and BadArgument for failures of the
 * whole entry, PassphraseNeeded, EngineUnavailable, and Cancelled.
 */
export async function runEntry(job: Job, entry: ScheduleEntry, options: RunOptions): Promise<RunResult[] | undefined> {
  const destination = await checkDestination(options.destination);
  if (!options.force) await checkSame(destination, options.hadArchives);
  if (entry.encrypt === true && options.passphrase === undefined) {
    throw new PassphraseNeeded(
      destination,
      false,
      l10n.t(
        'The scheduled backup "{0}" must be encrypted, but no passphrase is stored; set it by "Set Backup Passphrase…".',
        entry.id,
      ),
    );
  }
  const subjects = await subjectsOf(job.connection, entry);
  const lock = await ScheduleLock.take(destination, entry.id);
  if (lock === undefined) return undefined;
  try {
    const whileOurs: Job = { ...job, signal: AbortSignal.any([job.signal, lock.lost]) };
    const results: RunResult[] = [];
    for (const subject of subjects)
      results.push(await runSubject(whileOurs, entry, subject, { ...options, destination }));
    return results;
  } catch (error) {
    if (error instanceof Cancelled && lock.lost.aborted && !job.signal.aborted) return undefined;
    throw error;
  } finally {
    await lock.release();
  }
}

async function runSubject(job: Job, entry: ScheduleEntry, subject: Subject, options: RunOptions): Promise<RunResult> {
  let name: Subject = { kind: subject.kind, name: subject.name };
  try {
    const { kind, subject: found } = await findOrigin(job.connection, subject);
    name = { kind, name: found };
    const engine = entry.engine ?? job.connection.info.name;
    // Read under the lock: another window may have been here a moment ago.
    const before = archivesBy(entry, engine, name, await listBackups(options.destination));
    if (
      !options.force &&
      dueAt(entry.when, doneTimes(before, options.cancelledAt), entry.since, options.now()) > options.now()
    )
      return { id: entry.id, subject: name, outcome: 'notDue' };
    const { file, bytes } = await backup(job, requestOf(entry, subject, options));
    const listed = async () => archivesBy(entry, engine, name, await listBackups(options.destination)).map(toPlanned);
    const verified = entry.verify && (await verify(entry, file, listed, options, job));
    const archives = await listed();
    const removed = await thinOut(entry, removals(archives, entry.keep, options.now()), job);
    const big = lastBeforeShrinking(archives);
    // Reported once, at the drop: the last sound archive before this one was still as large.
    const isStep = big !== undefined && big.file === before.map(toPlanned).find(isSound)?.file;
    return {
      id: entry.id,
      subject: name,
      outcome: 'done',
      file,
      bytes,
      verified,
      removed,
      ...(isStep ? { shrunkFrom: { file: big.file, bytes: big.bytes } } : {}),
    };
  } catch (error) {
    if (error instanceof Cancelled) throw error;
    return { id: entry.id, subject: name, outcome: 'failed', error: (error as Error).message, cause: error as Error };
  }
}

function requestOf(
  entry: ScheduleEntry,
  subject: Subject,
  { defaults, destination, passphrase }: RunOptions,
): BackupRequest {
  return {
    subject,
    destination,
    compression: entry.compression ?? defaults.compression,
    // A level belongs to its compression.
    level:
      entry.level ??
      (entry.compression === undefined || entry.compression === defaults.compression ? defaults.level : undefined),
    method: entry.method ?? defaults.method,
    helperImage: defaults.helperImage,
    consistency: entry.consistency,
    passphrase: entry.encrypt === true ? passphrase : undefined,
    plan: entry.id,
  };
}

/** Returns true and writes it into the manifest. For a damaged archive, writes that too and throws BadArchive. */
async function verify(
  entry: ScheduleEntry,
  file: string,
  listed: () => Promise<PlannedArchive[]>,
  { destination, passphrase, now }: RunOptions,
  job: Work,
): Promise<true> {
  const { ok, problems } = await verifyBackup(file, job, passphrase);
  await recordVerdict(file, ok);
  if (ok) return true;
  // Broken archives must not fill the disk while the run is retried; all sound ones are kept.
  const unsound = (await listed()).filter((one) => !isSound(one));
  await thinOut(entry, removals(unsound, { last: 1 }, now()), job);
  throw new BadArchive(
    file,
    problems,
    l10n.t(
      'The scheduled backup "{0}" was written, but verifying it failed: {1}. Earlier backups were kept; check the disk of "{2}".',
      entry.id,
      problems.slice(0, 3).join('; '),
      destination,
    ),
  );
}

function toPlanned({ file, createdAt = '', bytes = 0, verified, problem }: BackupFile): PlannedArchive {
  return { file, createdAt, bytes, verified: verified?.ok, problem };
}

async function thinOut(entry: ScheduleEntry, what: readonly Removal[], job: Work): Promise<string[]> {
  const removed: string[] = [];
  for (const removal of what) {
    if (job.signal.aborted) break;
    if (await remove(entry, removal, job)) removed.push(removal.file);
  }
  return removed;
}

async function remove(entry: ScheduleEntry, { file, reason }: Removal, { log }: Work): Promise<boolean> {
  try {
    await removeBackup(file);
    log.info(`Removed "${file}", created by the scheduled backup "${entry.id}": ${reason}.`);
    return true;
  } catch (error) {
    log.warn(`"${file}" should be removed (${reason}), but could not be: ${(error as Error).message}`);
    return false;
  }
}

/** Whether an entry is for another engine than this one. */
export function isElsewhere({ engine }: ScheduleEntry, connection: Connection): boolean {
  return engine !== undefined && engine !== connection.info.name;
}

/** Throws BadArgument for an entry that is for another engine. */
export function checkEngine(entry: ScheduleEntry, connection: Connection): void {
  if (isElsewhere(entry, connection))
    throw new BadArgument(
      'engine',
      l10n.t(
        'The scheduled backup "{0}" is for the engine "{1}", but this window is connected to "{2}"; select the context of that engine, or correct "engine".',
        entry.id,
        entry.engine ?? '',
        connection.info.name,
      ),
    );
}
