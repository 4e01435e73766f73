/** Dangerous binds in words. */
import { homedir } from 'node:os';
import * as vscode from 'vscode';
import type { Mount } from '../engine/model.ts';
import { dangerOf, type Danger } from '../mounts/danger.ts';
import { say, type Shown } from './shown.ts';

/** Why a mount gives a container power over the machine, or undefined. */
export function dangerOfMount({ type, source, readOnly }: Pick<Mount, 'type' | 'source' | 'readOnly'>): Danger | undefined {
  const workspaces = vscode.workspace.workspaceFolders?.map(({ uri }) => uri.fsPath) ?? [];
  return dangerOf({ Type: type, Source: source, ReadOnly: readOnly }, { home: homedir(), workspaces });
}

/** One sentence on what could happen. */
export function dangerSentence(danger: Danger): Shown {
  switch (danger) {
    case 'socket':
      return say('Whoever holds the engine’s socket rules this machine.');
    case 'system':
      return say('The container could change the system itself.');
    case 'home':
      return say('It is the home of another user.');
    case 'aboveWorkspace':
      return say('It lies above the workspace, so the container could change all that is in there.');
  }
}
