/** Small programs in a local image, run in a helper: what the archive endpoint cannot do, such as moving and removing files. */
import * as l10n from '@vscode/l10n';
import { buffer } from 'node:stream/consumers';
import { stdoutOf } from './attachStream.ts';
import type { Connection } from './connection.ts';
import { EngineFailure, EngineUnavailable, NotFound } from './errors.ts';
import { createCommandHelper, type HelperMount } from './helpers.ts';
import type { Logger } from './log.ts';

const PROGRAMS = ['find', 'mv', 'rm', 'rmdir', 'mkdir', 'chown', 'chmod', 'touch', 'stat', 'sleep'];
/** Images looked at besides those that are known to be likely. */
const MOST_IMAGES = 20;

export interface Ran {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs a program of an image to its end. `command` goes to the engine as a list: no shell reads it, unless it is one. */
export async function runTool(connection: Connection, image: string, command: readonly string[], mounts: readonly HelperMount[], log: Logger): Promise<Ran> {
  const helper = await createCommandHelper(connection, image, command, mounts, log);
  try {
    const { output, exitCode } = await helper.run();
    let stderr = '';
    const stdout = await buffer(output.pipe(stdoutOf((chunk) => (stderr += chunk.toString('utf8')))));
    return { code: await exitCode, stdout, stderr };
  } finally {
    await helper.remove();
  }
}

/** Runs a shell script, whose text is fixed and whose values are arguments. Throws EngineFailure where it does not end with 0. */
export async function runScript(connection: Connection, image: string, script: string, args: readonly string[], mounts: readonly HelperMount[], log: Logger): Promise<string> {
  const { code, stdout, stderr } = await runTool(connection, image, ['sh', '-c', script, 'sh', ...args], mounts, log);
  if (code !== 0) throw new EngineFailure(code, l10n.t('A script in a helper container ended with code {0}: {1}', code, stderr.trim() || 'it gave no reason'));
  return stdout.toString('utf8');
}

/** Remembered, since an image id never changes its content. */
const known = new Map<string, boolean>();

async function hasTools(connection: Connection, image: string, log: Logger): Promise<boolean> {
  try {
    const id = (await connection.docker.getImage(image).inspect()).Id;
    const remembered = known.get(id);
    if (remembered !== undefined) return remembered;
    const { code } = await runTool(connection, id, ['sh', '-c', 'for p; do command -v "$p" > /dev/null || exit 3; done', 'sh', ...PROGRAMS], [], log);
    known.set(id, code === 0);
    return code === 0;
  } catch (error) {
    if (error instanceof EngineUnavailable) throw error;
    // An image without a shell is refused by the engine in words that differ.
    return false;
  }
}

/** A local image with a shell and the usual programs, the likely ones first; undefined where there is none. Nothing is pulled. */
export async function findTools(connection: Connection, likely: readonly string[], log: Logger): Promise<string | undefined> {
  for (const image of likely) if (await hasTools(connection, image, log)) return image;
  const others = (await connection.docker.listImages()).map(({ Id }) => Id).filter((id) => !likely.includes(id));
  for (const image of others.slice(0, MOST_IMAGES)) if (await hasTools(connection, image, log)) return image;
  return undefined;
}

/** The same, where there is no way without. */
export async function needTools(connection: Connection, likely: readonly string[], what: string, log: Logger): Promise<string> {
  const image = await findTools(connection, likely, log);
  if (image !== undefined) return image;
  throw new NotFound('image', '', l10n.t('{0} needs a local image with sh, find and mv, and there is none; pull one such as busybox, and name it in the setting "dockerMounts.backup.image".', what));
}

