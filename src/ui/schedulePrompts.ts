/** The questions of "Back Up Regularly…". Each is undefined where its prompt was closed. */
import * as vscode from 'vscode';
import { intervalMs, minuteOfDay, WEEKDAYS, type Keep } from '../backup/scheduleEntry.ts';
import type { BackupFolder } from './backupFolder.ts';
import { keepInWords } from './scheduleWords.ts';

const WORKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri'] as const satisfies readonly (typeof WEEKDAYS)[number][];

/** How an entry says when, as it stands in the setting. */
export type WhenFields = { readonly every: string } | { readonly at: string | string[]; readonly weekdays?: readonly string[] };

async function askTimes(title: string): Promise<string | string[] | undefined> {
  const split = (value: string) => value.split(/[\s,;]+/).filter((one) => one !== '');
  const typed = await vscode.window.showInputBox({
    title,
    value: '03:00',
    prompt: vscode.l10n.t('At what time of day? Several with commas. What is missed while no window is open is made up for at the next start.'),
    validateInput: (value) => (split(value).length > 0 && split(value).every((one) => minuteOfDay(one) !== undefined) ? undefined : vscode.l10n.t('Times from 00:00 to 23:59, such as 03:00 or 12:30, 18:00')),
  });
  if (typed === undefined) return undefined;
  const times = split(typed);
  return times.length === 1 ? times[0] : times;
}

/** How often. */
export async function askWhen(name: string): Promise<WhenFields | undefined> {
  const title = vscode.l10n.t('Back Up {0} Regularly', name);
  type Item = vscode.QuickPickItem & { readonly value?: WhenFields; readonly ask?: 'times' | 'workdays' | 'interval' };
  const items: Item[] = [
    { label: `$(history) ${vscode.l10n.t('Every Day')}`, description: vscode.l10n.t('a day after the last one, as soon as a window is open'), value: { every: '1d' } },
    { label: `$(history) ${vscode.l10n.t('Every 6 Hours')}`, value: { every: '6h' } },
    { label: `$(history) ${vscode.l10n.t('Every Hour')}`, value: { every: '1h' } },
    { label: `$(history) ${vscode.l10n.t('Every Week')}`, value: { every: '1w' } },
    { label: `$(clock) ${vscode.l10n.t('At a Time of Day…')}`, ask: 'times' },
    { label: `$(clock) ${vscode.l10n.t('On Workdays, at a Time…')}`, ask: 'workdays' },
    { label: `$(edit) ${vscode.l10n.t('Another Interval…')}`, ask: 'interval' },
  ];
  const chosen = await vscode.window.showQuickPick(items, { title, placeHolder: vscode.l10n.t('How often?') });
  switch (chosen?.ask) {
    case undefined:
      return chosen?.value;
    case 'interval': {
      const every = await vscode.window.showInputBox({ title, value: '12h', prompt: vscode.l10n.t('A number and m, h, d or w'), validateInput: (value) => (intervalMs(value) === undefined ? vscode.l10n.t('From 1m to a year, such as 30m, 12h, 2d or 1w') : undefined) });
      return every === undefined ? undefined : { every: every.trim() };
    }
    case 'times':
    case 'workdays': {
      const at = await askTimes(title);
      return at === undefined ? undefined : { at, ...(chosen?.ask === 'workdays' ? { weekdays: WORKDAYS } : {}) };
    }
  }
}

/** How many stay; `keep` is undefined for all. */
export async function askKeep(name: string): Promise<{ readonly keep: Keep | undefined } | undefined> {
  const title = vscode.l10n.t('Back Up {0} Regularly', name);
  const rules: (Keep | undefined)[] = [{ daily: 7, weekly: 4, monthly: 12 }, { last: 7 }, { last: 30 }, undefined];
  const items = rules.map((keep) => ({
    label: keep === undefined ? vscode.l10n.t('All') : keepInWords(keep),
    description: keep?.daily === undefined ? '' : vscode.l10n.t('the newest of each day, week and month'),
    keep,
    asks: false,
  }));
  const other = { label: vscode.l10n.t('Another Number…'), description: '', keep: undefined, asks: true };
  const chosen = await vscode.window.showQuickPick([...items, other], { title, placeHolder: vscode.l10n.t('How many backups shall stay? Only those that this plan made are ever removed.') });
  if (chosen === undefined || !chosen.asks) return chosen;
  const count = await vscode.window.showInputBox({ title, value: '14', prompt: vscode.l10n.t('The last how many?'), validateInput: (value) => (/^[1-9]\d{0,4}$/.test(value.trim()) ? undefined : vscode.l10n.t('A whole number from 1')) });
  return count === undefined ? undefined : { keep: { last: Number(count) } };
}

/** Where they go: the folder that is known, or another. */
export async function askDestination(name: string, backupFolder: BackupFolder): Promise<string | undefined> {
  const known = backupFolder.current();
  if (known === undefined) return backupFolder.choose();
  const here = { label: `$(folder) ${known}`, description: vscode.l10n.t('the backup folder'), folder: known };
  const other = { label: `$(folder-opened) ${vscode.l10n.t('Another Folder…')}`, folder: undefined };
  const chosen = await vscode.window.showQuickPick<vscode.QuickPickItem & { readonly folder: string | undefined }>([here, other], { title: vscode.l10n.t('Back Up {0} Regularly', name), placeHolder: vscode.l10n.t('Where to?') });
  if (chosen === undefined || chosen.folder !== undefined) return chosen?.folder;
  const [folder] = (await vscode.window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false, openLabel: vscode.l10n.t('Back Up Here'), title: vscode.l10n.t('Folder for the Backups'), defaultUri: vscode.Uri.file(known) })) ?? [];
  return folder?.fsPath;
}
