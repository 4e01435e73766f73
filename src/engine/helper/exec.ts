/** Runs programs in a running container: faster than one container for each. */
import * as l10n from '@vscode/l10n';
import { PassThrough, type Readable, type Transform } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { stdoutOf } from './attachStream.ts';
import { engineError, type FailureContext } from '../connection.ts';
import { EngineFailure, NotFound, statusOf } from '../errors.ts';
import type { Helper } from './helper.ts';
import type { Ran } from './tools.ts';

/** The engine notices the end a moment after the output has ended. */
const EXIT_TRIES = 50;
/** The list of a directory with a million files. */
const MOST_OUTPUT_BYTES = 256 * 1024 * 1024;
const MOST_STDERR = 64 * 1024;
const EXIT_EVERY_MS = 20;

type Exec = Docker.Exec;

async function begin(
  helper: Helper,
  command: readonly string[],
  onStderr: (text: string) => void,
): Promise<{ exec: Exec; stdout: Transform }> {
  const exec = await helper.container.exec({
    Cmd: [...command],
    AttachStdout: true,
    AttachStderr: true,
    User: '0:0',
    Env: ['LC_ALL=C'],
  });
  const output = (await exec.start({})) as Readable;
  const stdout = stdoutOf((chunk) => onStderr(chunk.toString('utf8')));
  output.on('error', (error) => stdout.destroy(error));
  stdout.once('close', () => output.destroy());
  return { exec, stdout: output.pipe(stdout) };
}

async function exitCodeOf(exec: Exec): Promise<number> {
  for (let tries = 0; tries < EXIT_TRIES; tries += 1) {
    const { Running, ExitCode } = await exec.inspect();
    if (!Running && ExitCode !== null) return ExitCode;
    await sleep(EXIT_EVERY_MS);
  }
  throw new EngineFailure(
    0,
    l10n.t('A program in a helper container has ended, but the engine does not report its exit code; try again.'),
  );
}

/** 409 means that the container does not run: treated like one that no longer exists. */
function execError(error: unknown, helper: Helper): Error {
  if (statusOf(error) === 409)
    return new NotFound('container', helper.container.id, l10n.t('The helper container was stopped. Try again.'), {
      cause: error,
    });
  return engineError(error, context(helper));
}

const context = ({ container: { id } }: Helper): FailureContext => ({
  kind: 'container',
  object: id,
  failed: (why) => l10n.t('No program could be run in the helper container {0}: {1}', id, why),
});

/** Runs a program whose output is large; the stream fails where the program does not end with 0. */
export async function execStream(helper: Helper, command: readonly string[]): Promise<Readable> {
  try {
    let stderr = '';
    const { exec, stdout } = await begin(helper, command, (text) => (stderr = (stderr + text).slice(0, MOST_STDERR)));
    const checked = new PassThrough({
      flush(done) {
        exitCodeOf(exec).then(
          (code) =>
            done(
              code === 0
                ? null
                : new EngineFailure(
                    code,
                    l10n.t(
                      'A program in a helper container ended with code {0}: {1}.',
                      code,
                      stderr.trim() || 'it gave no reason',
                    ),
                  ),
            ),
          (error: unknown) => done(engineError(error, context(helper))),
        );
      },
    });
    stdout.on('error', (error) => checked.destroy(error));
    checked.once('close', () => stdout.destroy());
    return stdout.pipe(checked);
  } catch (error) {
    throw execError(error, helper);
  }
}

/**
 * Runs a program in a started helper to its end, as root. Throws EngineUnavailable, EngineFailure, NotFound where the
 * helper no longer exists.
 */
export async function execIn(helper: Helper, command: readonly string[]): Promise<Ran> {
  try {
    let stderr = '';
    const { exec, stdout } = await begin(helper, command, (text) => (stderr = (stderr + text).slice(0, MOST_STDERR)));
    const said: Buffer[] = [];
    let bytes = 0;
    for await (const piece of stdout as AsyncIterable<Buffer>) {
      said.push(piece);
      bytes += piece.length;
      if (bytes > MOST_OUTPUT_BYTES)
        throw new EngineFailure(
          0,
          l10n.t(
            'A program in a helper container wrote more than {0} MiB; it was not read further.',
            MOST_OUTPUT_BYTES / 1024 / 1024,
          ),
        );
    }
    return { code: await exitCodeOf(exec), stdout: Buffer.concat(said), stderr };
  } catch (error) {
    throw execError(error, helper);
  }
}
