/** Backs up a container's mounts, a volume or a bind mount into one tar file. */
import * as l10n from '@vscode/l10n';
import { pipeline } from 'node:stream/promises';
import { answers, engineError } from '../engine/connection.ts';
import { BadArchive, BadArgument, Cancelled, EngineUnavailable } from '../engine/errors.ts';

import { ArchiveFile, checkDestination, fileNamePart, timestamp } from './archive/writer.ts';
import {
  COMPRESSION_NAMES,
  COMPRESSIONS,
  compressor,
  hasZstd,
  withoutEnding,
  type Compression,
} from './archive/compression.ts';
import { checkConsistency, quietly, type Consistency } from './consistency.ts';
import { ENCRYPTED_SUFFIX, encryptor } from './archive/encryption.ts';
import { listBackups } from './archive/list.ts';
import { isOfSubject, MANIFEST_FORMAT, type Manifest, type ManifestMount } from './archive/manifest.ts';
import { manifestText, sealedText } from './archive/manifestFile.ts';
import { MemberCount } from './archive/memberCount.ts';
import { openSource, type Source } from './source/read.ts';
import { chooseToRead, notKept, shortImage, type Method, type MethodChoice } from './source/method.ts';
import { checkOutside, findOrigin, rootName, shortName, type Origin, type Tree } from './source/trees.ts';
import { removeStalePartials } from './archive/remove.ts';
import { SecondLook } from './source/completeness.ts';
import { BadTar, tarMembers, type TarMember } from '../tar/members.ts';
import { keepingWarnings, type Job } from '../engine/job.ts';
import type { Subject } from './subject.ts';

export interface BackupRequest {
  readonly subject: Subject;
  /** An existing folder on this machine. */
  readonly destination: string;
  /** File name without its ending; by default `<subject>-<UTC>`. */
  readonly name?: string;
  readonly compression?: Compression;
  readonly level?: number;
  readonly method?: 'auto' | Method;
  /** Local image whose tar to use. */
  readonly helperImage?: string;
  /** What to do with containers that can write to the source during the backup. */
  readonly consistency?: Consistency;
  /** Encrypts the archive in age's format. */
  readonly passphrase?: string;
  /** For the manifest: id of the entry of the schedule that runs the backup. */
  readonly plan?: string;
}

export interface BackupResult {
  readonly file: string;
  /** Path of the manifest beside the file. */
  readonly manifest: string;
  readonly entries: number;
  readonly bytes: number;
  readonly archiveBytes: number;
  readonly sha256: string;
  readonly seconds: number;
  readonly warnings: readonly string[];
}

/** How the tar is packed into the file. */
interface PackingChoice {
  readonly compression: Compression;
  readonly level: number | undefined;
  readonly passphrase: string | undefined;
}

function suffixOf({ compression, passphrase }: PackingChoice): string {
  return `${COMPRESSIONS[compression].endings[0]}${passphrase === undefined ? '' : ENCRYPTED_SUFFIX}`;
}

/** tar pads its output to records of 20 blocks. */
const RECORD_BYTES = 10_240;
const END_BYTES = 1024;
/** With less than this share of the last backup's bytes, something may be missing. */
const SUSPICIOUS_SHARE = 0.5;

/**
 * Writes the archive and its manifest; nothing is left behind when it fails or is cancelled.
 * Throws NotFound, BadArgument, FileFailure, BadArchive, EngineUnavailable, EngineFailure or Cancelled.
 */
export async function backup(given: Job, request: BackupRequest): Promise<BackupResult> {
  const started = performance.now();
  const { job, warnings } = keepingWarnings(given);
  throwIfCancelled(job.signal);
  const packing: PackingChoice = {
    compression: checkCompression(request, job.warn),
    level: request.level,
    passphrase: request.passphrase,
  };
  if (packing.passphrase === '')
    throw new BadArgument(
      'passphrase',
      l10n.t('The passphrase is empty; give a passphrase, or leave it out for an unencrypted archive.'),
    );
  const destination = await checkDestination(request.destination);
  for (const file of await removeStalePartials(destination))
    job.log.info(`Removed "${file}", left behind by an interrupted backup.`);
  const origin = await findOrigin(job.connection, request.subject);
  checkOutside(job.connection, origin.trees, destination);
  const reader = await chooseToRead(job.connection, origin, request.method ?? 'auto', request.helperImage, job.log);
  throwIfCancelled(job.signal);
  job.log.info(
    `Backing up ${origin.kind} "${origin.subject}" to "${destination}" by ${describe(reader)}, compression ${packing.compression}${packing.passphrase === undefined ? '' : ', encrypted'}.`,
  );
  for (const one of origin.leftOut) job.warn(l10n.t('"{0}" is left out: {1}.', one.target, one.reason));
  if (notKept(reader).length > 0) job.log.info(`This method does not keep ${notKept(reader).join(', ')}.`);

  const base =
    request.name === undefined
      ? `${fileNamePart(shortName(origin))}-${timestamp(new Date())}`
      : checkName(request.name);
  const archive = await ArchiveFile.create(destination, base, suffixOf(packing), request.name !== undefined);
  try {
    const how = checkConsistency(request.consistency);
    // Who writes is only logged where the containers are left running; it is not a warning.
    const aboutWriters = how === 'none' ? { ...job, warn: job.log.info.bind(job.log) } : job;
    const look = request.method !== 'archive';
    const mounts = await quietly(aboutWriters, origin.trees, how, () =>
      writeArchive(job, { origin, reader, packing, look }, archive),
    );
    throwIfCancelled(job.signal);
    const entries = mounts.reduce((sum, mount) => sum + mount.entries, 0);
    const bytes = mounts.reduce((sum, mount) => sum + mount.bytes, 0);
    await warnWhenShrunk(job, origin, bytes, destination);
    const numbers = { entries, bytes, archiveBytes: archive.bytes, sha256: archive.sha256() };
    const facts: Manifest = {
      ...describeArchive(job, { origin, reader, packing }, mounts, archive.file),
      ...numbers,
      warnings,
      ...(request.plan === undefined ? {} : { plan: request.plan }),
    };
    // A name that the user chose does not reveal the subject, so the manifest of an encrypted archive must not either.
    const shown = request.name === undefined ? shortName(origin) : undefined;
    const manifest = await archive.commit(
      packing.passphrase === undefined ? manifestText(facts) : await sealedText(facts, shown, packing.passphrase),
    );
    const seconds = (performance.now() - started) / 1000;
    job.log.info(
      `Wrote "${archive.file}": ${entries} entries, ${bytes} bytes of content, ${archive.bytes} bytes in ${seconds.toFixed(1)} s, SHA-256 ${numbers.sha256}.`,
    );
    return { file: archive.file, manifest, ...numbers, seconds, warnings };
  } catch (error) {
    await archive.discard();
    throw await backupError(error, job, origin, archive);
  }
}

const WHAT = 'The backup';

function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new Cancelled(WHAT);
}

function describe(reader: MethodChoice): string {
  return reader.method === 'archive' ? "the engine's archive endpoint" : `tar in image ${shortImage(reader.tar.image)}`;
}

function checkCompression(request: BackupRequest, warn: (message: string) => void): Compression {
  const [preferred] = COMPRESSION_NAMES;
  const wanted = request.compression ?? preferred;
  if (!Object.hasOwn(COMPRESSIONS, wanted)) {
    throw new BadArgument(
      'compression',
      l10n.t('The compression "{0}" is unknown; use one of {1}.', String(wanted), COMPRESSION_NAMES.join(', ')),
    );
  }
  if (request.method !== undefined && !['auto', 'archive', 'tar'].includes(request.method)) {
    throw new BadArgument(
      'method',
      l10n.t('The method "{0}" is unknown; use auto, archive or tar.', String(request.method)),
    );
  }
  const { level } = request;
  const { levels } = COMPRESSIONS[wanted];
  if (level !== undefined && levels !== undefined) {
    const { min, max } = levels;
    if (!Number.isInteger(level) || level < min || level > max) {
      throw new BadArgument(
        'level',
        l10n.t('The level {0} is out of range for {3}; use {1} to {2}.', level, min, max, wanted),
      );
    }
  }
  if (wanted !== 'zstd' || hasZstd()) return wanted;
  warn(l10n.t('This version of VS Code has no zstd (it came with 1.101); gzip is used instead.'));
  return 'gzip';
}

/** A file name that the user chose, without a known ending. */
function checkName(name: string): string {
  const stem = withoutEnding(name);
  // eslint-disable-next-line no-control-regex -- a file name may hold none
  const hasForbidden = /[/\\\u0000-\u001f]/.test(stem);
  if (['', '.', '..'].includes(stem) || hasForbidden || Buffer.byteLength(stem) > 200) {
    throw new BadArgument('name', l10n.t('"{0}" cannot be a file name; use a short name without slashes.', name));
  }
  return stem;
}

/** How an archive is created. */
interface Making {
  readonly origin: Origin;
  readonly reader: MethodChoice;
  readonly packing: PackingChoice;
}

async function writeArchive(
  job: Job,
  /** `look`: whether a program may run to list the source. */
  { origin, reader, packing: { compression, level, passphrase }, look }: Making & { readonly look: boolean },
  archive: ArchiveFile,
): Promise<ManifestMount[]> {
  const source = await openSource(job, origin.trees, reader);
  try {
    const mounts: ManifestMount[] = [];
    const begin = (tree: Tree) =>
      reader.method === 'archive' ? SecondLook.begin(job, tree, look) : Promise.resolve(undefined);
    const tarred = readTrees(job, source, origin.trees, begin, mounts);
    const compress = compressor(compression, level);
    if (passphrase === undefined) await pipeline(tarred, compress, archive.sink(), { signal: job.signal });
    else await pipeline(tarred, compress, encryptor(passphrase), archive.sink(), { signal: job.signal });
    return mounts;
  } finally {
    await source.close();
  }
}

/** The trees, one after the other, as one tar: members only, then the end-of-archive blocks. */
async function* readTrees(
  job: Job,
  source: Source,
  trees: readonly Tree[],
  begin: (tree: Tree) => Promise<SecondLook | undefined>,
  mounts: ManifestMount[],
): AsyncGenerator<Buffer> {
  let total = 0;
  let before = 0;
  // A directory in one tree may be the mount point, and so the root, of another.
  const roots = new Set(trees.map(rootName));
  for (const [index, tree] of trees.entries()) {
    const look = await begin(tree);
    const opened = await source.open(index);
    const count = new MemberCount(roots, job.log);
    if (opened === undefined)
      job.warn(l10n.t('"{0}" is neither a file nor a directory (for example a socket) and is left out.', tree.source));
    else {
      const onMember = (member: TarMember) => {
        count.add(member);
        look?.add(member.name);
      };
      const members = tarMembers({ skip: opened.skip, onMember });
      const finished = pipeline(opened.stream, members, { signal: job.signal });
      finished.catch(() => undefined);
      for await (const chunk of members as AsyncIterable<Buffer>) {
        total += chunk.length;
        job.progress(before + count.bytes);
        yield chunk;
      }
      await finished;
      await opened.finished();
      await look?.compare();
    }
    before += count.bytes;
    mounts.push({ ...withoutHostPath(tree), root: rootName(tree), entries: count.entries, bytes: count.bytes });
  }
  job.progress(before, before);
  const padding = (RECORD_BYTES - ((total + END_BYTES) % RECORD_BYTES)) % RECORD_BYTES;
  yield Buffer.alloc(END_BYTES + padding);
}

function withoutHostPath({ hostPath: _, ...tree }: Tree): Omit<Tree, 'hostPath'> {
  return tree;
}

async function warnWhenShrunk(job: Job, origin: Origin, bytes: number, destination: string): Promise<void> {
  const earlier = (await listBackups(destination)).find(
    (one) => isOfSubject(one, { kind: origin.kind, name: origin.subject }) && one.bytes !== undefined,
  );
  if (earlier?.bytes === undefined || bytes >= earlier.bytes * SUSPICIOUS_SHARE) return;
  job.warn(
    l10n.t(
      'This backup of "{0}" holds {1} bytes, but the last one ({2}) held {3}; check that nothing is missing.',
      origin.subject,
      bytes,
      earlier.file,
      earlier.bytes,
    ),
  );
}

function describeArchive(
  { connection }: Job,
  { origin, reader, packing: { compression, level, passphrase } }: Making,
  mounts: readonly ManifestMount[],
  file: string,
): Omit<Manifest, 'entries' | 'bytes' | 'archiveBytes' | 'sha256' | 'warnings'> {
  const { name, version, apiVersion } = connection.info;
  return {
    format: MANIFEST_FORMAT,
    createdAt: new Date().toISOString(),
    file: file.slice(file.lastIndexOf('/') + 1),
    kind: origin.kind,
    subject: origin.subject,
    engine: { name, version, apiVersion, address: connection.endpoint.address },
    ...(origin.container ? { container: origin.container } : {}),
    mounts,
    leftOut: origin.leftOut,
    method: reader.method,
    compression,
    ...(level === undefined || COMPRESSIONS[compression].levels === undefined ? {} : { level }),
    ...(passphrase === undefined ? {} : { encryption: 'age' as const }),
    notKept: notKept(reader),
  };
}

/** Says what really happened: it was cancelled, the disk is full, the engine stopped, or the stream was incomplete. */
async function backupError(
  error: unknown,
  { connection, signal }: Job,
  origin: Origin,
  archive: ArchiveFile,
): Promise<unknown> {
  if (signal.aborted) return new Cancelled(WHAT);
  const explained = archive.explain(error);
  if (explained !== error) return explained;
  if (!(error instanceof EngineUnavailable) && !(await answers(connection)))
    return new EngineUnavailable(
      'lost',
      connection.endpoint.address,
      l10n.t(
        'The engine at {0} went away while "{1}" was backed up; nothing was kept. Start the engine and run the backup again.',
        connection.endpoint.address,
        origin.subject,
      ),
      { cause: error },
    );
  if (error instanceof BadTar) {
    return new BadArchive(
      archive.file,
      [error.message],
      l10n.t(
        'The engine\'s archive of "{0}" is incomplete: {1}. Nothing was kept; run the backup again, or use the method "tar".',
        origin.subject,
        error.message,
      ),
      { cause: error },
    );
  }
  return engineError(error, {
    kind: origin.kind === 'bind' ? 'mount' : origin.kind,
    object: origin.subject,
    failed: (why) => l10n.t('"{0}" could not be backed up: {1}', origin.subject, why),
  });
}
