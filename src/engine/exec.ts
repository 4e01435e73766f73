/** A program in a container that runs already: quicker than a container for each. */
import { buffer } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { stdoutOf } from './attachStream.ts';
import { engineError } from './connection.ts';
import { EngineFailure } from './errors.ts';
import type { Helper } from './helpers.ts';
import type { Ran } from './tools.ts';

/** The engine learns of the end a moment after the output has ended. */
const EXIT_TRIES = 50;
const EXIT_EVERY_MS = 20;

/** Runs a program in a started helper to its end, as root. Throws EngineUnavailable, EngineFailure, NotFound where the helper is gone. */
export async function execIn(helper: Helper, command: readonly string[]): Promise<Ran> {
  try {
    const exec = await helper.container.exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true, User: '0:0', Env: ['LC_ALL=C'] });
    const output = (await exec.start({})) as Readable;
    let stderr = '';
    const split = stdoutOf((chunk) => (stderr += chunk.toString('utf8')));
    output.on('error', (error) => split.destroy(error));
    const stdout = await buffer(output.pipe(split));
    for (let tries = 0; tries < EXIT_TRIES; tries += 1) {
      const { Running, ExitCode } = await exec.inspect();
      if (!Running && ExitCode !== null) return { code: ExitCode, stdout, stderr };
      await sleep(EXIT_EVERY_MS);
    }
    throw new EngineFailure(0, 'A program in a helper container has ended, and the engine does not say how; try again.');
  } catch (error) {
    throw engineError(error, { kind: 'container', object: helper.container.id, doing: 'run a program in the helper container' });
  }
}
