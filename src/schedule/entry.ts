/** What the setting `dockerMounts.schedule` says: entries as people write them, checked one by one. */
import * as l10n from '@vscode/l10n';
import { BadArgument } from '../engine/errors.ts';
import { COMPRESSION_NAMES, type Compression } from '../backup/archive/compression.ts';
import type { Consistency } from '../backup/consistency.ts';
import type { Method } from '../backup/source/method.ts';
import { type ScheduledSubject, SUBJECT_FIELD } from '../backup/subject.ts';
import { type Keep, RULE_NAMES } from './retentionRules.ts';

/** When an entry is due. */
export type When =
  | { readonly kind: 'every'; readonly ms: number }
  /** Minutes of the local day, ascending; weekdays as Date counts them, 0 for Sunday. */
  | { readonly kind: 'at'; readonly minutes: readonly number[]; readonly weekdays: readonly number[] };

export interface ScheduleEntry {
  /** In the manifest of every archive that the entry creates. */
  readonly id: string;
  readonly subject: ScheduledSubject;
  readonly when: When;
  /** Missed slots before it are ignored; milliseconds since 1970. */
  readonly since?: number;
  /** As written; the caller replaces `~` and adds the setting's folder. */
  readonly destination?: string;
  readonly keep?: Keep;
  readonly verify: boolean;
  readonly compression?: Compression;
  readonly level?: number;
  readonly method?: 'auto' | Method;
  readonly consistency?: Consistency;
  readonly encrypt?: boolean;
  /** Host name of the engine that the entry is for; on any other engine it waits. */
  readonly engine?: string;
  /** The entry as it is in the setting. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** An entry that cannot be used, and why. */
export interface ScheduleProblem {
  /** Index in the list, from 0. */
  readonly index: number;
  readonly message: string;
}

export const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
export const SUBJECT_FIELDS = ['container', 'targets', 'volume', 'source', 'project'] as const;
export const ENTRY_FIELDS = [
  'id',
  ...SUBJECT_FIELDS,
  'every',
  'at',
  'weekdays',
  'since',
  'destination',
  'keep',
  'verify',
  'compression',
  'level',
  'method',
  'consistency',
  'encrypt',
  'engine',
] as const;

const UNIT_MS: Readonly<Record<string, number>> = {
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};
const LONGEST_MS = 366 * 86_400_000;

/** "6h" in milliseconds; undefined for anything but an interval from a minute to a year. */
export function intervalMs(text: string): number | undefined {
  const [, count = '', unit = ''] = /^\s*(\d{1,6})\s*(m|min|h|d|w)\s*$/.exec(text) ?? [];
  const ms = Number(count) * (UNIT_MS[unit] ?? 0);
  return ms >= 60_000 && ms <= LONGEST_MS ? ms : undefined;
}

/** "03:00" in minutes of the day; undefined for anything but a time of day. */
export function minuteOfDay(text: string): number | undefined {
  const [, hours = '', minutes = ''] = /^\s*(\d{1,2}):(\d{2})\s*$/.exec(text) ?? [];
  return hours !== '' && Number(hours) < 24 && Number(minutes) < 60 ? Number(hours) * 60 + Number(minutes) : undefined;
}

type Raw = Readonly<Record<string, unknown>>;

function fieldError(field: string, value: unknown, wanted: string): BadArgument {
  return new BadArgument(field, l10n.t('"{0}" is {1}; {2}', field, JSON.stringify(value) ?? 'missing', wanted));
}

function text(raw: Raw, field: string): string | undefined {
  const value = raw[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || value.trim() === '')
    throw fieldError(field, value, 'give a non-empty text, or leave it out.');
  return value;
}

function flag(raw: Raw, field: string): boolean | undefined {
  const value = raw[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'boolean') throw fieldError(field, value, 'give true or false.');
  return value;
}

function oneOf<T extends string>(raw: Raw, field: string, words: readonly T[]): T | undefined {
  const value = text(raw, field);
  const found = words.find((word) => word === value);
  if (value !== undefined && found === undefined) throw fieldError(field, value, `use one of ${words.join(', ')}.`);
  return found;
}

function texts(raw: Raw, field: string, wanted: string): string[] | undefined {
  const value = raw[field];
  if (value === undefined || value === null) return undefined;
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0 || !list.every((one) => typeof one === 'string' && one.trim() !== ''))
    throw fieldError(field, value, wanted);
  return list as string[];
}

function subjectOf(raw: Raw): ScheduledSubject {
  const given = (['container', 'volume', 'source', 'project'] as const).filter(
    (field) => raw[field] !== undefined && raw[field] !== null,
  );
  const [field, ...more] = given;
  if (field === undefined)
    throw new BadArgument(
      'volume',
      l10n.t('it does not say what to back up; name a "volume", "container", "source" or "project".'),
    );
  if (more.length > 0)
    throw new BadArgument(
      field,
      l10n.t(
        'it names {0}; give one of them and put the other into a separate entry.',
        given.map((one) => `"${one}"`).join(' and '),
      ),
    );
  const name = text(raw, field) ?? '';
  const targets = texts(raw, 'targets', 'give a list of paths in the container.');
  if (targets !== undefined && field !== 'container')
    throw fieldError('targets', raw['targets'], 'it is for "container" only; leave it out.');
  return { kind: field === 'source' ? 'bind' : field, name, ...(targets ? { targets } : {}) };
}

function whenOf(raw: Raw): When {
  const every = text(raw, 'every');
  const at = texts(raw, 'at', 'give a time of day such as "03:00", or a list of them.');
  const weekdays = texts(raw, 'weekdays', 'give a list such as ["mon", "thu"].');
  if ((every === undefined) === (at === undefined))
    throw new BadArgument(
      'every',
      every === undefined
        ? l10n.t('it does not say when; give "every" (such as "6h") or "at" (such as "03:00").')
        : l10n.t('it gives both "every" and "at"; leave one out.'),
    );
  if (every !== undefined) {
    const ms = intervalMs(every);
    if (ms === undefined)
      throw fieldError('every', every, 'give an interval from 1m to a year, such as "30m", "6h", "1d" or "1w".');
    if (weekdays !== undefined) throw fieldError('weekdays', raw['weekdays'], 'it is for "at" only; leave it out.');
    return { kind: 'every', ms };
  }
  const minutes = (at ?? []).map((time) => {
    const minute = minuteOfDay(time);
    if (minute === undefined) throw fieldError('at', time, 'give a time of day from "00:00" to "23:59".');
    return minute;
  });
  const days = (weekdays ?? [...WEEKDAYS]).map((day) => {
    const index = WEEKDAYS.findIndex((known) => known === day.trim().toLowerCase().slice(0, 3));
    if (index < 0) throw fieldError('weekdays', day, `use ${WEEKDAYS.join(', ')}.`);
    return index;
  });
  return { kind: 'at', minutes: [...new Set(minutes)].sort((a, b) => a - b), weekdays: [...new Set(days)].sort() };
}

/** Throws BadArgument for numbers that would keep nothing. */
function keepOf(value: unknown): Keep | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value))
    throw fieldError('keep', value, 'give an object such as {"last": 7, "weekly": 4}.');
  const raw = value as Raw;
  const unknown = Object.keys(raw).find((field) => !(RULE_NAMES as readonly string[]).includes(field));
  if (unknown !== undefined)
    throw new BadArgument('keep', l10n.t('"keep.{0}" is unknown; use {1}.', unknown, RULE_NAMES.join(', ')));
  const keep: { -readonly [rule in keyof Keep]: number } = {};
  for (const field of RULE_NAMES) {
    const count = raw[field];
    if (count === undefined || count === null) continue;
    if (typeof count !== 'number' || !Number.isInteger(count) || count < 0)
      throw fieldError(`keep.${field}`, count, 'give a whole number.');
    if (count > 0) keep[field] = count;
  }
  if (Object.keys(keep).length === 0)
    throw fieldError(
      'keep',
      value,
      'it would keep nothing; give at least one number above 0, or leave it out to keep all.',
    );
  return keep;
}

function sinceOf(raw: Raw): number | undefined {
  const since = text(raw, 'since');
  if (since === undefined) return undefined;
  const ms = Date.parse(since);
  if (Number.isNaN(ms))
    throw fieldError('since', since, 'give a time such as "2026-11-24T15:00:00Z", or leave it out.');
  return ms;
}

/** What a subject is called: "volume:db", "container:web:/data". */
function subjectId(subject: ScheduledSubject): string {
  return [SUBJECT_FIELD[subject.kind], subject.name, ...(subject.targets ?? [])].join(':');
}

/** One entry. Throws BadArgument with the field, the cause, and what is valid. */
export function parseEntry(value: unknown): ScheduleEntry {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw fieldError('schedule', value, 'give an object such as {"volume": "db", "every": "1d"}.');
  const raw = value as Raw;
  const unknown = Object.keys(raw).find((field) => !(ENTRY_FIELDS as readonly string[]).includes(field));
  if (unknown !== undefined)
    throw new BadArgument(unknown, l10n.t('"{0}" is unknown; use {1}.', unknown, ENTRY_FIELDS.join(', ')));
  const subject = subjectOf(raw);
  const level = raw['level'];
  if (level !== undefined && level !== null && (typeof level !== 'number' || !Number.isInteger(level)))
    throw fieldError('level', level, 'give a whole number.');
  return {
    id: text(raw, 'id') ?? subjectId(subject),
    subject,
    when: whenOf(raw),
    since: sinceOf(raw),
    destination: text(raw, 'destination'),
    keep: keepOf(raw['keep']),
    verify: flag(raw, 'verify') ?? true,
    compression: oneOf<Compression>(raw, 'compression', COMPRESSION_NAMES),
    level: typeof level === 'number' ? level : undefined,
    method: oneOf<'auto' | Method>(raw, 'method', ['auto', 'tar', 'archive']),
    consistency: oneOf<Consistency>(raw, 'consistency', ['none', 'pause', 'stop']),
    encrypt: flag(raw, 'encrypt'),
    engine: text(raw, 'engine'),
    raw,
  };
}

/** All entries that can be used, and why the others cannot. Never throws. */
export function parseSchedule(value: unknown): {
  readonly entries: readonly ScheduleEntry[];
  readonly problems: readonly ScheduleProblem[];
} {
  if (value === undefined || value === null) return { entries: [], problems: [] };
  if (!Array.isArray(value))
    return {
      entries: [],
      problems: [
        {
          index: 0,
          message: 'The setting "dockerMounts.schedule" must be a list of entries; put them in [ ].',
        },
      ],
    };
  const entries: ScheduleEntry[] = [];
  const problems: ScheduleProblem[] = [];
  for (const [index, one] of (value as unknown[]).entries()) {
    try {
      const entry = parseEntry(one);
      if (entries.some(({ id }) => id === entry.id))
        throw new BadArgument(
          'id',
          l10n.t(
            'its "id", {0}, is already used by an earlier entry; give it a different "id".',
            JSON.stringify(entry.id),
          ),
        );
      entries.push(entry);
    } catch (error) {
      const id =
        typeof one === 'object' && one !== null && 'id' in one && typeof one.id === 'string'
          ? ` (${JSON.stringify(one.id)})`
          : '';
      problems.push({
        index,
        message: `Entry ${index + 1}${id} of the setting "dockerMounts.schedule" is left out: ${(error as Error).message}`,
      });
    }
  }
  return { entries, problems };
}
