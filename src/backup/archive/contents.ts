/** What an archive holds, for a person to choose from. */
import * as l10n from '@vscode/l10n';
import { resolve } from 'node:path';
import { BadArchive } from '../../engine/errors.ts';

import { ArchiveReader } from './reader.ts';
import { memberPath } from '../../tar/names.ts';
import { type TarMember } from '../../tar/members.ts';
import { utf8Text } from '../../tar/names.ts';
import type { Work } from '../../engine/job.ts';

export interface ArchiveEntry {
  /** Path in the archive, without `./` in front. */
  readonly path: string;
  readonly isDirectory: boolean;
  /** Content of a regular file. */
  readonly bytes: number;
}

/**
 * The entries of an archive in its order, at most `most` of them, and how many more there are. Throws BadArchive for a
 * damaged one, NotFound, FileFailure, PassphraseNeeded or Cancelled.
 */
export async function listEntries(
  file: string,
  most: number,
  job: Work,
  passphrase?: string,
): Promise<{ entries: ArchiveEntry[]; more: number }> {
  const entries: ArchiveEntry[] = [];
  let more = 0;
  const onMember = ({ name, type, bytes }: TarMember) => {
    // One that is not UTF-8 can only be chosen by the directory around it.
    const path = utf8Text(Buffer.from(memberPath(name), 'latin1'));
    if (path === undefined || path === '') return;
    if (entries.length < most) entries.push({ path, isDirectory: type === '5', bytes });
    else more += 1;
  };
  const reader = await ArchiveReader.open(resolve(file), passphrase);
  const { damage } = await reader.check(job, { onMember }).finally(() => reader.close());
  if (damage !== undefined)
    throw new BadArchive(
      reader.file,
      [damage],
      l10n.t('The archive "{0}" is damaged: {1}. Use another backup.', reader.file, damage),
    );
  return { entries, more };
}
