/** `dockerMounts.restore`, and the comparison of an archive with what it came from. */
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { checkConsistency } from '../backup/consistency.ts';
import { listEntries } from '../backup/contents.ts';
import { openManifest, SEALED_FORMAT, type Manifest } from '../backup/manifest.ts';
import type { Method } from '../backup/method.ts';
import type { RestoreMode, RestoreRequest } from '../backup/prepare.ts';
import { describeRestore, previewRestore, verifyAgainst, type DryRun } from '../backup/preview.ts';
import { restore, type RestoreResult } from '../backup/restore.ts';
import { planTarget, type RestoreInto } from '../backup/restoreTarget.ts';
import type { VerifyResult } from '../backup/verify.ts';
import type { Connection } from '../engine/connection.ts';
import { BadArgument } from '../engine/errors.ts';
import { askConsistency } from '../ui/consistencyPrompt.ts';
import { formatBytes } from '../ui/format.ts';
import { withJob } from '../ui/jobs.ts';
import { problemOfVolumeName } from '../ui/volumePrompts.ts';
import { pickContainer, pickVolume } from '../ui/picks.ts';
import { expandHome, readSettings } from '../ui/settings.ts';
import { joined, lines, names, say, sentence, shown } from '../ui/shown.ts';
import { askText, pickMany, pickOne, showInformation, showWarning, type Choice } from '../ui/window.ts';
import { announceVerdict, archiveOf } from './backups.ts';
import { answered, confirmed, Dismissed, flagOf, textOf, textsOf, wrong, type Call } from './call.ts';
import { containerOfNode } from './containers.ts';
import { CONFIRMED, guardWrites } from './guard.ts';
import type { CommandSpec } from './register.ts';
import type { Services } from './services.ts';

function nameOf(into: RestoreInto): string {
  switch (into.kind) {
    case 'volume':
      return into.volume;
    case 'container':
      return into.container;
    case 'bind':
      return into.source;
  }
}

/** Where the arguments, or the row, say that it goes. */
function intoOf(call: Call): RestoreInto | undefined {
  const volume = textOf(call, 'volume');
  const container = textOf(call, 'container');
  const source = textOf(call, 'source');
  if ([volume, container, source].filter((one) => one !== undefined).length > 1)
    throw new BadArgument('volume', vscode.l10n.t('Give one of container, volume and source, not several.'));
  const targets = textsOf(call, 'targets');
  if (targets !== undefined && container === undefined)
    throw new BadArgument('targets', vscode.l10n.t('The argument "targets" goes with "container" only.'));
  if (volume !== undefined) return { kind: 'volume', volume };
  if (container !== undefined) return { kind: 'container', container, ...(targets ? { targets } : {}) };
  if (source !== undefined) return { kind: 'bind', source: expandHome(source) };
  const [node] = call.nodes;
  if (node?.kind === 'volume') return { kind: 'volume', volume: node.volume.name };
  if (node?.kind === 'mount')
    return { kind: 'container', container: node.container.name, targets: [node.mount.target] };
  const name = node && containerOfNode(node);
  return name === undefined ? undefined : { kind: 'container', container: name };
}

/** Where the archive came from. */
function originOf({ kind, subject }: Manifest): RestoreInto {
  if (kind === 'volume') return { kind, volume: subject };
  return kind === 'container' ? { kind, container: subject } : { kind, source: subject };
}

async function askInto(manifest: Manifest | undefined, { watcher }: Services): Promise<RestoreInto> {
  const { containers, volumes } = await watcher.snapshot();
  const back = manifest && originOf(manifest);
  type Item = Choice & { readonly choose: () => Promise<RestoreInto> };
  const items: Item[] = [
    ...(back === undefined
      ? []
      : [
          {
            icon: 'discard',
            label: say('Where It Came From'),
            description: shown(nameOf(back)),
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
          volume: await answered(
            askText({ title: say('New Volume'), prompt: say('Name of the volume'), validateInput }),
          ),
        };
      },
    },
    {
      icon: 'database',
      label: say('An Existing Volume…'),
      choose: async () => ({
        kind: 'volume',
        volume: await answered(pickVolume(volumes, say('Restore into which volume?'))),
      }),
    },
    {
      icon: 'vm',
      label: say('The Mounts of a Container…'),
      choose: async () => ({
        kind: 'container',
        container: await answered(
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
        source: expandHome(
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
async function askMode(
  connection: Connection,
  request: Omit<RestoreRequest, 'mode'>,
  manifest: Manifest | undefined,
  services: Services,
): Promise<RestoreMode> {
  const target = await planTarget(connection, request.into, manifest);
  const known = await withJob(say('Checking {0}', basename(request.file)), services.log, (job) =>
    describeRestore(connection, { ...request, mode: 'merge' }, job),
  );
  const strip = known.strip.filter((prefix) => prefix !== '');
  const detail = [
    say('{0} entries, {1} of content.', known.entries, formatBytes(known.bytes)),
    manifest === undefined && strip.length > 0
      ? say('The archive holds the data in "{0}", whose contents are restored.', names(strip))
      : undefined,
    manifest === undefined
      ? say('There is no manifest beside it, so nothing but the archive itself could be checked.')
      : undefined,
  ];
  const go = say('Restore');
  const merge = say('Write over It');
  const replace = say('Replace All');
  const look = say('Show What Would Change');
  const isEmpty = target.makes !== undefined || known.isEmpty;
  const isChoice = request.entries !== undefined;
  if (!isEmpty && isChoice)
    detail.push(say('"{0}" holds data. What was chosen is written over it; all else stays.', nameOf(request.into)));
  else if (!isEmpty)
    detail.push(
      say(
        '"{0}" holds data. Replacing removes what the archive has not; it keeps a safety copy until all is written. Writing over keeps what the archive has not.',
        nameOf(request.into),
      ),
    );
  for (;;) {
    const question = say('Restore {0} into {1}?', basename(request.file), nameOf(request.into));
    // Enter takes the first: what only looks.
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
    // The document is to be read before the question comes again.
    const goOn = say('Go On…');
    await answered(
      showInformation(
        isChoice
          ? say('The document shows what writing over "{0}" would change.', nameOf(request.into))
          : say('The document shows what replacing "{0}" would change.', nameOf(request.into)),
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
    vscode.l10n.t('What restoring {0} into {1} would change (mode {2})', basename(file), nameOf(into), mode),
    vscode.l10n.t('{0} entries, {1} of content.', entries, formatBytes(bytes)),
    ...(from.length === 0
      ? []
      : [vscode.l10n.t('The archive holds the data in "{0}", whose contents are restored.', from.join(', '))]),
    vscode.l10n.t(
      '{0} added (+), {1} changed (!), {2} removed (-), {3} as they are',
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

async function showDryRun(
  connection: Connection,
  request: RestoreRequest,
  { log, documents }: Services,
): Promise<DryRun> {
  const found = await withJob(say('Comparing {0}', basename(request.file)), log, (job) =>
    previewRestore(connection, request, job),
  );
  await documents.showDifferences(
    'restore',
    `${basename(request.file)} into ${nameOf(request.into)}`,
    linesOf(found, request),
  );
  return found;
}

/** More rows than these are no choice. */
const MOST_ENTRIES = 20_000;

/** Directories and files of the archive, several at once. */
async function pickEntries(
  file: string,
  passphrase: string | undefined,
  { passphrases, log }: Services,
): Promise<{ entries: string[]; passphrase: string | undefined }> {
  const list = (key?: string) =>
    withJob(say('Reading {0}', basename(file)), log, (job) => listEntries(file, MOST_ENTRIES, job, key));
  const opened = await answered(passphrases.opening(passphrase, list));
  const { entries, more } = opened.result;
  const items = entries.map(({ path, isDirectory, bytes }) => ({
    icon: isDirectory ? 'folder' : 'file',
    label: shown(path),
    description: isDirectory ? say('with all in it') : shown(formatBytes(bytes)),
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

async function runRestoreSome(call: Call, services: Services): Promise<RestoreResult | DryRun> {
  const file = await archiveOf(call, services, say('Restore'));
  const chosen = await pickEntries(file, textOf(call, 'passphrase'), services);
  return runRestore({ ...call, args: { ...call.args, file, ...chosen } }, services);
}

async function runRestore(call: Call, services: Services): Promise<RestoreResult | DryRun> {
  const { request, manifest, mode } = await readRestore(call, services);
  const connection = await services.watcher.connection();
  if (flagOf(call, 'dryRun') === true) {
    const dryRun = (passphrase?: string) =>
      showDryRun(connection, { ...request, passphrase, mode: mode ?? 'replace' }, services);
    return (await answered(services.passphrases.opening(request.passphrase, dryRun))).result;
  }
  const { file, into } = request;
  await guardRestore(call, connection, into, manifest);
  const agree = async (passphrase?: string) =>
    mode ?? (await askMode(connection, { ...request, passphrase }, manifest, services));
  const asked = await answered(services.passphrases.opening(request.passphrase, agree));
  const consistency = call.byHand
    ? await answered(askConsistency(connection, (await planTarget(connection, into, manifest)).mounts))
    : request.consistency;
  const run = (passphrase?: string) =>
    withJob(say('Restoring {0}', basename(file)), services.log, (job) =>
      restore(connection, { ...request, passphrase, mode: asked.result, consistency }, job),
    );
  const { result } = await answered(services.passphrases.opening(asked.passphrase ?? request.passphrase, run));
  if (call.byHand) void announce(result, nameOf(into), services);
  return result;
}

/**
 * Asks before what is in an archive is written where the machine obeys it, also by way of a volume that the manifest
 * has made anew.
 */
async function guardRestore(
  call: Call,
  connection: Connection,
  into: RestoreInto,
  manifest: Manifest | undefined,
): Promise<void> {
  const { mounts, makes } = await planTarget(connection, into, manifest);
  const made =
    makes === undefined
      ? []
      : [
          {
            Type: 'volume',
            Source: '',
            ReadOnly: false,
            VolumeOptions: { DriverConfig: { Name: makes.driver, Options: makes.driverOpts } },
          },
        ];
  await guardWrites(call, connection, [
    ...mounts.map(({ type, source }) => ({ Type: type, Source: source, ReadOnly: false })),
    ...made,
  ]);
}

/** The manifest, for which the passphrase of an encrypted archive may be asked; it has then proved to fit. */
async function manifestOf(
  file: string,
  call: Call,
  { passphrases }: Services,
): Promise<{ manifest: Manifest | undefined; passphrase: string | undefined }> {
  const given = textOf(call, 'passphrase');
  const { result: manifest, passphrase } = await answered(passphrases.opening(given, (key) => openManifest(file, key)));
  return { manifest, passphrase: manifest?.format === SEALED_FORMAT ? passphrase : given };
}

/** What is to be done, from the arguments, the row and the prompts. */
async function readRestore(
  call: Call,
  services: Services,
): Promise<{ request: Omit<RestoreRequest, 'mode'>; manifest: Manifest | undefined; mode: RestoreMode | undefined }> {
  const file = await archiveOf(call, services, say('Restore'));
  const mode = textOf(call, 'mode') as RestoreMode | undefined;
  const strip = call.args['strip'];
  if (strip !== undefined && strip !== null && typeof strip !== 'string' && typeof strip !== 'number')
    throw wrong('strip', vscode.l10n.t('a directory of the archive or a number of names'), strip);
  const { manifest, passphrase } = await manifestOf(file, call, services);
  const into = intoOf(call) ?? (await askInto(manifest, services));
  const settings = readSettings().backup;
  const request = {
    file,
    into,
    ...(strip === undefined || strip === null ? {} : { strip }),
    entries: textsOf(call, 'entries'),
    method: (textOf(call, 'method') as 'auto' | Method | undefined) ?? settings.method,
    helperImage: settings.image,
    consistency: checkConsistency(textOf(call, 'consistency')),
    passphrase,
  };
  return { request, manifest, mode };
}

async function announce({ entries, bytes, warnings }: RestoreResult, name: string, { log }: Services): Promise<void> {
  const text = say('Restored {0} entries, {1}, into {2}.', entries, formatBytes(bytes), name);
  const showLog = say('Show Log');
  const chosen =
    warnings.length === 0
      ? await showInformation(text, showLog)
      : await showWarning(joined([text, ...warnings.map(sentence)], ' '), showLog);
  if (chosen === showLog) log.show();
}

async function runVerifyAgainst(call: Call, services: Services): Promise<VerifyResult> {
  const file = await archiveOf(call, services, say('Verify'));
  const { manifest, passphrase } = await manifestOf(file, call, services);
  const isBackup = call.nodes[0]?.kind === 'backup';
  const into =
    (isBackup ? undefined : intoOf(call)) ??
    (manifest === undefined ? await askInto(manifest, services) : originOf(manifest));
  const connection = await services.watcher.connection();
  const compare = (passphrase?: string) =>
    withJob(say('Comparing {0}', basename(file)), services.log, (job) =>
      verifyAgainst(connection, file, into, job, passphrase),
    );
  const { result } = await answered(services.passphrases.opening(passphrase, compare));
  if (call.byHand) {
    if (!result.ok)
      await services.documents.showDifferences(
        'verify',
        `${basename(file)} against ${nameOf(into)}`,
        result.problems.map((problem) => `! ${problem}`),
      );
    void announceVerdict(result, basename(file), services, nameOf(into));
  }
  return result;
}

/** restore, restoreSome and verifyAgainst. */
export function restoreCommands(services: Services): CommandSpec[] {
  return [
    {
      id: 'dockerMounts.restore',
      takes: [
        'file',
        'volume',
        'container',
        'source',
        'targets',
        'mode',
        'strip',
        'dryRun',
        'entries',
        'method',
        'consistency',
        'passphrase',
        CONFIRMED,
      ],
      asks: true,
      run: (call) => runRestore(call, services),
    },
    {
      id: 'dockerMounts.restoreSome',
      takes: [
        'file',
        'volume',
        'container',
        'source',
        'targets',
        'mode',
        'strip',
        'dryRun',
        'method',
        'consistency',
        'passphrase',
        CONFIRMED,
      ],
      asks: true,
      run: (call) => runRestoreSome(call, services),
    },
    {
      id: 'dockerMounts.verifyAgainst',
      takes: ['file', 'volume', 'container', 'source', 'targets', 'passphrase'],
      asks: true,
      run: (call) => runVerifyAgainst(call, services),
    },
  ];
}
