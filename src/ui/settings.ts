/** The extension's settings, read when they are needed. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { Compression } from '../backup/compression.ts';
import type { Method } from '../backup/method.ts';
import type { LocalPaths } from '../mounts/spec.ts';

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

export function readSettings(): Settings {
  const all = vscode.workspace.getConfiguration('dockerMounts');
  const text = (key: string) => all.get<string>(key)?.trim() || undefined;
  const level = all.get<number | null>('backup.level');
  const folder = text('backup.folder');
  return {
    host: text('host'),
    backup: {
      folder: folder === undefined ? undefined : expandHome(folder),
      compression: all.get<Compression>('backup.compression') ?? 'zstd',
      level: level ?? undefined,
      method: all.get<'auto' | Method>('backup.method') ?? 'auto',
      image: text('backup.image'),
      encrypt: all.get<boolean>('backup.encrypt') ?? false,
    },
  };
}

/** `~` and `~/…` as the user's own home. */
export function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}

/** What `~` and `${workspaceFolder}` stand for in a mount. */
export function localPaths(): LocalPaths {
  return { home: homedir(), folders: (vscode.workspace.workspaceFolders ?? []).map(({ name, uri }) => ({ name, path: uri.fsPath })) };
}
