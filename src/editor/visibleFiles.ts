/** Checks the visible files of mounts every few seconds, so that changes by containers show up. */
import * as vscode from 'vscode';
import { NotFound } from '../engine/errors.ts';
import type { FileChange, Files } from '../files/files.ts';
import type { FilePlace } from '../files/place.ts';
import { placeOfUri } from '../ui/fileUris.ts';

const EVERY_MS = 2000;

/** The places of the files in visible tabs. */
function visiblePlaces(): Map<string, FilePlace> {
  const tabs = vscode.window.tabGroups.all.flatMap(({ activeTab }) => {
    const input = activeTab?.input;
    if (input instanceof vscode.TabInputTextDiff) return [input.original, input.modified];
    return input instanceof vscode.TabInputText || input instanceof vscode.TabInputCustom ? [input.uri] : [];
  });
  const uris = [...tabs, ...vscode.window.visibleTextEditors.map(({ document }) => document.uri)];
  return new Map(
    uris.flatMap((uri) => {
      const place = placeOfUri(uri);
      return place === undefined ? [] : [[uri.toString(), place] as const];
    }),
  );
}

export class VisibleFiles implements vscode.Disposable {
  readonly #files: Files;
  readonly #tell: (changes: readonly FileChange[]) => void;
  readonly #isConnected: () => boolean;
  /** The last known state of each visible file: its time and size, or that it was gone. */
  readonly #known = new Map<string, string>();
  readonly #timer: NodeJS.Timeout;
  #looking = false;

  constructor(files: Files, isConnected: () => boolean, tell: (changes: readonly FileChange[]) => void) {
    this.#files = files;
    this.#isConnected = isConnected;
    this.#tell = tell;
    this.#timer = setInterval(() => void this.#look(), EVERY_MS);
  }

  async #look(): Promise<void> {
    const visible = visiblePlaces();
    if (this.#looking || visible.size === 0 || !this.#isConnected()) return;
    this.#looking = true;
    try {
      const changes = await Promise.all([...visible].map(([key, place]) => this.#changeOf(key, place)));
      this.#tell(changes.filter((change) => change !== undefined));
    } finally {
      this.#looking = false;
    }
  }

  async #changeOf(key: string, place: FilePlace): Promise<FileChange | undefined> {
    let now: string;
    try {
      const { mtime, size } = await this.#files.stat(place);
      now = `${mtime} ${size}`;
    } catch (error) {
      // An engine that does not answer says nothing about the file.
      if (!(error instanceof NotFound)) return undefined;
      now = 'gone';
    }
    const before = this.#known.get(key);
    this.#known.set(key, now);
    if (before === now) return undefined;
    // It may have changed between its opening and this first look; VS Code compares, and ignores a file that is the
    // same.
    return { kind: now === 'gone' ? 'deleted' : before === 'gone' ? 'created' : 'changed', place };
  }

  dispose(): void {
    clearInterval(this.#timer);
  }
}
