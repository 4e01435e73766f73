/** Finds members that, extracted, would write outside of the target. */
import * as l10n from '@vscode/l10n';
import { BadArchive } from '../../engine/errors.ts';
import { type TarMember } from '../../tar/members.ts';
import { memberPath, printableName } from '../../tar/names.ts';

/** Enough to show what is wrong; a malicious archive may hold a million of them. */
const MOST = 20;
/** Characters of a name in a message. */
const MOST_SHOWN = 300;
/** Symbolic links and the directories above them: more than the largest volumes have; they take about 200 MB. */
const MOST_NODES = 2_000_000;
/** Bytes of their names. */
const MOST_NODE_BYTES = 128 * 1024 * 1024;

function climbs(name: Buffer): boolean {
  return name.toString('latin1').split('/').includes('..');
}

function quoted(name: Buffer): string {
  const text = printableName(name);
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
}

/**
 * The paths of symbolic links as a tree of their parts. The search for a link above a path takes time that grows with
 * the path's length; with a list of whole paths, each beginning of the path would be hashed again. A node's key is the
 * number of its parent and its own name. Its value is its number, doubled, plus one for a link.
 */
class LinkTree {
  readonly #nodes = new Map<string, number>();
  #bytes = 0;

  /** Throws BadArchive where there are too many to remember. */
  add(path: string): void {
    const parts = path.split('/');
    let parent = 0;
    for (const [index, part] of parts.entries()) {
      const key = `${parent}/${part}`;
      const known = this.#nodes.get(key);
      const value = known ?? (this.#nodes.size + 1) * 2;
      if (known === undefined) this.#count(key);
      const isLink = index === parts.length - 1;
      if (known === undefined || isLink) this.#nodes.set(key, isLink ? value | 1 : value);
      parent = value >> 1;
    }
  }

  /** It is no longer a link. */
  delete(path: string): void {
    this.#follow(path.split('/'), (key, value, isLast) => {
      if (isLast) this.#nodes.set(key, value & ~1);
      return false;
    });
  }

  /** The uppermost link above this path. */
  above(path: string): string | undefined {
    if (this.#nodes.size === 0) return undefined;
    const parts = path.split('/');
    const depth = this.#follow(parts, (_key, value, isLast) => !isLast && (value & 1) === 1);
    return depth === undefined ? undefined : parts.slice(0, depth).join('/');
  }

  /** How many parts lead to the first node that `isIt` accepts. */
  #follow(
    parts: readonly string[],
    isIt: (key: string, value: number, isLast: boolean) => boolean,
  ): number | undefined {
    let parent = 0;
    for (const [index, part] of parts.entries()) {
      const key = `${parent}/${part}`;
      const value = this.#nodes.get(key);
      if (value === undefined) return undefined;
      if (isIt(key, value, index === parts.length - 1)) return index + 1;
      parent = value >> 1;
    }
    return undefined;
  }

  #count(key: string): void {
    this.#bytes += key.length;
    if (this.#nodes.size < MOST_NODES && this.#bytes <= MOST_NODE_BYTES) return;
    const why = l10n.t(
      'it has more symbolic links than can be checked: at most {0} with the directories above them, and {1} MiB of names',
      MOST_NODES,
      MOST_NODE_BYTES / 1024 / 1024,
    );
    throw new BadArchive('', [why], why);
  }
}

/** Follows the members of one archive in their order. Only the links in it are remembered, so memory stays small. */
export class EscapeCheck {
  readonly #links = new LinkTree();
  readonly #found: string[] = [];
  #more = 0;
  #relative = 0;
  readonly #absolute: string[] = [];

  /** Throws BadArchive for an archive with too many links to remember. */
  add(member: TarMember): void {
    const name = quoted(member.name);
    const path = memberPath(member.name);
    if (climbs(member.name)) this.#say(`"${name}" is outside of the archive's root`);
    if (member.name[0] !== 0x2f) this.#relative += 1;
    else if (this.#absolute.length < MOST) this.#absolute.push(name);
    const through = this.#linkAbove(path);
    if (through !== undefined) this.#say(`"${name}" is behind the symbolic link "${through}" of the archive`);
    if (member.type === '1') {
      const behind = this.#linkAbove(memberPath(member.link));
      const isOutside = climbs(member.link) || (member.link[0] === 0x2f && member.name[0] !== 0x2f);
      if (isOutside) this.#say(`"${name}" is a hard link to "${quoted(member.link)}", outside of the archive's root`);
      else if (behind !== undefined)
        this.#say(`"${name}" is a hard link to "${quoted(member.link)}", behind the symbolic link "${behind}"`);
    }
    if (member.type === '2') this.#links.add(path);
    else this.#links.delete(path);
  }

  /** What was found. Absolute names are a problem only where some members have them and others do not. */
  problems(): readonly string[] {
    const mixed =
      this.#relative > 0 ? this.#absolute.map((name) => `"${name}" is an absolute path among relative ones`) : [];
    const all = [...this.#found, ...mixed];
    const more = this.#more + Math.max(0, all.length - MOST);
    return more > 0 ? [...all.slice(0, MOST), `${more} more such entries`] : all;
  }

  #say(problem: string): void {
    if (this.#found.length < MOST) this.#found.push(problem);
    else this.#more += 1;
  }

  #linkAbove(path: string): string | undefined {
    const link = this.#links.above(path);
    return link === undefined ? undefined : quoted(Buffer.from(link, 'latin1'));
  }
}
