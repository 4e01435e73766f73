/**
 * What comes before a restore, a dry run or a comparison: reads and checks the whole archive, and finds where its parts
 * go.
 */
import * as l10n from '@vscode/l10n';
import { resolve } from 'node:path';
import { answers, engineError } from '../../engine/connection.ts';
import { BadArchive, BadArgument, Cancelled, EngineUnavailable } from '../../engine/errors.ts';

import { ArchiveReader } from '../archive/reader.ts';
import type { Consistency } from '../consistency.ts';
import { memberPath } from '../../tar/names.ts';
import { isWithin } from '../archive/prefix.ts';
import { type Manifest } from '../archive/manifest.ts';
import { openManifest } from '../archive/manifestFile.ts';
import { MemberCount } from '../archive/memberCount.ts';
import type { Method } from '../source/method.ts';
import { targetOf, placementOf, placementsOf, type RestoreTarget, type Placement } from './target.ts';
import { BadTar, type TarMember } from '../../tar/members.ts';
import { printableName } from '../../tar/names.ts';
import { differences, rootsOf } from '../archive/verify.ts';
import type { Job, Work } from '../../engine/job.ts';
import type { Subject } from '../subject.ts';
import { KnownScans, type Scan } from '../archive/scan.ts';

export type RestoreMode = 'empty' | 'merge' | 'replace';

export interface RestoreRequest {
  readonly file: string;
  readonly into: Subject;
  readonly mode: RestoreMode;
  /** Directory of the archive, or number of leading names, to leave out; detected where it is not given. */
  readonly strip?: string | number;
  /** Only these paths, in the target or in the archive, with everything below them. */
  readonly entries?: readonly string[];
  readonly method?: 'auto' | Method;
  readonly helperImage?: string;
  readonly consistency?: Consistency;
  readonly passphrase?: string;
  /** What was read of the archive for an earlier question. */
  readonly known?: KnownScans;
}

/** An archive that was read completely and is sound, and where its parts go. */
export interface Ready {
  readonly reader: ArchiveReader;
  /** SHA-256 of the archive that was checked. */
  readonly sha256: string;
  readonly target: RestoreTarget;
  readonly placements: readonly Placement[];
  readonly selects: (member: TarMember) => boolean;
  readonly needsTar: boolean;
  readonly hasEarlyTimes: boolean;
  /** The roots' own entries, which are written last: a change in a directory changes its time. */
  readonly roots: ReadonlyMap<Placement, TarMember>;
  readonly entries: number;
  readonly bytes: number;
}

/**
 * Reads the whole archive, finds where its parts go and does the task while it is open. Throws BadArchive, BadArgument,
 * NotFound, PassphraseNeeded or FileFailure.
 */
export async function prepared<T>(job: Job, request: RestoreRequest, task: (ready: Ready) => Promise<T>): Promise<T> {
  const file = resolve(request.file);
  if (!['empty', 'merge', 'replace'].includes(request.mode))
    throw new BadArgument(
      'mode',
      l10n.t('The mode "{0}" is unknown; use empty, merge or replace.', String(request.mode)),
    );
  const manifest = await openManifest(file, request.passphrase);
  const reader = await ArchiveReader.open(file, request.passphrase);
  const known = request.known ?? new KnownScans();
  try {
    const target = await targetOf(job.connection, request.into, manifest);
    const scan = await soundScan(job, reader, manifest, known);
    const placements = placementsOf(target, manifest, scan, request.strip);
    const selects = selection(placements, request.entries);
    const count = await known.once(reader, ['count', placements, request.entries ?? null], () =>
      countSelected(job, reader, { placements, selects, scan }, request.entries, manifest),
    );
    const roots = new Map<Placement, TarMember>();
    for (const placement of placements) {
      const root = scan.directories.get(placement.prefix);
      if (root !== undefined && request.entries === undefined) roots.set(placement, root);
    }
    return await task({
      reader,
      sha256: scan.sha256,
      target,
      placements,
      selects,
      roots,
      needsTar: scan.attributes > 0,
      hasEarlyTimes: scan.hasEarlyTimes,
      ...count,
    });
  } finally {
    await reader.close();
  }
}

/**
 * Reads the whole archive. Throws BadArchive where it is damaged, differs from its manifest or would write outside of
 * the target.
 */
async function soundScan(
  job: Job,
  reader: ArchiveReader,
  manifest: Manifest | undefined,
  known: KnownScans,
): Promise<Scan> {
  const quiet = { ...job, log: { ...job.log, debug: () => undefined } };
  const scan = await known.scan(quiet, reader, rootsOf(manifest));
  const problems = [
    ...scan.escapes,
    ...(scan.damage === undefined ? [] : [scan.damage]),
    ...(manifest === undefined ? [] : differences(manifest, scan)),
  ];
  if (problems.length === 0) return scan;
  throw new BadArchive(
    reader.file,
    problems,
    l10n.t(
      'The archive "{0}" cannot be restored: {1}. Nothing was changed; use another backup.',
      reader.file,
      problems.join('; '),
    ),
  );
}

/** Which members are written: those in a placement, and of these the requested ones with their parent directories. */
function selection(
  placements: readonly Placement[],
  entries: readonly string[] | undefined,
): (member: TarMember) => boolean {
  const wanted = entries?.map((entry) => memberPath(Buffer.from(entry, 'utf8')));
  return (member) => {
    const path = memberPath(member.name);
    const prefix = placementOf(placements, path)?.prefix;
    if (prefix === undefined) return false;
    if (wanted === undefined) return true;
    const own = path === prefix ? '' : path.slice(prefix === '' ? 0 : prefix.length + 1);
    return wanted.some(
      (entry) =>
        isWithin(path, entry) ||
        isWithin(own, entry) ||
        (member.type === '5' && own !== '' && (isWithin(entry, own) || isWithin(entry, path))),
    );
  };
}

/**
 * Counts what will be written; only a choice of entries needs another pass. Throws BadArgument where nothing was
 * chosen.
 */
async function countSelected(
  job: Work,
  reader: ArchiveReader,
  { placements, selects, scan }: Pick<Ready, 'placements' | 'selects'> & { readonly scan: Scan },
  wanted: readonly string[] | undefined,
  manifest: Manifest | undefined,
): Promise<{ entries: number; bytes: number }> {
  const isAll =
    wanted === undefined &&
    (placements.length === manifest?.mounts.length || (placements.length === 1 && placements[0]?.prefix === ''));
  if (isAll) return { entries: scan.entries, bytes: scan.bytes };
  const roots = new Set(placements.map(({ prefix }) => prefix || '.'));
  const count = new MemberCount(roots, { ...job.log, debug: () => undefined });
  const left = new Set<string>();
  const links: TarMember[] = [];
  await reader.check(job, {
    onMember: (member) => {
      if (selects(member)) {
        count.add(member);
        if (member.type === '1') links.push(member);
      } else if (member.type === '0') left.add(memberPath(member.name));
    },
  });
  if (count.entries === 0 && wanted !== undefined)
    throw new BadArgument(
      'entries',
      l10n.t('The archive holds none of {0}.', wanted.map((entry) => `"${entry}"`).join(', ')),
    );
  const broken = links.find(({ link }) => left.has(memberPath(link)));
  if (broken !== undefined) {
    throw new BadArgument(
      'entries',
      l10n.t(
        '"{0}" is a hard link to "{1}", which was not chosen; choose both.',
        printableName(broken.name),
        printableName(broken.link),
      ),
    );
  }
  return { entries: count.entries, bytes: count.bytes };
}

/** Says what really happened. */
export async function restoreError(
  error: unknown,
  { connection, signal }: Job,
  { file, into }: RestoreRequest,
): Promise<unknown> {
  if (signal.aborted) return new Cancelled('The restore');
  const object = into.name;
  const known = engineError(error, {
    kind: into.kind === 'bind' ? 'mount' : into.kind,
    object,
    failed: (why) => l10n.t('"{0}" could not be restored into: {1}', object, why),
  });
  if (!(error instanceof EngineUnavailable) && !(await answers(connection))) {
    return new EngineUnavailable(
      'lost',
      connection.endpoint.address,
      l10n.t(
        'The engine at {0} went away during the restore into "{1}". Start the engine; what was there before is put back at the next connection.',
        connection.endpoint.address,
        object,
      ),
      { cause: error },
    );
  }
  if (error instanceof BadTar)
    return new BadArchive(
      file,
      [error.message],
      l10n.t('The archive "{0}" changed while it was restored: {1}.', file, error.message),
      { cause: error },
    );
  return known;
}
