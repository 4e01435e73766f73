/** Our own tool on a mount: an idle container, in which calls of the tool run one after the other. */
import * as l10n from '@vscode/l10n';
import type { Readable } from 'node:stream';
import type { Connection } from '../engine/connection.ts';
import { EngineFailure } from '../engine/errors.ts';
import { execIn, execStream } from '../engine/helper/exec.ts';
import type { Helper, HelperMount } from '../engine/helper/helper.ts';
import type { Logger } from '../engine/log.ts';
import { withoutEndSlashes } from '../engine/pathEnds.ts';
import { TOOL } from '../engine/helper/toolImage.ts';
import { asArgument, createTool, EXIT, reasonOf, type Ran } from '../engine/helper/tools.ts';
import { bytesOfText } from './names.ts';
import { messagePath } from './place.ts';

/** Where the mount is in the container of the tool. */
const TOOLS_TARGET = '/docker-mounts/files';
/** Where the new content of a single-file mount waits. */
export const STAGING = '/docker-mounts';

/** The access to a mount; reading gets it read-only. */
export type Access = 'read' | 'write';

interface ScriptFacts {
  readonly access: Access;
  /** The sentence that says what is not possible without the tool. */
  readonly needs: () => string;
  readonly failed: (path: string, why: string) => string;
}

/** Verbs of the tool. */
const SCRIPTS = {
  list: {
    access: 'read',
    needs: () => l10n.t('Listing files needs a helper program.'),
    failed: (path, why) => l10n.t('The files in "{0}" could not be listed: {1}.', path, why),
  },
  owner: {
    access: 'read',
    needs: () => l10n.t('Saving a file whose name is not UTF-8 needs a helper program.'),
    failed: (path, why) => l10n.t('A file in "{0}" could not be inspected: {1}.', path, why),
  },
  read: {
    access: 'read',
    needs: () => l10n.t('Reading a file whose name is not UTF-8 needs a helper program.'),
    failed: (path, why) => l10n.t('A file in "{0}" could not be read: {1}.', path, why),
  },
  remove: {
    access: 'write',
    needs: () => l10n.t('Deleting files needs a helper program.'),
    failed: (path, why) => l10n.t('Not everything in "{0}" could be deleted: {1}.', path, why),
  },
  move: {
    access: 'write',
    needs: () => l10n.t('Renaming files needs a helper program.'),
    failed: (path, why) => l10n.t('A file in "{0}" could not be renamed: {1}.', path, why),
  },
  commit: {
    access: 'write',
    needs: () => l10n.t('Moving a new file into place needs a helper program.'),
    failed: (path, why) => l10n.t('A file in "{0}" could not be saved: {1}.', path, why),
  },
} as const satisfies Record<string, ScriptFacts>;

export type Script = keyof typeof SCRIPTS;

/** What a mount must allow for a verb. */
export function accessOf(script: Script): Access {
  return SCRIPTS[script].access;
}

/** The sentence that says what is not possible without the tool. */
export function needsOf(script: Script): string {
  return SCRIPTS[script].needs();
}

/** Exit codes for which the caller has its own messages. */
const ANSWERS: readonly number[] = [
  0,
  EXIT.missing,
  EXIT.notADirectory,
  EXIT.outside,
  EXIT.exists,
  EXIT.isADirectory,
  EXIT.notEmpty,
  EXIT.otherMount,
];

/** Owned by a session, which removes it. */
export class ToolBox {
  readonly helper: Helper;
  readonly #source: HelperMount;

  private constructor(helper: Helper, source: HelperMount) {
    this.helper = helper;
    this.#source = source;
  }

  /**
   * Starts the tool on a mount. `staging` is for `overwrite`. Throws NotFound where there is no tool, EngineFailure,
   * EngineUnavailable.
   */
  static async open(
    connection: Connection,
    source: HelperMount,
    access: Access,
    log: Logger,
    staging = false,
  ): Promise<ToolBox> {
    const readOnly = access === 'read';
    const helper = await createTool(
      connection,
      ['idle'],
      { type: source.type, source: source.source, target: TOOLS_TARGET, readOnly },
      log,
      staging,
    );
    try {
      await helper.start();
      log.info(`This extension's own program has ${readOnly ? 'read-only' : 'write'} access to "${source.source}".`);
      return new ToolBox(helper, source);
    } catch (error) {
      await helper.remove();
      throw error;
    }
  }

  /** A path of the session as the tool takes it: relative to the mount. */
  #here(path: string): string {
    return asArgument(bytesOfText(path.slice(withoutEndSlashes(this.#source.target).length)));
  }

  #command(script: Script, args: readonly (string | boolean)[]): string[] {
    const passed = args.map((arg) =>
      typeof arg === 'boolean'
        ? arg
          ? '1'
          : '0'
        : arg.startsWith('/')
          ? this.#here(arg)
          : asArgument(bytesOfText(arg)),
    );
    return [TOOL, script, TOOLS_TARGET, ...passed];
  }

  /** Runs a verb whose output is large. The stream fails where the tool fails. */
  stream(script: Script, ...args: readonly string[]): Promise<Readable> {
    return execStream(this.helper, this.#command(script, args));
  }

  /**
   * Runs one verb. An argument that begins with `/` is a path of the session. Throws EngineFailure and what execIn
   * throws.
   */
  async run(script: Script, ...args: readonly (string | boolean)[]): Promise<Ran> {
    const ran = await execIn(this.helper, this.#command(script, args));
    if (!ANSWERS.includes(ran.code)) {
      const path = args.find((arg) => typeof arg === 'string') ?? '';
      throw new EngineFailure(ran.code, SCRIPTS[script].failed(messagePath(String(path)), reasonOf(ran)));
    }
    return ran;
  }

  /**
   * Copies the content of STAGING/new into the file that is the mount. Restores the old content if there is not enough
   * space.
   */
  async overwrite(): Promise<void> {
    const ran = await execIn(this.helper, [TOOL, 'overwrite', TOOLS_TARGET, `${STAGING}/new`, `${STAGING}/old`]);
    if (ran.code !== 0)
      throw new EngineFailure(
        ran.code,
        l10n.t('"{0}" could not be saved: {1}.', messagePath(this.#source.target), reasonOf(ran)),
      );
  }
}
