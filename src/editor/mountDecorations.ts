/** Badges in the explorer on what containers mount. */
import { realpath } from 'node:fs/promises';
import * as vscode from 'vscode';
import type { LivePaths } from '../paths/livePaths.ts';
import { mountRoots, rootKey, viewsOfHostFile, type PathIndex, type PathView } from '../paths/paths.ts';
import { placeText } from '../ui/pathViews.ts';
import { readDecorations } from '../ui/settings.ts';
import { names, say, type Shown } from '../ui/shown.ts';
import { decorateFiles } from '../ui/window.ts';

const ROOT = '⇄';
const INSIDE = '·';
const MOST_NAMED = 10;

/** Pure functions of the path index: each row costs one look-up in a map. */
export class MountDecorations implements vscode.Disposable {
  readonly #paths: LivePaths;
  readonly #changed = new vscode.EventEmitter<undefined>();
  readonly #following: vscode.Disposable;
  /** Workspace folders that are links, with their targets. */
  #folders: readonly { readonly path: string; readonly real: string }[] = [];
  #roots: ReadonlyMap<string, readonly PathView[]> = new Map();
  #shown = '';

  constructor(paths: LivePaths) {
    this.#paths = paths;
    this.#following = vscode.Disposable.from(
      decorateFiles(this.#changed.event, (uri) => this.#decorationOf(uri)),
      paths.onDidChange(() => this.#follow(paths.index)),
      vscode.workspace.onDidChangeWorkspaceFolders(() => void this.#lookAtFolders()),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration('dockerMounts.decorations')) this.#changed.fire(undefined);
      }),
    );
    this.#follow(paths.index);
    void this.#lookAtFolders();
  }

  #decorationOf(uri: vscode.Uri): { readonly badge: string; readonly tooltip: Shown } | undefined {
    const { index } = this.#paths;
    if (uri.scheme !== 'file' || index === undefined) return undefined;
    const wanted = readDecorations(uri);
    if (wanted === 'off') return undefined;
    const path = uri.fsPath;
    const real = this.#realOf(path);
    const roots = [...new Set([path, real])].flatMap((one) => this.#roots.get(rootKey(index, one) ?? '') ?? []);
    if (roots.length > 0) return { badge: ROOT, tooltip: say('Mounted in {0}', named(roots)) };
    const views = wanted === 'all' ? viewsOfHostFile(index, { path, real }) : [];
    return views.length === 0 ? undefined : { badge: INSIDE, tooltip: say('Seen as {0}', named(views)) };
  }

  dispose(): void {
    this.#following.dispose();
    this.#changed.dispose();
  }

  /** Only a change of mounts renews the explorer; containers that start and stop do not. */
  #follow(index: PathIndex | undefined): void {
    this.#roots = index === undefined ? new Map() : mountRoots(index);
    const shown =
      index === undefined
        ? ''
        : JSON.stringify([index.host, index.places.map(({ container, mount, source }) => [container, mount, source])]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#changed.fire(undefined);
  }

  async #lookAtFolders(): Promise<void> {
    const found = (vscode.workspace.workspaceFolders ?? [])
      .filter(({ uri }) => uri.scheme === 'file')
      .map(async ({ uri: { fsPath } }) => ({ path: fsPath, real: await realpath(fsPath).catch(() => fsPath) }));
    this.#folders = (await Promise.all(found)).filter(({ path, real }) => path !== real);
    if (this.#folders.length > 0) this.#changed.fire(undefined);
  }

  /** Links deeper than the workspace folder would have to be looked up row by row. */
  #realOf(path: string): string {
    const folder = this.#folders.find((one) => path === one.path || path.startsWith(`${one.path}/`));
    return folder === undefined ? path : folder.real + path.slice(folder.path.length);
  }
}

function named(views: readonly PathView[]): Shown {
  const unique = [...new Map(views.map((view) => [placeText(view), view])).values()];
  return names(
    unique.map((view) => (view.readOnly ? say('{0} (read-only)', placeText(view)) : placeText(view))),
    MOST_NAMED,
  );
}
