/** Copies the contents of a volume or directory into another, on the same or another engine, without a file between. */
import * as l10n from '@vscode/l10n';
import { pipeline } from 'node:stream/promises';
import { posix } from 'node:path';
import { engineError, type Connection } from '../engine/connection.ts';
import { BadArgument, Cancelled, EngineFailure, TargetNotEmpty } from '../engine/errors.ts';

import { inspectVolume, volumeIfThere, type NewVolume } from '../engine/volumes.ts';
import { memberPath } from '../tar/names.ts';
import { extract, writeRoots } from './restore/write.ts';
import { MemberCount } from './archive/memberCount.ts';
import { openSource } from './source/read.ts';
import { chooseToRead, chooseToWrite, notKept } from './source/method.ts';
import { lookAt } from './source/look.ts';
import { findOrigin, type Origin } from './source/trees.ts';
import type { Placement } from './restore/target.ts';
import { SecondLook } from './source/completeness.ts';
import { asNewSparse } from '../tar/rewrite.ts';
import { tarMembers, type TarMember } from '../tar/members.ts';
import type { Job } from '../engine/job.ts';
import { fillingEmpty } from './undo/emptyTarget.ts';
import { keptRoot } from './undo/records.ts';
import { withNewVolume } from './undo/newVolume.ts';
import type { MountSource } from '../engine/helper/helper.ts';

export interface Copied {
  readonly entries: number;
  readonly bytes: number;
}

export interface CopyOptions {
  /** Local image whose tar to use. */
  readonly helperImage?: string;
}

interface Copy extends CopyOptions {
  readonly from: Job;
  readonly origin: Origin;
  /** The same job, on the engine of the target. */
  readonly to: Job;
  readonly placement: Placement;
}

/** Streams the whole source into the placement, and fails where the source was not read to its end. */
async function stream({ from: job, origin, to, placement, helperImage }: Copy): Promise<Copied> {
  const reader = await chooseToRead(job.connection, origin, 'auto', helperImage, job.log);
  const writer = await chooseToWrite(
    to.connection,
    { subject: placement.source, images: job.connection === to.connection ? origin.writers : [] },
    'auto',
    helperImage,
    job.log,
  );
  const lost =
    reader.method === 'archive' || writer.method === 'archive' ? notKept({ method: 'archive' }) : notKept(reader);
  if (lost.length > 0) job.log.info(`This copy does not keep ${lost.join(', ')}.`);
  const source = await openSource(job, origin.trees, reader);
  try {
    const [tree] = origin.trees;
    const look =
      reader.method === 'archive' && tree !== undefined ? await SecondLook.begin(job, tree, true) : undefined;
    const opened = await source.open(0);
    if (opened === undefined)
      throw new EngineFailure(0, l10n.t('"{0}" is neither a directory nor a file.', origin.subject));
    const count = new MemberCount(new Set(['.']), job.log);
    const roots = new Map<Placement, TarMember>();
    const members = tarMembers({
      skip: opened.skip,
      onMember: (member) => {
        count.add(member);
        look?.add(member.name);
        if (memberPath(member.name) === '') roots.set(placement, member);
      },
      select: (member) => (writer.method === 'archive' && member.sparse === 'gnu' ? asNewSparse(member) : true),
    });
    const finished = pipeline(opened.stream, members, { signal: job.signal });
    finished.catch(() => undefined);
    const counted = async function* () {
      for await (const chunk of members as AsyncIterable<Buffer>) {
        job.progress(count.bytes);
        yield chunk;
      }
      await finished;
      await opened.finished();
      await look?.compare();
    };
    await extract(to, [placement], writer, counted());
    await writeRoots(to, roots);
    if (job.signal.aborted) throw new Cancelled('The copy');
    return { entries: count.entries, bytes: count.bytes };
  } finally {
    await source.close();
  }
}

/** Copies into a new volume, which is removed again if that fails. */
async function intoNew(copy: Omit<Copy, 'placement'>, volume: NewVolume & { readonly name: string }): Promise<Copied> {
  const placement: Placement = { type: 'volume', source: volume.name, prefix: '' };
  try {
    return await withNewVolume(copy.to, volume, () => stream({ ...copy, placement }));
  } catch (error) {
    throw copyError(error, copy.from, copy.origin.subject);
  }
}

function copyError(error: unknown, { signal }: Job, subject: string): unknown {
  if (signal.aborted) return new Cancelled('The copy');
  return engineError(error, {
    kind: 'volume',
    object: subject,
    failed: (why) => l10n.t('"{0}" could not be copied: {1}', subject, why),
  });
}

async function sourceOf(connection: Connection, source: MountSource): Promise<Origin> {
  return findOrigin(
    connection,
    source.type === 'volume' ? { kind: 'volume', name: source.source } : { kind: 'bind', name: source.source },
  );
}

/** The labels that belong to the contents of a volume, not to its creator. */
async function labelsOf(connection: Connection, volume: string): Promise<Record<string, string>> {
  const { Labels } = await inspectVolume(connection, volume);
  return Object.fromEntries(
    Object.entries(Labels ?? {}).filter(
      ([key]) => key !== 'com.docker.volume.anonymous' && !key.startsWith('com.docker.compose.'),
    ),
  );
}

/**
 * Creates the volume `name` with the contents of `volume`. Throws NotFound, BadArgument for a taken name, Cancelled.
 */
export async function cloneVolume(
  job: Job,
  volume: string,
  name: string,
  options: CopyOptions,
): Promise<{ name: string } & Copied> {
  const origin = await sourceOf(job.connection, { type: 'volume', source: volume });
  const copied = await intoNew(
    { from: job, origin, to: job, ...options },
    { name, labels: await labelsOf(job.connection, volume) },
  );
  job.log.info(`Cloned volume "${volume}" as "${name}": ${copied.entries} entries, ${copied.bytes} bytes.`);
  return { name, ...copied };
}

/**
 * Creates a volume on another engine with the contents of `volume` on this one. The data passes only through this
 * process.
 */
export async function copyVolumeToEngine(
  job: Job,
  volume: string,
  to: Connection,
  name: string,
  options: CopyOptions,
): Promise<{ name: string } & Copied> {
  const from = job.connection;
  if (from.info.id !== '' && from.info.id === to.info.id && name === volume)
    throw new BadArgument(
      'context',
      l10n.t(
        'The context leads to the same engine, which already has volume "{0}"; choose another context, or another name.',
        volume,
      ),
    );
  const origin = await sourceOf(from, { type: 'volume', source: volume });
  const labels = await labelsOf(from, volume);
  const copied = await intoNew({ from: job, origin, to: { ...job, connection: to }, ...options }, { name, labels });
  job.log.info(
    `Copied volume "${volume}" to "${name}" on ${to.endpoint.address}: ${copied.entries} entries, ${copied.bytes} bytes.`,
  );
  return { name, ...copied };
}

/**
 * Copies between volumes and directories of the engine's host. The target is a new or empty volume, or an empty
 * directory.
 */
export async function copyData(
  job: Job,
  source: MountSource,
  target: MountSource,
  options: CopyOptions,
): Promise<Copied> {
  if (target.type === 'bind' && !posix.isAbsolute(target.source))
    throw new BadArgument(
      'toSource',
      l10n.t('"{0}" is not an absolute path on the engine\'s host; give the whole path.', target.source),
    );
  const origin = await sourceOf(job.connection, source);
  const copy = { from: job, origin, to: job, ...options };
  const isNew = target.type === 'volume' && (await volumeIfThere(job.connection, target.source)) === undefined;
  if (isNew) return intoNew(copy, { name: target.source });
  const { isEmpty, isFile, root } = await lookAt(job, target);
  if (isFile || !isEmpty)
    throw new TargetNotEmpty(
      target.source,
      l10n.t('"{0}" holds data; copy into an empty directory or a new volume.', target.source),
    );
  const kept = { ...target, ...keptRoot(root) };
  try {
    return await fillingEmpty(job, [kept], () => stream({ ...copy, placement: { ...target, prefix: '' } }));
  } catch (error) {
    throw copyError(error, job, origin.subject);
  }
}
