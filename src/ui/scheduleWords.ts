/** The schedule in words. */
import * as vscode from 'vscode';
import type { Keep, ScheduledSubject, ScheduleEntry, When } from '../backup/scheduleEntry.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function intervalInWords(ms: number): string {
  if (ms === HOUR) return vscode.l10n.t('every hour');
  if (ms === DAY) return vscode.l10n.t('every day');
  if (ms === 7 * DAY) return vscode.l10n.t('every week');
  if (ms % DAY === 0) return vscode.l10n.t('every {0} days', ms / DAY);
  if (ms % HOUR === 0) return vscode.l10n.t('every {0} hours', ms / HOUR);
  return vscode.l10n.t('every {0} minutes', ms / MINUTE);
}

function timeOfDay(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
}

function dayName(weekday: number): string {
  // 4 January 1970 was a Sunday.
  return new Intl.DateTimeFormat(vscode.env.language, { weekday: 'short', timeZone: 'UTC' }).format(new Date((3 + weekday) * DAY));
}

/** "every day at 03:00", "every 6 hours". */
export function whenInWords(when: When): string {
  if (when.kind === 'every') return intervalInWords(when.ms);
  const times = when.minutes.map(timeOfDay).join(', ');
  return when.weekdays.length === 7 ? vscode.l10n.t('every day at {0}', times) : vscode.l10n.t('{0} at {1}', when.weekdays.map(dayName).join(', '), times);
}

/** "the last 7, 4 weekly". */
export function keepInWords(keep: Keep | undefined): string {
  if (keep === undefined) return vscode.l10n.t('all');
  const parts = [
    keep.last === undefined ? '' : vscode.l10n.t('the last {0}', keep.last),
    keep.daily === undefined ? '' : vscode.l10n.t('{0} daily', keep.daily),
    keep.weekly === undefined ? '' : vscode.l10n.t('{0} weekly', keep.weekly),
    keep.monthly === undefined ? '' : vscode.l10n.t('{0} monthly', keep.monthly),
  ];
  return parts.filter((part) => part !== '').join(', ');
}

export function subjectInWords(subject: ScheduledSubject): string {
  switch (subject.kind) {
    case 'container':
      return subject.targets === undefined ? subject.container : `${subject.container}:${subject.targets.join(', ')}`;
    case 'volume':
      return subject.volume;
    case 'bind':
      return subject.source;
    case 'project':
      return subject.project;
  }
}

/** "every day at 03:00, keeps the last 7". */
export function inWords({ when, keep }: ScheduleEntry): string {
  return vscode.l10n.t('{0}, keeps {1}', whenInWords(when), keepInWords(keep));
}
