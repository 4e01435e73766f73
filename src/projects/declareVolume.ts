/** The edit that declares a volume at the top level of a Compose file. */
import { isMap } from 'yaml';
import type { Span } from './model.ts';
import { YamlTree } from './yamlTree.ts';

export interface Replacement {
  readonly span: Span;
  readonly text: string;
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}

/** A key that stays a text: YAML 1.1 takes `on` for true, and digits for a number. */
function keyText(key: string): string {
  return /^[a-z_][\w.-]*$/i.test(key) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(key)
    ? key
    : JSON.stringify(key);
}

/** What to put where, so that `volumes:` holds the key; the rest of the text stays as it is. */
export function declareVolume(text: string, name: string): Replacement {
  const key = keyText(name);
  const line = text.includes('\r\n') ? '\r\n' : '\n';
  const tree = new YamlTree(text);
  const entry = tree.entries(tree.root).get('volumes');
  const at = (start: number, inserted: string, end = start): Replacement => ({ span: { start, end }, text: inserted });
  if (entry === undefined)
    return at(text.length, `${text === '' || text.endsWith('\n') ? '' : line}volumes:${line}  ${key}:${line}`);
  const node = tree.follow(entry.value);
  if (!isMap(node)) return at(text.indexOf(':', entry.keySpan.end) + 1, `${line}  ${key}:`);
  const span = tree.span(node);
  if (node.flow) {
    if (node.items.length === 0) return at(span.start, `${line}  ${key}:`, span.end);
    return at(span.end - 1, `, ${key}: `);
  }
  const indent = span.start - (text.lastIndexOf('\n', span.start) + 1);
  const end = endOfLine(text, span.end);
  return at(text[end - 1] === '\r' ? end - 1 : end, `${line}${' '.repeat(indent)}${key}:`);
}
