/** Puts right what a job left when its window or its engine went away: its record in the journal says what. */
import * as l10n from '@vscode/l10n';
import type { Connection } from '../engine/connection.ts';
import { BadArgument } from '../engine/errors.ts';
import type { Logger } from '../engine/log.ts';
import { volumeIfThere } from '../engine/volumes.ts';
import { giveUpSafety, putBackContents, type Kept, type UndoRestore } from './restore/safetyCopy.ts';
import { clearAfterwards, type UndoWriting } from './clear.ts';
import { resume, type UndoQuiet } from './consistency.ts';
import { removeMade, type UndoVolume } from './madeVolume.ts';

type Undoing = UndoRestore | UndoQuiet | UndoWriting | UndoVolume;

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
 * The record as one of the things that can be undone. Throws BadArgument for what is none, of a newer version perhaps.
 */
export function parseUndo(what: unknown): Undoing {
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

/** Leaves out volumes that are gone: mounting one would make it anew. */
async function stillThere(connection: Connection, kept: readonly Kept[], log: Logger): Promise<Kept[]> {
  const found: Kept[] = [];
  for (const one of kept) {
    const isGone = one.type === 'volume' && (await volumeIfThere(connection, one.source)) === undefined;
    if (isGone)
      log.warn(
        `Volume "${one.source}" was removed after a job on it was cut off; there is nothing to put right in it.`,
      );
    else found.push(one);
  }
  return found;
}

/** Throws where it cannot be done now; it may be tried again as often as needed. */
export async function undoJob(connection: Connection, what: unknown, log: Logger): Promise<void> {
  const undoing = parseUndo(what);
  switch (undoing.kind) {
    case 'resume':
      return resume(connection, undoing, log);
    case 'restore':
      return putBackContents(connection, { ...undoing, kept: await stillThere(connection, undoing.kept, log) }, log);
    case 'finish':
      return giveUpSafety(connection, { ...undoing, kept: await stillThere(connection, undoing.kept, log) }, log);
    case 'clear':
      return clearAfterwards(connection, { ...undoing, kept: await stillThere(connection, undoing.kept, log) }, log);
    case 'removeVolume':
      return removeMade(connection, undoing, log);
  }
}
