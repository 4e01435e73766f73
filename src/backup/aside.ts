/**
 * The safety copy of a restore that replaces: what is in a mount is moved into a directory in its root, by renames, so it
 * takes no time and no space, and loses nothing. The directory's name says how far the work is, so that whoever finds it
 * later knows what to do: `moving` holds some of the old entries, `before` all of them, `done` is no longer needed.
 */
import { randomBytes } from 'node:crypto';
import type { Connection } from '../engine/connection.ts';
import type { HelperMount } from '../engine/helpers.ts';
import type { Logger } from '../engine/log.ts';
import { runScript } from '../engine/tools.ts';

/** What a safety directory's name begins with, for those who list a mount. */
export const SAFETY = '.docker-mounts-';

/** A mount, or the one file in it that is to be replaced, and its root's own facts. */
export interface Kept {
  readonly type: 'bind' | 'volume';
  readonly source: string;
  readonly only?: string;
  /** `uid:gid`, octal mode and seconds, as the programs take them; absent for a file. */
  readonly root?: { readonly owner: string; readonly mode: string; readonly mtime: string };
}

/** What the marker of a replacing restore says. */
export interface UndoRestore {
  /** `finish` once all is written: then the safety copy goes instead of coming back. */
  readonly kind: 'restore' | 'finish';
  readonly id: string;
  readonly image: string;
  readonly kept: readonly Kept[];
}

const AT = '/docker-mounts/kept';

const mountOf = ({ type, source }: Kept): HelperMount => ({ type, source, target: AT, readOnly: false });

// In all scripts: $1 the directory, $2 the safety directories' names without their last word, $3 the one file or nothing.
const MOVE_ASIDE = `
cd "$1" || exit 1
mkdir "$2moving" || exit 1
if [ -n "$3" ]; then
  if [ -e "./$3" ] || [ -L "./$3" ]; then mv "./$3" "$2moving/" || exit 1; fi
else
  find . -mindepth 1 -maxdepth 1 ! -name "$2moving" -exec sh -c 'to=$0; exec mv "$@" "$to/"' "$2moving" {} + || exit 1
fi
mv "$2moving" "$2before"`;

const PUT_BACK = `
cd "$1" || exit 1
if [ -d "$2done" ]; then exec rm -rf "$2done"; fi
if [ -d "$2before" ]; then
  if [ -n "$3" ]; then rm -rf "./$3" || exit 1
  else find . -mindepth 1 -maxdepth 1 ! -name "$2before" -exec rm -rf {} + || exit 1
  fi
  mv "$2before" "$2moving" || exit 1
fi
if [ -d "$2moving" ]; then
  find "./$2moving" -mindepth 1 -maxdepth 1 -exec sh -c 'exec mv "$@" ./' sh {} + || exit 1
  rmdir "$2moving" || exit 1
  if [ -n "$4" ]; then chown "$4" . ; chmod "$5" . ; touch -d "@$6" . ; fi
fi
exit 0`;

const GIVE_UP = `
cd "$1" || exit 1
if [ -d "$2before" ]; then mv "$2before" "$2done" || exit 1; fi
exec rm -rf "$2done"`;

/** A new name for the safety directories of one restore. */
export function safetyId(): string {
  return `${SAFETY}${randomBytes(4).toString('hex')}-`;
}

async function run(connection: Connection, script: string, { id, image }: UndoRestore, kept: Kept, log: Logger): Promise<void> {
  const { owner = '', mode = '', mtime = '' } = kept.root ?? {};
  await runScript(connection, image, script, [AT, id, kept.only ?? '', owner, mode, mtime], [mountOf(kept)], log);
}

/** Moves what is there into the safety directory. */
export async function moveAside(connection: Connection, undo: UndoRestore, log: Logger): Promise<void> {
  for (const kept of undo.kept) await run(connection, MOVE_ASIDE, undo, kept, log);
}

/** Brings everything back, however far the restore was, and removes what it wrote. */
export async function putBackContents(connection: Connection, undo: UndoRestore, log: Logger): Promise<void> {
  for (const kept of undo.kept) {
    await run(connection, PUT_BACK, undo, kept, log);
    log.info(`"${kept.source}" holds again what it held before the restore.`);
  }
}

/** Removes the safety directories of a restore that went well. */
export async function giveUpSafety(connection: Connection, undo: UndoRestore, log: Logger): Promise<void> {
  for (const kept of undo.kept) await run(connection, GIVE_UP, undo, kept, log);
}

/** Empties a mount that was empty before. */
export async function clearContents(connection: Connection, image: string, mounts: readonly Kept[], log: Logger): Promise<void> {
  for (const kept of mounts) {
    const { owner = '', mode = '', mtime = '' } = kept.root ?? {};
    const script = 'cd "$1" && find . -mindepth 1 -maxdepth 1 -exec rm -rf {} + && { [ -z "$4" ] || { chown "$4" . ; chmod "$5" . ; touch -d "@$6" . ; }; }';
    await runScript(connection, image, script, [AT, '', '', owner, mode, mtime], [mountOf(kept)], log);
  }
}
