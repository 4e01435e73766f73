/** What a backup counts, and what a check of it counts again. */
import type { Logger } from '../../engine/log.ts';
import { memberPath } from '../../tar/names.ts';
import { type TarMember } from '../../tar/members.ts';
import { printableName } from '../../tar/names.ts';

/** Counts members without the roots' own entries, and the bytes of regular files; logs each name at debug level. */
export class MemberCount {
  entries = 0;
  bytes = 0;
  readonly #roots: ReadonlySet<string>;
  readonly #log: Logger;

  /** `roots` are names without `./` in front and `/` at the end; '.' for entries relative to their source. */
  constructor(roots: ReadonlySet<string>, log: Logger) {
    this.#roots = new Set([...roots].map((root) => memberPath(Buffer.from(root))));
    this.#log = log;
  }

  add(member: TarMember): void {
    this.#log.debug(printableName(member.name));
    const isRoot = member.type === '5' && this.#roots.has(memberPath(member.name));
    if (!isRoot) this.entries += 1;
    this.bytes += member.bytes;
  }
}
