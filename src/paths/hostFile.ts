/**
 * What the file system says about a path of this machine: where symbolic links lead. The only part of path mapping that
 * reads the disk.
 */
import { lstat, readlink, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, normalize, parse, resolve } from 'node:path';
import type { HostFile } from './paths.ts';

/**
 * The path without links; what does not exist (yet) keeps its name below what does. Undefined if nothing may be read.
 */
export async function realPathOf(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if ((code !== 'ENOENT' && code !== 'ENOTDIR') || dirname(path) === path) return undefined;
    const parent = await realPathOf(dirname(path));
    return parent && join(parent, basename(path));
  }
}

/**
 * A path of this machine with its real path and the links on its way. Never throws: what cannot be seen is left out.
 */
export async function lookAtHostFile(path: string): Promise<HostFile> {
  const real = await realPathOf(path);
  if (real === undefined || real === normalize(path)) return { path, ...(real === undefined ? {} : { real }) };
  const links: { at: string; reach: string }[] = [];
  for (const at of prefixes(normalize(path))) {
    const reach = await reachOf(at);
    if (reach !== undefined) links.push({ at, reach });
  }
  return { path, real, links };
}

/** `/a/b/c` → `/a`, `/a/b`, `/a/b/c` */
function prefixes(path: string): string[] {
  const found: string[] = [];
  for (let at = path; at !== parse(path).root && at !== dirname(at); at = dirname(at)) found.unshift(at);
  return found;
}

/**
 * The highest directory that a link leads through; undefined for anything that is not a link. A link to a link counts
 * as one that leads anywhere.
 */
async function reachOf(at: string): Promise<string | undefined> {
  const isLink = await lstat(at).then(
    (stats) => stats.isSymbolicLink(),
    () => false,
  );
  if (!isLink) return undefined;
  const { root } = parse(at);
  const target = await readlink(at).catch(() => root);
  if (isAbsolute(target)) return root;
  const [direct, resolved] = await Promise.all([realPathOf(dirname(at)), realPathOf(at)]);
  if (direct === undefined || resolve(direct, target) !== resolved) return root;
  return Array.from({ length: climbOf(target) }).reduce<string>((top) => dirname(top), dirname(at));
}

/** How many directories up a relative path leads at most: 2 for `../../a` and for `../a/../../b`. */
function climbOf(target: string): number {
  let depth = 0;
  let lowest = 0;
  for (const part of target.split(/[\\/]/)) {
    if (part === '..') depth -= 1;
    else if (part !== '' && part !== '.') depth += 1;
    lowest = Math.min(lowest, depth);
  }
  return -lowest;
}
