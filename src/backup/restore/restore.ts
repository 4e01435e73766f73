/** Puts an archive back: read whole and checked first, written then, and undone when anything fails. */
import * as l10n from '@vscode/l10n';
import { posix } from 'node:path';
import type { Connection } from '../../engine/connection.ts';
import { BadArgument, Cancelled, TargetNotEmpty } from '../../engine/errors.ts';
import { recordUndo } from '../../engine/helper/records.ts';
import type { JobOptions } from '../../engine/log.ts';
import { findTool, requireTool } from '../../engine/helper/toolImage.ts';
import {
  clearContents,
  giveUpSafety,
  moveAside,
  putBackContents,
  safetyId,
  type Kept,
  type UndoRestore,
} from './safetyCopy.ts';
import { recordClear } from '../clear.ts';
import { checkConsistency, quietly } from '../consistency.ts';
import { memberPath } from '../../tar/names.ts';
import { extract, writeRoots } from './write.ts';
import { chooseWriter, type Reader } from '../source/method.ts';
import { makeVolume } from '../madeVolume.ts';
import { lookAt, type MountState } from '../source/look.ts';
import { nameFailure, prepared, type Ready, type RestoreMode, type RestoreRequest } from './prepare.ts';
import type { Slot } from './target.ts';
import { asNewSparse, blocksWithName } from '../../tar/rewrite.ts';
import { type TarMember } from '../../tar/members.ts';
import { printableName } from '../../tar/names.ts';

export interface RestoreResult {
  readonly entries: number;
  /** Content of regular files. */
  readonly bytes: number;
  readonly seconds: number;
  readonly warnings: readonly string[];
}

/**
 * Restores. Throws BadArchive, BadArgument, NotFound, TargetNotEmpty, EngineUnavailable, EngineFailure or Cancelled; in
 * the modes `empty` and `replace` the target is then as it was, or will be at the next connection.
 */
export async function restore(
  connection: Connection,
  request: RestoreRequest,
  job: JobOptions,
): Promise<RestoreResult> {
  const started = performance.now();
  const warnings: string[] = [];
  const warn = (message: string) => {
    warnings.push(message);
    job.log.warn(message);
  };
  try {
    return await prepared(connection, request, job, async (ready) => {
      const { target, slots, entries, bytes } = ready;
      if (job.signal.aborted) throw new Cancelled('The restore');
      const writer = await chooseWriter(
        connection,
        { subject: target.name, images: target.images },
        request.method ?? 'auto',
        request.helperImage,
        job.log,
      );
      if (writer.method === 'archive' && ready.needsTar)
        warn(
          l10n.t(
            'The archive holds extended attributes or ACLs, of which the archive endpoint restores only some; use the method "tar" with an image that has GNU tar.',
          ),
        );
      job.log.info(`Restoring "${ready.reader.file}" into "${target.name}" (${request.mode}) by ${writer.method}.`);
      for (const { prefix, source } of slots)
        if (prefix !== '')
          job.log.info(
            `What lies in "${Buffer.from(prefix, 'latin1').toString('utf8')}" of the archive goes into "${source}".`,
          );
      if (writer.method === 'archive' && ready.hasEarlyTimes)
        warn(l10n.t('The archive holds times before 1970, which the archive endpoint sets to 1970.'));
      if (target.makes !== undefined) await intoNewVolume(connection, ready, writer, job);
      else {
        await quietly(
          connection,
          slots,
          checkConsistency(request.consistency),
          job,
          (message) => (request.consistency === undefined ? job.log.info(message) : warn(message)),
          () => intoExisting(connection, ready, writer, request.mode, warn, job),
        );
      }
      const seconds = (performance.now() - started) / 1000;
      job.log.info(
        `Restored "${ready.reader.file}" into "${target.name}": ${entries} entries, ${bytes} bytes in ${seconds.toFixed(1)} s.`,
      );
      return { entries, bytes, seconds, warnings };
    });
  } catch (error) {
    throw await nameFailure(error, connection, request, job);
  }
}

async function intoNewVolume(connection: Connection, ready: Ready, writer: Reader, job: JobOptions): Promise<void> {
  const { makes } = ready.target;
  if (makes?.name === undefined) return;
  const volume = makes.name;
  const made = await makeVolume(connection, { ...makes, name: volume });
  try {
    job.log.info(`Created volume "${volume}".`);
    await write(connection, ready, writer, new Map(), job);
    await writeRoots(connection, ready.roots, job);
  } catch (error) {
    await made.undo(job.log);
    throw error;
  }
  await made.keep();
}

function keptOf(slot: Slot, { isFile, root }: MountState): Kept {
  if (isFile) return { type: 'bind', source: posix.dirname(slot.source), only: posix.basename(slot.source) };
  return {
    type: slot.type,
    source: slot.source,
    ...(root === undefined
      ? {}
      : {
          root: { owner: `${root.uid}:${root.gid}`, mode: (root.mode & 0o7777).toString(8), mtime: String(root.mtime) },
        }),
  };
}

async function intoExisting(
  connection: Connection,
  ready: Ready,
  writer: Reader,
  mode: RestoreMode,
  warn: (message: string) => void,
  job: JobOptions,
): Promise<void> {
  const states = new Map<Slot, MountState>();
  for (const slot of ready.slots) states.set(slot, await lookAt(connection, slot, job));
  const full = ready.slots.find((slot) => states.get(slot)?.isEmpty === false);
  if (mode === 'empty' && full !== undefined) {
    throw new TargetNotEmpty(
      full.source,
      l10n.t(
        '"{0}" holds data, and the restore was asked for an empty target; choose "merge" to write over it, "replace" to put the archive in its place, or another target.',
        full.source,
      ),
    );
  }
  const kept = ready.slots.map((slot) =>
    keptOf(slot, states.get(slot) ?? { isFile: false, isEmpty: true, root: undefined }),
  );
  const replaced = [...states.values()].filter(({ isFile }) => isFile);
  if (mode === 'merge') {
    await write(connection, ready, writer, states, job);
  } else if (mode === 'empty' || full === undefined) {
    await orClear(
      connection,
      kept.filter(({ only }) => only === undefined),
      job,
      () => write(connection, ready, writer, states, job),
    );
  } else {
    await requireTool(
      connection,
      l10n.t('Replacing what is there, with a safety copy of it, needs a helper program.'),
      job.log,
    );
    const undo: UndoRestore = { kind: 'restore', id: safetyId(), kept };
    await orPutBack(connection, undo, job, () => write(connection, ready, writer, states, job));
  }
  await writeRoots(connection, ready.roots, job).catch((error: unknown) =>
    warn(l10n.t("Owner, mode and time of the target's root directory could not be set: {0}", (error as Error).message)),
  );
  if (replaced.length > 0)
    warn(l10n.t('A container that mounts a single file sees the restored one after its next start.'));
}

/** A target that was empty is empty again when the task fails. */
async function orClear(
  connection: Connection,
  kept: readonly Kept[],
  job: JobOptions,
  task: () => Promise<void>,
): Promise<void> {
  const hasTool = (await findTool(connection, job.log)) !== undefined;
  const record = hasTool ? await recordClear(connection, kept) : undefined;
  try {
    await task();
  } catch (error) {
    if (!hasTool)
      job.log.warn(
        `What was written so far is still in ${kept.map(({ source }) => `"${source}"`).join(', ')}: there is no helper program for this engine to remove it with.`,
      );
    else {
      try {
        await clearContents(connection, kept, job.log);
      } catch (failure) {
        record?.leave();
        job.log.error(
          `The target could not be emptied again now and will be at the next connection: ${(failure as Error).message}`,
        );
        throw error;
      }
    }
    await record?.end();
    throw error;
  }
  await record?.end();
}

/** What was there is put aside, and comes back when the task fails. */
async function orPutBack(
  connection: Connection,
  undo: UndoRestore,
  job: JobOptions,
  task: () => Promise<void>,
): Promise<void> {
  const record = await recordUndo(connection, undo);
  try {
    await moveAside(connection, undo, job.log);
    await task();
    if (job.signal.aborted) throw new Cancelled('The restore');
  } catch (error) {
    try {
      await putBackContents(connection, undo, job.log);
    } catch (failure) {
      record.leave();
      job.log.error(
        `What was there before could not be put back now and will be at the next connection: ${(failure as Error).message}`,
      );
      throw error;
    }
    await record.end();
    throw error;
  }
  // From here on there is no way back: this one step makes the restore final.
  const finish: UndoRestore = { ...undo, kind: 'finish' };
  await record.note(finish);
  try {
    await giveUpSafety(connection, finish, job.log);
    await record.end();
  } catch (error) {
    record.leave();
    job.log.warn(
      `The safety copy could not be removed now and will be at the next connection: ${(error as Error).message}`,
    );
  }
}

/** Writes the chosen members: directories by one stream, each single file into the directory around it. */
async function write(
  connection: Connection,
  ready: Ready,
  writer: Reader,
  states: ReadonlyMap<Slot, MountState>,
  job: JobOptions,
): Promise<void> {
  const { reader, slots, selects } = ready;
  const files = slots.filter((slot) => states.get(slot)?.isFile === true);
  const directories = slots.filter((slot) => !files.includes(slot));
  if (directories.length > 0) {
    const inFile = (path: string) => files.some(({ prefix }) => path === prefix);
    const onMember = (member: TarMember) => job.log.debug(printableName(member.name));
    const select = (member: TarMember) => {
      if (!selects(member) || inFile(memberPath(member.name))) return false;
      return writer.method === 'archive' && member.sparse === 'gnu' ? asNewSparse(member) : true;
    };
    const members = reader.members(job, { onMember, select });
    await extract(connection, directories, writer, members, job);
  }
  for (const slot of files) {
    const name = Buffer.from(posix.basename(slot.source));
    let isFound = false;
    const select = (member: TarMember) => {
      const isIt = slot.prefix === '' ? memberPath(member.name) !== '' : memberPath(member.name) === slot.prefix;
      if (!isIt || isFound) return false;
      if (!['0', '7', 'S'].includes(member.type))
        throw new BadArgument(
          'strip',
          l10n.t('"{0}" is a file, and what the archive holds for it is none.', slot.source),
        );
      isFound = true;
      return blocksWithName(member, name);
    };
    const around: Slot = { type: 'bind', source: posix.dirname(slot.source), prefix: '' };
    await extract(connection, [around], writer, reader.members(job, { onMember: () => undefined, select }), job);
  }
}
