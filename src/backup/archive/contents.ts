/** What an archive holds, for a person to choose from. */
import * as l10n from '@vscode/l10n';
import { resolve } from 'node:path';
import { BadArchive } from '../../engine/errors.ts';
import type { Work } from '../../engine/job.ts';
import { openManifest } from './manifestFile.ts';
import { ArchiveReader } from './reader.ts';
import type { KnownScans, Scan } from './scan.ts';
import { rootsOf } from './verify.ts';

/**
 * The entries of an archive in its order, as far as they can be listed, and how many more there are. Throws BadArchive
 * for a damaged archive, NotFound, FileFailure, PassphraseNeeded or Cancelled.
 */
export async function contentsOf(
  work: Work,
  file: string,
  passphrase: string | undefined,
  known: KnownScans,
): Promise<Pick<Scan, 'listed' | 'more'>> {
  const manifest = await openManifest(resolve(file), passphrase);
  const reader = await ArchiveReader.open(resolve(file), passphrase);
  const { damage, listed, more } = await known.scan(work, reader, rootsOf(manifest)).finally(() => reader.close());
  if (damage !== undefined)
    throw new BadArchive(
      reader.file,
      [damage],
      l10n.t('The archive "{0}" is damaged: {1}. Use another backup.', reader.file, damage),
    );
  return { listed, more };
}
