/** Dangerous binds in words. */
import { homedir } from 'node:os';
import * as vscode from 'vscode';
import type { Mount } from '../engine/model.ts';
import { dangerOf, type Danger } from '../mounts/danger.ts';

/** Why a mount gives a container power over the machine, or undefined. */
export function dangerOfMount({ type, source, readOnly }: Pick<Mount, 'type' | 'source' | 'readOnly'>): Danger | undefined {
  const workspaces = vscode.workspace.workspaceFolders?.map(({ uri }) => uri.fsPath) ?? [];
  return dangerOf({ Type: type, Source: source, ReadOnly: readOnly }, { home: homedir(), workspaces });
}

/** One sentence on what could happen. */
export function dangerSentence(danger: Danger): string {
  switch (danger) {
    case 'socket':
      return vscode.l10n.t('Whoever holds the engine’s socket rules this machine.');
    case 'system':
      return vscode.l10n.t('The container could change the system itself.');
    case 'home':
      return vscode.l10n.t('It is the home of another user.');
    case 'aboveWorkspace':
      return vscode.l10n.t('It lies above the workspace, so the container could change all that is in there.');
  }
}
