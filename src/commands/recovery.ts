/** Offers to put back what a replacement that was cut off left behind. */
import * as vscode from 'vscode';
import type { EngineState } from '../engine/watcher.ts';
import { putBack, unfinishedReplacements } from '../mounts/recover.ts';
import { showError } from '../ui/errors.ts';
import { say } from '../ui/shown.ts';
import { showWarning } from '../ui/window.ts';
import type { Services } from './services.ts';

/** Asks once per connection, when its first snapshot is there: later ones may hold a replacement that is under way. */
export function offerRecovery({ watcher, log }: Services): vscode.Disposable {
  let asked: unknown;
  const look = (state: EngineState) => {
    if (state.kind !== 'connected' || state.connection === asked) return;
    asked = state.connection;
    for (const unfinished of unfinishedReplacements(state.snapshot.containers)) {
      const accept = say('Put It Back');
      const question = say('Changing the mounts of container "{0}" was cut off. Put the old container back and remove the replacement?', unfinished.name);
      showWarning(question, accept, say('Leave It')).then(
        async (chosen) => {
          if (chosen === accept) await putBack(await watcher.connection(), unfinished, log).catch((error: unknown) => showError(error, log));
        },
        (error: unknown) => log.warn(String(error)),
      );
    }
  };
  look(watcher.state);
  return watcher.onDidChange(look);
}
