/** The archives of a folder, with what their manifests say. */
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { FileFailure, NotFound } from '../engine/errors.ts';
import type { Compression } from './compression.ts';
import { readManifest } from './manifest.ts';

export interface BackupFile {
  readonly file: string;
  readonly archiveBytes: number;
  /** ISO 8601, UTC. */
  readonly modifiedAt: string;
  readonly compression: Compression;
  readonly subject?: string;
  readonly kind?: 'container' | 'volume' | 'bind';
  readonly createdAt?: string;
  readonly method?: 'archive' | 'tar';
  readonly entries?: number;
  readonly bytes?: number;
  readonly sha256?: string;
  readonly container?: string;
  readonly engine?: string;
  /** Why the manifest, or the archive as it lies there, cannot be trusted. */
  readonly problem?: string;
}

const ARCHIVE = /\.(tar|tar\.gz|tgz|tar\.zst|tzst)$/;

function compressionOf(file: string): Compression {
  if (/gz$/.test(file)) return 'gzip';
  return /zst$/.test(file) ? 'zstd' : 'none';
}

/** The archives directly in `folder`, newest first. Throws NotFound for a folder that is not there. */
export async function listBackups(folder: string): Promise<BackupFile[]> {
  const root = resolve(folder);
  let names: string[];
  try {
    names = (await readdir(root)).filter((name) => ARCHIVE.test(name));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'ENOENT') throw new NotFound('folder', root, `The folder "${root}" does not exist; create it or choose another.`, { cause: error });
    throw new FileFailure(root, code, `The folder "${root}" cannot be read (${code}).`, { cause: error });
  }
  const found = await Promise.all(names.map((name) => describe(join(root, name))));
  return found
    .filter((one) => one !== undefined)
    .sort((a, b) => (b.createdAt ?? b.modifiedAt).localeCompare(a.createdAt ?? a.modifiedAt));
}

async function describe(file: string): Promise<BackupFile | undefined> {
  const facts = await stat(file).catch(() => undefined);
  if (!facts?.isFile()) return undefined;
  const plain = { file, archiveBytes: facts.size, modifiedAt: facts.mtime.toISOString(), compression: compressionOf(file) };
  try {
    const manifest = await readManifest(file);
    if (manifest === undefined) return plain;
    const { subject, kind, createdAt, method, entries, bytes, sha256, container, engine } = manifest;
    const grown = manifest.archiveBytes !== facts.size;
    return {
      ...plain,
      compression: manifest.compression,
      subject,
      kind,
      createdAt,
      method,
      entries,
      bytes,
      sha256,
      ...(container ? { container: container.name } : {}),
      engine: `${engine.name} ${engine.version}`,
      ...(grown ? { problem: `the file has ${facts.size} bytes, its manifest says ${manifest.archiveBytes}` } : {}),
    };
  } catch (error) {
    return { ...plain, problem: (error as Error).message };
  }
}
