/** The schedule in words. */
import * as vscode from 'vscode';
import type { ScheduleEntry, When } from '../schedule/entry.ts';
import { joined, say, sentence, type Shown } from './shown.ts';
import { type Keep, RULE_NAMES, RULES } from '../schedule/retentionRules.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function intervalInWords(ms: number): Shown {
  if (ms === HOUR) return say('every hour');
  if (ms === DAY) return say('every day');
  if (ms === 7 * DAY) return say('every week');
  if (ms % DAY === 0) return say('every {0} days', ms / DAY);
  if (ms % HOUR === 0) return say('every {0} hours', ms / HOUR);
  return say('every {0} minutes', ms / MINUTE);
}

function timeOfDay(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
}

function dayName(weekday: number): string {
  // 4 January 1970 was a Sunday.
  return new Intl.DateTimeFormat(vscode.env.language, { weekday: 'short', timeZone: 'UTC' }).format(
    new Date((3 + weekday) * DAY),
  );
}

/** "every day at 03:00", "every 6 hours". */
export function whenInWords(when: When): Shown {
  if (when.kind === 'every') return intervalInWords(when.ms);
  const times = when.minutes.map(timeOfDay).join(', ');
  return when.weekdays.length === 7
    ? say('every day at {0}', times)
    : say('{0} at {1}', when.weekdays.map(dayName).join(', '), times);
}

/** "the last 7, 4 weekly". */
export function keepInWords(keep: Keep | undefined): Shown {
  if (keep === undefined) return say('all');
  const parts = RULE_NAMES.map((rule) => {
    const count = keep[rule];
    return count === undefined ? undefined : sentence(RULES[rule].words(count));
  });
  return joined(parts, ', ');
}

/** "every day at 03:00, keeps the last 7". */
export function inWords({ when, keep }: ScheduleEntry): Shown {
  return say('{0}, keeps {1}', whenInWords(when), keepInWords(keep));
}
