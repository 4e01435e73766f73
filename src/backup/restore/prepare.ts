/**
 * What comes before a restore, a dry run or a comparison: the archive read whole and checked, and where its parts go.
 */
import * as l10n from '@vscode/l10n';
import { resolve } from 'node:path';
import { answers, engineError, type Connection } from '../../engine/connection.ts';
import { BadArchive, BadArgument, Cancelled, EngineUnavailable } from '../../engine/errors.ts';
import type { JobOptions } from '../../engine/log.ts';
import { ArchiveReader } from '../archive/reader.ts';
import type { Consistency } from '../consistency.ts';
import { EscapeCheck } from '../archive/escapes.ts';
import { memberPath } from '../../tar/names.ts';
import { isWithin, LayoutScan } from '../archive/prefix.ts';
import { type Manifest } from '../archive/manifest.ts';
import { openManifest } from '../archive/manifestFile.ts';
import { MemberCount } from '../archive/memberCount.ts';
import type { Method } from '../source/method.ts';
import { planTarget, slotOf, slotsOf, type RestoreInto, type RestoreTarget, type Slot } from './target.ts';
import { BadTar, type TarMember } from '../../tar/members.ts';
import { printableName } from '../../tar/names.ts';
import { differences } from '../archive/verify.ts';

export type RestoreMode = 'empty' | 'merge' | 'replace';

export interface RestoreRequest {
  readonly file: string;
  readonly into: RestoreInto;
  readonly mode: RestoreMode;
  /** Directory of the archive, or number of leading names, to leave out; found by itself where it is not given. */
  readonly strip?: string | number;
  /** Only these paths, in the target or in the archive, with all below them. */
  readonly entries?: readonly string[];
  readonly method?: 'auto' | Method;
  readonly helperImage?: string;
  readonly consistency?: Consistency;
  readonly passphrase?: string;
}

/** An archive that was read whole and found sound, and where its parts go. */
export interface Ready {
  readonly reader: ArchiveReader;
  readonly target: RestoreTarget;
  readonly slots: readonly Slot[];
  readonly selects: (member: TarMember) => boolean;
  readonly needsTar: boolean;
  readonly hasEarlyTimes: boolean;
  /** The roots' own entries, to be written last: what is done in a directory changes its time. */
  readonly roots: ReadonlyMap<Slot, TarMember>;
  readonly entries: number;
  readonly bytes: number;
}

/**
 * Reads the archive whole, finds where its parts go and does the task with it open. Throws BadArchive, BadArgument,
 * NotFound, PassphraseNeeded or FileFailure.
 */
export async function prepared<T>(
  connection: Connection,
  request: RestoreRequest,
  job: JobOptions,
  task: (ready: Ready) => Promise<T>,
): Promise<T> {
  const file = resolve(request.file);
  if (!['empty', 'merge', 'replace'].includes(request.mode))
    throw new BadArgument(
      'mode',
      l10n.t('The mode "{0}" is unknown; use empty, merge or replace.', String(request.mode)),
    );
  const manifest = await openManifest(file, request.passphrase);
  const reader = await ArchiveReader.open(file, request.passphrase);
  try {
    const target = await planTarget(connection, request.into, manifest);
    const scan = await scanArchive(reader, manifest, job);
    const slots = slotsOf(target, manifest, scan, request.strip);
    const selects = selection(slots, request.entries);
    const count = await countSelected(reader, manifest, slots, selects, scan, request, job);
    const roots = new Map<Slot, TarMember>();
    for (const slot of slots) {
      const root = scan.directories.get(slot.prefix);
      if (root !== undefined && request.entries === undefined) roots.set(slot, root);
    }
    return await task({
      reader,
      target,
      slots,
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

interface Scan {
  readonly prefix: string;
  readonly entries: number;
  readonly bytes: number;
  /** Members with extended attributes or ACLs. */
  readonly attributes: number;
  readonly hasEarlyTimes: boolean;
  /** Entries of directories that a slot may have as its root, by path. */
  readonly directories: ReadonlyMap<string, TarMember>;
  holds(prefix: string): boolean;
}

/** Directories that are remembered, as possible roots: enough for any mount's target, and memory stays small. */
const MOST_DIRECTORIES = 20_000;
/** Of their headers. */
const MOST_DIRECTORY_BYTES = 128 * 1024 * 1024;
/**
 * No mount's target is longer (PATH_MAX); to take all beginnings of a longer path would take time that grows with its
 * square.
 */
const MOST_ROOT_BYTES = 4096;

/** Reads all of it. Throws BadArchive for what is damaged, differs from its manifest or would leave the target. */
async function scanArchive(reader: ArchiveReader, manifest: Manifest | undefined, job: JobOptions): Promise<Scan> {
  const escapes = new EscapeCheck();
  const layout = new LayoutScan();
  const roots = new Set(['.', ...(manifest?.mounts.map(({ root }) => root) ?? [])]);
  const count = new MemberCount(roots, { ...job.log, debug: () => undefined });
  const names = new Set<string>();
  const directories = new Map<string, TarMember>();
  let directoryBytes = 0;
  let attributes = 0;
  let hasEarlyTimes = false;
  const onMember = (member: TarMember) => {
    escapes.add(member);
    layout.add(member);
    count.add(member);
    if (member.attributes.length > 0) attributes += 1;
    const path = memberPath(member.name);
    if (member.mtime < 0) hasEarlyTimes = true;
    for (
      let slash = path.indexOf('/');
      slash >= 0 && slash < MOST_ROOT_BYTES && names.size < MOST_DIRECTORIES;
      slash = path.indexOf('/', slash + 1)
    )
      names.add(path.slice(0, slash));
    if (names.size < MOST_DIRECTORIES) names.add(path);
    if (member.type === '5' && directories.size < MOST_DIRECTORIES) {
      // A view of the archive would keep all of the chunk around it.
      const own = {
        ...member,
        name: Buffer.from(member.name),
        link: Buffer.from(member.link),
        blocks: member.blocks.map((block) => Buffer.from(block)),
      };
      directoryBytes += own.blocks.reduce((sum, block) => sum + block.length, 0);
      if (directoryBytes <= MOST_DIRECTORY_BYTES) directories.set(path, own);
    }
  };
  const { sha256, size, damage } = await reader.check(job, { onMember });
  const found = { sha256, size, entries: count.entries, bytes: count.bytes };
  const problems = [
    ...escapes.problems(),
    ...(damage === undefined ? [] : [damage]),
    ...(manifest === undefined ? [] : differences(manifest, found)),
  ];
  if (problems.length > 0) {
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
  return {
    prefix: layout.prefix(),
    entries: count.entries,
    bytes: count.bytes,
    attributes,
    hasEarlyTimes,
    directories,
    holds: (prefix) => prefix === '' || names.has(prefix),
  };
}

/**
 * Which members are written: those in a slot, and of them those that were asked for, with the directories around them.
 */
function selection(slots: readonly Slot[], entries: readonly string[] | undefined): (member: TarMember) => boolean {
  const wanted = entries?.map((entry) => memberPath(Buffer.from(entry, 'utf8')));
  return (member) => {
    const path = memberPath(member.name);
    const prefix = slotOf(slots, path)?.prefix;
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

/** Counts what will be written; only a choice needs another reading. Throws BadArgument where nothing was chosen. */
async function countSelected(
  reader: ArchiveReader,
  manifest: Manifest | undefined,
  slots: readonly Slot[],
  selects: (member: TarMember) => boolean,
  scan: Scan,
  request: RestoreRequest,
  job: JobOptions,
): Promise<{ entries: number; bytes: number }> {
  const isAll =
    request.entries === undefined &&
    (slots.length === manifest?.mounts.length || (slots.length === 1 && slots[0]?.prefix === ''));
  if (isAll) return { entries: scan.entries, bytes: scan.bytes };
  const roots = new Set(slots.map(({ prefix }) => prefix || '.'));
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
  if (count.entries === 0 && request.entries !== undefined)
    throw new BadArgument(
      'entries',
      l10n.t('The archive holds none of {0}.', request.entries.map((entry) => `"${entry}"`).join(', ')),
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
export async function nameFailure(
  error: unknown,
  connection: Connection,
  { file, into }: RestoreRequest,
  { signal }: JobOptions,
): Promise<unknown> {
  if (signal.aborted) return new Cancelled('The restore');
  const object = into.kind === 'volume' ? into.volume : into.kind === 'container' ? into.container : into.source;
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
        'The engine at {0} went away during the restore into "{1}". Start it: what was there before is put back at the next connection.',
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
