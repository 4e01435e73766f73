/** A helper and this process at the two ends of a named pipe. */
import { posix } from 'node:path';
import { EngineFailure } from '../errors.ts';
import type { Helper, HelperMount } from './helper.ts';
import type { Pipe } from './localPipe.ts';
import type { Logger } from '../log.ts';

const PIPE_AT = '/docker-mounts/pipe';

/**
 * Creates a helper with the pipe's directory mounted and its path given. Where the engine does not see the pipe,
 * removes it and returns undefined.
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
    // The machine's name was the same but its files were not: the pipe does not exist for the engine.
    if (!(error instanceof EngineFailure)) throw error;
    log.debug(`No pipe to the helper: ${error.message}`);
    return undefined;
  }
}
