/** How an archive differs from the mounts that it would be restored into. */
import * as l10n from '@vscode/l10n';
import { createHash, type Hash } from 'node:crypto';
import { BLOCK_BYTES } from '../../tar/header.ts';
import { oldSparseMap } from '../../tar/rewrite.ts';
import { BadTar, MOST_PIECES, type TarMember } from '../../tar/members.ts';
import { utf8Text } from '../../tar/names.ts';
import { memberPath } from '../../tar/names.ts';
import { isWithin } from '../archive/prefix.ts';

export interface Difference {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  readonly unchanged: number;
}

const MOST_DIGITS = 32;
/**
 * GNU tar writes as many pieces as a file has. Four times as many as we allow in its old format take about 200 MB while
 * they are compared.
 */
const MOST_MAPPED = 4 * MOST_PIECES;

/**
 * Hashes the content of members; holes of sparse files count as zeros.
 * @internal
 */
export class ContentHash {
  #hash: Hash = createHash('sha256');
  #member: TarMember | undefined;
  /** Bytes of content hashed so far. */
  #at = 0;
  #map: { offset: number; bytes: number }[] = [];
  /** Bytes of a sparse map whose end has not been read yet. */
  #pending: Buffer | undefined;
  /** The numbers of such a map, and its bytes, so far. */
  #numbers: number[] = [];
  #mapBytes = 0;
  /** Index of the current piece: removing the first of a list of millions would move all others. */
  #piece = 0;

  begin(member: TarMember): void {
    this.#hash = createHash('sha256');
    this.#member = member;
    this.#at = 0;
    this.#map = [];
    this.#numbers = [];
    this.#mapBytes = 0;
    this.#piece = 0;
    this.#pending = member.sparse === 'pax' ? Buffer.alloc(0) : undefined;
    if (member.sparse === 'gnu') this.#map = oldSparseMap(member);
  }

  feed(part: Buffer): void {
    const { bytes = 0, sparse } = this.#member ?? {};
    const data = this.#pending === undefined ? part : this.#newMap(part);
    if (sparse === undefined) {
      this.#take(data.subarray(0, bytes - this.#at));
      return;
    }
    for (let rest = data; rest.length > 0;) {
      const piece = this.#map[this.#piece];
      if (piece === undefined) return;
      this.#zeros(piece.offset);
      const now = rest.subarray(0, piece.bytes);
      this.#take(now);
      rest = rest.subarray(now.length);
      piece.offset += now.length;
      piece.bytes -= now.length;
      if (piece.bytes === 0) this.#piece += 1;
    }
  }

  end(): string {
    this.#zeros(this.#member?.bytes ?? 0);
    return this.#hash.digest('hex');
  }

  #take(data: Buffer): void {
    this.#hash.update(data);
    this.#at += data.length;
  }

  #zeros(until: number): void {
    const block = Buffer.alloc(64 * 1024);
    while (this.#at < until) this.#take(block.subarray(0, until - this.#at));
  }

  /**
   * GNU's sparse format 1.0: the number of pieces, then offset and size of each, one decimal a line, padded to a block.
   * Returns what follows it.
   */
  #newMap(part: Buffer): Buffer {
    let at = 0;
    for (
      let line = part.indexOf(10);
      line >= 0 && this.#numbers.length < 1 + 2 * (this.#numbers[0] ?? 0);
      line = part.indexOf(10, at)
    ) {
      this.#numbers.push(
        Number(Buffer.concat([this.#pending ?? Buffer.alloc(0), part.subarray(at, line)]).toString('latin1')),
      );
      this.#pending = Buffer.alloc(0);
      at = line + 1;
    }
    if ((this.#numbers[0] ?? 0) > MOST_MAPPED)
      throw new BadTar(l10n.t('the map of a sparse file has more than {0} pieces', MOST_MAPPED));
    const isWhole = this.#numbers.length > 0 && this.#numbers.length >= 1 + 2 * (this.#numbers[0] ?? 0);
    if (!isWhole) {
      // No number has so many digits: damaged data must not pile up while the end of a line never comes.
      this.#pending = Buffer.concat([this.#pending ?? Buffer.alloc(0), part.subarray(at)]).subarray(0, MOST_DIGITS);
      this.#mapBytes += part.length;
      return Buffer.alloc(0);
    }
    const end = Math.ceil((this.#mapBytes + at) / BLOCK_BYTES) * BLOCK_BYTES - this.#mapBytes;
    if (part.length < end) {
      this.#mapBytes += part.length;
      return Buffer.alloc(0);
    }
    for (let index = 1; index < this.#numbers.length; index += 2) {
      const piece = { offset: this.#numbers[index] ?? 0, bytes: this.#numbers[index + 1] ?? 0 };
      if (piece.bytes > 0) this.#map.push(piece);
    }
    this.#pending = undefined;
    return part.subarray(end);
  }
}

/** The facts of the entries below one directory, by path; hard links have the facts of their targets. */
export class Listing {
  readonly #facts = new Map<string, string>();
  readonly #links = new Map<string, string>();
  readonly #prefix: string;
  readonly #selects: (member: TarMember) => boolean;
  readonly #content = new ContentHash();
  #current: string | undefined;

  constructor(prefix: string, selects: (member: TarMember) => boolean = () => true) {
    this.#prefix = prefix;
    this.#selects = selects;
  }

  /** For a walk: takes members and, to compare the contents of files, their bodies. */
  readonly walk = {
    onMember: (member: TarMember) => this.#add(member),
    onBody: (part: Buffer | undefined) => this.#body(part),
  };

  #add(member: TarMember): void {
    this.#current = undefined;
    if (!this.#selects(member)) return;
    const path = memberPath(member.name);
    const isRoot = path === this.#prefix;
    if (!isWithin(path, this.#prefix) || (isRoot && member.type === '5')) return;
    const own = isRoot ? '' : path.slice(this.#prefix === '' ? 0 : this.#prefix.length + 1);
    if (member.type === '1') {
      this.#facts.delete(own);
      this.#links.set(own, memberPath(member.link).slice(this.#prefix === '' ? 0 : this.#prefix.length + 1));
      return;
    }
    this.#links.delete(own);
    const isFile = ['0', '7', 'S'].includes(member.type);
    const type = isFile ? '0' : member.type;
    const what =
      member.type === '2'
        ? member.link.toString('latin1')
        : isFile
          ? String(member.bytes)
          : ['3', '4'].includes(type)
            ? member.device
            : '';
    // A symbolic link's mode and a directory's time mean nothing.
    const mode = type === '2' ? '' : (member.mode & 0o7777).toString(8);
    const time = type === '5' ? '' : String(Math.floor(member.mtime));
    this.#facts.set(own, [type, mode, member.uid, member.gid, time, what].join(' '));
    if (!isFile) return;
    this.#current = own;
    this.#content.begin(member);
  }

  #body(part: Buffer | undefined): void {
    if (this.#current === undefined) return;
    if (part !== undefined) return this.#content.feed(part);
    this.#facts.set(this.#current, `${this.#facts.get(this.#current)} ${this.#content.end()}`);
    this.#current = undefined;
  }

  get paths(): Iterable<string> {
    return [...this.#facts.keys(), ...this.#links.keys()];
  }

  factsOf(path: string): string | undefined {
    return this.#facts.get(path) ?? this.#facts.get(this.#links.get(path) ?? '');
  }
}

/** What the archive would change in the target. With `keeps`, as in a merge, nothing is removed. */
export function differenceOf(archive: Listing, there: Listing, keeps: boolean): Difference {
  const added: string[] = [];
  const changed: string[] = [];
  let unchanged = 0;
  const wanted = new Set(archive.paths);
  for (const path of wanted) {
    const facts = there.factsOf(path);
    if (facts === undefined) added.push(path);
    else if (facts === archive.factsOf(path)) unchanged += 1;
    else changed.push(path);
  }
  const removed = keeps ? [] : [...there.paths].filter((path) => !wanted.has(path));
  const shown = (paths: string[]) => paths.sort().map((path) => readable(path));
  return { added: shown(added), changed: shown(changed), removed: shown(removed), unchanged };
}

function readable(path: string): string {
  return utf8Text(Buffer.from(path, 'latin1')) ?? path;
}
