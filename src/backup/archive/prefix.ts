/** Where in an archive the data begins: people and many tools put it under a directory that is not part of the data. */
import { memberPath } from '../../tar/names.ts';
import type { TarMember } from '../../tar/members.ts';

/** Directories that other tools put around what they save, with nothing of a user's beside them. */
const WRAPPINGS = ['vackup-volume', 'backup'];
const MOST_NAMES = 2;

/** Follows the members of one archive. */
export class LayoutScan {
  #first: string | undefined;
  #allInFirst = true;
  #hasRoot = false;
  /** The names at the top, and below a wrapping; more than two would tell no more than two. */
  readonly #top = new Set<string>();
  readonly #wrapped = new Set<string>();

  add({ name, type }: TarMember): void {
    const path = memberPath(name);
    if (path === '') {
      this.#hasRoot = true;
      return;
    }
    const [top = '', next] = path.split('/', 2);
    if (this.#top.size < MOST_NAMES) this.#top.add(top);
    if (WRAPPINGS.includes(top) && next !== undefined && this.#wrapped.size < MOST_NAMES) this.#wrapped.add(next);
    if (this.#first === undefined) {
      this.#first = path;
      this.#allInFirst = type === '5';
    } else if (path !== this.#first && !path.startsWith(`${this.#first}/`)) this.#allInFirst = false;
  }

  /**
   * The directory whose contents are the data, '' for the archive's own root. `tar cf X /data` writes `data/` first and
   * all else below; Docker Desktop's older exports hold `vackup-volume/`, offen/docker-volume-backup `backup/NAME/`.
   */
  prefix(): string {
    if (this.#hasRoot) return '';
    const [top] = this.#top;
    if (this.#top.size === 1 && top === 'vackup-volume') return top;
    const [inner] = this.#wrapped;
    if (this.#top.size === 1 && top === 'backup' && this.#wrapped.size === 1) return `backup/${inner}`;
    return this.#allInFirst ? (this.#first ?? '') : '';
  }
}

/** A prefix as a person gives it, without slashes at its ends. */
export function cleanPrefix(text: string): string {
  return text
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}

/** Whether `path` is `prefix` or is inside it. */
export function isWithin(path: string, prefix: string): boolean {
  return prefix === '' || path === prefix || path.startsWith(`${prefix}/`);
}
