/** Paths as logs and stack traces write them: `/app/main.py:12:3`, `File "/app/main.py", line 12`. */

export interface PathReference {
  readonly path: string;
  /** From 1. */
  readonly line?: number;
  /** From 1. */
  readonly column?: number;
}

/** A line and column at the end: `:12`, `:12:3`, `(12,3)`, `", line 12`. */
const POSITION = /(?::(\d+)(?::(\d+))?|\((\d+)(?:,\s*(\d+))?\)|["']?,? line (\d+))$/;
const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '<': '>', '"': '"', "'": "'", '`': '`' };
const NAME = String.raw`[\p{L}\p{M}\p{N}_.@+~%=,#-]+`;
const IN_LINE = new RegExp(
  String.raw`(?<![\p{L}\p{N}_/.~-])(?:\/${NAME})+(?::\d+(?::\d+)?|\(\d+(?:,\s*\d+)?\)|["'], line \d+)?`,
  'gu',
);

/** A path of a container is no longer than this (PATH_MAX), and a line of a terminal is not looked at beyond it. */
const MOST_TEXT = 4096 + 100;
const MOST_LINE = 100_000;

/** By hand: a regular expression for the end of a text would start again at each character. */
function withoutTail(text: string, tail: string): string {
  let end = text.length;
  while (end > 0 && tail.includes(text[end - 1] ?? '')) end -= 1;
  return text.slice(0, end);
}

/** Takes off what is around a whole text: one pair of brackets or quotes. */
function unwrap(text: string): string {
  const closing = CLOSING[text[0] ?? ''];
  if (closing === undefined) return text;
  return text.endsWith(closing) ? text.slice(1, -1) : text.slice(1);
}

/** A path as a person selects or types it, with the position at its end. */
export function parseReference(text: string): PathReference {
  const whole = unwrap(withoutTail(text.trim().replace(/^File (?=["'])/, ''), ';.,:'));
  if (whole.length > MOST_TEXT) return { path: whole };
  const position = POSITION.exec(whole);
  if (position === null) return { path: whole };
  const [line, column] = [position[1] ?? position[3] ?? position[5], position[2] ?? position[4]];
  return {
    path: whole.slice(0, position.index),
    ...(line === undefined ? {} : { line: Number(line) }),
    ...(column === undefined ? {} : { column: Number(column) }),
  };
}

/**
 * Every absolute path in a line of output, with its place in the line. Names with spaces cannot be told from text and
 * are cut.
 */
export function referencesIn(line: string): (PathReference & { readonly start: number; readonly length: number })[] {
  return [...line.slice(0, MOST_LINE).matchAll(IN_LINE)].map((match) => {
    const text = withoutTail(match[0], '.,');
    return { ...parseReference(text), start: match.index, length: text.length };
  });
}
