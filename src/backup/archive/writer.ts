/** The archive on disk: written as `.partial`, flushed, and named only at the very end. */
import * as l10n from '@vscode/l10n';
import { createHash } from 'node:crypto';
import { link, open, rename, stat, unlink, writeFile, access, type FileHandle } from 'node:fs/promises';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { Writable } from 'node:stream';
import { BadArgument, FileFailure, NotFound } from '../../engine/errors.ts';
import { manifestPath } from './manifest.ts';

/** `20261124T031522Z` */
export function timestamp(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
}

/** A subject as part of a file name: letters, digits, dot, dash and underscore, at most 100 characters. */
export function fileNamePart(subject: string): string {
  const part = subject
    // Long enough for the part that is kept, whatever is cut off its ends.
    .slice(0, 1000)
    .replace(/[^A-Za-z0-9._-]+/g, '_')
    .replace(/^[._-]+/, '')
    // eslint-disable-next-line regexp/no-super-linear-move -- the text is short
    .replace(/[_-]+$/, '')
    .slice(0, 100);
  return part === '' ? 'root' : part;
}

/** Checks that the destination is an existing folder and returns its absolute path. */
export async function checkDestination(destination: string): Promise<string> {
  if (destination === '')
    throw new BadArgument('destination', l10n.t('No destination folder was given; name the folder for the backup.'));
  const folder = isAbsolute(destination) ? destination : resolve(destination);
  let found;
  try {
    found = await stat(folder);
  } catch (error) {
    throw fileError(folder, error, 'folder');
  }
  if (!found.isDirectory()) {
    throw new BadArgument(
      'destination',
      l10n.t('The destination "{0}" is a file, not a folder; choose a folder.', folder),
    );
  }
  return folder;
}

function fileError(file: string, error: unknown, kind: 'folder' | 'file'): Error {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  switch (code) {
    case 'ENOENT':
      return new NotFound(
        kind,
        file,
        l10n.t('The {0} "{1}" does not exist; create it or choose another.', kind, file),
        { cause: error },
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new FileFailure(
        file,
        code,
        l10n.t('"{0}" cannot be written ({1}); choose a folder that you may write to.', file, code),
        { cause: error },
      );
    case 'ENOSPC':
    case 'EDQUOT':
      return new FileFailure(
        file,
        code,
        l10n.t('No space is left for "{0}" ({1}); free some space or choose another folder.', file, code),
        { cause: error },
      );
    default:
      return new FileFailure(file, code, l10n.t('Writing "{0}" failed: {1}.', file, (error as Error).message), {
        cause: error,
      });
  }
}

const FILE_CODES = new Set([
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOSPC',
  'EDQUOT',
  'EIO',
  'EFBIG',
  'ENAMETOOLONG',
  'EMFILE',
  'ENOENT',
  'ENOTDIR',
]);

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Bytes that may wait for the disk. */
const WRITE_BYTES = 4 * 1024 * 1024;

/** An archive that is being written. `commit` finishes it, `discard` leaves nothing behind. */
export class ArchiveFile {
  /** The name it will have. */
  readonly file: string;
  readonly #partial: string;
  readonly #handle: FileHandle;
  readonly #hash = createHash('sha256');
  #bytes = 0;
  #open = true;

  private constructor(file: string, partial: string, handle: FileHandle) {
    this.file = file;
    this.#partial = partial;
    this.#handle = handle;
  }

  /**
   * Opens `<folder>/<base><suffix>.partial`. Where the name is taken, a generated base gets `-2`, `-3`…, and a name
   * that the user chose is refused. Only the user may read the file.
   */
  static async create(folder: string, base: string, suffix: string, chosen: boolean): Promise<ArchiveFile> {
    for (let attempt = 1; ; attempt += 1) {
      const file = join(folder, `${base}${attempt === 1 ? '' : `-${attempt}`}${suffix}`);
      const partial = `${file}.partial`;
      const taken = (await exists(file)) || (await exists(manifestPath(file)));
      if (taken && chosen)
        throw new BadArgument(
          'name',
          l10n.t('"{0}" exists already and is never overwritten; choose another name.', file),
        );
      if (taken) continue;
      try {
        return new ArchiveFile(file, partial, await open(partial, 'wx', 0o600));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST' && !chosen) continue;
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
          throw new BadArgument(
            'name',
            l10n.t(
              '"{0}" exists already: another backup is writing it, or one was interrupted. Remove it or choose another name.',
              partial,
            ),
          );
        }
        throw fileError(partial, error, 'file');
      }
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Counts, hashes and writes. With FileHandle's own stream we could not close the handle. */
  sink(): Writable {
    const write = (chunks: Buffer[], done: (error?: Error | null) => void) => {
      const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      const written = this.#handle.writev(chunks);
      // Writing and hashing run at the same time.
      for (const chunk of chunks) this.#hash.update(chunk);
      this.#bytes += bytes;
      void written
        .then(async ({ bytesWritten }) => {
          // A write may be partial; the error comes only with the attempt to write the rest.
          if (bytesWritten < bytes) await this.#handle.writeFile(Buffer.concat(chunks).subarray(bytesWritten));
        })
        .then(() => done(), done);
    };
    return new Writable({
      highWaterMark: WRITE_BYTES,
      write: (chunk: Buffer, _encoding, done) => write([chunk], done),
      // Chunks that arrived while the disk was busy are written together.
      writev: (chunks, done) =>
        write(
          chunks.map(({ chunk }) => chunk as Buffer),
          done,
        ),
    });
  }

  /** Turns a failure of the file itself into an error that names the file; leaves other errors unchanged. */
  explain(error: unknown): unknown {
    const { code, syscall } = error as NodeJS.ErrnoException;
    const ofTheFile = code !== undefined && FILE_CODES.has(code) && syscall !== 'connect';
    return ofTheFile ? fileError(this.file, error, 'file') : error;
  }

  sha256(): string {
    return this.#hash.copy().digest('hex');
  }

  /** Flushes to the disk, writes the manifest, then gives the archive its name without ever replacing a file. */
  async commit(manifest: string): Promise<string> {
    const manifestFile = manifestPath(this.file);
    try {
      await this.#handle.sync();
      await this.#close();
      await writeFile(manifestFile, manifest, { flag: 'wx', mode: 0o600, flush: true });
    } catch (error) {
      await unlink(manifestFile).catch(() => undefined);
      throw this.explain(error);
    }
    try {
      await nameWithoutReplacing(this.#partial, this.file);
    } catch (error) {
      await unlink(manifestFile).catch(() => undefined);
      throw this.explain(error);
    }
    return manifestFile;
  }

  async discard(): Promise<void> {
    await this.#close().catch(() => undefined);
    await unlink(this.#partial).catch(() => undefined);
  }

  async #close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#handle.close();
  }
}

/** rename() replaces silently; a hard link fails when the name is taken. Some file systems have no hard links. */
async function nameWithoutReplacing(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new BadArgument(
        'name',
        l10n.t('"{0}" appeared while the backup ran and is never overwritten; run the backup again.', basename(to)),
        { cause: error },
      );
    }
    if (await exists(to)) throw error;
    await rename(from, to);
    return;
  }
  await unlink(from);
}
