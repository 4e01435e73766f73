/** What is on this machine at the paths that files name, and whether those are the engine's paths. */
import { existsSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { NotSmallFile, readSmallText } from '../engine/boundedFile.ts';
import type { Connection } from '../engine/connection.ts';
import type { HostFacts, PathFact } from './drift.ts';
import { LimitReached } from './limits.ts';

/** No real file names more; a hostile one must not keep the disk busy. */
const MOST_PATHS = 300;
/** Of a file that another file names: a database under that name must not be read into memory. */
const MOST_BYTES = 6_000_000;

const isInContainer = existsSync('/.dockerenv') || existsSync('/run/.containerenv');

/** Whether the engine sees this machine's files: not if this runs in a container that was given only the socket. */
export function seesLocalPaths({ info }: Connection): boolean {
  return info.local && (!isInContainer || info.name === hostname());
}

async function factOf(path: string): Promise<PathFact> {
  try {
    const real = await realpath(path);
    return { kind: (await stat(real)).isDirectory() ? 'directory' : 'file', real };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { kind: code === 'ENOENT' || code === 'ENOTDIR' ? 'missing' : 'unknown', real: path };
  }
}

/** Looks at each path once. Never throws. */
export async function hostFacts(paths: readonly string[]): Promise<HostFacts> {
  const found = await Promise.all(
    [...new Set(paths)].slice(0, MOST_PATHS).map(async (path) => [path, await factOf(path)] as const),
  );
  return new Map(found);
}

/** The text of a file, or undefined for one that cannot be read. Throws LimitReached for one that is too large. */
export async function readSmallFile(file: string): Promise<string | undefined> {
  try {
    return await readSmallText(file, MOST_BYTES);
  } catch (error) {
    if (error instanceof NotSmallFile && error.problem === 'tooLarge') throw new LimitReached('tooLarge');
    return undefined;
  }
}
