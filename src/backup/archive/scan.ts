/** One reading of a whole archive, and all that later work wants to know of it. */
import type { Work } from '../../engine/job.ts';
import type { TarMember } from '../../tar/members.ts';
import { memberPath, utf8Text } from '../../tar/names.ts';
import { EscapeCheck } from './escapes.ts';
import { MemberCount } from './memberCount.ts';
import { LayoutScan } from './prefix.ts';
import type { ArchiveReader } from './reader.ts';

/** An entry for a person to choose. */
interface ArchiveEntry {
  /** Path in the archive, without `./` in front. */
  readonly path: string;
  readonly isDirectory: boolean;
  /** Content of a regular file. */
  readonly bytes: number;
}

export interface Scan {
  readonly sha256: string;
  /** Of the file, in bytes. */
  readonly size: number;
  /** How far it is sound. */
  readonly damage: string | undefined;
  /** Members that would leave the target. */
  readonly escapes: readonly string[];
  /** The directory that the data seems to lie in. */
  readonly prefix: string;
  readonly entries: number;
  readonly bytes: number;
  /** Members with extended attributes or ACLs. */
  readonly attributes: number;
  readonly hasEarlyTimes: boolean;
  /** Entries of directories that a mount may have as its root, by path. */
  readonly directories: ReadonlyMap<string, TarMember>;
  /** The first MOST_LISTED entries whose names are UTF-8, and how many more there are. */
  readonly listed: readonly ArchiveEntry[];
  readonly more: number;
  /** Whether anything lies in this directory of the archive. */
  holds(prefix: string): boolean;
}

/** More rows than these are no choice. */
const MOST_LISTED = 20_000;
/** Directories that are remembered, as possible roots: enough for any mount's target, and memory stays small. */
const MOST_DIRECTORIES = 20_000;
/** Of their headers. */
const MOST_DIRECTORY_BYTES = 128 * 1024 * 1024;
/**
 * No mount's target is longer (PATH_MAX); to take all beginnings of a longer path would take time that grows with its
 * square.
 */
const MOST_ROOT_BYTES = 4096;

/** Collects what a scan remembers, within bounds. */
class Collector {
  readonly names = new Set<string>();
  readonly directories = new Map<string, TarMember>();
  readonly listed: ArchiveEntry[] = [];
  more = 0;
  attributes = 0;
  hasEarlyTimes = false;
  #directoryBytes = 0;

  add(member: TarMember): void {
    const path = memberPath(member.name);
    if (member.attributes.length > 0) this.attributes += 1;
    if (member.mtime < 0) this.hasEarlyTimes = true;
    this.#remember(path);
    this.#list(path, member);
    if (member.type === '5') this.#keep(path, member);
  }

  #remember(path: string): void {
    const { names } = this;
    for (
      let slash = path.indexOf('/');
      slash >= 0 && slash < MOST_ROOT_BYTES && names.size < MOST_DIRECTORIES;
      slash = path.indexOf('/', slash + 1)
    )
      names.add(path.slice(0, slash));
    if (names.size < MOST_DIRECTORIES) names.add(path);
  }

  #list(path: string, { type, bytes }: TarMember): void {
    // One that is not UTF-8 can only be chosen by the directory around it.
    const text = utf8Text(Buffer.from(path, 'latin1'));
    if (text === undefined || text === '') return;
    if (this.listed.length < MOST_LISTED) this.listed.push({ path: text, isDirectory: type === '5', bytes });
    else this.more += 1;
  }

  #keep(path: string, member: TarMember): void {
    if (this.directories.size >= MOST_DIRECTORIES) return;
    // A view of the archive would keep all of the chunk around it.
    const own = {
      ...member,
      name: Buffer.from(member.name),
      link: Buffer.from(member.link),
      blocks: member.blocks.map((block) => Buffer.from(block)),
    };
    this.#directoryBytes += own.blocks.reduce((sum, block) => sum + block.length, 0);
    if (this.#directoryBytes <= MOST_DIRECTORY_BYTES) this.directories.set(path, own);
  }
}

/** Reads all of an archive. `roots` are the names of trees that are no entries. Throws FileFailure or Cancelled. */
export async function scanArchive(work: Work, reader: ArchiveReader, roots: ReadonlySet<string>): Promise<Scan> {
  const escapes = new EscapeCheck();
  const layout = new LayoutScan();
  const count = new MemberCount(roots, work.log);
  const found = new Collector();
  const onMember = (member: TarMember) => {
    escapes.add(member);
    layout.add(member);
    count.add(member);
    found.add(member);
  };
  const checked = await reader.check(work, { onMember });
  const { names, directories, listed, more, attributes, hasEarlyTimes } = found;
  return {
    ...checked,
    escapes: escapes.problems(),
    prefix: layout.prefix(),
    entries: count.entries,
    bytes: count.bytes,
    attributes,
    hasEarlyTimes,
    directories,
    listed,
    more,
    holds: (prefix) => prefix === '' || names.has(prefix),
  };
}

/**
 * What was read of archives for a question, for the work that follows it; kept for one call of a command. An archive is
 * the same while its file system says so: device, inode, size, and the times of its content and of its inode.
 */
export class KnownScans {
  readonly #answers = new Map<string, unknown>();

  /**
   * What `read` found in the archive before under the same `key`, else what it finds now. Throws what `read` throws.
   */
  async once<T>(reader: ArchiveReader, key: unknown, read: () => Promise<T>): Promise<T> {
    const keyNow = async () => JSON.stringify([await reader.identity(), key]);
    const before = await keyNow();
    if (this.#answers.has(before)) return this.#answers.get(before) as T;
    const answer = await read();
    // Written to while it was read, it is known by neither identity.
    if ((await keyNow()) === before) this.#answers.set(before, answer);
    return answer;
  }

  /** The scan that is known, or a new one. Throws FileFailure or Cancelled. */
  scan(work: Work, reader: ArchiveReader, roots: ReadonlySet<string>): Promise<Scan> {
    return this.once(reader, ['scan', ...roots], () => scanArchive(work, reader, roots));
  }
}
