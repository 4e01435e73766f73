/** Commands on the schedule: add, list, run, cancel and remove entries. */
import { homedir } from 'node:os';
import * as vscode from 'vscode';
import type {} from '../backup/backup.ts';
import { findOrigin } from '../backup/source/trees.ts';
import { ENTRY_FIELDS, parseEntry, SUBJECT_FIELDS, type ScheduleEntry } from '../schedule/entry.ts';
import type { EntryResult, EntryStatus } from '../schedule/runner.ts';
import { volumesOfProject } from '../schedule/run.ts';
import { BadArgument, NotFound } from '../engine/errors.ts';
import { askConsistency } from '../ui/consistencyPrompt.ts';
import { formatAhead } from '../ui/format.ts';
import { pickSubjectOrProject } from '../ui/picks.ts';
import { addToSchedule, dropFromSchedule, readSchedule } from '../ui/schedule.ts';
import { askDestination, askKeep, askWhen } from '../ui/schedulePrompts.ts';
import { keepInWords, whenInWords } from '../ui/scheduleWords.ts';
import { expandHome, readSettings } from '../ui/settings.ts';
import { asText, joined, lines, names, say, shown, type Shown } from '../ui/shown.ts';
import { askInDialog, pickOne, showInformation } from '../ui/window.ts';
import { subjectOfNode } from './subjects.ts';
import { answered, confirmed, textOf, type Call } from './call.ts';
import type { CommandSpec } from './register.ts';
import type { Services } from './services.ts';
import { fieldsOf, labelOf, type Subject, type ScheduledSubject } from '../backup/subject.ts';

type Fields = Record<string, unknown>;

async function askSubject(call: Call, { watcher }: Services): Promise<Fields> {
  const rows = call.nodes.map(subjectOfNode).filter((subject) => subject !== undefined);
  const [first] = rows;
  // An entry is for one subject: several mounts of one container, or the clicked row alone.
  const together = rows.filter(
    (one) => one.kind === 'container' && first?.kind === 'container' && one.name === first.name,
  );
  const targets = together.flatMap((one) => (one.kind === 'container' ? (one.targets ?? []) : []));
  if (first?.kind === 'container' && together.every((one) => one.kind === 'container' && one.targets !== undefined))
    return fieldsOf({ ...first, targets });
  if (first !== undefined) return fieldsOf(first);
  return fieldsOf(await answered(pickSubjectOrProject(await watcher.snapshot(), say('Back up what regularly?'))));
}

/** The subjects to look up, so that a wrong name is reported now and not at three in the morning. */
async function lookUp(subject: ScheduledSubject, { watcher }: Services): Promise<Subject[]> {
  if (subject.kind !== 'project') return [subject];
  const volumes = volumesOfProject(subject.name, await watcher.snapshot());
  if (volumes.length === 0)
    throw new NotFound(
      'volume',
      subject.name,
      vscode.l10n.t(
        'The Compose project "{0}" has no volumes on this engine; start it once, or correct the name.',
        subject.name,
      ),
    );
  return volumes.map((volume) => ({ kind: 'volume', name: volume }));
}

function freeId(subject: ScheduledSubject): string {
  const taken = readSchedule().entries.map(({ id }) => id);
  const name = labelOf(subject);
  for (let count = 1; ; count += 1) {
    const id = count === 1 ? name : `${name}-${count}`;
    if (!taken.includes(id)) return id;
  }
}

/** Asks for what the arguments leave out, in the order of the setting's fields. */
async function complete(call: Call, services: Services): Promise<{ fields: Fields; asked: boolean }> {
  let asked = false;
  const ask = async <T>(prompt: () => Promise<T>): Promise<T> => {
    asked = true;
    return prompt();
  };
  const given: Fields = Object.fromEntries(
    Object.entries(call.args).filter(([, value]) => value !== undefined && value !== null),
  );
  const has = (...fields: readonly string[]) => fields.some((field) => given[field] !== undefined);
  const isFromCode = has(...SUBJECT_FIELDS);
  let fields: Fields = isFromCode ? given : { ...given, ...(await ask(() => askSubject(call, services))) };
  // Any rule will do: this checks the subject before more is asked.
  const { subject } = parseEntry(has('every', 'at') ? fields : { ...fields, every: '1d' });
  const name = labelOf(subject);
  const connection = services.watcher.state.kind === 'connected' ? await services.watcher.connection() : undefined;
  const plans =
    connection && (await Promise.all((await lookUp(subject, services)).map((one) => findOrigin(connection, one))));
  if (!has('every', 'at')) fields = { ...fields, ...(await ask(() => answered(askWhen(name)))) };
  if (!has('keep') && !isFromCode) {
    const { keep } = await ask(() => answered(askKeep(name)));
    fields = { ...fields, ...(keep ? { keep } : {}) };
  }
  if (!has('consistency') && !isFromCode && connection && plans) {
    const consistency = await answered(
      askConsistency(
        connection,
        plans.flatMap(({ trees }) => trees),
      ),
    );
    fields = { ...fields, ...(consistency === 'none' ? {} : { consistency }) };
  }
  if (!has('destination')) {
    const known = isFromCode ? services.backupFolder.current() : undefined;
    fields = {
      ...fields,
      destination: known ?? (await ask(() => answered(askDestination(name, services.backupFolder)))),
    };
  }
  if (!has('encrypt') && readSettings().backup.encrypt) fields = { ...fields, encrypt: true };
  // A volume of the same name on another engine is a different one.
  if (!has('engine') && connection !== undefined && connection.info.name !== '')
    fields = { ...fields, engine: connection.info.name };
  // Without it, the time of day that has just passed would be caught up at once.
  if (!has('since') && fields['at'] !== undefined) fields = { ...fields, since: new Date().toISOString() };
  return { fields: { id: has('id') ? given['id'] : freeId(subject), ...fields }, asked };
}

/** A path as a person would write it. */
function withTilde(path: string): string {
  return path.startsWith(`${homedir()}/`) ? `~${path.slice(homedir().length)}` : path;
}

async function confirmPlan(entry: ScheduleEntry): Promise<void> {
  const all = [
    say('When: {0}, while a window of VS Code is open; missed backups run once afterwards', whenInWords(entry.when)),
    say('Kept: {0}', keepInWords(entry.keep)),
    say('Where: {0}', withTilde(entry.destination ?? '')),
    entry.consistency === undefined || entry.consistency === 'none'
      ? ''
      : entry.consistency === 'pause'
        ? say('Containers that write to it are paused during the backup')
        : say('Containers that write to it are stopped during the backup'),
    entry.encrypt ? say('Encrypted with the stored passphrase') : undefined,
    say('Each backup is verified before an older one is removed.'),
  ];
  const detail = lines(all.filter((line) => line !== undefined));
  await answered(
    askInDialog(
      'Information',
      say('Back up {0} {1}?', labelOf(entry.subject), whenInWords(entry.when)),
      detail,
      say('Back Up Regularly'),
    ),
  );
}

async function runAdd(call: Call, services: Services): Promise<unknown> {
  const { fields, asked } = await complete(call, services);
  const entry = parseEntry(fields);
  if (readSchedule().entries.some(({ id }) => id === entry.id))
    throw new BadArgument(
      'id',
      vscode.l10n.t(
        'There is a scheduled backup "{0}" already; choose another id, or remove that one first.',
        entry.id,
      ),
    );
  if (asked) await confirmPlan(entry);
  if (entry.encrypt === true && asked && (await services.passphrases.stored()) === undefined)
    await answered(services.passphrases.choose());
  const raw: Fields = {
    ...fields,
    ...(entry.destination === undefined ? {} : { destination: withTilde(expandHome(entry.destination)) }),
  };
  await addToSchedule(raw);
  if (services.backupFolder.current() === undefined && entry.destination !== undefined)
    await services.backupFolder.remember(expandHome(entry.destination));
  services.log.info(vscode.l10n.t('Added the scheduled backup "{0}": {1}.', entry.id, asText(whenInWords(entry.when))));
  if (asked) void announcePlan(entry, services);
  return raw;
}

async function announcePlan(entry: ScheduleEntry, { schedule }: Services): Promise<void> {
  const now = say('Back Up Now');
  const open = say('Open Settings');
  const text = say('{0} is backed up {1} from now on.', labelOf(entry.subject), whenInWords(entry.when));
  // With an interval the first one is under way already.
  const chosen = await showInformation(text, ...(entry.when.kind === 'at' ? [now] : []), open);
  if (chosen === open) await vscode.commands.executeCommand('workbench.action.openSettings', 'dockerMounts.schedule');
  if (chosen === now) await schedule.run(entry.id);
}

/** A result as plain JSON. */
function plain(result: EntryResult): object {
  if (result.outcome !== 'failed') return result;
  const { cause: _, ...rest } = result;
  return rest;
}

function idsOf(call: Call): string[] {
  const given = textOf(call, 'id');
  if (given !== undefined) return [given];
  return call.nodes.flatMap((node) => (node.kind === 'subject' ? node.plans.map(({ entry }) => entry.id) : []));
}

async function pickIds(call: Call, placeHolder: Shown): Promise<string[]> {
  const ids = idsOf(call);
  if (ids.length > 0) return ids;
  const items = readSchedule().entries.map((entry) => ({
    icon: 'history',
    label: shown(entry.id),
    description: joined([labelOf(entry.subject), whenInWords(entry.when)], ' · '),
    id: entry.id,
  }));
  if (items.length === 0)
    throw new NotFound(
      'plan',
      '',
      vscode.l10n.t('Nothing is scheduled yet; choose "Back Up Regularly…" on a volume or container.'),
    );
  return [(await answered(pickOne(items, { placeHolder }))).id];
}

async function runNow(call: Call, { schedule }: Services): Promise<object[]> {
  const ids = idsOf(call);
  const results: EntryResult[] = [];
  for (const id of ids) results.push(...(await schedule.run(id)));
  if (ids.length === 0) results.push(...(await schedule.run()));
  const failed = results.find((result) => result.outcome === 'failed');
  // If a named entry fails, the command fails; in a run of all, the others' results count too.
  if (failed !== undefined && ids.length > 0) throw failed.cause;
  if (results.some(({ outcome }) => outcome === 'cancelled') && ids.length > 0) throw new vscode.CancellationError();
  if (call.byHand) announceRun(results);
  return results.map(plain);
}

function announceRun(results: readonly EntryResult[]): void {
  const done = results.flatMap((result) => (result.outcome === 'done' ? [result.subject.name] : []));
  if (results.some(({ outcome }) => outcome === 'busy'))
    void showInformation(say('Another window is already doing this.'));
  else if (done.length > 0) void showInformation(say('Backed up {0} as scheduled.', names(done)));
  else void showInformation(say('Nothing is due.'));
}

function describe({ entry, destination, subjects, last, next, failure, isRunning, isElsewhere }: EntryStatus): object {
  return {
    id: entry.id,
    entry: entry.raw,
    destination: destination ?? null,
    subjects,
    last: last === undefined ? null : { file: last.file, at: last.createdAt, verified: last.verified?.ok ?? null },
    next: new Date(next).toISOString(),
    lastError:
      failure === undefined
        ? null
        : { message: failure.message, at: new Date(failure.at).toISOString(), attempts: failure.attempts },
    running: isRunning,
    waitsForEngine: isElsewhere ? entry.engine : null,
  };
}

async function runList(call: Call, { schedule, log }: Services): Promise<object[]> {
  await schedule.look();
  const status = schedule.status();
  const { problems } = readSchedule();
  if (call.byHand) {
    log.list(vscode.l10n.t('{0} scheduled backups', status.length), [
      ...status.map(
        ({ entry, next, failure }) =>
          `${entry.id}: ${asText(whenInWords(entry.when))}, ${asText(formatAhead(next))}${failure === undefined ? '' : ` (${failure.message})`}`,
      ),
      ...problems.map(({ message }) => message),
    ]);
    log.show(true);
  }
  return [...status.map(describe), ...problems.map(({ index, message }) => ({ index, problem: message }))];
}

async function runRemove(call: Call, { log }: Services): Promise<{ removed: string[] }> {
  const ids = await pickIds(call, say('Remove which backup from the schedule?'));
  if (call.byHand)
    await confirmed(
      say('Remove {0} from the schedule?', names(ids)),
      say('Its backups stay; no more of them are removed.'),
      say('Remove from Schedule'),
    );
  for (const id of ids) {
    if (!(await dropFromSchedule(id)))
      throw new NotFound(
        'plan',
        id,
        vscode.l10n.t(
          'There is no scheduled backup "{0}"; the scheduled ones are: {1}.',
          id,
          readSchedule()
            .entries.map((entry) => `"${entry.id}"`)
            .join(', ') || vscode.l10n.t('none'),
        ),
      );
    log.info(vscode.l10n.t('Removed the scheduled backup "{0}"; its archives stay.', id));
  }
  return { removed: ids };
}

/** backUpRegularly, runSchedule, listSchedule, removeFromSchedule and cancelScheduled. */
export function scheduleCommands(services: Services): CommandSpec[] {
  return [
    { id: 'dockerMounts.backUpRegularly', takes: ENTRY_FIELDS, asks: true, run: (call) => runAdd(call, services) },
    { id: 'dockerMounts.runSchedule', takes: ['id'], asks: false, run: (call) => runNow(call, services) },
    { id: 'dockerMounts.listSchedule', takes: [], asks: false, run: (call) => runList(call, services) },
    { id: 'dockerMounts.removeFromSchedule', takes: ['id'], asks: true, run: (call) => runRemove(call, services) },
    {
      id: 'dockerMounts.cancelScheduled',
      takes: ['id'],
      asks: false,
      run: (call) => Promise.resolve({ cancelled: idsOf(call).filter((id) => services.schedule.cancel(id)) }),
    },
  ];
}
