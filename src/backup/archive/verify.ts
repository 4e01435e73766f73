/** Reads a whole archive and says whether it could be restored. */
import { resolve } from 'node:path';
import { PassphraseNeeded } from '../../engine/errors.ts';

import { ArchiveReader } from './reader.ts';
import { type Manifest } from './manifest.ts';
import { openManifest } from './manifestFile.ts';
import type { Work } from '../../engine/job.ts';
import { KnownScans } from './scan.ts';

export interface VerifyResult {
  readonly ok: boolean;
  readonly entries: number;
  readonly bytes: number;
  readonly problems: readonly string[];
}

/** Names of trees that do not count as entries. */
export function rootsOf(manifest: Manifest | undefined): Set<string> {
  return new Set(['.', ...(manifest?.mounts.map((mount) => mount.root) ?? [])]);
}

/**
 * Checks every header and the end of the archive, and compares checksum, entries and bytes with the manifest.
 * `problems` says what is wrong with the archive; throws only NotFound, FileFailure, PassphraseNeeded and Cancelled.
 */
export async function verifyBackup(
  path: string,
  job: Work,
  passphrase?: string,
  known = new KnownScans(),
): Promise<VerifyResult> {
  const file = resolve(path);
  const problems: string[] = [];
  const manifest = await openManifest(file, passphrase).catch((error: unknown) => {
    if (error instanceof PassphraseNeeded) throw error;
    problems.push((error as Error).message);
    return undefined;
  });
  const reader = await ArchiveReader.open(file, passphrase);
  const scan = await known.scan(job, reader, rootsOf(manifest)).finally(() => reader.close());
  const { entries, bytes, damage } = scan;
  problems.push(...scan.escapes);
  if (damage !== undefined) problems.push(damage);
  if (manifest !== undefined) problems.push(...differences(manifest, scan));
  const ok = problems.length === 0;
  job.log.info(
    `Verified "${file}": ${ok ? 'whole' : problems.join('; ')} (${entries} entries, ${bytes} bytes${manifest ? '' : ', no manifest beside it'}).`,
  );
  return { ok, entries, bytes, problems };
}

/** How an archive differs from its manifest. */
export function differences(
  manifest: Manifest,
  found: { sha256: string; size: number; entries: number; bytes: number },
): string[] {
  const problems: string[] = [];
  if (found.size !== manifest.archiveBytes)
    problems.push(`the file has ${found.size} bytes, its manifest says ${manifest.archiveBytes}`);
  if (found.sha256 !== manifest.sha256)
    problems.push("the SHA-256 differs from the manifest's: the file was changed or damaged");
  if (found.entries !== manifest.entries)
    problems.push(`it holds ${found.entries} entries, its manifest says ${manifest.entries}`);
  if (found.bytes !== manifest.bytes)
    problems.push(`it holds ${found.bytes} bytes of content, its manifest says ${manifest.bytes}`);
  return problems;
}
