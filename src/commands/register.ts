/** Registers commands so that all treat calls and failures alike. */
import * as vscode from 'vscode';
import { maskedText } from '../engine/masking.ts';
import { showError, toCaller } from '../ui/errors.ts';
import type { Log } from '../ui/window.ts';
import { isCalledLocally } from './caller.ts';
import { guardOutside } from './outside.ts';
import { callOf, Dismissed, onlyKnown, type Call } from './call.ts';

export interface CommandSpec {
  readonly id: string;
  /** Names of the arguments it takes. */
  readonly takes: readonly string[];
  /** Whether it asks for what is missing; one that never asks is called from code without arguments too. */
  readonly asks: boolean;
  readonly run: (call: Call) => Promise<unknown>;
}

/**
 * A failure rejects for code, and becomes one notification for the person who chose the command from a row or answered
 * its prompts.
 */
export function registerCommand(spec: CommandSpec, log: Log): vscode.Disposable {
  return vscode.commands.registerCommand(spec.id, async (first?: unknown, second?: unknown) => {
    // Before the first wait, while the caller is still on the stack.
    const caller = { command: spec.id, isLocal: isCalledLocally() };
    let shown = false;
    try {
      const call = callOf(first, second, caller);
      shown = call.byHand && (spec.asks || call.nodes.length + call.uris.length > 0);
      onlyKnown(call, spec.takes);
      await guardOutside(spec.id, call);
      return await spec.run(call);
    } catch (error) {
      if (error instanceof Dismissed) return undefined;
      if (error instanceof vscode.CancellationError) {
        log.info(vscode.l10n.t('{0} was cancelled; nothing was left behind.', spec.id));
      } else {
        // No password of a driver's options gets into the log, wherever the message comes from.
        log.error(`${spec.id}: ${maskedText((error as Error).message)}`);
      }
      if (!shown) throw toCaller(error);
      showError(error, log);
      return undefined;
    }
  });
}
