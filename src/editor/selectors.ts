/** Which documents hold mounts. */
import { basename } from 'node:path';
import * as vscode from 'vscode';

export type FileKind = 'compose' | 'dockerfile' | 'devcontainer';

/** Files of this machine only: what is read around them is read from its disk. */
const at = (pattern: string): vscode.DocumentFilter => ({ scheme: 'file', pattern });

export const SELECTORS: Readonly<Record<FileKind, vscode.DocumentFilter[]>> = {
  compose: [{ scheme: 'file', language: 'dockercompose' }, at('**/{compose,docker-compose}*.{yml,yaml}')],
  dockerfile: [
    { scheme: 'file', language: 'dockerfile' },
    at('**/{Dockerfile,Dockerfile.*,*.Dockerfile,Containerfile,Containerfile.*}'),
  ],
  devcontainer: [at('**/{devcontainer,.devcontainer}.json')],
};

/** What a document is, or undefined for one that holds no mounts. */
export function kindOf(document: vscode.TextDocument): FileKind | undefined {
  // A Dockerfile for Compose's own image is named after both; its language decides.
  for (const kind of ['devcontainer', 'dockerfile', 'compose'] as const)
    if (vscode.languages.match(SELECTORS[kind], document) > 0) return kind;
  return undefined;
}

/** Whether a saved file may change what another says. */
export function mattersToOthers(document: vscode.TextDocument): boolean {
  return /\.ya?ml$|^\.env/.test(basename(document.uri.fsPath));
}
