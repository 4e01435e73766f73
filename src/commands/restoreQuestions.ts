/** What a restore by hand asks: the target, the mode, and which entries. */
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { contentsOf } from '../backup/archive/contents.ts';
import { type Manifest } from '../backup/archive/manifest.ts';
import type { RestoreMode, RestoreRequest } from '../backup/restore/prepare.ts';
import { describeRestore, previewRestore, type DryRun } from '../backup/restore/preview.ts';
import { targetOf } from '../backup/restore/target.ts';
import type { Connection } from '../engine/connection.ts';
import { formatBytes } from '../ui/format.ts';
import { withJob, withWork } from '../ui/jobs.ts';
import { problemOfVolumeName } from '../ui/volumePrompts.ts';
import { pickContainer, pickVolume } from '../ui/picks.ts';
import { expandHome } from '../ui/settings.ts';
import { lines, names, say, shown } from '../ui/shown.ts';
import { askText, pickMany, pickOne, showInformation, type Choice } from '../ui/window.ts';
import { answered, confirmed, Dismissed } from './call.ts';
import type { Services } from './services.ts';
import type { Subject } from '../backup/subject.ts';
import type { KnownScans } from '../backup/archive/scan.ts';

/** Where the archive came from. */
export function originOf({ kind, subject }: Manifest): Subject {
  return { kind, name: subject };
}

export async function askInto(manifest: Manifest | undefined, { watcher }: Services): Promise<Subject> {
  const { containers, volumes } = await watcher.snapshot();
  const back = manifest && originOf(manifest);
  type Item = Choice & { readonly choose: () => Promise<Subject> };
  const items: Item[] = [
    ...(back === undefined
      ? []
      : [
          {
            icon: 'discard',
            label: say('Where It Came From'),
            description: shown(back.name),
            choose: () => Promise.resolve(back),
          },
        ]),
    {
      icon: 'add',
      label: say('A New Volume…'),
      choose: async () => {
        const validateInput = (value: string) =>
          volumes.some(({ name }) => name === value)
            ? say('There is a volume "{0}" already.', value)
            : problemOfVolumeName(value);
        return {
          kind: 'volume',
          name: await answered(askText({ title: say('New Volume'), prompt: say('Name of the volume'), validateInput })),
        };
      },
    },
    {
      icon: 'database',
      label: say('An Existing Volume…'),
      choose: async () => ({
        kind: 'volume',
        name: await answered(pickVolume(volumes, say('Restore into which volume?'))),
      }),
    },
    {
      icon: 'vm',
      label: say('The Mounts of a Container…'),
      choose: async () => ({
        kind: 'container',
        name: await answered(
          pickContainer(
            containers.filter(({ mounts }) => mounts.length > 0),
            say('Restore into which container?'),
          ),
        ),
      }),
    },
    {
      icon: 'folder',
      label: say('A Directory of the Engine’s Host…'),
      choose: async () => ({
        kind: 'bind',
        name: expandHome(
          await answered(
            askText({
              title: say('Directory on the Engine’s Host'),
              prompt: say('An absolute path; it must exist'),
              placeHolder: '/srv/data',
            }),
          ),
        ),
      }),
    },
  ];
  const chosen = await answered(pickOne(items, { title: say('Restore'), placeHolder: say('Into what?') }));
  return chosen.choose();
}

/** What will be done, for a person to agree to. Returns the mode, or shows what would change and asks again. */
export async function askMode(
  connection: Connection,
  request: Omit<RestoreRequest, 'mode'>,
  manifest: Manifest | undefined,
  services: Services,
): Promise<RestoreMode> {
  const target = await targetOf(connection, request.into, manifest);
  const known = await withJob(say('Checking {0}', basename(request.file)), { connection, log: services.log }, (job) =>
    describeRestore(job, { ...request, mode: 'merge' }),
  );
  const strip = known.strip.filter((prefix) => prefix !== '');
  const detail = [
    say('{0} entries, {1} of content.', known.entries, formatBytes(known.bytes)),
    manifest === undefined && strip.length > 0
      ? say('The data is in "{0}" of the archive; its contents are restored.', names(strip))
      : undefined,
    manifest === undefined ? say('It has no manifest, so only the archive itself could be checked.') : undefined,
  ];
  const go = say('Restore');
  const merge = say('Overwrite');
  const replace = say('Replace All');
  const look = say('Show What Would Change');
  const isEmpty = target.makes !== undefined || known.isEmpty;
  const isChoice = request.entries !== undefined;
  if (!isEmpty && isChoice)
    detail.push(say('"{0}" holds data. The chosen entries are overwritten; everything else stays.', request.into.name));
  else if (!isEmpty)
    detail.push(
      say(
        '"{0}" holds data. Replacing also removes what is not in the archive; a safety copy is kept until everything is written. Overwriting keeps what is not in the archive.',
        request.into.name,
      ),
    );
  for (;;) {
    const question = say('Restore {0} into {1}?', basename(request.file), request.into.name);
    // Enter takes the first button: the one that only looks.
    const chosen = await confirmed(
      question,
      lines(
        detail.filter((line) => line !== undefined),
        '\n\n',
      ),
      ...(isEmpty ? [go] : isChoice ? [look, merge] : [look, merge, replace]),
    );
    if (chosen === go) return 'empty';
    if (chosen === merge) return 'merge';
    if (chosen === replace) return 'replace';
    await showDryRun(connection, { ...request, mode: isChoice ? 'merge' : 'replace' }, services);
    // The user reads the document before the question is asked again.
    const goOn = say('Continue…');
    await answered(
      showInformation(
        isChoice
          ? say('The document shows what overwriting "{0}" would change.', request.into.name)
          : say('The document shows what replacing "{0}" would change.', request.into.name),
        goOn,
      ),
    );
  }
}

function linesOf(
  { entries, bytes, strip, added, changed, removed, unchanged }: DryRun,
  { file, into, mode }: RestoreRequest,
): string[] {
  const from = strip.filter((prefix) => prefix !== '');
  return [
    vscode.l10n.t('What restoring {0} into {1} would change (mode {2})', basename(file), into.name, mode),
    vscode.l10n.t('{0} entries, {1} of content.', entries, formatBytes(bytes)),
    ...(from.length === 0
      ? []
      : [vscode.l10n.t('The data is in "{0}" of the archive; its contents are restored.', from.join(', '))]),
    vscode.l10n.t(
      '{0} added (+), {1} changed (!), {2} removed (-), {3} unchanged',
      added.length,
      changed.length,
      removed.length,
      unchanged,
    ),
    '',
    ...added.map((path) => `+ ${path}`),
    ...changed.map((path) => `! ${path}`),
    ...removed.map((path) => `- ${path}`),
  ];
}

export async function showDryRun(
  connection: Connection,
  request: RestoreRequest,
  { log, documents }: Services,
): Promise<DryRun> {
  const found = await withJob(say('Comparing {0}', basename(request.file)), { connection, log }, (job) =>
    previewRestore(job, request),
  );
  await documents.showDifferences(
    'restore',
    `${basename(request.file)} into ${request.into.name}`,
    linesOf(found, request),
  );
  return found;
}

/** Directories and files of the archive, several at once. */
export async function pickEntries(
  file: string,
  passphrase: string | undefined,
  known: KnownScans,
  { passphrases, log }: Services,
): Promise<{ entries: string[]; passphrase: string | undefined }> {
  const list = (key?: string) =>
    withWork(say('Reading {0}', basename(file)), log, (work) => contentsOf(work, file, key, known));
  const opened = await answered(passphrases.opening(passphrase, list));
  const { listed, more } = opened.result;
  const items = listed.map(({ path, isDirectory, bytes }) => ({
    icon: isDirectory ? 'folder' : 'file',
    label: shown(path),
    description: isDirectory ? say('with everything in it') : shown(formatBytes(bytes)),
    path,
  }));
  const placeHolder =
    more === 0
      ? say('Which files and directories?')
      : say('Which files and directories? {0} more are not listed; choose the directory around them.', more);
  const chosen = await answered(pickMany(items, { title: say('Restore from {0}', basename(file)), placeHolder }));
  if (chosen.length === 0) throw new Dismissed();
  return { entries: chosen.map(({ path }) => path), passphrase: opened.passphrase };
}
