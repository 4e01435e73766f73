/** What the engine's archive endpoint says about a path, in the header of its answers to HEAD and GET. */
import * as l10n from '@vscode/l10n';
import { EngineFailure } from '../errors.ts';

/** What the engine says about a path; a link at its end is not followed. */
export interface PathStat {
  readonly type: 'file' | 'directory' | 'link' | 'other';
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly mtime: number;
  /** Permission bits, without set-user-id and the like. */
  readonly mode: number;
  /** The final target of a link, as an absolute path in the container; '' for anything else. */
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

/** Reads the header of an answer. Throws EngineFailure for one that is missing or impossible for a file. */
export function pathStatOf({ headers }: { readonly headers: Readonly<Record<string, string | undefined>> }): PathStat {
  let said: Readonly<Record<string, unknown>> | null = null;
  try {
    const json = Buffer.from(headers[HEADER] ?? '', 'base64').toString('utf8');
    said = JSON.parse(json) as Readonly<Record<string, unknown>> | null;
  } catch {
    // Reported below.
  }
  const { size, mode, mtime, linkTarget = '' } = said ?? {};
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (isCount(size) && isCount(mode) && typeof mtime === 'string' && typeof linkTarget === 'string')
    return { type: typeOf(mode), size, mtime: Date.parse(mtime), mode: mode % 0o1000, linkTarget };
  throw new EngineFailure(
    0,
    l10n.t('The engine reported impossible facts about a file. Check that it is a working Docker engine.'),
  );
}
