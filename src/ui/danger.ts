/** Dangerous binds in words. */
import { homedir } from 'node:os';
import * as vscode from 'vscode';
import type { Mount } from '../engine/model.ts';
import { dangerOf, type Danger, type DangerContext } from '../mounts/danger.ts';
import { say, type Shown } from './shown.ts';

/** Why a mount gives a container power over the machine, or undefined. */
export function dangerOfMount({
  type,
  source,
  readOnly,
}: Pick<Mount, 'type' | 'source' | 'readOnly'>): Danger | undefined {
  return dangerOf({ Type: type, Source: source, ReadOnly: readOnly }, dangerContext());
}

/** Tells which paths are the user's own. */
export function dangerContext(): Pick<DangerContext, 'home' | 'workspaces'> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  return {
    home: homedir(),
    workspaces: folders.filter(({ uri }) => uri.scheme === 'file').map(({ uri }) => uri.fsPath),
  };
}

/** One sentence on what could happen. */
export function dangerSentence(danger: Danger): Shown {
  switch (danger) {
    case 'socket':
      return say(
        'Anyone who can use the socket of the engine, or of another system service, can control this machine.',
      );
    case 'system':
      return say('The container could change the system itself.');
    case 'home':
      return say('It is in the home of another user.');
    case 'secrets':
      return say('Your keys and tokens are there; anyone who reads them can use them.');
    case 'startup':
      return say('Your shell, desktop or editor runs what is there, so the container could run programs as you.');
    case 'aboveWorkspace':
      return say('It contains the workspace, so the container could change everything in it.');
    case 'project':
      return say(
        'Git, your shell or the editor runs or obeys what is there in the workspace, so the container could run programs as you.',
      );
  }
}
