/** What the directories of both trees show. Only here does a row ask the engine: once, when it is opened. */
import type * as vscode from 'vscode';
import { Emitter } from '../engine/emitter.ts';
import { FileRefused } from '../engine/errors.ts';
import type { FileChange, Files } from '../files/files.ts';
import type { NamedEntry } from '../files/stat.ts';
import { childOf, isInside, parentOf, uriPathOf, type FilePlace } from '../files/place.ts';
import { failure, say } from '../ui/shown.ts';
import type { FileNode, MoreNode, NoticeNode } from './nodes.ts';

/** Rows of one directory at first, and more with each click. */
const PAGE = 1000;
/** A directory that is opened again after this time is read again. */
const STALE_MS = 3000;

interface Listed {
  readonly directory: FilePlace;
  readonly at: number;
  readonly rows: Promise<readonly NamedEntry[]>;
}

/**
 * Remembers lists, so that a new snapshot needs no call; forgets those that a change concerns. Owned by the composition
 * root.
 */
export class Directories implements vscode.Disposable {
  readonly #files: Files;
  readonly #events = new Emitter<FilePlace | undefined>();
  readonly #listed = new Map<string, Listed>();
  readonly #shown = new Map<string, number>();
  readonly #following: { dispose(): void };

  constructor(files: Files) {
    this.#files = files;
    this.#following = files.onDidChange((changes) => this.#follow(changes));
  }

  /** Called with each directory whose rows must be shown again; with undefined if it may be any of them. */
  onDidChange(listener: (directory: FilePlace | undefined) => void): { dispose(): void } {
    return this.#events.on(listener);
  }

  #follow(changes: readonly FileChange[]): void {
    if (changes.length === 0) {
      this.#listed.clear();
      this.#events.tell(undefined);
    }
    for (const { kind, place } of changes) {
      if (kind === 'deleted') this.#forgetWithin(place);
      this.#renew(parentOf(place));
    }
  }

  #forgetWithin(place: FilePlace): void {
    for (const [key, { directory }] of this.#listed) if (isInside(directory, place)) this.#listed.delete(key);
  }

  #renew(directory: FilePlace): void {
    this.#listed.delete(uriPathOf(directory));
    this.#events.tell(directory);
  }

  /** A row was opened by hand: an old list is read again. */
  opened(directory: FilePlace): void {
    const listed = this.#listed.get(uriPathOf(directory));
    if (listed !== undefined && Date.now() - listed.at > STALE_MS) this.#renew(directory);
  }

  /** Shows the next rows of a long directory. */
  showMore(directory: FilePlace): void {
    const key = uriPathOf(directory);
    this.#shown.set(key, (this.#shown.get(key) ?? PAGE) + PAGE);
    this.#events.tell(directory);
  }

  /** The rows of a directory, or of the one file that a mount can be. Never throws: a failure is a row. */
  async rows(directory: FilePlace, readOnly: boolean): Promise<(FileNode | MoreNode | NoticeNode)[]> {
    try {
      const entries = await this.#entries(directory);
      const shown = this.#shown.get(uriPathOf(directory)) ?? PAGE;
      const rows = entries.slice(0, shown).map((entry): FileNode => ({
        kind: 'file',
        place: entry.name === '' ? directory : childOf(directory, entry.name),
        entry,
        readOnly,
      }));
      if (entries.length === 0) return [{ kind: 'notice', directory, text: say('empty'), isError: false }];
      return entries.length > shown ? [...rows, { kind: 'more', directory, left: entries.length - shown }] : rows;
    } catch (error) {
      this.#listed.delete(uriPathOf(directory));
      return [{ kind: 'notice', directory, text: failure(error), isError: true }];
    }
  }

  #entries(directory: FilePlace): Promise<readonly NamedEntry[]> {
    const key = uriPathOf(directory);
    const known = this.#listed.get(key);
    if (known !== undefined) return known.rows;
    const rows = this.#list(directory);
    this.#listed.set(key, { directory, at: Date.now(), rows });
    return rows;
  }

  /** Directories first, as the explorer has them. A mount of a single file is one entry without a name. */
  async #list(directory: FilePlace): Promise<readonly NamedEntry[]> {
    try {
      const entries = await this.#files.list(directory);
      const rank = ({ type }: NamedEntry) => (type === 'directory' ? 0 : 1);
      return entries.sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, undefined, { numeric: true }));
    } catch (error) {
      if (!(error instanceof FileRefused && error.trouble === 'notADirectory')) throw error;
      return [{ ...(await this.#files.stat(directory)), name: '' }];
    }
  }

  dispose(): void {
    this.#following.dispose();
    this.#events.dispose();
    this.#listed.clear();
  }
}
