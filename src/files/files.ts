/** Files in volumes and mounts, by place: what the editor, the trees and the commands work with. */
import type { Connection } from '../engine/connection.ts';
import { Emitter } from '../engine/emitter.ts';
import type { Logger } from '../engine/log.ts';
import type { Snapshot } from '../engine/model.ts';
import { moveFile, removeFile } from './removeAndRename.ts';
import { copyFile } from './copy.ts';
import { downloadTo } from './download.ts';
import { listDirectory, statEntry, type Entry, type NamedEntry } from './stat.ts';
import { aliasesOf, locate, type FilePlace, type Located } from './place.ts';
import { readFile } from './read.ts';
import { Sessions, type Session } from './helperPool.ts';
import { uploadTo, type Counter, type Transferred } from './upload.ts';
import { makeDirectory, refuseReadOnly, writeFile, type WriteOptions } from './write.ts';
import type { Work } from '../engine/job.ts';

/** What this extension did to a file. */
export interface FileChange {
  readonly kind: 'created' | 'changed' | 'deleted';
  readonly place: FilePlace;
}

export interface FilesOptions {
  readonly connection: () => Promise<Connection>;
  readonly snapshot: () => Promise<Snapshot>;
  readonly log: Logger;
  /** Milliseconds after which unused helpers are removed; a minute by default. */
  readonly idleMs?: number;
}

export interface FoundEntry extends Entry {
  /** Whether nothing can be changed here. */
  readonly readOnly: boolean;
}

/** Owned by the composition root; ends with `dispose`. Methods throw what the modules of this folder throw. */
export class Files {
  readonly #options: FilesOptions;
  readonly #sessions: Sessions;
  readonly #changes = new Emitter<readonly FileChange[]>();

  constructor(options: FilesOptions) {
    this.#options = options;
    this.#sessions = new Sessions(options.connection, options.log, options.idleMs);
  }

  /** An empty list means that any file may have changed. */
  onDidChange(listener: (changes: readonly FileChange[]) => void): { dispose(): void } {
    return this.#changes.on(listener);
  }

  /** Reports changes, also under the other names of the files. */
  async #changed(...changes: FileChange[]): Promise<void> {
    const snapshot = await this.#options.snapshot().catch(() => undefined);
    this.#changes.tell(
      snapshot === undefined
        ? changes
        : changes.flatMap(({ kind, place }) => aliasesOf(place, snapshot).map((alias) => ({ kind, place: alias }))),
    );
  }

  async #locate(place: FilePlace): Promise<Located> {
    return locate(place, await this.#options.snapshot());
  }

  async #at<T>(place: FilePlace, task: (session: Session, path: string) => Promise<T>): Promise<T> {
    const { source, path } = await this.#locate(place);
    return this.#sessions.use(source, (session) => task(session, path));
  }

  stat(place: FilePlace): Promise<FoundEntry> {
    return this.#at(place, async (session, path) => ({
      ...(await statEntry(session, path)),
      readOnly: session.source.readOnly,
    }));
  }

  /** What a directory holds, sorted by name. */
  list(place: FilePlace): Promise<NamedEntry[]> {
    return this.#at(place, listDirectory);
  }

  read(place: FilePlace): Promise<Buffer> {
    return this.#at(place, readFile);
  }

  async write(place: FilePlace, content: Uint8Array, options: WriteOptions): Promise<void> {
    const pieces = [Buffer.from(content.buffer, content.byteOffset, content.length)];
    const kind = await this.#at(place, (session, path) =>
      writeFile(session, path, { size: content.length, pieces }, options),
    );
    await this.#changed({ kind, place });
  }

  async makeDirectory(place: FilePlace): Promise<void> {
    await this.#at(place, makeDirectory);
    await this.#changed({ kind: 'created', place });
  }

  async remove(place: FilePlace, recursive: boolean): Promise<void> {
    await this.#at(place, (session, path) => removeFile(session, path, recursive));
    await this.#changed({ kind: 'deleted', place });
  }

  /** Renames, also from one mount to another: then by a copy, and a removal once the copy is complete. */
  async rename(from: FilePlace, to: FilePlace, overwrite: boolean, job: Work): Promise<void> {
    const [old, next] = [await this.#locate(from), await this.#locate(to)];
    const isOneMount = JSON.stringify(old.source) === JSON.stringify(next.source);
    // Another file system may be mounted inside a bind mount; renaming across file systems is not possible.
    if (
      !isOneMount ||
      !(await this.#sessions.use(old.source, (session) => moveFile(session, old.path, next.path, overwrite)))
    ) {
      await this.#sessions.use(old.source, (session) => Promise.resolve(refuseReadOnly(session, old.path)));
      await this.#copyLocated(old, next, overwrite, job);
      await this.#sessions.use(old.source, (session) => removeFile(session, old.path, true));
    }
    await this.#changed({ kind: 'deleted', place: from }, { kind: 'created', place: to });
  }

  async copy(from: FilePlace, to: FilePlace, overwrite: boolean, job: Work): Promise<Transferred> {
    const result = await this.#copyLocated(await this.#locate(from), await this.#locate(to), overwrite, job);
    await this.#changed({ kind: 'created', place: to });
    return result;
  }

  async #copyLocated(from: Located, to: Located, overwrite: boolean, job: Work): Promise<Transferred> {
    const counter: Counter = { entries: 0, bytes: 0 };
    await this.#sessions.use(from.source, (source) =>
      this.#sessions.use(to.source, (target) =>
        copyFile({ session: source, path: from.path }, { session: target, path: to.path }, overwrite, counter, job),
      ),
    );
    return counter;
  }

  /** Uploads a local file or folder to a place; replaces what is there only where that is requested. */
  async upload(local: string, place: FilePlace, overwrite: boolean, counter: Counter, job: Work): Promise<void> {
    await this.#at(place, (session, path) => uploadTo(session, local, path, overwrite, { ...job, counter }));
    await this.#changed({ kind: 'created', place });
  }

  /** Downloads a place to a local path that is free. */
  download(place: FilePlace, file: string, counter: Counter, job: Work): Promise<void> {
    return this.#at(place, (session, path) => downloadTo(session, path, file, counter, job));
  }

  /** Makes all listeners read again what they show. */
  refresh(): void {
    this.#changes.tell([]);
  }

  /** Removes the helpers, so that the volumes that they mount can be removed. The next use creates them again. */
  release(): Promise<void> {
    return this.#sessions.release();
  }

  async dispose(): Promise<void> {
    this.#changes.dispose();
    await this.release();
  }
}
