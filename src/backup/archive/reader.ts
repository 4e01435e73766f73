/** Reads an archive from a file, whatever it is packed with. */
import * as l10n from '@vscode/l10n';
import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BadArchive, Cancelled, FileFailure, NotFound, PassphraseNeeded } from '../../engine/errors.ts';

import { decompressor, detectPacking, MAGIC_BYTES } from './compression.ts';
import { decryptor } from './encryption.ts';
import { tarMembers, type WalkOptions } from '../../tar/members.ts';
import type { Work } from '../../engine/job.ts';

const READ_BYTES = 1024 * 1024;
/** Beyond this much content, an archive that unpacks to BOMB_RATIO times its size is an attack on the disk. */
const BOMB_AFTER_BYTES = 1024 ** 3;
const BOMB_RATIO = 500;

async function openForReading(file: string) {
  try {
    return await open(file, 'r');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'ENOENT')
      throw new NotFound('file', file, l10n.t('The archive "{0}" does not exist.', file), { cause: error });
    throw new FileFailure(file, code, l10n.t('The archive "{0}" cannot be read ({1}).', file, code), { cause: error });
  }
}

type Reporting = Pick<Work, 'signal' | 'progress'>;
type Unpack = (source: AsyncIterable<Buffer>) => AsyncIterable<Buffer>;

/** How an encrypted file is read: the decrypted content tells how it is compressed. */
async function decrypting(file: string, handle: FileHandle, passphrase: string | undefined): Promise<Unpack> {
  if (passphrase === undefined)
    throw new PassphraseNeeded(
      file,
      false,
      l10n.t('The archive "{0}" is encrypted with age: its passphrase is needed.', file),
    );
  const decrypt = decryptor(file, passphrase);
  const inside = decrypt(
    new HashedFile(handle, 0, { signal: new AbortController().signal, progress: () => undefined }).rest(),
  );
  let start: Buffer;
  try {
    const first = await inside.next();
    start = first.done ? Buffer.alloc(0) : first.value;
  } catch (error) {
    if (error instanceof PassphraseNeeded) throw error;
    // What is wrong is found and reported when the whole file is read.
    return decrypt;
  } finally {
    // It may have read ahead to the damage.
    await inside.return(undefined).catch(() => undefined);
  }
  const decompress = decompressor(detectPacking(start.subarray(0, MAGIC_BYTES)));
  return (source) => decompress(decrypt(source));
}

/** Reads a file from its start to its end, possibly in several steps, and hashes what it read. */
class HashedFile {
  readonly hash = createHash('sha256');
  size = 0;
  readonly #handle: FileHandle;
  readonly #job: Reporting;
  readonly #total: number;

  constructor(handle: FileHandle, total: number, job: Reporting) {
    this.#handle = handle;
    this.#total = total;
    this.#job = job;
  }

  /** With FileHandle's own stream we could not close the handle. */
  async *rest(): AsyncGenerator<Buffer> {
    for (;;) {
      this.#job.signal.throwIfAborted();
      const chunk = Buffer.allocUnsafe(READ_BYTES);
      const { bytesRead } = await this.#handle.read(chunk, 0, READ_BYTES, this.size);
      if (bytesRead === 0) return;
      const part = chunk.subarray(0, bytesRead);
      this.hash.update(part);
      this.size += bytesRead;
      this.#job.progress(this.size, this.#total);
      yield part;
    }
  }
}

/** An archive that is open for reading, from its beginning as often as needed. */
export class ArchiveReader {
  readonly file: string;
  readonly size: number;
  readonly #handle: FileHandle;
  /** Turns the file's bytes into those of its tar. */
  readonly #unpack: Unpack;

  private constructor(file: string, handle: FileHandle, size: number, unpack: Unpack) {
    this.file = file;
    this.#handle = handle;
    this.size = size;
    this.#unpack = unpack;
  }

  /** Throws NotFound, FileFailure, or PassphraseNeeded where the file is encrypted with another passphrase. */
  static async open(file: string, passphrase?: string): Promise<ArchiveReader> {
    const handle = await openForReading(file);
    try {
      const start = Buffer.alloc(MAGIC_BYTES);
      const { bytesRead } = await handle.read(start, 0, MAGIC_BYTES, 0);
      const packing = detectPacking(start.subarray(0, bytesRead));
      const unpack = packing === 'age' ? await decrypting(file, handle, passphrase) : decompressor(packing);
      return new ArchiveReader(file, handle, (await handle.stat()).size, unpack);
    } catch (error) {
      await handle.close();
      throw error instanceof PassphraseNeeded ? error : readError(file, error);
    }
  }

  /**
   * Reads the whole file: hashes it always to the end, and reads its members as far as they are sound. `damage` says
   * where they are not. Throws FileFailure or Cancelled.
   */
  async check(job: Work, walk: WalkOptions): Promise<{ sha256: string; size: number; damage: string | undefined }> {
    const source = new HashedFile(this.#handle, this.size, job);
    let damage: string | undefined;
    try {
      const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
      try {
        await pipeline(
          limited(this.#unpack(source.rest()), this.size),
          tarMembers({ ...walk, select: () => false }),
          nowhere,
          { signal: job.signal },
        );
      } catch (error) {
        if (job.signal.aborted || (error as NodeJS.ErrnoException).syscall === 'read') throw error;
        damage = (error as Error).message;
      }
      for await (const _ of source.rest());
      return { sha256: source.hash.digest('hex'), size: source.size, damage };
    } catch (error) {
      if (job.signal.aborted) throw new Cancelled('The check of the archive');
      throw readError(this.file, error);
    }
  }

  /** Changes whenever the file is written to or replaced. Throws FileFailure. */
  async identity(): Promise<string> {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await this.#handle.stat({ bigint: true });
      return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
    } catch (error) {
      throw readError(this.file, error);
    }
  }

  /**
   * The members that `walk` selects, as one tar stream without its end blocks. Fails with BadTar or BadArchive; at its
   * end also where the file's SHA-256 is no longer `sha256`.
   */
  async *members(job: Work, walk: WalkOptions, sha256: string): AsyncGenerator<Buffer> {
    const source = new HashedFile(this.#handle, this.size, job);
    const members = tarMembers(walk);
    const finished = pipeline(limited(this.#unpack(source.rest()), this.size), members, { signal: job.signal });
    finished.catch(() => undefined);
    yield* members as AsyncIterable<Buffer>;
    await finished;
    for await (const _ of source.rest());
    if (source.hash.digest('hex') === sha256) return;
    const why = l10n.t('it was written to after it was checked');
    throw new BadArchive(this.file, [why], l10n.t('The archive "{0}" cannot be restored: {1}.', this.file, why));
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

function readError(file: string, error: unknown): FileFailure {
  return new FileFailure(
    file,
    (error as NodeJS.ErrnoException).code ?? '',
    l10n.t('Reading "{0}" failed: {1}.', file, (error as Error).message),
    { cause: error },
  );
}

/** Stops a small file that would unpack without end. */
async function* limited(source: AsyncIterable<Buffer>, packedBytes: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > BOMB_AFTER_BYTES && bytes > packedBytes * BOMB_RATIO) {
      const why = `it unpacks to more than ${BOMB_RATIO} times its size, like an archive made to fill a disk; if you trust it, unpack it yourself and use the .tar`;
      throw new BadArchive('', [why], why);
    }
    yield chunk;
  }
}
