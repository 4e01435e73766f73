/**
 * The schedule as VS Code knows it: the setting, the progress of its runs in the Backups view, and messages about
 * failures.
 */
import * as vscode from 'vscode';
import { parseEntry, parseSchedule, type ScheduleProblem } from '../schedule/entry.ts';
import type { Failure, RunnerOptions, ScheduleRunner } from '../schedule/runner.ts';
import { PassphraseNeeded } from '../engine/errors.ts';
import type { EngineWatcher } from '../engine/watcher.ts';
import type { BackupFolder } from './backupFolder.ts';
import { formatBytes } from './format.ts';
import type { Passphrases } from './passphrases.ts';
import { labelOf } from '../backup/subject.ts';
import { expandHome, readScheduleSetting, readSettings, writeScheduleSetting } from './settings.ts';
import { failure, joined, names, say, sentence } from './shown.ts';
import { showFailure, showWarning, withViewProgress, type Log } from './window.ts';

/** The list in the user's settings; a copy, since VS Code's own cannot be changed. */
function rawSchedule(): unknown[] {
  const value = readScheduleSetting();
  return Array.isArray(value) ? (JSON.parse(JSON.stringify(value)) as unknown[]) : [];
}

/** The entries of the setting, and those that cannot run. */
export function readSchedule(): ReturnType<typeof parseSchedule> {
  return parseSchedule(readScheduleSetting());
}

/** Adds an entry to the user's settings. */
export async function addToSchedule(raw: Readonly<Record<string, unknown>>): Promise<void> {
  await writeScheduleSetting([...rawSchedule(), raw]);
}

function hasId(raw: unknown, id: string): boolean {
  try {
    return parseEntry(raw).id === id;
  } catch {
    return typeof raw === 'object' && raw !== null && 'id' in raw && raw.id === id;
  }
}

/** Removes the entry with this id; false if there is none. */
export async function dropFromSchedule(id: string): Promise<boolean> {
  const all = rawSchedule();
  const rest = all.filter((one) => !hasId(one, id));
  if (rest.length === all.length) return false;
  await writeScheduleSetting(rest.length === 0 ? undefined : rest);
  return true;
}

export interface ScheduleParts {
  readonly watcher: EngineWatcher;
  readonly backupFolder: BackupFolder;
  readonly passphrases: Passphrases;
  readonly log: Log;
  /** Folder for the records of failures. */
  readonly records: string;
}

/** One notification for all failures of one run. */
function tellFailures(failures: readonly Failure[], log: Log): void {
  const [first] = failures;
  if (first === undefined) return;
  const retry = say('Retry');
  const showLog = say('Show Log');
  const setPassphrase = say('Set Passphrase…');
  const subjects = names(failures.map(({ entry }) => labelOf(entry.subject)));
  const why = failure(first.error);
  const text =
    failures.length === 1
      ? say('The scheduled backup of {0} failed: {1}', subjects, why)
      : say('{0} scheduled backups failed ({1}). The first: {2}', failures.length, subjects, why);
  const needsPassphrase = failures.some(({ error }) => error instanceof PassphraseNeeded);
  void showFailure(text, ...(needsPassphrase ? [setPassphrase] : []), retry, showLog).then((chosen) => {
    if (chosen === showLog) log.show();
    if (chosen === setPassphrase) void vscode.commands.executeCommand('dockerMounts.setPassphrase');
    if (chosen === retry)
      for (const { entry } of failures)
        void vscode.commands
          .executeCommand('dockerMounts.runSchedule', { id: entry.id })
          .then(undefined, (error: unknown) => tellFailures([{ entry, error: error as Error }], log));
  });
}

/** What the runner needs of VS Code. */
export function runnerOptions({ watcher, backupFolder, passphrases, log, records }: ScheduleParts): RunnerOptions {
  return {
    entries: () => readSchedule().entries,
    destination: ({ destination }) => (destination === undefined ? backupFolder.current() : expandHome(destination)),
    connection: () => watcher.connection(),
    connected: () => (watcher.state.kind === 'connected' ? watcher.state.connection : undefined),
    passphrase: () => passphrases.stored(),
    defaults: () => {
      const { compression, level, method, image } = readSettings().backup;
      return { compression, level, method, helperImage: image };
    },
    records,
    log,
    work: async (_entry, task) => withViewProgress('dockerMounts.backups', () => task({ progress: () => undefined })),
    onFailures: (failures) => tellFailures(failures, log),
    onShrunk: ({ subject, bytes, shrunkFrom }) => {
      const showLog = say('Show Log');
      const text = say(
        'The scheduled backup of {0} holds {1}, the previous one held {2}. Check that nothing is missing; the earlier backups are kept.',
        subject.name,
        formatBytes(bytes),
        formatBytes(shrunkFrom?.bytes ?? 0),
      );
      void showWarning(text, showLog).then((chosen) => chosen === showLog && log.show());
    },
  };
}

/**
 * Wakes the runner when the setting, the engine, the folder or the passphrase changes, and reports wrong entries once.
 */
export function followSchedule(
  runner: ScheduleRunner,
  { watcher, backupFolder, log }: ScheduleParts,
  secrets: vscode.SecretStorage,
): vscode.Disposable {
  let told = '';
  const check = () => {
    const { problems } = readSchedule();
    const text = problems.map(({ message }) => message).join('\n');
    if (text !== told && problems.length > 0) tellProblems(problems, log);
    told = text;
  };
  let wasConnected = false;
  const follow = () => {
    const isConnected = watcher.state.kind === 'connected';
    if (isConnected && !wasConnected) void runner.wake('EngineUnavailable');
    wasConnected = isConnected;
  };
  check();
  follow();
  return vscode.Disposable.from(
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (!change.affectsConfiguration('dockerMounts.schedule') && !change.affectsConfiguration('dockerMounts.backup'))
        return;
      check();
      void runner.wake('any');
    }),
    watcher.onDidChange(follow),
    backupFolder.onDidChange(() => void runner.wake()),
    secrets.onDidChange(() => void runner.wake('PassphraseNeeded')),
  );
}

function tellProblems(problems: readonly ScheduleProblem[], log: Log): void {
  for (const { message } of problems) log.warn(message);
  const open = say('Open Settings');
  const [first] = problems;
  const more = problems.length === 1 ? undefined : say('({0} more in the log)', problems.length - 1);
  void showWarning(joined([sentence(first?.message ?? ''), more], ' '), open).then((chosen) => {
    if (chosen === open) void vscode.commands.executeCommand('workbench.action.openSettings', 'dockerMounts.schedule');
  });
}
