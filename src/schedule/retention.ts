/**
 * Which archives of one subject are removed. Grandfather, father, son: kept are the last ones, and the newest of each
 * of the newest days, weeks and months that have any. Days are in UTC, as in the archives' names: every machine that
 * shares the folder counts the same, and a change of time zone does not lose a day.
 */
import { SKEW_MS } from './due.ts';
import { RULE_NAMES, RULES, type Keep } from './retentionRules.ts';

/** One archive that the entry created. */
export interface PlannedArchive {
  readonly file: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** Bytes of content. */
  readonly bytes: number;
  /** The result of verifying it; undefined where it was never verified. */
  readonly verified?: boolean;
  /** Why the archive, as it is now, cannot be trusted. */
  readonly problem?: string;
}

export interface Removal {
  readonly file: string;
  readonly reason: string;
}

/** Below this share of an older archive's content something may be missing from a newer one. */
const SUSPICIOUS_SHARE = 0.5;

/** Whether an archive counts: its check did not fail, and it matches its manifest. */
export function isSound({ verified, problem }: PlannedArchive): boolean {
  return verified !== false && problem === undefined;
}

function byAge(archives: readonly PlannedArchive[]): PlannedArchive[] {
  // Within one second the name decides: `-2` was created after the one without.
  return [...archives].sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt) || (a.file < b.file ? 1 : -1));
}

/**
 * The newest sound archive that holds more than twice as much as the newest sound one; undefined where nothing shrank.
 */
export function lastBeforeShrinking(archives: readonly PlannedArchive[]): PlannedArchive | undefined {
  const sound = byAge(archives.filter(isSound));
  const [newest] = sound;
  return newest && sound.find(({ bytes }) => newest.bytes < bytes * SUSPICIOUS_SHARE);
}

/** The files that `keep` keeps of archives of one kind, newest first. */
function kept(archives: readonly PlannedArchive[], keep: Keep): Set<string> {
  const files = new Set<string>();
  for (const rule of RULE_NAMES) {
    const seen = new Set<string>();
    for (const archive of archives) {
      const period = RULES[rule].period(archive);
      if (seen.has(period)) continue;
      if (seen.size >= (keep[rule] ?? 0)) break;
      seen.add(period);
      files.add(archive.file);
    }
  }
  const [newest] = archives;
  if (newest !== undefined) files.add(newest.file);
  return files;
}

function inWords(keep: Keep): string {
  return Object.entries(keep)
    .map(([rule, count]) => `${rule} ${count}`)
    .join(', ');
}

/**
 * What to remove, oldest first. Archives of different value are pruned separately, so that none displaces a better one:
 * verified or not, created before or after the subject shrank to less than half. Of those that are not sound only the
 * newest is kept. An archive dated in the future is kept until its time has come.
 */
export function removals(archives: readonly PlannedArchive[], keep: Keep | undefined, now: number): Removal[] {
  if (keep === undefined) return [];
  const past = byAge(archives.filter(({ createdAt }) => Date.parse(createdAt) <= now + SKEW_MS));
  const big = lastBeforeShrinking(past);
  const sound = past.filter(isSound);
  const isBefore = (archive: PlannedArchive) => big !== undefined && sound.indexOf(archive) >= sound.indexOf(big);
  const worths = [true, undefined].flatMap((verified) =>
    [true, false].map((before) =>
      sound.filter((archive) => archive.verified === verified && isBefore(archive) === before),
    ),
  );
  const stays = new Set(worths.flatMap((group) => [...kept(group, keep)]));
  const goes = sound
    .filter(({ file }) => !stays.has(file))
    .map(({ file }) => ({ file, reason: `it is older than what is kept (${inWords(keep)})` }));
  const unsound = past
    .filter((archive) => !isSound(archive))
    .slice(1)
    .map(({ file, problem }) => ({
      file,
      reason: `it is not sound (${problem ?? 'verifying it failed'}), and there is a newer one`,
    }));
  const all = new Map([...goes, ...unsound].map((removal) => [removal.file, removal]));
  return past.flatMap(({ file }) => all.get(file) ?? []).reverse();
}
