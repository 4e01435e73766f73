/** Opens a terminal in a container: what openTerminal and the list of places do. */
import { startContainer } from '../engine/containers.ts';
import { findShell, stateOf } from '../engine/shell.ts';
import { say } from '../ui/shown.ts';
import { showWarning } from '../ui/window.ts';
import { Dismissed } from './call.ts';
import type { Services } from './services.ts';

export interface Where {
  /** Name or id. */
  readonly container: string;
  /** A directory, or a file to use its directory; by default the container's working directory. */
  readonly containerPath?: string;
}

/** Offers a person to start a stopped container. A call from code gets the error of findShell. */
async function offerStart(container: string, services: Services): Promise<void> {
  const connection = await services.watcher.connection();
  const state = await stateOf(connection, container);
  if (state !== 'created' && state !== 'exited') return;
  const start = say('Start');
  const chosen = await showWarning(
    say('Container "{0}" is not running. A terminal needs a running container.', container),
    start,
  );
  if (chosen !== start) throw new Dismissed();
  await startContainer(connection, container);
}

/** Throws NotFound, EngineFailure, or Dismissed if a person does not start a stopped container. */
export async function openShell(
  { container, containerPath }: Where,
  services: Services,
  { offersStart }: { readonly offersStart: boolean },
): Promise<{ container: string; cwd: string; shell: string }> {
  if (offersStart) await offerStart(container, services);
  const connection = await services.watcher.connection();
  const found = await findShell(connection, container, containerPath);
  services.terminals.open(connection, found);
  return { container, cwd: found.cwd, shell: found.shell };
}
