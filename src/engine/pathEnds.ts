/**
 * Removes slashes at the end of a path without a regular expression: `/\/+$/` starts again at each slash of a run, so
 * that its time grows with the square of the length of a malicious path.
 */

/** Without the slashes at its end; '' for the root. */
export function withoutEndSlashes(path: string): string {
  let end = path.length;
  while (end > 0 && path[end - 1] === '/') end -= 1;
  return path.slice(0, end);
}

/** Without the slashes at its end, except for the root itself. */
export function withoutEndSlash(path: string): string {
  return withoutEndSlashes(path) || path.slice(0, 1);
}

/** Whether a path is a directory or is below it; compares text only, not the file system. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${withoutEndSlashes(directory)}/`);
}
