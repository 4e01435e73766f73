/** Removes and renames within one mount. */
import { posix } from 'node:path';
import { FileRefused } from '../engine/errors.ts';
import { EXIT } from '../engine/helper/tools.ts';
import { missingError } from './stat.ts';
import { messagePath } from './place.ts';
import { runTool } from './runTool.ts';
import type { Session } from './helperPool.ts';
import { existsError, refuseReadOnly } from './write.ts';

/** The root of a mount cannot be removed or renamed. */
function refuseRoot({ source }: Session, path: string): void {
  if (path === source.target)
    throw new FileRefused(
      'notAFile',
      messagePath(path),
      `"${messagePath(path)}" is the mount itself, not a file in it; remove the mount or the volume instead.`,
    );
}

/** What the tool's exit code says about the path. */
function refusalError(code: number, path: string): Error {
  switch (code) {
    case EXIT.exists:
      return existsError(path);
    case EXIT.notEmpty:
      return new FileRefused('notEmpty', messagePath(path), `The directory "${messagePath(path)}" is not empty.`);
    case EXIT.notADirectory:
      return new FileRefused(
        'notADirectory',
        messagePath(path),
        `"${messagePath(posix.dirname(path))}" is not a directory.`,
      );
    case EXIT.outside:
      return new FileRefused(
        'notAFile',
        messagePath(path),
        `A link in "${messagePath(path)}" leads out of the mount; change the file at the link's target.`,
      );
    default:
      return missingError(path);
  }
}

/**
 * Removes a file, a link (not its target), or a directory. Throws NotFound, FileRefused, EngineUnavailable,
 * EngineFailure.
 */
export async function removeFile(session: Session, path: string, recursive: boolean): Promise<void> {
  refuseReadOnly(session, path);
  refuseRoot(session, path);
  const { code } = await runTool(session, 'remove', posix.dirname(path), posix.basename(path), recursive);
  if (code !== 0) throw refusalError(code, path);
}

/**
 * Renames within a mount, also into another directory of it. False where another file system is mounted in it, so that
 * a copy is needed. Throws NotFound, FileRefused, EngineUnavailable, EngineFailure.
 */
export async function moveFile(session: Session, from: string, to: string, overwrite: boolean): Promise<boolean> {
  refuseReadOnly(session, from);
  for (const path of [from, to]) refuseRoot(session, path);
  if (from === to) return true;
  if (to.startsWith(`${from}/`))
    throw new FileRefused('notADirectory', messagePath(to), `"${messagePath(from)}" cannot be moved into itself.`);
  const { code } = await runTool(
    session,
    'move',
    posix.dirname(from),
    posix.basename(from),
    posix.dirname(to),
    posix.basename(to),
    overwrite,
  );
  if (code === EXIT.otherMount) return false;
  if (code !== 0) throw refusalError(code, code === EXIT.missing ? from : to);
  return true;
}
