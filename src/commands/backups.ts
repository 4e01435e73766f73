/** Commands on backups: write, verify, list. */
import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import { backup, type BackupRequest, type BackupResult } from '../backup/backup.ts';
import { ARCHIVE_EXTENSIONS, type Compression } from '../backup/archive/compression.ts';
import { checkConsistency } from '../backup/consistency.ts';
import { listBackups } from '../backup/archive/list.ts';
import { recordVerdict } from '../backup/archive/manifestFile.ts';
import type { Method } from '../backup/source/method.ts';
import { findOrigin } from '../backup/source/trees.ts';
import { removeBackup } from '../backup/archive/remove.ts';
import { verifyBackup, type VerifyResult } from '../backup/archive/verify.ts';
import { askConsistency } from '../ui/consistencyPrompt.ts';
import { formatAge, formatBytes } from '../ui/format.ts';
import { withJob, withWork } from '../ui/jobs.ts';
import { pickSubject } from '../ui/picks.ts';
import { expandHome, readSettings } from '../ui/settings.ts';
import { joined, lines, say, sentence, shown, type Shown } from '../ui/shown.ts';
import { chooseFiles, pickOne, showFailure, showInformation, showWarning, type Choice } from '../ui/window.ts';
import type { Node } from '../views/nodes.ts';
import { answered, confirmed, Dismissed, flagOf, numberOf, textOf, type Call } from './call.ts';
import { eachOne } from './each.ts';
import type { CommandSpec } from './register.ts';
import type { Services } from './services.ts';
import { labelOf, type Subject } from '../backup/subject.ts';
import { subjectOfNode, subjectOfArguments } from './subjects.ts';

/** Rows of one container become one backup of those mounts. */
function subjectsOfNodes(nodes: readonly Node[]): Subject[] {
  const merged = new Map<string, Subject>();
  for (const subject of nodes.map(subjectOfNode).filter((one) => one !== undefined)) {
    const { kind, name, targets } = subject;
    const key = `${kind} ${name}`;
    const known = merged.get(key);
    const areSome = known?.targets !== undefined && targets !== undefined;
    if (known === undefined) merged.set(key, subject);
    else merged.set(key, { kind, name, ...(areSome ? { targets: [...known.targets, ...targets] } : {}) });
  }
  return [...merged.values()];
}

async function subjectsOf(call: Call, { watcher }: Services): Promise<Subject[]> {
  const named = subjectOfArguments(call);
  if (named !== undefined) return [named];
  const fromRows = subjectsOfNodes(call.nodes);
  if (fromRows.length > 0) return fromRows;
  return [await answered(pickSubject(await watcher.snapshot(), say('Back up which container or volume?')))];
}

/** The passphrase, if the archive will be encrypted. */
async function encryptionOf(call: Call, { passphrases }: Services): Promise<Pick<BackupRequest, 'passphrase'>> {
  const given = textOf(call, 'passphrase');
  if (given !== undefined) return { passphrase: given };
  if (!(flagOf(call, 'encrypt') ?? readSettings().backup.encrypt)) return {};
  return { passphrase: (await passphrases.stored()) ?? (await answered(passphrases.choose())) };
}

async function runBackup(call: Call, services: Services): Promise<BackupResult | undefined> {
  const consistency = checkConsistency(textOf(call, 'consistency'));
  const subjects = await subjectsOf(call, services);
  const given = textOf(call, 'destination');
  const destination = given === undefined ? await answered(services.backupFolder.choose()) : expandHome(given);
  const settings = readSettings().backup;
  const compression = (textOf(call, 'compression') as Compression | undefined) ?? settings.compression;
  const request: Omit<BackupRequest, 'subject'> = {
    destination,
    name: textOf(call, 'name'),
    compression,
    level: numberOf(call, 'level') ?? (textOf(call, 'compression') === undefined ? settings.level : undefined),
    method: (textOf(call, 'method') as 'auto' | Method | undefined) ?? settings.method,
    helperImage: settings.image,
    ...(await encryptionOf(call, services)),
  };
  const connection = await services.watcher.connection();
  const results = await eachOne(subjects.map(labelOf), async (_name, index) => {
    const subject = subjects[index];
    if (subject === undefined) return undefined;
    const asked = call.byHand
      ? await answered(askConsistency(connection, (await findOrigin(connection, subject)).trees))
      : consistency;
    const result = await withJob(say('Backing up {0}', labelOf(subject)), { connection, log: services.log }, (job) =>
      backup(job, { ...request, subject, consistency: asked }),
    );
    if (services.backupFolder.current() === undefined) await services.backupFolder.remember(destination);
    if (call.byHand) void announce(result, labelOf(subject), services);
    return result;
  });
  return results.at(-1);
}

async function announce(result: BackupResult, name: string, { log }: Services): Promise<void> {
  const reveal = say('Reveal');
  const showLog = say('Show Log');
  const text = say(
    'Backed up {0}: {1} entries, {2} in {3}.',
    name,
    result.entries,
    formatBytes(result.archiveBytes),
    basename(result.file),
  );
  const chosen =
    result.warnings.length === 0
      ? await showInformation(text, reveal, showLog)
      : await showWarning(joined([text, ...result.warnings.map(sentence)], ' '), reveal, showLog);
  if (chosen === reveal) await revealFile(result.file);
  if (chosen === showLog) log.show();
}

/** Says beforehand what is deleted, and which backups of its subject are left. */
async function runDelete(call: Call, services: Services): Promise<{ removed: string[] }> {
  const rows = call.nodes.filter((node) => node.kind === 'backup').map(({ backup }) => backup.file);
  const files =
    textOf(call, 'file') === undefined && rows.length > 0 ? rows : [await archiveOf(call, services, say('Delete'))];
  if (call.byHand)
    await confirmed(
      await deletionQuestion(files),
      lines(
        [
          ...(files.length === 1 ? [] : [lines(files.map((file) => basename(file)))]),
          say('A deleted archive cannot be recovered.'),
        ],
        '\n\n',
      ),
      say('Delete'),
    );
  const removed = await eachOne(files, async (file) => {
    await removeBackup(file);
    services.log.info(vscode.l10n.t('Deleted the backup "{0}".', file));
    return file;
  });
  return { removed };
}

async function deletionQuestion(files: readonly string[]): Promise<Shown> {
  const [first = ''] = files;
  if (files.length > 1) return say('Delete {0} backups?', files.length);
  const all = await listBackups(dirname(first));
  const one = all.find(({ file }) => file === first);
  const others = all.filter(
    ({ file, kind, subject }) =>
      file !== first && subject !== undefined && kind === one?.kind && subject === one?.subject,
  );
  return one?.subject !== undefined && others.length === 0
    ? say('Delete {0}, the only backup of {1} in its folder?', basename(first), one.subject)
    : say('Delete {0}?', basename(first));
}

/** In the desktop's file manager if there is one, or else in the Backups view. */
async function revealFile(file: string): Promise<void> {
  const hasDesktop = vscode.env.uiKind === vscode.UIKind.Desktop && vscode.env.remoteName === undefined;
  if (hasDesktop) await vscode.commands.executeCommand('revealFileInOS', vscode.Uri.file(file));
  else await vscode.commands.executeCommand('dockerMounts.backups.focus');
}

/** The archive that the arguments or the row name, or that is picked. */
export async function archiveOf(call: Call, { backupFolder }: Services, openLabel: Shown): Promise<string> {
  const given = textOf(call, 'file');
  if (given !== undefined) return expandHome(given);
  const row = call.nodes.find((node) => node.kind === 'backup');
  if (row !== undefined) return row.backup.file;
  const folder = backupFolder.current();
  const listed = folder === undefined ? [] : await listBackups(folder).catch(() => []);
  if (listed.length > 0) {
    const browse = { icon: 'folder-opened', label: say('Browse…'), file: undefined };
    const items = listed.map((one) => ({
      icon: 'file-zip',
      label: shown(basename(one.file)),
      description: joined(
        [one.subject, formatBytes(one.archiveBytes), formatAge(one.createdAt ?? one.modifiedAt)],
        ' · ',
      ),
      file: one.file,
    }));
    const { file } = await answered(
      pickOne<Choice & { readonly file: string | undefined }>([...items, browse], {
        title: openLabel,
        placeHolder: say('Which archive?'),
        matchOnDescription: true,
      }),
    );
    if (file !== undefined) return file;
  }
  const [chosen] = await answered(
    chooseFiles({
      canSelectMany: false,
      openLabel,
      title: say('Choose an Archive'),
      filter: { name: say('Archives'), extensions: [...ARCHIVE_EXTENSIONS] },
      ...(folder === undefined ? {} : { defaultUri: vscode.Uri.file(folder) }),
    }),
  );
  if (chosen === undefined) throw new Dismissed();
  return chosen.fsPath;
}

/** Checks several rows one after another; the result is that of the last. */
async function runVerify(call: Call, services: Services): Promise<VerifyResult | undefined> {
  const rows = call.nodes.filter((node) => node.kind === 'backup').map(({ backup }) => backup.file);
  const files = rows.length > 0 ? rows : [await archiveOf(call, services, say('Verify'))];
  return (await eachOne(files, (file) => verifyOne(file, call, services))).at(-1);
}

async function verifyOne(file: string, call: Call, services: Services): Promise<VerifyResult> {
  const verify = (passphrase?: string) =>
    withWork(say('Verifying {0}', basename(file)), services.log, (job) => verifyBackup(file, job, passphrase));
  const { result } = await answered(services.passphrases.opening(textOf(call, 'passphrase'), verify));
  await services.verdicts.remember(file, result.ok);
  await recordVerdict(file, result.ok).catch((error: unknown) => services.log.warn((error as Error).message));
  if (call.byHand) void announceVerdict(result, basename(file), services);
  return result;
}

/** Says what a check found; `against` names what it was compared with, if it was. */
export async function announceVerdict(
  { ok, entries, bytes, problems }: VerifyResult,
  name: string,
  { log }: Services,
  against?: string,
): Promise<void> {
  const showLog = say('Show Log');
  const good =
    against === undefined
      ? say('{0} is whole: {1} entries, {2} of content.', name, entries, formatBytes(bytes))
      : say('{0} is the same as {1}: {2} entries.', name, against, entries);
  const some = joined(problems.slice(0, 3).map(sentence), '; ');
  const bad =
    against === undefined
      ? say('{0} is not sound: {1}. Do not rely on it; make a new backup.', name, some)
      : say('{0} and {1} differ: {2}.', name, against, some);
  const chosen = ok ? await showInformation(good, showLog) : await showFailure(bad, showLog);
  if (chosen === showLog) log.show();
}

/** backup, verifyBackup, listBackups, deleteBackup, revealBackup and setPassphrase. */
export function backupCommands(services: Services): CommandSpec[] {
  return [
    {
      id: 'dockerMounts.backup',
      takes: [
        'container',
        'targets',
        'volume',
        'source',
        'destination',
        'name',
        'compression',
        'level',
        'consistency',
        'method',
        'encrypt',
        'passphrase',
      ],
      asks: true,
      run: (call) => runBackup(call, services),
    },
    {
      id: 'dockerMounts.verifyBackup',
      takes: ['file', 'passphrase'],
      asks: true,
      run: (call) => runVerify(call, services),
    },
    { id: 'dockerMounts.deleteBackup', takes: ['file'], asks: true, run: (call) => runDelete(call, services) },
    {
      id: 'dockerMounts.revealBackup',
      takes: ['file'],
      asks: true,
      run: async (call) => revealFile(await archiveOf(call, services, say('Reveal'))),
    },
    {
      id: 'dockerMounts.setPassphrase',
      takes: ['passphrase'],
      asks: true,
      run: async (call) => {
        const given = textOf(call, 'passphrase');
        if (given === undefined) await answered(services.passphrases.choose());
        else {
          // A link that brings a passphrase would read every backup that is encrypted from then on.
          if (!call.isLocal)
            await confirmed(
              say('Store the passphrase from a link or a keybinding?'),
              say('New backups will be encrypted with it. Whoever chose it can read them.'),
              say('Store It'),
            );
          await services.passphrases.store(given);
        }
        if (call.byHand) void showInformation(say('The passphrase is stored in VS Code’s secret storage.'));
      },
    },
    {
      id: 'dockerMounts.listBackups',
      takes: ['folder'],
      asks: true,
      run: async (call) => {
        const given = textOf(call, 'folder');
        const folder =
          given === undefined
            ? (services.backupFolder.current() ?? (await answered(services.backupFolder.choose())))
            : expandHome(given);
        const found = await listBackups(folder);
        services.log.list(
          vscode.l10n.t('{0} archives in "{1}"', found.length, folder),
          found.map(
            ({ file, archiveBytes, subject }) =>
              `${file.slice(dirname(file).length + 1)} ${archiveBytes} ${subject ?? ''}`,
          ),
        );
        if (call.byHand) services.log.show(true);
        return found;
      },
    },
  ];
}
