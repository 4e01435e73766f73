/**
 * The short form of a service's volume (compose-spec, 05-services.md, and the rules of Compose's own parser for it).
 */

export interface ShortMount {
  readonly type: 'bind' | 'volume' | 'npipe';
  /** As written; '' for an anonymous volume. */
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** Splits at colons, but not behind a drive's letter. */
function sections(text: string): string[] {
  const found: string[] = [];
  let from = 0;
  for (let at = text.indexOf(':'); at >= 0; at = text.indexOf(':', at + 1)) {
    if (at === from + 1 && /[A-Za-z]/.test(text[from] ?? '')) continue;
    found.push(text.slice(from, at));
    from = at + 1;
  }
  return [...found, text.slice(from)];
}

/** Whether a source names a path: by how it begins, as Compose tells it. */
export function isPath(source: string): boolean {
  return /^[./~]/.test(source) || source.startsWith('\\\\') || /^[A-Za-z]:/.test(source);
}

/** The mount that a text asks for, or why it cannot be one. */
export function parseShortMount(text: string): ShortMount | { readonly why: string } {
  if (text === '') return { why: 'it is empty' };
  if (text.length <= 2) return { type: 'volume', source: '', target: text, readOnly: false };
  const parts = sections(text);
  if (parts.includes('')) return { why: 'there is nothing between two colons, or at the start or end' };
  if (parts.length > 3) return { why: 'it has too many colons; write source:target:options' };
  if (parts.length === 1) return { type: 'volume', source: '', target: text, readOnly: false };
  const [source = '', target = '', options = ''] = parts;
  const type = source.startsWith('\\\\.\\pipe\\') ? 'npipe' : isPath(source) ? 'bind' : 'volume';
  // The last word of a kind counts; Compose ignores words that it does not know.
  return {
    type,
    source,
    target,
    readOnly: options.split(',').findLast((word) => word === 'ro' || word === 'rw') === 'ro',
  };
}
