/**
 * How much of a foreign text is read. Reading is linear in the text, but a short text can stand for a long one
 * (aliases, variables, files that name files), so what it expands to is counted too.
 */

/** Why a project, or a file, was not read. */
export type LimitKind =
  /** A file holds more than MOST_FILE_CHARACTERS. */
  | 'tooLarge'
  /** Its lists or maps lie deeper in one another than any person writes. */
  | 'tooDeep'
  /** Its aliases, extends, includes or variables stand for too much, or take too long. */
  | 'tooMuch';

export interface Limit {
  readonly kind: LimitKind;
  /** Absolute path of the file that it happened in. */
  readonly file: string;
}

/** UTF-16 units of one file; two megabytes of YAML take a worker some seconds. */
export const MOST_FILE_CHARACTERS = 2_000_000;
/** UTF-16 units of all files of one project. */
const MOST_PROJECT_CHARACTERS = 8_000_000;
/** Files that one project may name; each is opened. */
const MOST_FILES = 300;
/** Entries that are taken from lists and maps, however they got there. */
const MOST_STEPS = 600_000;
/** UTF-16 units that variables may bring into the texts of one project. */
const MOST_VARIABLE_CHARACTERS = 4_000_000;

/**
 * A text with a mount or a path in it: Linux takes paths of 4,096 bytes, and `posix.normalize` takes time that grows
 * with the square of a long path's length.
 */
export const MOST_MOUNT_CHARACTERS = 16_384;

/** Thrown by a Budget that is used up; caught where the reading began. */
export class LimitReached extends Error {
  override readonly name = 'LimitReached';
  readonly limit: LimitKind;
  constructor(limit: LimitKind) {
    super(limit);
    this.limit = limit;
  }
}

/** What is left for one project. Each method throws LimitReached when it is used up. */
export class Budget {
  #steps = MOST_STEPS;
  #files = MOST_FILES;
  #characters = MOST_PROJECT_CHARACTERS;
  #variables = MOST_VARIABLE_CHARACTERS;

  /** Takes entries out of lists or maps. */
  step(count: number): void {
    this.#steps -= count;
    if (this.#steps < 0) throw new LimitReached('tooMuch');
  }

  /** Opens a file. */
  open(): void {
    this.#files -= 1;
    if (this.#files < 0) throw new LimitReached('tooMuch');
  }

  /** Reads a file's text. */
  read(characters: number): void {
    if (characters > MOST_FILE_CHARACTERS) throw new LimitReached('tooLarge');
    this.#characters -= characters;
    if (this.#characters < 0) throw new LimitReached('tooMuch');
  }

  /** Puts a variable's value in. */
  expand(characters: number): void {
    this.#variables -= characters;
    if (this.#variables < 0) throw new LimitReached('tooMuch');
  }
}
