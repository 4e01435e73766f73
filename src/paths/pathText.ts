/**
 * Absolute paths of two kinds, POSIX and Windows, as a root and its parts; made and compared without the file system.
 */

export interface PathParts {
  /** `/`, a drive such as `c:`, or a share such as `//server/share`. */
  readonly root: string;
  readonly parts: readonly string[];
}

const DRIVE = /^([a-zA-Z]):(?=[\\/]|$)/;
const SHARE = /^[\\/]{2}([^\\/]+)[\\/]+([^\\/]+)/;

/**
 * Splits an absolute path; `.`, `..`, double and trailing slashes are gone afterwards. Undefined for a relative path.
 */
export function parsePath(text: string): PathParts | undefined {
  const drive = DRIVE.exec(text);
  if (drive !== null)
    return { root: `${(drive[1] ?? '').toLowerCase()}:`, parts: partsOf(text.slice(2).split(/[\\/]/)) };
  const share = text.startsWith('\\\\') ? SHARE.exec(text) : null;
  if (share !== null)
    return { root: `//${share[1]}/${share[2]}`, parts: partsOf(text.slice(share[0].length).split(/[\\/]/)) };
  return text.startsWith('/') ? { root: '/', parts: partsOf(text.split('/')) } : undefined;
}

function partsOf(raw: readonly string[]): string[] {
  const parts: string[] = [];
  for (const part of raw) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts;
}

/** The path as its kind writes it. */
export function formatPath({ root, parts }: PathParts): string {
  if (root === '/') return `/${parts.join('/')}`;
  return `${root.replaceAll('/', '\\')}\\${parts.join('\\')}`;
}

/** The same path with more parts at its end. */
export function within({ root, parts }: PathParts, rest: readonly string[]): PathParts {
  return { root, parts: [...parts, ...rest] };
}

/**
 * What is left of `path` below `base`, in the path's own spelling; undefined if it is not the base or inside of it.
 */
export function below(base: PathParts, path: PathParts, ignoreCase: boolean): readonly string[] | undefined {
  const same = ignoreCase ? sameFolded : sameExactly;
  if (path.parts.length < base.parts.length || !same(base.root, path.root)) return undefined;
  // From the end: paths of one machine begin alike.
  for (let index = base.parts.length - 1; index >= 0; index -= 1) {
    if (!same(base.parts[index], path.parts[index])) return undefined;
  }
  return path.parts.slice(base.parts.length);
}

function sameExactly(a: string | undefined, b: string | undefined): boolean {
  return a === b;
}

function sameFolded(a: string | undefined, b: string | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && fold(a) === fold(b));
}

/** One text for every spelling of a path. */
export function pathKey(path: PathParts, ignoreCase: boolean): string {
  const text = [path.root, ...path.parts].join('\0');
  return ignoreCase ? fold(text) : text;
}

/** Disks that ignore case keep names in either form of Unicode too. */
function fold(text: string): string {
  return text.normalize('NFC').toLowerCase();
}
