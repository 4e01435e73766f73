/** Reads a whole archive and says whether it could be restored. */
import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Cancelled, FileFailure, NotFound } from '../engine/errors.ts';
import type { JobOptions } from '../engine/log.ts';
import { decompressor, detectCompression } from './compression.ts';
import { readManifest, type Manifest } from './manifest.ts';
import { MemberCount } from './memberCount.ts';
import { printableName, tarMembers, type TarMember } from './tarMembers.ts';

const READ_BYTES = 1024 * 1024;

export interface VerifyResult {
  readonly ok: boolean;
  readonly entries: number;
  readonly bytes: number;
  readonly problems: readonly string[];
}

function rootsOf(manifest: Manifest | undefined): Set<string> {
  return new Set(['.', ...(manifest?.mounts.map((mount) => mount.root) ?? [])]);
}

/** Why a member must not be extracted, or undefined. */
export function escapeProblem(member: TarMember): string | undefined {
  const name = member.name.toString('latin1');
  const leaves = (path: string) => path.startsWith('/') || path.split('/').includes('..');
  if (leaves(name)) return `"${printableName(member.name)}" lies outside of the archive's root`;
  if (member.type === '1' && leaves(member.link.toString('latin1'))) {
    return `"${printableName(member.name)}" is a hard link to "${printableName(member.link)}", outside of the archive's root`;
  }
  return undefined;
}

/**
 * Checks every header, the end of the archive, and against the manifest the checksum, entries and bytes.
 * What is wrong with the archive is in `problems`; throws only NotFound, FileFailure and Cancelled.
 */
export async function verifyBackup(path: string, job: JobOptions): Promise<VerifyResult> {
  const file = resolve(path);
  const problems: string[] = [];
  const manifest = await readManifest(file).catch((error: unknown) => {
    problems.push((error as Error).message);
    return undefined;
  });
  const count = new MemberCount(rootsOf(manifest), job.log);
  const onMember = (member: TarMember) => {
    count.add(member);
    const escape = escapeProblem(member);
    if (escape !== undefined) problems.push(escape);
  };
  const { sha256, size, damage } = await readThrough(file, job, onMember);
  const { entries, bytes } = count;
  if (damage !== undefined) problems.push(damage);
  if (manifest !== undefined) problems.push(...differences(manifest, { sha256, size, entries, bytes }));
  const ok = problems.length === 0;
  job.log.info(`Verified "${file}": ${ok ? 'whole' : problems.join('; ')} (${entries} entries, ${bytes} bytes${manifest ? '' : ', no manifest beside it'}).`);
  return { ok, entries, bytes, problems };
}

function differences(manifest: Manifest, found: { sha256: string; size: number; entries: number; bytes: number }): string[] {
  const problems: string[] = [];
  if (found.size !== manifest.archiveBytes) problems.push(`the file has ${found.size} bytes, its manifest says ${manifest.archiveBytes}`);
  if (found.sha256 !== manifest.sha256) problems.push("the SHA-256 differs from the manifest's: the file was changed or damaged");
  if (found.entries !== manifest.entries) problems.push(`it holds ${found.entries} entries, its manifest says ${manifest.entries}`);
  if (found.bytes !== manifest.bytes) problems.push(`it holds ${found.bytes} bytes of content, its manifest says ${manifest.bytes}`);
  return problems;
}

async function openForReading(file: string) {
  try {
    return await open(file, 'r');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'ENOENT') throw new NotFound('file', file, `The archive "${file}" does not exist.`, { cause: error });
    throw new FileFailure(file, code, `The archive "${file}" cannot be read (${code}).`, { cause: error });
  }
}

/** Reads a file from its start to its end, however often it is taken up again, and hashes what it read. */
class HashedFile {
  readonly hash = createHash('sha256');
  size = 0;
  readonly #handle: FileHandle;
  readonly #job: JobOptions;
  readonly #total: number;

  constructor(handle: FileHandle, total: number, job: JobOptions) {
    this.#handle = handle;
    this.#total = total;
    this.#job = job;
  }

  /** FileHandle's own stream would keep the handle from being closed by us. */
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

/** Reads the file once: its hash always to the end, its members as far as they are sound. */
async function readThrough(
  file: string,
  job: JobOptions,
  onMember: (member: TarMember) => void,
): Promise<{ sha256: string; size: number; damage: string | undefined }> {
  const handle = await openForReading(file);
  try {
    const source = new HashedFile(handle, (await handle.stat()).size, job);
    const start = Buffer.alloc(4);
    await handle.read(start, 0, 4, 0);
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    let damage: string | undefined;
    try {
      await pipeline(source.rest(), decompressor(detectCompression(start)), tarMembers({ onMember }), nowhere, { signal: job.signal });
    } catch (error) {
      if (job.signal.aborted || (error as NodeJS.ErrnoException).syscall === 'read') throw error;
      damage = (error as Error).message;
    }
    for await (const _ of source.rest());
    return { sha256: source.hash.digest('hex'), size: source.size, damage };
  } catch (error) {
    if (job.signal.aborted) throw new Cancelled('The check of the archive');
    throw new FileFailure(file, (error as NodeJS.ErrnoException).code ?? '', `Reading "${file}" failed: ${(error as Error).message}.`, { cause: error });
  } finally {
    await handle.close();
  }
}
