/** What the record of a job says: what is to be put right should its window or its engine go away. */
import * as l10n from '@vscode/l10n';
import { BadArgument } from '../../engine/errors.ts';

/** A mount, or the one file in it that is to be replaced, and its root's own facts. */
export interface Kept {
  readonly type: 'bind' | 'volume';
  readonly source: string;
  readonly only?: string;
  /** `uid:gid`, octal mode and seconds, as the tool takes them; absent for a file. */
  readonly root?: { readonly owner: string; readonly mode: string; readonly mtime: string };
  /** What it was when a job began; see `identityOf`. Only in the record of a job that empties it. */
  readonly identity?: string;
}

/** Of a restore that replaces. */
export interface UndoRestore {
  /** `finish` once all is written: then the safety copy goes instead of coming back. */
  readonly kind: 'restore' | 'finish';
  readonly id: string;
  readonly kept: readonly Kept[];
}

/** Of a job that keeps containers from writing meanwhile. */
export interface UndoQuiet {
  readonly kind: 'resume';
  readonly how: 'pause' | 'stop';
  readonly containers: readonly { readonly id: string; readonly name: string }[];
}

/** Of a job that writes into what was empty. */
export interface UndoWriting {
  readonly kind: 'clear';
  readonly kept: readonly Kept[];
}

/** Of a job that makes a volume. */
export interface UndoVolume {
  readonly kind: 'removeVolume';
  readonly volume: string;
  /** What tells it from another of the same name; absent until it is made, and where nothing tells. */
  readonly identity?: string;
}

export type UndoRecord = UndoRestore | UndoQuiet | UndoWriting | UndoVolume;

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isOptionalText = (value: unknown): boolean => value === undefined || typeof value === 'string';
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isKept(value: unknown): value is Kept {
  if (
    !isObject(value) ||
    (value['type'] !== 'bind' && value['type'] !== 'volume') ||
    !isText(value['source']) ||
    !isOptionalText(value['only']) ||
    !isOptionalText(value['identity'])
  )
    return false;
  const root = value['root'];
  return root === undefined || (isObject(root) && [root['owner'], root['mode'], root['mtime']].every(isText));
}

const areKept = (value: unknown): value is readonly Kept[] => Array.isArray(value) && value.every(isKept);
const areContainers = (value: unknown): boolean =>
  Array.isArray(value) && value.every((one) => isObject(one) && isText(one['id']) && isText(one['name']));

/**
 * The record as one of the things that can be undone. Throws BadArgument for what is none of them, of a newer version
 * perhaps.
 */
export function parseUndo(what: unknown): UndoRecord {
  if (isObject(what)) {
    switch (what['kind']) {
      case 'resume':
        if ((what['how'] === 'pause' || what['how'] === 'stop') && areContainers(what['containers']))
          return what as unknown as UndoQuiet;
        break;
      case 'restore':
      case 'finish':
        // The safety directory's name goes to a program that removes: it can be nothing but one of ours.
        if (isText(what['id']) && /^\.docker-mounts-[0-9a-f]{8}-$/.test(what['id']) && areKept(what['kept']))
          return what as unknown as UndoRestore;
        break;
      case 'clear':
        if (areKept(what['kept'])) return what as unknown as UndoWriting;
        break;
      case 'removeVolume':
        if (isText(what['volume']) && isOptionalText(what['identity'])) return what as unknown as UndoVolume;
        break;
      default:
    }
  }
  throw new BadArgument(
    'record',
    l10n.t(
      'The record of a job that was cut off cannot be read by this version of the extension, so nothing was undone by it.',
    ),
  );
}
