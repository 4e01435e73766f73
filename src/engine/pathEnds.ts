/**
 * Slashes at the end of a path, taken off by hand: an expression such as `/\/+$/` begins anew at each slash of a run,
 * so that a long path made for it takes time that grows with the square of its length.
 */

/** Without the slashes at its end; '' for the root. */
export function withoutEndSlashes(path: string): string {
  let end = path.length;
  while (end > 0 && path[end - 1] === '/') end -= 1;
  return path.slice(0, end);
}

/** Without the slashes at its end, but for the root's own. */
export function withoutEndSlash(path: string): string {
  return withoutEndSlashes(path) || path.slice(0, 1);
}

/** Whether a path is a directory or lies below it; both as text, without a look at any file system. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${withoutEndSlashes(directory)}/`);
}
