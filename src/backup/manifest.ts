/** The manifest: the truthful record beside every archive, as FILE.json. */
import * as l10n from '@vscode/l10n';
import { readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { BadArchive } from '../engine/errors.ts';
import type { Compression } from './compression.ts';

export const MANIFEST_FORMAT = 1;

/** A mount that a backup saves, in the manifest and while it is made. */
export interface SavedMount {
  readonly type: 'bind' | 'volume';
  /** Host path, or volume name. */
  readonly source: string;
  /** Where the container sees it; absent in a backup of a volume or bind by itself. */
  readonly target?: string;
  readonly readOnly?: boolean;
  readonly driver?: string;
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface ManifestMount extends SavedMount {
  /** Name of the tree's root inside the archive; '.' where entries are relative to the source. */
  readonly root: string;
  readonly entries: number;
  readonly bytes: number;
}

export interface RecordedVerdict {
  readonly ok: boolean;
  /** When it was verified; ISO 8601, UTC. */
  readonly at: string;
  /** The archive's own time then: one that was written to since is no longer what was verified. */
  readonly modifiedAt: string;
}

export interface Manifest {
  readonly format: number;
  readonly createdAt: string;
  readonly file: string;
  readonly kind: 'container' | 'volume' | 'bind';
  /** Container name, volume name or bind source. */
  readonly subject: string;
  readonly engine: { readonly name: string; readonly version: string; readonly apiVersion: string; readonly address: string };
  readonly container?: { readonly id: string; readonly name: string; readonly image: string; readonly imageId: string };
  readonly mounts: readonly ManifestMount[];
  /** Mounts that hold nothing to save, and why. */
  readonly leftOut: readonly { readonly target: string; readonly reason: string }[];
  readonly method: 'archive' | 'tar';
  readonly compression: Compression;
  readonly level?: number;
  /** With a passphrase, around the compressed tar; the numbers of entries and bytes are those of the tar. */
  readonly encryption?: 'age';
  readonly entries: number;
  readonly bytes: number;
  readonly archiveBytes: number;
  readonly sha256: string;
  /** What the method does not keep. */
  readonly notKept: readonly string[];
  readonly warnings: readonly string[];
  /** Id of the entry of the schedule that made it; absent for a backup made by hand. */
  readonly plan?: string;
  /** What verifying it found last, where that was written down. */
  readonly verified?: RecordedVerdict;
}

export function manifestPath(file: string): string {
  return `${file}.json`;
}

/** The manifest of an archive, or undefined where there is none. Throws BadArchive for one that cannot be read as such. */
export async function readManifest(file: string): Promise<Manifest | undefined> {
  const path = manifestPath(file);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const problem = (why: string) => new BadArchive(file, [why], l10n.t('The manifest "{0}" cannot be used: {1}.', path, why));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw problem(l10n.t('it is not JSON'));
  }
  const manifest = value as Partial<Manifest> | null;
  if (typeof manifest !== 'object' || manifest === null || typeof manifest.format !== 'number' || typeof manifest.sha256 !== 'string' || typeof manifest.createdAt !== 'string') {
    throw problem(l10n.t('it does not describe an archive'));
  }
  if (manifest.format > MANIFEST_FORMAT) throw problem(l10n.t('its format {0} is newer than this extension; update Docker Mounts', manifest.format));
  return manifest as Manifest;
}

/**
 * Writes into the manifest of an archive that a plan made what verifying it found, so that every window and machine
 * knows it. Does nothing for another archive. Throws what the file system throws.
 */
export async function recordVerdict(file: string, ok: boolean): Promise<void> {
  const manifest = await readManifest(file).catch(() => undefined);
  if (manifest?.plan === undefined) return;
  const path = manifestPath(file);
  const fresh = `${path}.partial`;
  try {
    const verified: RecordedVerdict = { ok, at: new Date().toISOString(), modifiedAt: (await stat(file)).mtime.toISOString() };
    await writeFile(fresh, `${JSON.stringify({ ...manifest, verified }, null, 2)}\n`, { mode: 0o600, flush: true });
    await rename(fresh, path);
  } catch (error) {
    await unlink(fresh).catch(() => undefined);
    throw error;
  }
}
