/** Compares an archive with the mounts that it belongs to, and changes nothing. */
import * as l10n from '@vscode/l10n';
import { posix } from 'node:path';
import type { Connection } from '../../engine/connection.ts';
import { NotFound } from '../../engine/errors.ts';
import type { JobOptions } from '../../engine/log.ts';
import { SAFETY } from './safetyCopy.ts';
import { differenceOf, Listing, type Difference } from './compare.ts';
import { memberPath } from '../../tar/names.ts';
import { isWithin } from '../archive/prefix.ts';
import { lookAt, walkMount } from '../source/look.ts';
import { nameFailure, prepared, type Ready, type RestoreRequest } from './prepare.ts';
import { slotOf, type RestoreInto } from './target.ts';
import { verifyBackup, type VerifyResult } from '../archive/verify.ts';

/** What a restore would do. */
export interface DryRun extends Difference {
  readonly entries: number;
  readonly bytes: number;
  /** Directory of the archive that is left out, '' for none; several for a container. */
  readonly strip: readonly string[];
}

/** What the slots of an archive and what is there have otherwise, contents included. */
async function compareSlots(
  connection: Connection,
  { reader, target, slots, selects }: Ready,
  keeps: boolean,
  job: JobOptions,
): Promise<Difference> {
  let all: Difference = { added: [], changed: [], removed: [], unchanged: 0 };
  for (const slot of slots) {
    const archive = new Listing(
      slot.prefix,
      (member) => selects(member) && slotOf(slots, memberPath(member.name)) === slot,
    );
    await reader.check(job, archive.walk);
    const inner = slots
      .filter((other) => other !== slot && isWithin(other.prefix, slot.prefix))
      .map(({ prefix }) => prefix);
    const isMountPoint = (path: string) => inner.includes(slot.prefix === '' ? path : `${slot.prefix}/${path}`);
    const there = new Listing(
      '',
      ({ name }) => !memberPath(name).startsWith(SAFETY) && !isMountPoint(memberPath(name)),
    );
    if (target.makes === undefined) await walkMount(connection, slot, job, there.walk);
    const one = differenceOf(archive, there, keeps);
    const named = (paths: readonly string[]) =>
      paths.map((path) =>
        slots.length > 1
          ? posix.join(Buffer.from(slot.prefix, 'latin1').toString('utf8'), path)
          : path === ''
            ? posix.basename(slot.source)
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
export async function previewRestore(
  connection: Connection,
  request: RestoreRequest,
  job: JobOptions,
): Promise<DryRun> {
  try {
    return await prepared(connection, request, job, async (ready) => {
      const difference = await compareSlots(connection, ready, request.mode !== 'replace', job);
      const { slots, entries, bytes } = ready;
      return {
        entries,
        bytes,
        strip: slots.map(({ prefix }) => Buffer.from(prefix, 'latin1').toString('utf8')),
        ...difference,
      };
    });
  } catch (error) {
    throw await nameFailure(error, connection, request, job);
  }
}

export interface Outline {
  readonly entries: number;
  readonly bytes: number;
  readonly strip: readonly string[];
  /** Nothing is in the way. */
  readonly isEmpty: boolean;
}

/** Checks the archive whole, and says what of it would go where; looks only at whether the target is empty. */
export async function describeRestore(
  connection: Connection,
  request: RestoreRequest,
  job: JobOptions,
): Promise<Outline> {
  try {
    return await prepared(connection, request, job, async ({ target, slots, entries, bytes }) => {
      let isEmpty = true;
      if (target.makes === undefined)
        for (const slot of slots) isEmpty &&= (await lookAt(connection, slot, job)).isEmpty;
      return {
        entries,
        bytes,
        strip: slots.map(({ prefix }) => Buffer.from(prefix, 'latin1').toString('utf8')),
        isEmpty,
      };
    });
  } catch (error) {
    throw await nameFailure(error, connection, request, job);
  }
}

/** Enough names to see what is wrong. */
const MOST_PROBLEMS = 1000;

/**
 * Verifies an archive as `verifyBackup` does, and that what is there now is what it holds: names, owners, modes, times
 * and contents. Throws what a restore would, but for a damaged archive, which is a verdict.
 */
export async function verifyAgainst(
  connection: Connection,
  file: string,
  into: RestoreInto,
  job: JobOptions,
  passphrase?: string,
): Promise<VerifyResult> {
  const verdict = await verifyBackup(file, job, passphrase);
  if (!verdict.ok) return verdict;
  const request: RestoreRequest = { file, into, mode: 'replace', passphrase };
  try {
    return await prepared(connection, request, job, async (ready) => {
      if (ready.target.makes !== undefined)
        throw new NotFound(
          'volume',
          ready.target.name,
          l10n.t('There is no volume "{0}" on this engine to compare the archive with.', ready.target.name),
        );
      const { added, changed, removed } = await compareSlots(connection, ready, false, job);
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
    throw await nameFailure(error, connection, request, job);
  }
}
