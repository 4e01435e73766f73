/** Failures as a person sees them: one notification, with the way out as a button. */
import * as vscode from 'vscode';
import { EngineUnavailable, FileFailure, NotFound } from '../engine/errors.ts';

interface WayOut {
  readonly label: string;
  run(): Thenable<unknown> | void;
}

const openSetting = (id: string): WayOut => ({
  label: vscode.l10n.t('Open Settings'),
  run: () => vscode.commands.executeCommand('workbench.action.openSettings', id),
});

function waysOut(error: unknown, log: vscode.LogOutputChannel): WayOut[] {
  const ways: WayOut[] = [];
  if (error instanceof EngineUnavailable) ways.push(openSetting('dockerMounts.host'));
  if (error instanceof NotFound && error.kind === 'image') ways.push(openSetting('dockerMounts.backup'));
  if (error instanceof FileFailure) ways.push(openSetting('dockerMounts.backup.folder'));
  return [...ways, { label: vscode.l10n.t('Show Log'), run: () => log.show() }];
}

/** Shows an error once; a cancel is not shown. */
export function showError(error: unknown, log: vscode.LogOutputChannel): void {
  if (error instanceof vscode.CancellationError) return;
  const ways = waysOut(error, log);
  void vscode.window.showErrorMessage((error as Error).message, ...ways.map(({ label }) => label)).then((label) => ways.find((way) => way.label === label)?.run());
}
