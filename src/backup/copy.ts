/** Copies what a volume or a directory holds into another, on the same engine or another, with no file between. */
import * as l10n from '@vscode/l10n';
import { pipeline } from 'node:stream/promises';
import { posix } from 'node:path';
import { engineError, type Connection } from '../engine/connection.ts';
import { BadArgument, Cancelled, EngineFailure, TargetNotEmpty } from '../engine/errors.ts';
import type { JobOptions } from '../engine/log.ts';
import { findTool } from '../engine/helper/toolImage.ts';
import { inspectVolume, volumeIfThere, type NewVolume } from '../engine/volumes.ts';
import { clearContents } from './restore/safetyCopy.ts';
import { recordClear } from './clear.ts';
import { memberPath } from '../tar/names.ts';
import { extract, writeRoots } from './restore/write.ts';
import { makeVolume } from './madeVolume.ts';
import { MemberCount } from './archive/memberCount.ts';
import { openSource } from './source/read.ts';
import { chooseReader, chooseWriter, notKept } from './source/method.ts';
import { lookAt, type MountRef } from './source/look.ts';
import { planBackup, type Plan } from './source/trees.ts';
import type { Slot } from './restore/target.ts';
import { SecondLook } from './source/completeness.ts';
import { asNewSparse } from '../tar/rewrite.ts';
import { tarMembers, type TarMember } from '../tar/members.ts';

export interface Copied {
  readonly entries: number;
  readonly bytes: number;
}

export interface CopyOptions {
  /** Local image whose tar to use. */
  readonly helperImage?: string;
}

interface Copy extends CopyOptions {
  readonly from: Connection;
  readonly plan: Plan;
  readonly to: Connection;
  readonly slot: Slot;
}

/** Streams all of the source into the slot, and fails where the source was not read to its end. */
async function stream({ from, plan, to, slot, helperImage }: Copy, job: JobOptions): Promise<Copied> {
  const reader = await chooseReader(from, plan, 'auto', helperImage, job.log);
  const writer = await chooseWriter(
    to,
    { subject: slot.source, images: from === to ? plan.writers : [] },
    'auto',
    helperImage,
    job.log,
  );
  const lost =
    reader.method === 'archive' || writer.method === 'archive' ? notKept({ method: 'archive' }) : notKept(reader);
  if (lost.length > 0) job.log.info(`This copy does not keep ${lost.join(', ')}.`);
  const source = await openSource(from, plan.trees, reader, job.log, (message) => job.log.warn(message));
  try {
    const [tree] = plan.trees;
    const look =
      reader.method === 'archive' && tree !== undefined ? await SecondLook.begin(from, tree, true, job) : undefined;
    const opened = await source.open(0);
    if (opened === undefined)
      throw new EngineFailure(0, l10n.t('"{0}" is neither a directory nor a file.', plan.subject));
    const count = new MemberCount(new Set(['.']), job.log);
    const roots = new Map<Slot, TarMember>();
    const members = tarMembers({
      skip: opened.skip,
      onMember: (member) => {
        count.add(member);
        look?.add(member.name);
        if (memberPath(member.name) === '') roots.set(slot, member);
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
    await extract(to, [slot], writer, counted(), job);
    await writeRoots(to, roots, job);
    if (job.signal.aborted) throw new Cancelled('The copy');
    return { entries: count.entries, bytes: count.bytes };
  } finally {
    await source.close();
  }
}

/** Copies into a new volume, which is removed again when that fails. */
async function intoNew(
  copy: Omit<Copy, 'slot'>,
  volume: NewVolume & { readonly name: string },
  job: JobOptions,
): Promise<Copied> {
  const { to } = copy;
  try {
    const made = await makeVolume(to, volume);
    try {
      const copied = await stream({ ...copy, slot: { type: 'volume', source: volume.name, prefix: '' } }, job);
      await made.keep();
      return copied;
    } catch (error) {
      await made.undo(job.log);
      throw error;
    }
  } catch (error) {
    throw nameFailure(error, copy.plan.subject, job);
  }
}

function nameFailure(error: unknown, subject: string, job: JobOptions): unknown {
  if (job.signal.aborted) return new Cancelled('The copy');
  return engineError(error, {
    kind: 'volume',
    object: subject,
    failed: (why) => l10n.t('"{0}" could not be copied: {1}', subject, why),
  });
}

async function sourceOf(connection: Connection, source: MountRef): Promise<Plan> {
  return planBackup(
    connection,
    source.type === 'volume' ? { kind: 'volume', volume: source.source } : { kind: 'bind', source: source.source },
  );
}

/** The labels that belong to what is in a volume, and not to who made it. */
async function labelsOf(connection: Connection, volume: string): Promise<Record<string, string>> {
  const { Labels } = await inspectVolume(connection, volume);
  return Object.fromEntries(
    Object.entries(Labels ?? {}).filter(
      ([key]) => key !== 'com.docker.volume.anonymous' && !key.startsWith('com.docker.compose.'),
    ),
  );
}

/**
 * Makes a volume `name` with all that `volume` holds. Throws NotFound, BadArgument for a name that is taken, Cancelled.
 */
export async function cloneVolume(
  connection: Connection,
  volume: string,
  name: string,
  options: CopyOptions,
  job: JobOptions,
): Promise<{ name: string } & Copied> {
  const plan = await sourceOf(connection, { type: 'volume', source: volume });
  const copied = await intoNew(
    { from: connection, plan, to: connection, ...options },
    { name, labels: await labelsOf(connection, volume) },
    job,
  );
  job.log.info(`Cloned volume "${volume}" as "${name}": ${copied.entries} entries, ${copied.bytes} bytes.`);
  return { name, ...copied };
}

/**
 * Makes a volume on another engine with all that `volume` holds on this one. Its data goes through this process only.
 */
export async function copyVolumeToEngine(
  from: Connection,
  volume: string,
  to: Connection,
  name: string,
  options: CopyOptions,
  job: JobOptions,
): Promise<{ name: string } & Copied> {
  if (from.info.id !== '' && from.info.id === to.info.id && name === volume)
    throw new BadArgument(
      'context',
      l10n.t(
        'The context leads to the same engine, which has volume "{0}" already; choose another context, or another name.',
        volume,
      ),
    );
  const plan = await sourceOf(from, { type: 'volume', source: volume });
  const copied = await intoNew({ from, plan, to, ...options }, { name, labels: await labelsOf(from, volume) }, job);
  job.log.info(
    `Copied volume "${volume}" to "${name}" on ${to.endpoint.address}: ${copied.entries} entries, ${copied.bytes} bytes.`,
  );
  return { name, ...copied };
}

/**
 * Copies between volumes and directories of the engine's host. The target is a new volume or an empty one, or an empty
 * directory.
 */
export async function copyData(
  connection: Connection,
  source: MountRef,
  target: MountRef,
  options: CopyOptions,
  job: JobOptions,
): Promise<Copied> {
  if (target.type === 'bind' && !posix.isAbsolute(target.source))
    throw new BadArgument(
      'toSource',
      l10n.t('"{0}" is not an absolute path on the engine\'s host; give the whole path.', target.source),
    );
  const plan = await sourceOf(connection, source);
  const copy = { from: connection, plan, to: connection, ...options };
  const isNew = target.type === 'volume' && (await volumeIfThere(connection, target.source)) === undefined;
  if (isNew) return intoNew(copy, { name: target.source }, job);
  const { isEmpty, isFile, root } = await lookAt(connection, target, job);
  if (isFile || !isEmpty)
    throw new TargetNotEmpty(
      target.source,
      l10n.t('"{0}" holds data; copy into an empty directory or a new volume.', target.source),
    );
  const kept = {
    ...target,
    ...(root
      ? {
          root: { owner: `${root.uid}:${root.gid}`, mode: (root.mode & 0o7777).toString(8), mtime: String(root.mtime) },
        }
      : {}),
  };
  const hasTool = (await findTool(connection, job.log)) !== undefined;
  const record = hasTool ? await recordClear(connection, [kept]) : undefined;
  try {
    const copied = await stream({ ...copy, slot: { ...target, prefix: '' } }, job);
    await record?.end();
    return copied;
  } catch (error) {
    const isCleared =
      hasTool &&
      (await clearContents(connection, [kept], job.log).then(
        () => true,
        () => false,
      ));
    if (isCleared) await record?.end();
    else record?.leave();
    throw nameFailure(error, plan.subject, job);
  }
}
