/** Restores an archive: reads and checks all of it first, then writes it, and undoes everything if anything fails. */
import * as l10n from '@vscode/l10n';
import { posix } from 'node:path';
import { BadArgument, Cancelled, TargetNotEmpty } from '../../engine/errors.ts';

import { requireTool } from '../../engine/helper/toolImage.ts';
import { withSafetyCopy } from './safetyCopy.ts';
import { checkConsistency, quietly } from '../consistency.ts';
import { memberPath } from '../../tar/names.ts';
import { extract, writeRoots } from './write.ts';
import { chooseToWrite, type MethodChoice } from '../source/method.ts';
import { lookAt, type MountState } from '../source/look.ts';
import { prepared, restoreError, type Ready, type RestoreMode, type RestoreRequest } from './prepare.ts';
import type { Placement } from './target.ts';
import { asNewSparse, blocksWithName } from '../../tar/rewrite.ts';
import { type TarMember } from '../../tar/members.ts';
import { printableName } from '../../tar/names.ts';
import { keepingWarnings, type Job } from '../../engine/job.ts';
import { fillingEmpty } from '../undo/emptyTarget.ts';
import { withNewVolume } from '../undo/newVolume.ts';
import { keptRoot, type Kept } from '../undo/records.ts';

export interface RestoreResult {
  readonly entries: number;
  /** Content of regular files. */
  readonly bytes: number;
  readonly seconds: number;
  readonly warnings: readonly string[];
}

/**
 * Restores. Throws BadArchive, BadArgument, NotFound, TargetNotEmpty, EngineUnavailable, EngineFailure or Cancelled; in
 * the modes `empty` and `replace` the target is then as before, or will be after the next connection.
 */
export async function restore(given: Job, request: RestoreRequest): Promise<RestoreResult> {
  const started = performance.now();
  const { job, warnings } = keepingWarnings(given);
  try {
    return await prepared(job, request, async (ready) => {
      const { target, placements, entries, bytes } = ready;
      if (job.signal.aborted) throw new Cancelled('The restore');
      const writer = await chooseToWrite(
        job.connection,
        { subject: target.name, images: target.images },
        request.method ?? 'auto',
        request.helperImage,
        job.log,
      );
      if (writer.method === 'archive' && ready.needsTar)
        job.warn(
          l10n.t(
            'The archive holds extended attributes or ACLs, of which the archive endpoint restores only some; use the method "tar" with an image that has GNU tar.',
          ),
        );
      job.log.info(`Restoring "${ready.reader.file}" into "${target.name}" (${request.mode}) by ${writer.method}.`);
      for (const { prefix, source } of placements)
        if (prefix !== '')
          job.log.info(
            `The contents of "${Buffer.from(prefix, 'latin1').toString('utf8')}" in the archive go into "${source}".`,
          );
      if (writer.method === 'archive' && ready.hasEarlyTimes)
        job.warn(l10n.t('The archive holds times before 1970, which the archive endpoint sets to 1970.'));
      if (target.makes !== undefined) await intoNewVolume(job, ready, writer);
      else {
        const aboutWriters = request.consistency === undefined ? { ...job, warn: job.log.info.bind(job.log) } : job;
        await quietly(aboutWriters, placements, checkConsistency(request.consistency), () =>
          intoExisting(job, ready, writer, request.mode),
        );
      }
      const seconds = (performance.now() - started) / 1000;
      job.log.info(
        `Restored "${ready.reader.file}" into "${target.name}": ${entries} entries, ${bytes} bytes in ${seconds.toFixed(1)} s.`,
      );
      return { entries, bytes, seconds, warnings };
    });
  } catch (error) {
    throw await restoreError(error, job, request);
  }
}

async function intoNewVolume(job: Job, ready: Ready, writer: MethodChoice): Promise<void> {
  const { makes } = ready.target;
  if (makes?.name === undefined) return;
  await withNewVolume(job, { ...makes, name: makes.name }, async () => {
    await write(job, ready, writer, new Map());
    await writeRoots(job, ready.roots);
  });
}

function keptOf(placement: Placement, { isFile, root }: MountState): Kept {
  if (isFile) return { type: 'bind', source: posix.dirname(placement.source), only: posix.basename(placement.source) };
  return { type: placement.type, source: placement.source, ...keptRoot(root) };
}

async function intoExisting(job: Job, ready: Ready, writer: MethodChoice, mode: RestoreMode): Promise<void> {
  const states = new Map<Placement, MountState>();
  for (const placement of ready.placements) states.set(placement, await lookAt(job, placement));
  const full = ready.placements.find((placement) => states.get(placement)?.isEmpty === false);
  if (mode === 'empty' && full !== undefined) {
    throw new TargetNotEmpty(
      full.source,
      l10n.t(
        '"{0}" holds data, and the mode "empty" needs an empty target; choose "merge" to overwrite only what the archive holds, "replace" to replace everything, or another target.',
        full.source,
      ),
    );
  }
  const kept = ready.placements.map((placement) =>
    keptOf(placement, states.get(placement) ?? { isFile: false, isEmpty: true, root: undefined }),
  );
  const replaced = [...states.values()].filter(({ isFile }) => isFile);
  if (mode === 'merge') {
    await write(job, ready, writer, states);
  } else if (mode === 'empty' || full === undefined) {
    const directories = kept.filter(({ only }) => only === undefined);
    await fillingEmpty(job, directories, () => write(job, ready, writer, states));
  } else {
    await requireTool(
      job.connection,
      l10n.t('Replacing what is there, with a safety copy, needs a helper program.'),
      job.log,
    );
    await withSafetyCopy(job, kept, () => write(job, ready, writer, states));
  }
  await writeRoots(job, ready.roots).catch((error: unknown) =>
    job.warn(
      l10n.t("Owner, mode and time of the target's root directory could not be set: {0}", (error as Error).message),
    ),
  );
  if (replaced.length > 0)
    job.warn(l10n.t('A container that mounts a single file sees the restored file after its next start.'));
}

/** Writes the chosen members: directories by one stream, each single file into the directory around it. */
async function write(
  job: Job,
  ready: Ready,
  writer: MethodChoice,
  states: ReadonlyMap<Placement, MountState>,
): Promise<void> {
  const { reader, sha256, placements, selects } = ready;
  const files = placements.filter((placement) => states.get(placement)?.isFile === true);
  const directories = placements.filter((placement) => !files.includes(placement));
  if (directories.length > 0) {
    const inFile = (path: string) => files.some(({ prefix }) => path === prefix);
    const onMember = (member: TarMember) => job.log.debug(printableName(member.name));
    const select = (member: TarMember) => {
      if (!selects(member) || inFile(memberPath(member.name))) return false;
      return writer.method === 'archive' && member.sparse === 'gnu' ? asNewSparse(member) : true;
    };
    const members = reader.members(job, { onMember, select }, sha256);
    await extract(job, directories, writer, members);
  }
  for (const placement of files) {
    const name = Buffer.from(posix.basename(placement.source));
    let isFound = false;
    const select = (member: TarMember) => {
      const isIt =
        placement.prefix === '' ? memberPath(member.name) !== '' : memberPath(member.name) === placement.prefix;
      if (!isIt || isFound) return false;
      if (!['0', '7', 'S'].includes(member.type))
        throw new BadArgument(
          'strip',
          l10n.t('"{0}" is a file, but the archive does not hold a file for it.', placement.source),
        );
      isFound = true;
      return blocksWithName(member, name);
    };
    const around: Placement = { type: 'bind', source: posix.dirname(placement.source), prefix: '' };
    await extract(job, [around], writer, reader.members(job, { onMember: () => undefined, select }, sha256));
  }
}
