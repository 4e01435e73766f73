/** The archives of a folder, with what their manifests say. */
import * as l10n from '@vscode/l10n';
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { eachOf } from '../../engine/eachOf.ts';
import { FileFailure, NotFound } from '../../engine/errors.ts';
import { packingOfName, hasArchiveName, type Packing, isEncryptedName } from './compression.ts';
import { isSealed, type Manifest, type OwnerMarks, type RecordedVerdict, type SealedManifest } from './manifest.ts';
import { readManifest } from './manifestFile.ts';

export interface BackupFile {
  readonly file: string;
  readonly archiveBytes: number;
  /** ISO 8601, UTC. */
  readonly modifiedAt: string;
  /** From the manifest, or else from the file's name. */
  readonly compression: Packing;
  readonly encrypted: boolean;
  readonly subject?: string;
  readonly kind?: 'container' | 'volume' | 'bind';
  readonly createdAt?: string;
  readonly method?: 'archive' | 'tar';
  readonly entries?: number;
  readonly bytes?: number;
  readonly sha256?: string;
  readonly container?: string;
  readonly engine?: string;
  /** Host name of the engine. */
  readonly engineName?: string;
  /** Id of the entry of the schedule that created it. */
  readonly plan?: string;
  /** Instead of names, for an encrypted archive; see isOfSubject, isFromEngine and isByPlan. */
  readonly marks?: OwnerMarks;
  /** The result of verifying it, from its manifest. */
  readonly verified?: { readonly ok: boolean; readonly at: string };
  /** Why the manifest, or the archive as it is now, cannot be trusted. */
  readonly problem?: string;
}

/** Orders archives; ISO times in UTC sort as texts. */
export function newestFirst(a: BackupFile, b: BackupFile): number {
  const [one, other] = [a.createdAt ?? a.modifiedAt, b.createdAt ?? b.modifiedAt];
  return one === other ? 0 : one < other ? 1 : -1;
}

/** The archives directly in `folder`, newest first. Throws NotFound for a folder that does not exist. */
export async function listBackups(folder: string): Promise<BackupFile[]> {
  const root = resolve(folder);
  let names: string[];
  try {
    names = (await readdir(root)).filter((name) => hasArchiveName(name));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'ENOENT')
      throw new NotFound(
        'folder',
        root,
        l10n.t('The folder "{0}" does not exist; create it or choose another.', root),
        { cause: error },
      );
    throw new FileFailure(root, code, l10n.t('The folder "{0}" cannot be read ({1}).', root, code), { cause: error });
  }
  // A few at a time: an entry of the schedule creates thousands, and a process may open only a limited number of files.
  const found: BackupFile[] = [];
  await eachOf(names, async (name) => {
    const one = await describe(join(root, name));
    if (one !== undefined) found.push(one);
  });
  return found.sort(newestFirst);
}

/** Some file systems store times in steps of two seconds. */
const TIME_STEP_MS = 2000;

/** Whether a verdict is still valid for an archive with this time; a bad verdict stays valid. */
function isStill({ ok, modifiedAt }: RecordedVerdict, mtimeMs: number): boolean {
  return !ok || Math.abs(Date.parse(modifiedAt) - mtimeMs) <= TIME_STEP_MS;
}

/** Whose it is: names, or marks that tell it only to those who know the names. */
function namesIn(
  manifest: Manifest | SealedManifest,
): Pick<BackupFile, 'container' | 'engine' | 'engineName' | 'plan' | 'marks'> {
  if (isSealed(manifest)) return { marks: manifest.marks };
  const { container, engine, plan } = manifest;
  return {
    ...(container ? { container: container.name } : {}),
    engine: `${engine.name} ${engine.version}`,
    engineName: engine.name,
    ...(plan === undefined ? {} : { plan }),
  };
}

async function describe(file: string): Promise<BackupFile | undefined> {
  const facts = await stat(file).catch(() => undefined);
  if (!facts?.isFile()) return undefined;
  const plain = {
    file,
    archiveBytes: facts.size,
    modifiedAt: facts.mtime.toISOString(),
    compression: packingOfName(file),
    encrypted: isEncryptedName(file),
  };
  try {
    const manifest = await readManifest(file);
    if (manifest === undefined) return plain;
    const { subject, kind, createdAt, method, entries, bytes, sha256, verified } = manifest;
    const grown = manifest.archiveBytes !== facts.size;
    return {
      ...plain,
      compression: manifest.compression,
      encrypted: manifest.encryption !== undefined || plain.encrypted,
      ...(subject === undefined ? {} : { subject }),
      kind,
      createdAt,
      method,
      entries,
      bytes,
      sha256,
      ...namesIn(manifest),
      ...(verified && isStill(verified, facts.mtimeMs) ? { verified: { ok: verified.ok, at: verified.at } } : {}),
      ...(grown ? { problem: `the file has ${facts.size} bytes, its manifest says ${manifest.archiveBytes}` } : {}),
    };
  } catch (error) {
    return { ...plain, problem: (error as Error).message };
  }
}
