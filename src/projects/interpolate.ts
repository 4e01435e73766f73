/** Variables in a Compose file (compose-spec, 12-interpolation.md): `$X`, `${X}`, `:-`, `-`, `:?`, `?`, `:+`, `+`, nested, `$$`. */

export type Lookup = (name: string) => string | undefined;

export interface Interpolated {
  readonly text: string;
  /** Variables without a value and without a default; Compose puts nothing in their place. */
  readonly unset: readonly string[];
  /** Why Compose refuses the text: a variable that it requires, or a `$` that begins nothing. */
  readonly refused?: string;
}

const NAME = /[_a-zA-Z][_a-zA-Z0-9]*/y;

/** Nobody nests deeper, and each level reads the text again. */
const MOST_DEEP = 30;

class Refused extends Error {}

function nameAt(text: string, at: number): string {
  NAME.lastIndex = at;
  return NAME.exec(text)?.[0] ?? '';
}

/** Index of the brace that closes the one opened before `from`. */
function closing(text: string, from: number): number {
  let depth = 1;
  for (let at = from; at < text.length; at += 1) {
    if (text.startsWith('$$', at)) at += 1;
    else if (text.startsWith('${', at)) depth += 1;
    else if (text[at] === '}') depth -= 1;
    if (depth === 0) return at;
  }
  throw new Refused('a "${" is never closed');
}

function braced(inner: string, lookup: Lookup, unset: Set<string>, depth: number): string {
  const name = nameAt(inner, 0);
  const rest = inner.slice(name.length);
  if (name === '') throw new Refused(`"\${${inner}}" names no variable`);
  const value = lookup(name);
  const [, colon = '', operator = '', word = ''] = /^(:?)([-?+])([\s\S]*)$/.exec(rest) ?? [];
  const isSet = value !== undefined && (colon === '' || value !== '');
  switch (operator) {
    case '-':
      return isSet ? value : expand(word, lookup, unset, depth);
    case '+':
      return isSet ? expand(word, lookup, unset, depth) : '';
    case '?':
      if (isSet) return value;
      throw new Refused(`the variable "${name}" is required${word === '' ? '' : `: ${word}`}`);
    default:
      if (rest !== '') throw new Refused(`"\${${inner}}" is no form that Compose knows`);
      if (value === undefined) unset.add(name);
      return value ?? '';
  }
}

function expand(text: string, lookup: Lookup, unset: Set<string>, depth: number): string {
  if (depth > MOST_DEEP) throw new Refused('its variables are nested too deep');
  let done = '';
  for (let at = 0; at < text.length; ) {
    const next = text.indexOf('$', at);
    if (next < 0) return done + text.slice(at);
    done += text.slice(at, next);
    if (text[next + 1] === '$') {
      done += '$';
      at = next + 2;
    } else if (text[next + 1] === '{') {
      const end = closing(text, next + 2);
      done += braced(text.slice(next + 2, end), lookup, unset, depth + 1);
      at = end + 1;
    } else {
      const name = nameAt(text, next + 1);
      if (name === '') throw new Refused('a "$" that begins no variable is written "$$"');
      const value = lookup(name);
      if (value === undefined) unset.add(name);
      done += value ?? '';
      at = next + 1 + name.length;
    }
  }
  return done;
}

/** Puts variables' values into a text. Never throws: what Compose refuses is said, and the text left as it is. */
export function interpolate(text: string, lookup: Lookup): Interpolated {
  if (!text.includes('$')) return { text, unset: [] };
  const unset = new Set<string>();
  try {
    return { text: expand(text, lookup, unset, 0), unset: [...unset] };
  } catch (error) {
    if (error instanceof Refused) return { text, unset: [], refused: error.message };
    throw error;
  }
}
