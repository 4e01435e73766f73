/** One pass over a whole archive, and all that later work needs to know about it. */
import type { Work } from '../../engine/job.ts';
import type { TarMember } from '../../tar/members.ts';
import { memberPath, utf8Text } from '../../tar/names.ts';
import { EscapeCheck } from './escapes.ts';
import { MemberCount } from './memberCount.ts';
import { LayoutScan } from './prefix.ts';
import type { ArchiveReader } from './reader.ts';

/** An entry that a person can choose. */
interface ArchiveEntry {
  /** Path in the archive, without `./` in front. */
  readonly path: string;
  readonly isDirectory: boolean;
  /** Content of a regular file. */
  readonly bytes: number;
}

export interface Scan {
  readonly sha256: string;
  /** Size of the file in bytes. */
  readonly size: number;
  /** Where it is damaged, and how. */
  readonly damage: string | undefined;
  /** Members that would leave the target. */
  readonly escapes: readonly string[];
  /** The directory that seems to hold the data. */
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
  /** Whether this directory of the archive holds anything. */
  holds(prefix: string): boolean;
}

/** Nobody can choose from more rows than these. */
const MOST_LISTED = 20_000;
/** Directories that are remembered as possible roots: enough for any mount's target, with little memory. */
const MOST_DIRECTORIES = 20_000;
/** Bytes of their headers. */
const MOST_DIRECTORY_BYTES = 128 * 1024 * 1024;
/**
 * No mount's target is longer (PATH_MAX). The time to look at all beginnings of a path grows with the square of its
 * length.
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
    // A path that is not UTF-8 can only be chosen through its parent directory.
    const text = utf8Text(Buffer.from(path, 'latin1'));
    if (text === undefined || text === '') return;
    if (this.listed.length < MOST_LISTED) this.listed.push({ path: text, isDirectory: type === '5', bytes });
    else this.more += 1;
  }

  #keep(path: string, member: TarMember): void {
    if (this.directories.size >= MOST_DIRECTORIES) return;
    // A view into the archive would keep the whole chunk in memory.
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

/**
 * Reads all of an archive. `roots` are the names of trees that do not count as entries. Throws FileFailure or
 * Cancelled.
 */
async function scanArchive(work: Work, reader: ArchiveReader, roots: ReadonlySet<string>): Promise<Scan> {
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
 * What was read of archives for a question, kept for the work that follows it within one command. An archive counts as
 * unchanged while its file system says so: device, inode, size, and the times of its content and of its inode.
 */
export class KnownScans {
  readonly #answers = new Map<string, unknown>();

  /**
   * What `read` found in the archive earlier under the same `key`, or else what it finds now. Throws what `read`
   * throws.
   */
  async once<T>(reader: ArchiveReader, key: unknown, read: () => Promise<T>): Promise<T> {
    const keyNow = async () => JSON.stringify([await reader.identity(), key]);
    const before = await keyNow();
    if (this.#answers.has(before)) return this.#answers.get(before) as T;
    const answer = await read();
    // An archive that was written to while it was read is not remembered.
    if ((await keyNow()) === before) this.#answers.set(before, answer);
    return answer;
  }

  /** The earlier scan, or a new one. Throws FileFailure or Cancelled. */
  scan(work: Work, reader: ArchiveReader, roots: ReadonlySet<string>): Promise<Scan> {
    return this.once(reader, ['scan', ...roots], () => scanArchive(work, reader, roots));
  }
}
