/** `dockerMounts.restore`, and the comparison of an archive with what it came from. */
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { checkConsistency } from '../backup/consistency.ts';
import { SEALED_FORMAT, type Manifest } from '../backup/archive/manifest.ts';
import { openManifest } from '../backup/archive/manifestFile.ts';
import type { Method } from '../backup/source/method.ts';
import type { RestoreMode, RestoreRequest } from '../backup/restore/prepare.ts';
import { verifyAgainst, type DryRun } from '../backup/restore/preview.ts';
import { restore, type RestoreResult } from '../backup/restore/restore.ts';
import { targetOf } from '../backup/restore/target.ts';
import type { VerifyResult } from '../backup/archive/verify.ts';
import type { Connection } from '../engine/connection.ts';
import { askConsistency } from '../ui/consistencyPrompt.ts';
import { formatBytes } from '../ui/format.ts';
import { withJob } from '../ui/jobs.ts';
import { readSettings } from '../ui/settings.ts';
import { joined, say, sentence } from '../ui/shown.ts';
import { showInformation, showWarning } from '../ui/window.ts';
import { announceVerdict, archiveOf } from './backups.ts';
import { answered, flagOf, textOf, textsOf, argumentError, type Call } from './call.ts';
import { containerOfNode } from './containers.ts';
import { CONFIRMED, guardWrites } from './guard.ts';
import type { CommandSpec } from './register.ts';
import type { Services } from './services.ts';
import { pickEntries, showDryRun, askMode, askInto, originOf } from './restoreQuestions.ts';
import type { Subject } from '../backup/subject.ts';
import { subjectOfArguments, subjectOfNode } from './subjects.ts';
import { KnownScans } from '../backup/archive/scan.ts';

/** The target that the arguments or the row name. */
function intoOf(call: Call): Subject | undefined {
  const named = subjectOfArguments(call);
  const [node] = call.nodes;
  if (named !== undefined || node === undefined) return named;
  if (node.kind === 'volume' || node.kind === 'mount') return subjectOfNode(node);
  const name = containerOfNode(node);
  return name === undefined ? undefined : { kind: 'container', name };
}

async function runRestoreSome(call: Call, services: Services): Promise<RestoreResult | DryRun> {
  const file = await archiveOf(call, services, say('Restore'));
  const known = new KnownScans();
  const chosen = await pickEntries(file, textOf(call, 'passphrase'), known, services);
  return runRestore({ ...call, args: { ...call.args, file, ...chosen } }, services, known);
}

async function runRestore(call: Call, services: Services, known = new KnownScans()): Promise<RestoreResult | DryRun> {
  const { manifest, mode, ...read } = await readRestore(call, services);
  const request = { ...read.request, known };
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
    ? await answered(askConsistency(connection, (await targetOf(connection, into, manifest)).mounts))
    : request.consistency;
  const run = (passphrase?: string) =>
    withJob(say('Restoring {0}', basename(file)), { connection, log: services.log }, (job) =>
      restore(job, { ...request, passphrase, mode: asked.result, consistency }),
    );
  const { result } = await answered(services.passphrases.opening(asked.passphrase ?? request.passphrase, run));
  if (call.byHand) void announce(result, into.name, services);
  return result;
}

/**
 * Asks before the content of an archive is written where the machine obeys it, also through a volume that is created
 * again from the manifest.
 */
async function guardRestore(
  call: Call,
  connection: Connection,
  into: Subject,
  manifest: Manifest | undefined,
): Promise<void> {
  const { mounts, makes } = await targetOf(connection, into, manifest);
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

/** The manifest. For an encrypted archive, the passphrase may be asked for; it is then known to fit. */
async function manifestOf(
  file: string,
  call: Call,
  { passphrases }: Services,
): Promise<{ manifest: Manifest | undefined; passphrase: string | undefined }> {
  const given = textOf(call, 'passphrase');
  const { result: manifest, passphrase } = await answered(passphrases.opening(given, (key) => openManifest(file, key)));
  return { manifest, passphrase: manifest?.format === SEALED_FORMAT ? passphrase : given };
}

/** What to do, from the arguments, the row and the prompts. */
async function readRestore(
  call: Call,
  services: Services,
): Promise<{ request: Omit<RestoreRequest, 'mode'>; manifest: Manifest | undefined; mode: RestoreMode | undefined }> {
  const file = await archiveOf(call, services, say('Restore'));
  const mode = textOf(call, 'mode') as RestoreMode | undefined;
  const strip = call.args['strip'];
  if (strip !== undefined && strip !== null && typeof strip !== 'string' && typeof strip !== 'number')
    throw argumentError('strip', vscode.l10n.t('a directory of the archive or a number of names'), strip);
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
    withJob(say('Comparing {0}', basename(file)), { connection, log: services.log }, (job) =>
      verifyAgainst(job, file, into, passphrase),
    );
  const { result } = await answered(services.passphrases.opening(passphrase, compare));
  if (call.byHand) {
    if (!result.ok)
      await services.documents.showDifferences(
        'verify',
        `${basename(file)} against ${into.name}`,
        result.problems.map((problem) => `! ${problem}`),
      );
    void announceVerdict(result, basename(file), services, into.name);
  }
  return result;
}

const TAKES = [
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
];

/** restore, restoreSome and verifyAgainst. */
export function restoreCommands(services: Services): CommandSpec[] {
  return [
    {
      id: 'dockerMounts.restore',
      takes: [...TAKES, 'entries'],
      asks: true,
      run: (call) => runRestore(call, services),
    },
    {
      id: 'dockerMounts.restoreSome',
      takes: TAKES,
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
