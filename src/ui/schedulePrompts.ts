/** The questions of "Back Up Regularly…". Each returns undefined if its prompt was closed. */
import * as vscode from 'vscode';
import { intervalMs, minuteOfDay, WEEKDAYS } from '../schedule/entry.ts';
import type { BackupFolder } from './backupFolder.ts';
import { keepInWords } from './scheduleWords.ts';
import { say, shown, type Shown } from './shown.ts';
import { askText, chooseFiles, pickOne, type Choice } from './window.ts';
import type { Keep } from '../schedule/retentionRules.ts';

const WORKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri'] as const satisfies readonly (typeof WEEKDAYS)[number][];

/** When an entry runs, as the setting says it. */
export type WhenFields =
  { readonly every: string } | { readonly at: string | string[]; readonly weekdays?: readonly string[] };

async function askTimes(title: Shown): Promise<string | string[] | undefined> {
  const split = (value: string) => value.split(/[\s,;]+/).filter((one) => one !== '');
  const typed = await askText({
    title,
    value: '03:00',
    prompt: say(
      'At what time of day? Separate several with commas. A backup that was missed while no window was open runs at the next start.',
    ),
    validateInput: (value) =>
      split(value).length > 0 && split(value).every((one) => minuteOfDay(one) !== undefined)
        ? undefined
        : say('Times from 00:00 to 23:59, such as 03:00 or 12:30, 18:00'),
  });
  if (typed === undefined) return undefined;
  const times = split(typed);
  return times.length === 1 ? times[0] : times;
}

/** How often. */
export async function askWhen(name: string): Promise<WhenFields | undefined> {
  const title = say('Back Up {0} Regularly', name);
  type Item = Choice & { readonly value?: WhenFields; readonly ask?: 'times' | 'workdays' | 'interval' };
  const items: Item[] = [
    {
      icon: 'history',
      label: say('Every Day'),
      description: say('a day after the last one, as soon as a window is open'),
      value: { every: '1d' },
    },
    { icon: 'history', label: say('Every 6 Hours'), value: { every: '6h' } },
    { icon: 'history', label: say('Every Hour'), value: { every: '1h' } },
    { icon: 'history', label: say('Every Week'), value: { every: '1w' } },
    { icon: 'clock', label: say('At a Time of Day…'), ask: 'times' },
    { icon: 'clock', label: say('On Workdays, at a Time…'), ask: 'workdays' },
    { icon: 'edit', label: say('Another Interval…'), ask: 'interval' },
  ];
  const chosen = await pickOne(items, { title, placeHolder: say('How often?') });
  switch (chosen?.ask) {
    case undefined:
      return chosen?.value;
    case 'interval': {
      const every = await askText({
        title,
        value: '12h',
        prompt: say('A number and m, h, d or w'),
        validateInput: (value) =>
          intervalMs(value) === undefined ? say('From 1m to a year, such as 30m, 12h, 2d or 1w') : undefined,
      });
      return every === undefined ? undefined : { every: every.trim() };
    }
    case 'times':
    case 'workdays': {
      const at = await askTimes(title);
      return at === undefined ? undefined : { at, ...(chosen?.ask === 'workdays' ? { weekdays: WORKDAYS } : {}) };
    }
  }
}

/** How many to keep; `keep` is undefined for all. */
export async function askKeep(name: string): Promise<{ readonly keep: Keep | undefined } | undefined> {
  const title = say('Back Up {0} Regularly', name);
  const rules: (Keep | undefined)[] = [{ daily: 7, weekly: 4, monthly: 12 }, { last: 7 }, { last: 30 }, undefined];
  const items = rules.map((keep) => ({
    label: keep === undefined ? say('All') : keepInWords(keep),
    description: keep?.daily === undefined ? undefined : say('the newest of each day, week and month'),
    keep,
    asks: false,
  }));
  const other = { label: say('Another Number…'), keep: undefined, asks: true };
  const chosen = await pickOne([...items, other], {
    title,
    placeHolder: say('How many backups to keep? Only backups of this schedule are ever removed.'),
  });
  if (chosen === undefined || !chosen.asks) return chosen;
  const count = await askText({
    title,
    value: '14',
    prompt: say('How many of the latest?'),
    validateInput: (value) => (/^[1-9]\d{0,4}$/.test(value.trim()) ? undefined : say('A whole number from 1')),
  });
  return count === undefined ? undefined : { keep: { last: Number(count) } };
}

/** The folder for them: the known one, or another. */
export async function askDestination(name: string, backupFolder: BackupFolder): Promise<string | undefined> {
  const known = backupFolder.current();
  if (known === undefined) return backupFolder.choose();
  const here = { icon: 'folder', label: shown(known), description: say('the backup folder'), folder: known };
  const other = { icon: 'folder-opened', label: say('Another Folder…'), folder: undefined };
  const chosen = await pickOne<Choice & { readonly folder: string | undefined }>([here, other], {
    title: say('Back Up {0} Regularly', name),
    placeHolder: say('Which folder?'),
  });
  if (chosen === undefined || chosen.folder !== undefined) return chosen?.folder;
  const [folder] =
    (await chooseFiles({
      canSelectFolders: true,
      canSelectFiles: false,
      openLabel: say('Back Up Here'),
      title: say('Folder for the Backups'),
      defaultUri: vscode.Uri.file(known),
    })) ?? [];
  return folder?.fsPath;
}
