/** Finds members that, extracted, would write outside of the target. */
import { printableName, type TarMember } from './tarMembers.ts';

/** Enough to say what is wrong; an archive made for harm may hold a million of them. */
const MOST = 20;

/** A member's path without the `./` or `/` in front and the `/` behind: bytes as Latin-1, so that none is lost. '' is the root. */
export function memberPath(name: Buffer): string {
  const parts = name.toString('latin1').split('/').filter((part) => part !== '' && part !== '.');
  return parts.join('/');
}

function climbs(name: Buffer): boolean {
  return name.toString('latin1').split('/').includes('..');
}

/** Follows the members of one archive in their order. Only the links in it are remembered, so memory stays small. */
export class EscapeCheck {
  readonly #links = new Map<string, Buffer>();
  readonly #found: string[] = [];
  #more = 0;
  #relative = 0;
  readonly #absolute: string[] = [];

  add(member: TarMember): void {
    const name = printableName(member.name);
    const path = memberPath(member.name);
    if (climbs(member.name)) this.#say(`"${name}" lies outside of the archive's root`);
    if (member.name[0] !== 0x2f) this.#relative += 1;
    else if (this.#absolute.length < MOST) this.#absolute.push(name);
    const through = this.#throughLink(path);
    if (through !== undefined) this.#say(`"${name}" lies behind the symbolic link "${through}" of the archive`);
    if (member.type === '1') {
      const behind = this.#throughLink(memberPath(member.link));
      const isOutside = climbs(member.link) || (member.link[0] === 0x2f && member.name[0] !== 0x2f);
      if (isOutside) this.#say(`"${name}" is a hard link to "${printableName(member.link)}", outside of the archive's root`);
      else if (behind !== undefined) this.#say(`"${name}" is a hard link to "${printableName(member.link)}", behind the symbolic link "${behind}"`);
    }
    if (member.type === '2') this.#links.set(path, member.name);
    else this.#links.delete(path);
  }

  /** What was found. Absolute names are a way of writing an archive, unless only some of its members have them. */
  problems(): readonly string[] {
    const mixed = this.#relative > 0 ? this.#absolute.map((name) => `"${name}" is an absolute path among relative ones`) : [];
    const all = [...this.#found, ...mixed];
    const more = this.#more + Math.max(0, all.length - MOST);
    return more > 0 ? [...all.slice(0, MOST), `${more} more such entries`] : all;
  }

  #say(problem: string): void {
    if (this.#found.length < MOST) this.#found.push(problem);
    else this.#more += 1;
  }

  #throughLink(path: string): string | undefined {
    if (this.#links.size === 0) return undefined;
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      const link = this.#links.get(path.slice(0, slash));
      if (link !== undefined) return printableName(link);
    }
    return undefined;
  }
}
