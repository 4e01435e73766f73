/** Compares an archive with the mounts that it belongs to, and changes nothing. */
import * as l10n from '@vscode/l10n';
import { posix } from 'node:path';
import { NotFound } from '../../engine/errors.ts';

import { SAFETY } from './safetyCopy.ts';
import { differenceOf, Listing, type Difference } from './compare.ts';
import { memberPath } from '../../tar/names.ts';
import { isWithin } from '../archive/prefix.ts';
import { lookAt, walkMount } from '../source/look.ts';
import { prepared, restoreError, type Ready, type RestoreRequest } from './prepare.ts';
import { placementOf } from './target.ts';
import { KnownScans } from '../archive/scan.ts';
import { verifyBackup, type VerifyResult } from '../archive/verify.ts';
import type { Job } from '../../engine/job.ts';
import type { Subject } from '../subject.ts';

/** What a restore would do. */
export interface DryRun extends Difference {
  readonly entries: number;
  readonly bytes: number;
  /** Directory of the archive that is left out, '' for none; a container can have several. */
  readonly strip: readonly string[];
}

/** How the archive differs from what is in its placements, contents included. */
async function comparePlacements(
  job: Job,
  { reader, target, placements, selects }: Ready,
  keeps: boolean,
): Promise<Difference> {
  let all: Difference = { added: [], changed: [], removed: [], unchanged: 0 };
  for (const placement of placements) {
    const archive = new Listing(
      placement.prefix,
      (member) => selects(member) && placementOf(placements, memberPath(member.name)) === placement,
    );
    await reader.check(job, archive.walk);
    const inner = placements
      .filter((other) => other !== placement && isWithin(other.prefix, placement.prefix))
      .map(({ prefix }) => prefix);
    const isMountPoint = (path: string) =>
      inner.includes(placement.prefix === '' ? path : `${placement.prefix}/${path}`);
    const there = new Listing(
      '',
      ({ name }) => !memberPath(name).startsWith(SAFETY) && !isMountPoint(memberPath(name)),
    );
    if (target.makes === undefined) await walkMount(job, placement, there.walk);
    const one = differenceOf(archive, there, keeps);
    const named = (paths: readonly string[]) =>
      paths.map((path) =>
        placements.length > 1
          ? posix.join(Buffer.from(placement.prefix, 'latin1').toString('utf8'), path)
          : path === ''
            ? posix.basename(placement.source)
            : path,
      );
    all = {
      added: [...all.added, ...named(one.added)],
      changed: [...all.changed, ...named(one.changed)],
      removed: [...all.removed, ...named(one.removed)],
      unchanged: all.unchanged + one.unchanged,
    };
  }
  return all;
}

/** What a restore would add, change and remove. Changes nothing. */
export async function previewRestore(job: Job, request: RestoreRequest): Promise<DryRun> {
  try {
    return await prepared(job, request, async (ready) => {
      const difference = await comparePlacements(job, ready, request.mode !== 'replace');
      const { placements, entries, bytes } = ready;
      return {
        entries,
        bytes,
        strip: placements.map(({ prefix }) => Buffer.from(prefix, 'latin1').toString('utf8')),
        ...difference,
      };
    });
  } catch (error) {
    throw await restoreError(error, job, request);
  }
}

export interface Outline {
  readonly entries: number;
  readonly bytes: number;
  readonly strip: readonly string[];
  /** Nothing is in the target. */
  readonly isEmpty: boolean;
}

/** Checks the whole archive and says which part would go where; of the target it checks only whether it is empty. */
export async function describeRestore(job: Job, request: RestoreRequest): Promise<Outline> {
  try {
    return await prepared(job, request, async ({ target, placements, entries, bytes }) => {
      let isEmpty = true;
      if (target.makes === undefined)
        for (const placement of placements) isEmpty &&= (await lookAt(job, placement)).isEmpty;
      return {
        entries,
        bytes,
        strip: placements.map(({ prefix }) => Buffer.from(prefix, 'latin1').toString('utf8')),
        isEmpty,
      };
    });
  } catch (error) {
    throw await restoreError(error, job, request);
  }
}

/** Enough names to show what is wrong. */
const MOST_PROBLEMS = 1000;

/**
 * Verifies an archive like `verifyBackup`, and that the target holds the same: names, owners, modes, times and
 * contents. Throws what a restore would throw, except for a damaged archive, which is a verdict.
 */
export async function verifyAgainst(job: Job, file: string, into: Subject, passphrase?: string): Promise<VerifyResult> {
  const known = new KnownScans();
  const verdict = await verifyBackup(file, job, passphrase, known);
  if (!verdict.ok) return verdict;
  const request: RestoreRequest = { file, into, mode: 'replace', passphrase, known };
  try {
    return await prepared(job, request, async (ready) => {
      if (ready.target.makes !== undefined)
        throw new NotFound(
          'volume',
          ready.target.name,
          l10n.t('There is no volume "{0}" on this engine to compare the archive with.', ready.target.name),
        );
      const { added, changed, removed } = await comparePlacements(job, ready, false);
      const problems = [
        ...changed.map((path) => `"${path}" differs from the archive`),
        ...added.map((path) => `"${path}" is in the archive only`),
        ...removed.map((path) => `"${path}" is not in the archive`),
      ];
      const shown =
        problems.length > MOST_PROBLEMS
          ? [...problems.slice(0, MOST_PROBLEMS), `${problems.length - MOST_PROBLEMS} more`]
          : problems;
      job.log.info(
        `Compared "${file}" with "${ready.target.name}": ${problems.length === 0 ? 'the same' : `${problems.length} differences`}.`,
      );
      return { ...verdict, ok: problems.length === 0, problems: shown };
    });
  } catch (error) {
    throw await restoreError(error, job, request);
  }
}
