/**
 * The rules of what is kept. A rule needs one row in the table below: the setting's check, the pruning and the words
 * follow from it.
 */
import * as l10n from '@vscode/l10n';

interface Rule {
  /** Of the archives of one period only the newest is kept. */
  readonly period: (archive: { readonly file: string; readonly createdAt: string }) => string;
  /** "7 daily". */
  readonly words: (count: number) => string;
}

function week(date: Date): string {
  // ISO 8601: a week belongs to the year of its Thursday.
  const thursday = new Date(date);
  thursday.setUTCDate(date.getUTCDate() + 3 - ((date.getUTCDay() + 6) % 7));
  const days = (thursday.getTime() - Date.UTC(thursday.getUTCFullYear(), 0, 1)) / 86_400_000;
  return `${thursday.getUTCFullYear()}-W${Math.floor(days / 7) + 1}`;
}

/** By their names in the setting. */
export const RULES = {
  last: { period: ({ file }) => file, words: (count) => l10n.t('the last {0}', count) },
  daily: {
    period: ({ createdAt }) => new Date(createdAt).toISOString().slice(0, 10),
    words: (count) => l10n.t('{0} daily', count),
  },
  weekly: { period: ({ createdAt }) => week(new Date(createdAt)), words: (count) => l10n.t('{0} weekly', count) },
  monthly: {
    period: ({ createdAt }) => new Date(createdAt).toISOString().slice(0, 7),
    words: (count) => l10n.t('{0} monthly', count),
  },
} as const satisfies Record<string, Rule>;

export const RULE_NAMES = Object.keys(RULES) as (keyof typeof RULES)[];

/** How many archives each rule keeps; an archive is kept where one rule keeps it. */
export type Keep = { readonly [rule in keyof typeof RULES]?: number };
