/** Offers to put back the old container after an interrupted replacement. */
import * as vscode from 'vscode';
import type { EngineState } from '../engine/watcher.ts';
import { putBack, unfinishedReplacements, unrecordedLeftovers, type Unfinished } from '../mounts/recovery.ts';
import { showError } from '../ui/errors.ts';
import { asText, say } from '../ui/shown.ts';
import { showWarning } from '../ui/window.ts';
import type { Services } from './services.ts';

async function offer(unfinished: Unfinished, { watcher, log }: Services): Promise<void> {
  const accept = say('Put Back');
  const question = say(
    'Changing the mounts of container "{0}" was interrupted. Put the old container back and remove the replacement?',
    unfinished.facts.name,
  );
  const chosen = await showWarning(question, accept, say('Keep as It Is'));
  if (chosen === accept)
    await putBack(await watcher.connection(), unfinished, log).catch((error: unknown) => showError(error, log));
}

/** Asks once per connection, when its first snapshot is there. */
export function offerRecovery(services: Services): vscode.Disposable {
  const { watcher, log } = services;
  let asked: unknown;
  const look = async (state: EngineState) => {
    if (state.kind !== 'connected' || state.connection === asked) return;
    const { connection, snapshot } = state;
    asked = connection;
    for (const unfinished of await unfinishedReplacements(connection, log))
      void offer(unfinished, services).catch((error: unknown) => log.warn(String(error)));
    for (const { container, of } of await unrecordedLeftovers(connection, snapshot.containers)) {
      const text = say(
        'Container "{0}" looks like a leftover from changing the mounts of "{1}", but this machine has no record of that change. Nothing was done; compare the two, and rename or remove one of them yourself.',
        container,
        of,
      );
      log.warn(asText(text));
      void showWarning(text);
    }
  };
  const lookQuietly = (state: EngineState) =>
    void look(state).catch((error: unknown) => log.warn((error as Error).message));
  lookQuietly(watcher.state);
  return watcher.onDidChange(lookQuietly);
}
