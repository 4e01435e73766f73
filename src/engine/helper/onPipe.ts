/** A helper and this process on the two ends of a named pipe. */
import { posix } from 'node:path';
import { EngineFailure } from '../errors.ts';
import type { Helper, HelperMount } from './helper.ts';
import type { Pipe } from './localPipe.ts';
import type { Logger } from '../log.ts';

const PIPE_AT = '/docker-mounts/pipe';

/**
 * Creates a helper with the pipe's directory mounted and its path given; undefined, with the pipe gone, where the
 * engine does not see it.
 */
export async function createOnPipe(
  pipe: Pipe,
  readOnly: boolean,
  create: (end: HelperMount, path: string) => Promise<Helper>,
  log: Logger,
): Promise<Helper | undefined> {
  try {
    return await create(
      { type: 'bind', source: pipe.directory, target: PIPE_AT, readOnly },
      posix.join(PIPE_AT, pipe.name),
    );
  } catch (error) {
    await pipe.remove();
    // The name of the machine was the same and its files were not: the pipe is not there for the engine.
    if (!(error instanceof EngineFailure)) throw error;
    log.debug(`No pipe to the helper: ${error.message}`);
    return undefined;
  }
}
