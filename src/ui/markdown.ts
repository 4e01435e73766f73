/** Facts in Markdown, safe whatever names hold. */
import * as vscode from 'vscode';

/** The name is Markdown: one that comes from outside is to be made code. */
export type Fact = readonly [name: string, value: string | undefined];

/** Names come from outside: as code they cannot form Markdown, whatever they hold. */
export function code(text: string): string {
  // Longer than any row of backticks inside, so that none of them ends it.
  const fence = '`'.repeat(1 + Math.max(0, ...(text.match(/`+/g) ?? []).map(({ length }) => length)));
  const pad = text.includes('`') ? ' ' : '';
  // eslint-disable-next-line no-control-regex -- a line break would end the row of the table
  return `${fence}${pad}${text.replace(/[\u0000-\u001f]/g, '?').replaceAll('|', '\\|')}${pad}${fence}`;
}

/** A title and a table of those facts that have a value. */
export function factTable(title: string, facts: readonly Fact[]): vscode.MarkdownString {
  const rows = facts.filter(([, value]) => value !== undefined && value !== '').map(([name, value]) => `| ${name} | ${code(value ?? '')} |`);
  return new vscode.MarkdownString([`**${code(title)}**`, '', '| | |', '| :-- | :-- |', ...rows].join('\n'));
}
