/**
 * When a scheduled backup is due. Times of day are local. JavaScript handles daylight saving: `new Date(year, month,
 * day, hour, minute)` takes a time that is skipped in spring as one hour later, and the first of two equal times in
 * autumn (ECMA-262, UTC(t)). So every slot exists once.
 */
import type { When } from './entry.ts';

/** Clocks of machines that share a folder differ; what is further in the future than this comes from a wrong clock. */
export const SKEW_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Seven weekdays, and one for today's slots that are still to come. */
const DAYS_AROUND = 8;

/** The newest of these times that is not far ahead of now; one a little ahead counts as now. */
function lastOf(times: readonly number[], now: number): number | undefined {
  const believable = times.filter((time) => time <= now + SKEW_MS);
  return believable.length === 0 ? undefined : Math.min(now, Math.max(...believable));
}

function slotsOfDay({ minutes, weekdays }: When & { kind: 'at' }, now: number, offset: number): number[] {
  const today = new Date(now);
  const noon = new Date(today.getFullYear(), today.getMonth(), today.getDate() + offset, 12);
  if (!weekdays.includes(noon.getDay())) return [];
  return minutes.map((minute) => new Date(noon.getFullYear(), noon.getMonth(), noon.getDate(), 0, minute).getTime());
}

function slotsAround(when: When & { kind: 'at' }, now: number): number[] {
  const slots: number[] = [];
  for (let offset = -DAYS_AROUND; offset <= DAYS_AROUND; offset += 1) slots.push(...slotsOfDay(when, now, offset));
  return slots.sort((a, b) => a - b);
}

/**
 * When the next run is due, in milliseconds since 1970; not after `now` where it is already due. One run makes up for
 * all missed slots: the next one is then after now. `done` are the times of earlier runs, `since` the time before which
 * nothing is due.
 */
export function dueAt(when: When, done: readonly number[], since: number | undefined, now: number): number {
  const last = lastOf(done, now);
  // A start far in the future also comes from a wrong clock, and would delay the backup until then.
  const start = since === undefined || since > now + DAY_MS ? undefined : since;
  switch (when.kind) {
    case 'every':
      return last === undefined ? (start ?? now) : last + when.ms;
    case 'at': {
      const slots = slotsAround(when, now);
      const open = Math.max(last ?? -Infinity, start ?? -Infinity);
      const missed = slots.findLast((slot) => slot <= now);
      if (missed !== undefined && missed > open) return missed;
      return slots.find((slot) => slot > now) ?? now + DAY_MS;
    }
  }
}

const FIRST_RETRY_MS = 60_000;
const LAST_RETRY_MS = 3_600_000;

/** When a failed run is retried: after 1, 2, 4… minutes, at most an hour. A failure in the future delays nothing. */
export function retryAt(failedAt: number, attempts: number, now: number): number {
  if (failedAt > now + SKEW_MS) return now;
  return (
    Math.min(failedAt, now) + Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(10, Math.max(0, attempts - 1)))
  );
}
