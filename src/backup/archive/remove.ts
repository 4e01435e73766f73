/** Removes archives with their manifests, and what remains of unfinished ones. */
import * as l10n from '@vscode/l10n';
import { readdir, stat, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { BadArgument, FileFailure, NotFound } from '../../engine/errors.ts';
import { hasArchiveName } from './compression.ts';
import { manifestPath } from './manifest.ts';
import { withoutEnding } from './compression.ts';

function removalError(file: string, error: unknown): Error {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'ENOENT')
    return new NotFound('file', file, l10n.t('The archive "{0}" does not exist; refresh the view.', file), {
      cause: error,
    });
  return new FileFailure(
    file,
    code,
    l10n.t('"{0}" cannot be removed ({1}); check the permissions of its folder.', file, code),
    { cause: error },
  );
}

/**
 * Removes the archive first: a manifest alone does not count as a backup. Throws BadArgument where the name is not that
 * of an archive, NotFound and FileFailure.
 */
export async function removeBackup(path: string): Promise<void> {
  const file = resolve(path);
  if (!hasArchiveName(file))
    throw new BadArgument('file', l10n.t('"{0}" does not have the name of an archive and is not removed.', file));
  try {
    if (!(await stat(file)).isFile())
      throw new BadArgument('file', l10n.t('"{0}" is not a file and is not removed.', file));
    await unlink(file);
    await unlink(manifestPath(file)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  } catch (error) {
    if (error instanceof BadArgument) throw error;
    throw removalError(file, error);
  }
}

function isPartial(name: string): boolean {
  const whole = name.replace(/\.partial$/, '');
  return whole !== name && withoutEnding(whole) !== whole;
}

/** A backup that has not written to its partial archive for a day no longer runs. */
const STALE_AFTER_MS = 24 * 3600 * 1000;

/**
 * Removes what a backup left behind when its window or machine stopped in the middle of it. Returns the files; never
 * throws.
 */
export async function removeStalePartials(folder: string, now: number = Date.now()): Promise<string[]> {
  const removed: string[] = [];
  for (const name of (await readdir(folder).catch(() => [])).filter((one) => isPartial(one))) {
    const file = join(folder, name);
    const written = await stat(file).then(
      (facts) => (facts.isFile() ? facts.mtimeMs : now),
      () => now,
    );
    if (now - written < STALE_AFTER_MS) continue;
    await unlink(file).then(
      () => removed.push(file),
      () => undefined,
    );
  }
  return removed;
}
