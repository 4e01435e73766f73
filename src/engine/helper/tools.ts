/**
 * Our own tool (src/engine/helper/tool) in a helper: what the archive endpoint cannot do, such as moving and removing
 * files.
 */
import * as l10n from '@vscode/l10n';
import { buffer } from 'node:stream/consumers';
import { stdoutOf } from './attachStream.ts';
import type { Connection } from '../connection.ts';
import { EngineFailure, NotFound } from '../errors.ts';
import { createCommandHelper, type Helper, type HelperMount } from './helper.ts';
import type { Logger } from '../log.ts';
import { findTool, forgetTool, noToolText, TOOL } from './toolImage.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Exit codes of the tool besides 0 and 1; the same numbers are in tool.c. */
export const EXIT = {
  missing: 21,
  notADirectory: 22,
  outside: 23,
  exists: 24,
  isADirectory: 25,
  notEmpty: 26,
  mounted: 27,
  otherMount: 28,
} as const;

/** A name or path as the tool takes it. */
export function asArgument(bytes: Buffer): string {
  return bytes.toString('hex');
}

/**
 * What the tool may do as root. It reads all files; only with mounts that it may write, it can also set owners, modes
 * and times of others' files (capabilities(7)).
 */
const CAPABILITIES = { read: ['DAC_OVERRIDE'], write: ['DAC_OVERRIDE', 'CHOWN', 'FOWNER', 'FSETID'] } as const;

/**
 * A helper of the tool, not yet started. With `staging` it may write into its own file system. Throws NotFound where
 * there is no tool.
 */
export async function createTool(
  connection: Connection,
  args: readonly string[],
  mount: HelperMount,
  log: Logger,
  staging = false,
): Promise<Helper> {
  const create = async () => {
    const image = await findTool(connection, log);
    if (image === undefined)
      throw new NotFound('image', '', noToolText(connection, l10n.t('This needs a helper program.')));
    return createCommandHelper(
      connection,
      {
        image,
        command: [TOOL, ...args],
        capabilities: CAPABILITIES[mount.readOnly ? 'read' : 'write'],
        canWriteToItself: staging,
      },
      [mount],
      log,
    );
  };
  try {
    return await create();
  } catch (error) {
    // Something like "docker image prune" may have removed the image meanwhile.
    if (!(error instanceof NotFound) || (await findTool(connection, log)) === undefined) throw error;
    forgetTool(connection);
    return create();
  }
}

/** Runs the tool once over one mount, to its end. */
async function runTool(connection: Connection, args: readonly string[], mount: HelperMount, log: Logger): Promise<Ran> {
  const helper = await createTool(connection, args, mount, log);
  try {
    const { output, exitCode } = await helper.run();
    let stderr = '';
    const stdout = await buffer(output.pipe(stdoutOf((chunk) => (stderr += chunk.toString('utf8')))));
    return { code: await exitCode, stdout, stderr };
  } finally {
    await helper.remove();
  }
}

/** Why the tool failed, for the end of a sentence. */
export function reasonOf({ code, stderr }: Pick<Ran, 'code' | 'stderr'>): string {
  const said = stderr.trim();
  if (code === EXIT.mounted)
    return l10n.t('something else is mounted at "{0}", which must not be removed with it; unmount it first', said);
  return said || l10n.t('the program ended with code {0}', code);
}

/** Like runTool, but throws EngineFailure where the tool does not end with 0. */
export async function runToolOrFail(
  connection: Connection,
  args: readonly string[],
  mount: HelperMount,
  log: Logger,
): Promise<void> {
  const ran = await runTool(connection, args, mount, log);
  if (ran.code !== 0)
    throw new EngineFailure(
      ran.code,
      l10n.t('The helper program could not do its work in "{0}": {1}.', mount.source, reasonOf(ran)),
    );
}
