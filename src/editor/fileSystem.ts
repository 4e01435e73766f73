/** Files in volumes and mounts as VS Code's own file system: open, edit, save, and a folder of the workspace. */
import * as vscode from 'vscode';
import { EngineUnavailable, FileRefused, NotFound } from '../engine/errors.ts';
import type { Logger } from '../engine/log.ts';
import type { FileChange, Files } from '../files/files.ts';
import type { Entry } from '../files/stat.ts';
import type { FilePlace } from '../files/place.ts';
import { FILES_SCHEME, placeOfUri, uriOf } from '../ui/fileUris.ts';
import { failure } from '../ui/shown.ts';
import { fileError } from '../ui/window.ts';
import type { Work } from '../engine/job.ts';

function fileType({ type, isLink }: Entry): vscode.FileType {
  const link = isLink ? vscode.FileType.SymbolicLink : 0;
  switch (type) {
    case 'file':
      return vscode.FileType.File | link;
    case 'directory':
      return vscode.FileType.Directory | link;
    case 'other':
    case undefined:
      return vscode.FileType.Unknown | link;
  }
}

/** A failure in the words and kinds that VS Code's editors know. */
function fileSystemError(error: unknown): Error {
  const message = failure(error);
  if (error instanceof NotFound) return fileError('FileNotFound', message);
  if (error instanceof EngineUnavailable) return fileError('Unavailable', message);
  if (!(error instanceof FileRefused)) return fileError('Unavailable', message);
  switch (error.trouble) {
    case 'exists':
      return fileError('FileExists', message);
    case 'notADirectory':
      return fileError('FileNotADirectory', message);
    case 'isADirectory':
      return fileError('FileIsADirectory', message);
    case 'readOnly':
      return fileError('NoPermissions', message);
    case 'notEmpty':
    case 'notAFile':
    case 'tooLarge':
    case 'noTools':
      return fileError('Unavailable', message);
  }
}

const KINDS: Readonly<Record<FileChange['kind'], vscode.FileChangeType>> = {
  created: vscode.FileChangeType.Created,
  changed: vscode.FileChangeType.Changed,
  deleted: vscode.FileChangeType.Deleted,
};

export class MountFileSystem implements vscode.FileSystemProvider, vscode.Disposable {
  readonly #files: Files;
  readonly #log: Logger;
  readonly #changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly onDidChangeFile = this.#changed.event;
  readonly #registrations: { dispose(): void }[];

  constructor(files: Files, log: Logger) {
    this.#files = files;
    this.#log = log;
    this.#registrations = [
      vscode.workspace.registerFileSystemProvider(FILES_SCHEME, this, { isCaseSensitive: true }),
      files.onDidChange((changes) => this.tell(changes)),
    ];
  }

  /** Lets VS Code know of changes. */
  tell(changes: readonly FileChange[]): void {
    if (changes.length > 0)
      this.#changed.fire(changes.map(({ kind, place }) => ({ type: KINDS[kind], uri: uriOf(place) })));
  }

  async #at<T>(uri: vscode.Uri, task: (place: FilePlace) => Promise<T>): Promise<T> {
    try {
      const place = placeOfUri(uri);
      if (place === undefined) throw vscode.FileSystemError.FileNotFound(uri);
      return await task(place);
    } catch (error) {
      throw error instanceof vscode.FileSystemError ? error : fileSystemError(error);
    }
  }

  /** VS Code shows its own progress for these, and cannot cancel them. */
  #job(): Work {
    return { signal: new AbortController().signal, log: this.#log, progress: () => undefined };
  }

  /** `VisibleFiles` finds out which of the visible files change. */
  watch(): vscode.Disposable {
    return new vscode.Disposable(() => undefined);
  }

  stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    return this.#at(uri, async (place) => {
      const entry = await this.#files.stat(place);
      return {
        type: fileType(entry),
        ctime: entry.mtime,
        mtime: entry.mtime,
        size: entry.size,
        ...(entry.readOnly ? { permissions: vscode.FilePermission.Readonly } : {}),
      };
    });
  }

  readDirectory(uri: vscode.Uri): Promise<[string, vscode.FileType][]> {
    return this.#at(uri, async (place) =>
      (await this.#files.list(place)).map((entry) => [entry.name, fileType(entry)]),
    );
  }

  readFile(uri: vscode.Uri): Promise<Uint8Array> {
    return this.#at(uri, (place) => this.#files.read(place));
  }

  writeFile(
    uri: vscode.Uri,
    content: Uint8Array,
    options: { readonly create: boolean; readonly overwrite: boolean },
  ): Promise<void> {
    return this.#at(uri, (place) => this.#files.write(place, content, options));
  }

  createDirectory(uri: vscode.Uri): Promise<void> {
    return this.#at(uri, (place) => this.#files.makeDirectory(place));
  }

  delete(uri: vscode.Uri, { recursive }: { readonly recursive: boolean }): Promise<void> {
    return this.#at(uri, (place) => this.#files.remove(place, recursive));
  }

  rename(from: vscode.Uri, to: vscode.Uri, { overwrite }: { readonly overwrite: boolean }): Promise<void> {
    return this.#at(from, (old) => this.#at(to, (next) => this.#files.rename(old, next, overwrite, this.#job())));
  }

  copy(from: vscode.Uri, to: vscode.Uri, { overwrite }: { readonly overwrite: boolean }): Promise<void> {
    return this.#at(from, (old) =>
      this.#at(to, async (next) => void (await this.#files.copy(old, next, overwrite, this.#job()))),
    );
  }

  dispose(): void {
    for (const registration of this.#registrations) registration.dispose();
    this.#changed.dispose();
  }
}
