/** What the record of a job says: what must be undone if its window or its engine stops. */
import * as l10n from '@vscode/l10n';
import { BadArgument } from '../../engine/errors.ts';
import type { TarMember } from '../../tar/members.ts';
import type { MountSource } from '../../engine/helper/helper.ts';

/** A mount, or the one file in it that will be replaced, and the facts of its root. */
export interface Kept extends MountSource {
  readonly only?: string;
  /** `uid:gid`, octal mode and seconds, as the tool takes them; absent for a file. */
  readonly root?: { readonly owner: string; readonly mode: string; readonly mtime: string };
  /** What it was when a job began; see `identityOf`. Only in the record of a job that would empty it. */
  readonly identity?: string;
}

/** For a restore that replaces. */
export interface UndoRestore {
  /** `finish` once all is written: then the safety copy is removed and no longer put back. */
  readonly kind: 'restore' | 'finish';
  readonly id: string;
  readonly kept: readonly Kept[];
}

/** For a job that keeps containers from writing meanwhile. */
export interface UndoQuiet {
  readonly kind: 'resume';
  readonly how: 'pause' | 'stop';
  readonly containers: readonly { readonly id: string; readonly name: string }[];
}

/** For a job that writes into an empty target. */
export interface UndoWriting {
  readonly kind: 'clear';
  readonly kept: readonly Kept[];
}

/** For a job that creates a volume. */
export interface UndoVolume {
  readonly kind: 'removeVolume';
  readonly volume: string;
  /** Distinguishes it from another of the same name; absent until it is created, and where nothing distinguishes it. */
  readonly identity?: string;
}

export type UndoRecord = UndoRestore | UndoQuiet | UndoWriting | UndoVolume;

/** The root's facts as the tool takes them; nothing where the root's entry is not known. */
export function keptRoot(root: TarMember | undefined): Pick<Kept, 'root'> {
  if (root === undefined) return {};
  const { uid, gid, mode, mtime } = root;
  return { root: { owner: `${uid}:${gid}`, mode: (mode & 0o7777).toString(8), mtime: String(mtime) } };
}

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

/** The record as one of the kinds that can be undone. Throws BadArgument for any other, perhaps of a newer version. */
export function parseUndo(what: unknown): UndoRecord {
  if (isObject(what)) {
    switch (what['kind']) {
      case 'resume':
        if ((what['how'] === 'pause' || what['how'] === 'stop') && areContainers(what['containers']))
          return what as unknown as UndoQuiet;
        break;
      case 'restore':
      case 'finish':
        // The safety directory's name is passed to a program that removes things: only names of ours are accepted.
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
    l10n.t('This version of the extension cannot read the record of an interrupted job, so the job was not undone.'),
  );
}
