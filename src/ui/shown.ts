/**
 * Texts that are safe to show. Names, labels, paths and messages come from images, archives, engines and files of other
 * people, and a face of VS Code may take them for markup: a notification and an input box make links of
 * `[text](command:…)`, a quick pick, a code lens and the status bar make icons of `$(name)`, a tooltip is Markdown. So
 * every face is reached through `window.ts` only. It takes a `Shown`, and only the functions here make one. No `vscode`
 * here, so that unit tests can run it.
 */
import * as l10n from '@vscode/l10n';

/** Characters of one name; a path of Linux has at most 4096. */
const LONGEST_NAME = 160;
/** Characters of a whole message, for example of an error, with names in it. */
const LONGEST_MESSAGE = 900;
/** Names that a sentence lists. */
const MOST_NAMED = 8;
/** Lines of a list in a dialog. */
const MOST_LINES = 30;
/** Letters carry a few marks; hundreds would paint over the rows around. */
const MOST_MARKS = 8;

class ShownText {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  static textOf(shown: ShownText): string {
    return shown.#text;
  }
}

/** Text without hidden characters. Only the functions of this file make it, since the class is not exported. */
export type Shown = ShownText;

/** What may be put into a sentence. */
export type Part = string | number | Shown;

/** Scripts in which U+200C and U+200D shape the letters beside them. */
const JOINED = String.raw`\p{Script=Arabic}\p{Script=Syriac}\p{Script=Nko}\p{Script=Mongolian}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}`;
/** An emoji is several characters: a picture, its look or colour, and a joiner. */
const PICTURE = String.raw`\p{Extended_Pictographic}\p{Emoji_Modifier}`;
/** Joiners and selectors that do what they are for: these stay. */
const AT_WORK = String.raw`(?<=[${JOINED}\p{Script=Inherited}])[\u200c\u200d](?=[${JOINED}])|(?<=[${PICTURE}\ufe0f])\u200d(?=[${PICTURE}\u2640\u2642\u2695\u2696\u2708])|(?<=[${PICTURE}\p{Emoji}])[\ufe0e\ufe0f]|(?<=\p{Script=Han})[\ufe00-\ufe02\u{e0100}-\u{e01ef}]`;
/**
 * What cannot be seen, or changes how what is around it is seen: controls of C0 and C1, bidirectional controls, line
 * and paragraph separators, characters of no width, blank letters, tags, halves of surrogate pairs, and no characters
 * at all.
 */
const HIDDEN = String.raw`[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}\p{Variation_Selector}\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0]`;
// eslint-disable-next-line no-misleading-character-class -- single characters are meant: joiners and selectors too
const HIDES = new RegExp(`(${AT_WORK})|${HIDDEN}`, 'gu');
const MARKS = new RegExp(String.raw`(?<=\p{M}{${MOST_MARKS}})\p{M}`, 'gu');
const RIGHT_TO_LEFT =
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** `\n`, `\x1b`, `\u202e`, `\u{e0041}`: as most languages write it. */
function written(character: string): string {
  switch (character) {
    case '\n':
      return '\\n';
    case '\r':
      return '\\r';
    case '\t':
      return '\\t';
  }
  const code = character.codePointAt(0) ?? 0;
  const digits = code.toString(16);
  if (code > 0xffff) return `\\u{${digits}}`;
  return code < 0x100 ? `\\x${digits.padStart(2, '0')}` : `\\u${digits.padStart(4, '0')}`;
}

/** The text with its hidden characters written out; other characters, of any script, stay as they are. */
export function visible(text: string): string {
  return text
    .replace(HIDES, (character: string, atWork: string | undefined) => atWork ?? written(character))
    .replace(MARKS, written);
}

/** Shortened with … in the middle, since the beginning and the end of a text say most. Counts whole characters. */
function bounded(text: string, most: number): string {
  if (text.length <= most) return text;
  // So many are enough for both ends.
  const start = [...text.slice(0, 2 * most)].slice(0, Math.ceil((most - 1) / 2));
  const end = [...text.slice(-2 * most)].slice(-Math.floor((most - 1) / 2));
  return `${start.join('')}…${end.join('')}`;
}

/**
 * Shortened before hidden characters are written out, to avoid reading ten megabytes, and after, since the text grows.
 */
function tamed(text: string, most: number): string {
  const cut = bounded(visible(bounded(text, most)), most);
  // Isolated, since letters from right to left would change the order of the sentence around it.
  return RIGHT_TO_LEFT.test(cut) ? `\u2068${cut}\u2069` : cut;
}

function partText(part: Part): string {
  if (part instanceof ShownText) return ShownText.textOf(part);
  return typeof part === 'number' ? String(part) : tamed(part, LONGEST_NAME);
}

/** A name, label or path from anywhere. */
export function shown(text: string): Shown {
  return new ShownText(tamed(text, LONGEST_NAME));
}

/** A whole message from elsewhere, for example of an error or of the engine. Its line breaks become blanks. */
export function sentence(message: string): Shown {
  // An engine ends its messages with a line break, and breaks long ones.
  const rows = bounded(message, LONGEST_MESSAGE)
    .split('\n')
    .map((row) => row.trim())
    .filter((row) => row !== '');
  return new ShownText(tamed(rows.join(' '), LONGEST_MESSAGE));
}

/** The message of anything that was thrown. */
export function failure(error: unknown): Shown {
  return sentence(error instanceof Error ? error.message : String(error));
}

/**
 * Only a literal text in the source is a template: one with any other text in it is `never`, and does not compile.
 */
type Template<T extends string> = Record<never, never> extends Record<T, true> ? never : T;

/** A sentence of ours in the user's language. The values for `{0}`, `{1}`, … may come from anywhere. */
export function say<const T extends string>(template: Template<T>, ...parts: readonly Part[]): Shown {
  // In one pass, so that a `{1}` in the value for `{0}` stays as it is.
  return new ShownText(
    l10n.t(template).replace(/\{(\d+)\}/g, (all, index: string) => {
      const part = parts[Number(index)];
      return part === undefined ? all : partText(part);
    }),
  );
}

/** Texts in a row, without those that are empty. */
export function joined(
  parts: readonly (Part | undefined)[],
  separator: ' · ' | ', ' | '; ' | ' ' | ': ' | '' | ' → ' | ' ← ' | ':' | '=',
): Shown {
  return new ShownText(
    parts
      .map((part) => (part === undefined ? '' : partText(part)))
      .filter((text) => text !== '')
      .join(separator),
  );
}

/** `a, b, c and 5 more`: as many names as fit in a sentence. */
export function names(all: readonly Part[], most = MOST_NAMED): Shown {
  const some = joined(all.slice(0, most), ', ');
  return all.length > most ? say('{0} and {1} more', some, all.length - most) : some;
}

/** Lines of a dialog's detail: paragraphs, or a list. */
export function lines(all: readonly Part[], separator: '\n' | '\n\n' = '\n', most = MOST_LINES): Shown {
  const texts = all.map(partText).filter((text) => text !== '');
  const more = texts.length > most ? [partText(say('and {0} more', texts.length - most))] : [];
  return new ShownText([...texts.slice(0, most), ...more].join(separator));
}

export function isEmpty(text: Shown): boolean {
  return ShownText.textOf(text) === '';
}

/**
 * Shorter, with … in the middle.
 * @internal
 */
export function shortened(text: Shown, most: number): Shown {
  return new ShownText(bounded(ShownText.textOf(text), most));
}

/** For faces that show text as it is: titles, rows, dialogs, problems, decorations. */
export function asText(text: Shown): string {
  return ShownText.textOf(text);
}

// A character of no width where the markup would begin: such text cannot be escaped in another way.
const withoutLinks = (text: string) => text.replaceAll('](', ']\u200b(');
const withoutIcons = (text: string) => text.replaceAll('$(', '$\u200b(');

/**
 * For notifications and input boxes: both make links, and input boxes make icons too (parseLinkedText and
 * renderLabelWithIcons of VS Code).
 */
export function asMessage(text: Shown): string {
  return withoutIcons(withoutLinks(bounded(ShownText.textOf(text), LONGEST_MESSAGE)));
}

/** For faces that make icons: quick picks, code lenses, the status bar, names of terminals. The icon is our own. */
export function asLabel(text: Shown, icon?: string): string {
  // The name of a terminal becomes Markdown in the tooltip of its tab.
  return `${icon === undefined ? '' : `$(${icon}) `}${withoutIcons(withoutLinks(ShownText.textOf(text)))}`;
}

/**
 * For Markdown: every ASCII sign is escaped, so that none starts markup. VS Code looks for icons after it has removed
 * the escapes.
 */
export function asMarkdown(text: Shown): string {
  return withoutIcons(ShownText.textOf(text)).replace(/[!-/:-@[-`{-~]/g, '\\$&');
}

/** As code of Markdown, in a table too. */
export function asCode(text: Shown): string {
  const plain = ShownText.textOf(text);
  if (plain.trim() === '') return '';
  // Longer than any row of backticks inside, so that none of them ends it.
  const fence = '`'.repeat(1 + Math.max(0, ...(plain.match(/`+/g) ?? []).map(({ length }) => length)));
  const pad = plain.includes('`') ? ' ' : '';
  // A backslash before the one that escapes a pipe would escape that one instead.
  return `${fence}${pad}${plain
    .replace(/\n/g, ' ')
    .replace(/\\(?=\|)/g, '\\\u200b')
    .replaceAll('|', '\\|')}${pad}${fence}`;
}

/** JSON in which what is hidden is written as JSON's own escapes: the value is the same. */
export function visibleJson(value: unknown): string {
  // JSON.stringify has escaped the controls; its own line breaks are between the values.
  const units = (character: string) =>
    [...Array(character.length).keys()]
      .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join('');
  return (JSON.stringify(value, null, 2) ?? 'null').replace(
    HIDES,
    (character: string, atWork: string | undefined) => atWork ?? (character === '\n' ? character : units(character)),
  );
}
