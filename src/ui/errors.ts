/** Failures as a person sees them: one notification, with the way out as a button. */
import * as vscode from 'vscode';
import { EngineUnavailable, FileFailure, NotFound } from '../engine/errors.ts';
import { failure, say, type Shown } from './shown.ts';
import { presentable, showFailure, type Log } from './window.ts';

interface WayOut {
  readonly label: Shown;
  run(): Thenable<unknown> | void;
}

const openSetting = (id: string): WayOut => ({
  label: say('Open Settings'),
  run: () => vscode.commands.executeCommand('workbench.action.openSettings', id),
});

function waysOut(error: unknown, log: Log): WayOut[] {
  const ways: WayOut[] = [];
  if (error instanceof EngineUnavailable) ways.push(openSetting('dockerMounts.host'));
  if (error instanceof NotFound && error.kind === 'image') ways.push(openSetting('dockerMounts.backup'));
  if (error instanceof FileFailure) ways.push(openSetting('dockerMounts.backup.folder'));
  return [...ways, { label: say('Show Log'), run: () => log.show() }];
}

/** Shows an error once; a cancel is not shown. */
export function showError(error: unknown, log: Log): void {
  if (error instanceof vscode.CancellationError) return;
  const ways = waysOut(error, log);
  void showFailure(failure(error), ...ways.map(({ label }) => label)).then((label) =>
    ways.find((way) => way.label === label)?.run(),
  );
}

/**
 * The error to reject a command with. If a keybinding or a link called the command, VS Code shows the message, and
 * makes links of it.
 */
export function toCaller(error: unknown): unknown {
  return presentable(error, failure(error));
}
