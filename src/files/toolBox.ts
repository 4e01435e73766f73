/**
 * Programs of a local image over a mount: a container that idles, and in it small scripts whose text is fixed. A value
 * reaches a script as an argument in octal escapes, so any bytes pass, through JSON and through every shell.
 */
import * as l10n from '@vscode/l10n';
import type { Readable } from 'node:stream';
import type { Connection } from '../engine/connection.ts';
import { EngineFailure } from '../engine/errors.ts';
import { execIn, execStream } from '../engine/exec.ts';
import { createCommandHelper, type Helper } from '../engine/helpers.ts';
import type { Logger } from '../engine/log.ts';
import type { Ran } from '../engine/tools.ts';
import { withoutEndSlashes } from '../engine/pathEnds.ts';
import { bytesOfText } from './names.ts';
import { messagePath, type Source } from './place.ts';

/** Where the mount is in the container of the tools. */
export const TOOLS_TARGET = '/docker-mounts/files';
/** Where a new content of a single-file mount waits. */
export const STAGING = '/docker-mounts';

/** Exit codes of the scripts. */
export const EXIT = { missing: 21, notADirectory: 22, outside: 23, exists: 24, isADirectory: 25, notEmpty: 26 } as const;

/**
 * `decode` leaves the argument's bytes in $d; the dot keeps line breaks at the end. `enter` goes to a directory and makes
 * sure that no link led out of the mount: there, the tools' own files would be taken for the user's.
 */
const PRELUDE = `
decode() { d=$(printf '%b.' "$1"); d=\${d%.}; }
there() { [ -e "$1" ] || [ -h "$1" ]; }
enter() {
  decode "$1"
  [ -e "$d" ] || exit ${EXIT.missing}
  [ -d "$d" ] || exit ${EXIT.notADirectory}
  cd "$d" || exit 1
  case "$(pwd -P)" in ${TOOLS_TARGET}|${TOOLS_TARGET}/*) ;; *) exit ${EXIT.outside} ;; esac
}
`;

const SCRIPTS = {
  /** directory → records `./NAME/MODE/SIZE/MTIME/`, which no name can imitate: it holds no slash. */
  list: `enter "$1"; find . ! -name . -prune -exec stat -c '%n/%f/%s/%Y/' {} +`,
  /** directory, name, recursive */
  remove: `
enter "$1"; decode "$2"; there "./$d" || exit ${EXIT.missing}
if [ "$3" = 1 ]; then rm -rf "./$d"
elif [ -d "./$d" ] && [ ! -h "./$d" ]; then
  [ -z "$(ls -A "./$d")" ] || exit ${EXIT.notEmpty}
  rmdir "./$d"
else rm -f "./$d"; fi`,
  /** directory, name, new directory, new name, overwrite */
  move: `
enter "$3"; decode "$4"; to="$(pwd -P; echo .)"; to="\${to%??}/$d"
enter "$1"; decode "$2"; there "./$d" || exit ${EXIT.missing}
if there "$to"; then
  [ "$5" = 1 ] || exit ${EXIT.exists}
  if [ -d "$to" ]; then rm -rf "$to"; fi
fi
mv -f "./$d" "$to"`,
  /**
   * directory, temporary name, name, overwrite: puts what was written aside in its place by one rename. What an hour ago
   * another session left aside goes.
   */
  commit: `
enter "$1"; decode "$2"; from="./$d"; decode "$3"
if there "./$d"; then
  [ "$4" = 1 ] || exit ${EXIT.exists}
  if [ -d "./$d" ]; then exit ${EXIT.isADirectory}; fi
fi
touch -c "$from"
find . ! -name . -prune -name '.docker-mounts-save-*' -mmin +60 -exec rm -rf {} +
mv -f "$from" "./$d"`,
  /** directory, name → owner, group and mode */
  owner: `enter "$1"; decode "$2"; there "./$d" || exit ${EXIT.missing}; stat -c '%u %g %f' "./$d"`,
  /** directory, name → content */
  read: `enter "$1"; decode "$2"; [ -f "./$d" ] || exit ${EXIT.missing}; exec cat "./$d"`,
  /** The content that waits goes into the file that is the mount; the old one comes back if it does not fit. */
  overwrite: `
cp ${TOOLS_TARGET} ${STAGING}/old || exit 1
cat ${STAGING}/new > ${TOOLS_TARGET} && exit 0
cat ${STAGING}/old > ${TOOLS_TARGET}; exit 1`,
} as const;

export type Script = keyof typeof SCRIPTS;

function octal(text: string): string {
  return [...bytesOfText(text)].map((byte) => `\\0${byte.toString(8).padStart(3, '0')}`).join('');
}

/** Owned by a session, which removes it. */
export class ToolBox {
  readonly helper: Helper;
  /** Where paths of the session begin, to be replaced by the place of the mount here. */
  readonly #target: string;

  private constructor(helper: Helper, target: string) {
    this.helper = helper;
    this.#target = target;
  }

  static async open(connection: Connection, image: string, { type, source, target, readOnly }: Source, log: Logger): Promise<ToolBox> {
    // The most that a busybox on 32 bits takes: 68 years.
    const helper = await createCommandHelper(connection, image, ['sleep', '2147483647'], [{ type, source, target: TOOLS_TARGET, readOnly }], log);
    try {
      await helper.start();
      return new ToolBox(helper, target);
    } catch (error) {
      await helper.remove();
      throw error;
    }
  }

  /** A path of the session as a script takes it. */
  #here(path: string): string {
    return octal(TOOLS_TARGET + path.slice(withoutEndSlashes(this.#target).length));
  }

  #command(script: Script, args: readonly (string | boolean)[]): string[] {
    const passed = args.map((arg) => (typeof arg === 'boolean' ? (arg ? '1' : '0') : arg.startsWith('/') ? this.#here(arg) : octal(arg)));
    return ['sh', '-c', PRELUDE + SCRIPTS[script], 'sh', ...passed];
  }

  /** Runs a script whose output is large. The stream fails where the script does. */
  stream(script: Script, ...args: readonly string[]): Promise<Readable> {
    return execStream(this.helper, this.#command(script, args));
  }

  /** Runs one script. Every argument that begins with `/` is a path of the session. Throws EngineFailure and what execIn throws. */
  async run(script: Script, ...args: readonly (string | boolean)[]): Promise<Ran> {
    const ran = await execIn(this.helper, this.#command(script, args));
    const isKnown = Object.values<number>(EXIT).includes(ran.code);
    if (ran.code !== 0 && !isKnown && script !== 'list') {
      const path = args.find((arg) => typeof arg === 'string') ?? '';
      throw new EngineFailure(ran.code, l10n.t('Could not {0} in "{1}": {2}.', VERBS[script], messagePath(String(path)), ran.stderr.trim() || `the program ended with code ${ran.code}`));
    }
    return ran;
  }
}

const VERBS: Record<Script, string> = { list: 'list files', remove: 'delete', move: 'rename', commit: 'save', owner: 'look at a file', read: 'read', overwrite: 'save' };
