/** Facts in Markdown, safe with any text in names. No `vscode` here: `window.ts` makes a MarkdownString of it. */
import { asCode, asMarkdown, isEmpty, type Shown } from './shown.ts';

class MarkdownText {
  readonly #text: string;
  readonly #hasIcons: boolean;

  constructor(text: string, hasIcons: boolean) {
    this.#text = text;
    this.#hasIcons = hasIcons;
  }

  static of(markdown: MarkdownText): { readonly text: string; readonly hasIcons: boolean } {
    return { text: markdown.#text, hasIcons: markdown.#hasIcons };
  }
}

/** Markdown that the functions of this file made. */
export type Markdown = MarkdownText;

export type Fact = readonly [name: Shown, value: Shown | undefined];

/** A title and a table of those facts that have a value. */
export function factTable(title: Shown, facts: readonly Fact[]): Markdown {
  const rows = facts.flatMap(([name, value]) =>
    value === undefined || isEmpty(value) ? [] : [`| ${asMarkdown(name)} | ${asCode(value)} |`],
  );
  return new MarkdownText([`**${asCode(title)}**`, '', '| | |', '| :-- | :-- |', ...rows].join('\n'), false);
}

/** A heading, a list with icons of ours, and what there is to say below it. */
export function iconList(
  heading: Shown,
  items: readonly { readonly icon: string; readonly text: Shown }[],
  below?: Shown,
): Markdown {
  const list = items.map(({ icon, text }) => `- $(${icon}) ${asMarkdown(text)}`);
  return new MarkdownText(
    [`**${asMarkdown(heading)}**`, '', ...list, ...(below === undefined ? [] : ['', asMarkdown(below)])].join('\n'),
    true,
  );
}

/** The text, and whether `$(name)` in it is an icon. */
export function markdownOf(markdown: Markdown): { readonly text: string; readonly hasIcons: boolean } {
  return MarkdownText.of(markdown);
}
