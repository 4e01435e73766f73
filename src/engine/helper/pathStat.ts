/** What the engine's archive endpoint says about a path, in the header of its answers to HEAD and GET. */
import * as l10n from '@vscode/l10n';
import { EngineFailure } from '../errors.ts';

/** What the engine says about a path, following no link at its end. */
export interface PathStat {
  readonly type: 'file' | 'directory' | 'link' | 'other';
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly mtime: number;
  /** Permission bits, set-user-id and the like left out. */
  readonly mode: number;
  /** Where a link leads in the end, as an absolute path in the container; '' for anything else. */
  readonly linkTarget: string;
}

const HEADER = 'x-docker-container-path-stat';

// Bits of Go's os.FileMode, which the engine answers with.
const GO_DIRECTORY = 2 ** 31;
const GO_LINK = 2 ** 27;
const GO_OTHER = 0x07280000;

function typeOf(mode: number): PathStat['type'] {
  if (mode >= GO_DIRECTORY) return 'directory';
  if ((mode & GO_LINK) !== 0) return 'link';
  return (mode & GO_OTHER) !== 0 ? 'other' : 'file';
}

/** Reads the header of an answer. Throws EngineFailure for one that is missing or says what no file can be. */
export function pathStatOf({ headers }: { readonly headers: Readonly<Record<string, string | undefined>> }): PathStat {
  let said: Readonly<Record<string, unknown>> | null = null;
  try {
    const json = Buffer.from(headers[HEADER] ?? '', 'base64').toString('utf8');
    said = JSON.parse(json) as Readonly<Record<string, unknown>> | null;
  } catch {
    // Said below.
  }
  const { size, mode, mtime, linkTarget = '' } = said ?? {};
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (isCount(size) && isCount(mode) && typeof mtime === 'string' && typeof linkTarget === 'string')
    return { type: typeOf(mode), size, mtime: Date.parse(mtime), mode: mode % 0o1000, linkTarget };
  throw new EngineFailure(
    0,
    l10n.t('The engine says of a file what no file can have. Is it a Docker engine, and a sound one?'),
  );
}
