/** The extension's settings, read when they are needed, and from here alone. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { COMPRESSION_NAMES, type Compression } from '../backup/archive/compression.ts';
import type { Method } from '../backup/source/method.ts';
import type { LocalPaths } from '../mounts/specText.ts';
import { FILES_SCHEME } from './fileUris.ts';

export interface Settings {
  readonly host: string | undefined;
  readonly backup: {
    readonly folder: string | undefined;
    readonly compression: Compression;
    readonly level: number | undefined;
    readonly method: 'auto' | Method;
    readonly image: string | undefined;
    readonly encrypt: boolean;
  };
}

/** What a setting may do without the user's trust in the workspace. */
const HARMLESS: ReadonlySet<string> = new Set(['decorations', 'codeLens', 'diagnostics']);

/**
 * Whether the workspace's settings come from a volume, because its only folder, or its file, is in one. Then whoever
 * wrote the volume wrote the settings.
 */
function isWorkspaceInVolume(): boolean {
  const { workspaceFile, workspaceFolders = [] } = vscode.workspace;
  // A workspace of several folders has a file; until it is saved, that is VS Code's own (`untitled:`).
  return workspaceFile === undefined
    ? workspaceFolders.some(({ uri }) => uri.scheme === FILES_SCHEME)
    : workspaceFile.scheme === FILES_SCHEME;
}

/**
 * The value that counts: the folder's, the workspace's, the user's, the default. Settings in a volume have no effect,
 * whether it is opened as the folder, as one of several, or holds the workspace file. An untrusted workspace only
 * decides how things look; VS Code enforces that too, by `restrictedConfigurations`. No setting of ours has the scope
 * `window`: VS Code copies those from a folder into the workspace's file when a second folder is added.
 */
function settingOf(key: string, resource?: vscode.Uri): unknown {
  const found = vscode.workspace.getConfiguration('dockerMounts', resource ?? null).inspect<unknown>(key);
  if (found === undefined) return undefined;
  const { workspaceFolderValue, workspaceValue, globalValue, defaultValue } = found;
  const mayWorkspace = (vscode.workspace.isTrusted || HARMLESS.has(key)) && !isWorkspaceInVolume();
  const folder = resource === undefined ? undefined : vscode.workspace.getWorkspaceFolder(resource);
  const mayFolder = mayWorkspace && folder !== undefined && folder.uri.scheme !== FILES_SCHEME;
  return (
    (mayFolder ? workspaceFolderValue : undefined) ??
    (mayWorkspace ? workspaceValue : undefined) ??
    globalValue ??
    defaultValue
  );
}

function textSetting(key: string): string | undefined {
  const value = settingOf(key);
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

export function readSettings(): Settings {
  const level = settingOf('backup.level');
  const folder = textSetting('backup.folder');
  return {
    host: textSetting('host'),
    backup: {
      folder: folder === undefined ? undefined : expandHome(folder),
      compression: (settingOf('backup.compression') as Compression | undefined) ?? COMPRESSION_NAMES[0],
      level: typeof level === 'number' ? level : undefined,
      method: (settingOf('backup.method') as 'auto' | Method | undefined) ?? 'auto',
      image: textSetting('backup.image'),
      encrypt: settingOf('backup.encrypt') === true,
    },
  };
}

/** What shows inside a document. */
export function readDocumentSettings(document: vscode.Uri): {
  readonly codeLens: boolean;
  readonly diagnostics: boolean;
} {
  return {
    codeLens: settingOf('codeLens', document) !== false,
    diagnostics: settingOf('diagnostics', document) !== false,
  };
}

/** Which files of the explorer get a badge. */
export function readDecorations(file: vscode.Uri): 'off' | 'roots' | 'all' {
  const value = settingOf('decorations', file);
  return value === 'off' || value === 'all' ? value : 'roots';
}

/** The schedule in the user's settings, unchecked; no workspace can change it. */
export function readScheduleSetting(): unknown {
  return vscode.workspace.getConfiguration('dockerMounts', null).inspect<unknown>('schedule')?.globalValue;
}

/** Writes the schedule into the user's settings; undefined removes it. */
export async function writeScheduleSetting(entries: readonly unknown[] | undefined): Promise<void> {
  await vscode.workspace
    .getConfiguration('dockerMounts')
    .update('schedule', entries, vscode.ConfigurationTarget.Global);
}

/** `~` and `~/…` as the user's own home. */
export function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}

/** What `~` and `${workspaceFolder}` stand for in a mount. */
export function localPaths(): LocalPaths {
  return {
    home: homedir(),
    folders: (vscode.workspace.workspaceFolders ?? []).map(({ name, uri }) => ({ name, path: uri.fsPath })),
  };
}
