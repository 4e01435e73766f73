/**
 * Variables in a Compose file (compose-spec, 12-interpolation.md): `$X`, `${X}`, `:-`, `-`, `:?`, `?`, `:+`, `+`,
 * nested, `$$`.
 */

export type Lookup = (name: string) => string | undefined;

export interface Interpolated {
  readonly text: string;
  /** Variables without a value and without a default; Compose replaces them with an empty text. */
  readonly unset: readonly string[];
  /** Why Compose refuses the text: a variable that it requires, or a `$` that does not begin a variable. */
  readonly refused?: string;
}

/** Real files do not nest deeper, and each level is a nested call. */
const MOST_DEEP = 100;
/** UTF-16 units by which values may make a text longer; lines of a `.env` file can double one another endlessly. */
const MOST_GROWTH = 65_536;

class Refused extends Error {}

function isNameStart(code: number): boolean {
  return (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95;
}

/** Index behind the name that begins at `at`; `at` if there is no name. */
function endOfName(text: string, at: number, end: number): number {
  if (at >= end || !isNameStart(text.charCodeAt(at))) return at;
  let next = at + 1;
  for (; next < end; next += 1) {
    const code = text.charCodeAt(next);
    if (!isNameStart(code) && !(code >= 48 && code <= 57)) break;
  }
  return next;
}

/**
 * For each `${`, by the index behind it, the index of the brace that closes it: one reading, however deep they nest.
 */
function closings(text: string): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  const open: number[] = [];
  for (let at = text.indexOf('$'); at >= 0 && at < text.length; at += 1) {
    if (text.startsWith('$$', at)) at += 1;
    else if (text.startsWith('${', at)) {
      open.push(at + 2);
      at += 1;
    } else if (text[at] === '}') {
      const begun = open.pop();
      if (begun !== undefined) found.set(begun, at);
    }
  }
  return found;
}

/** One text, expanded in a single pass over it: each part is read once, and skipped if its value is not needed. */
class Expansion {
  readonly unset = new Set<string>();
  readonly #text: string;
  readonly #lookup: Lookup;
  readonly #closings: ReadonlyMap<number, number>;
  #growth = MOST_GROWTH;

  constructor(text: string, lookup: Lookup) {
    this.#text = text;
    this.#lookup = lookup;
    this.#closings = closings(text);
  }

  range(from: number, to: number, depth: number): string {
    if (depth > MOST_DEEP) throw new Refused('its variables are nested too deeply');
    const text = this.#text;
    const parts: string[] = [];
    for (let at = from; at < to;) {
      const next = text.indexOf('$', at);
      if (next < 0 || next >= to) {
        parts.push(text.slice(at, to));
        break;
      }
      parts.push(text.slice(at, next));
      if (text[next + 1] === '$' && next + 1 < to) {
        parts.push('$');
        at = next + 2;
      } else if (text[next + 1] === '{' && next + 1 < to) {
        const end = this.#closings.get(next + 2);
        if (end === undefined || end > to) throw new Refused('a "${" is never closed');
        parts.push(this.#braced(next + 2, end, depth + 1));
        at = end + 1;
      } else {
        const end = endOfName(text, next + 1, to);
        if (end === next + 1) throw new Refused('a "$" that does not begin a variable must be written "$$"');
        const name = text.slice(next + 1, end);
        const value = this.#value(name);
        if (value === undefined) this.unset.add(name);
        parts.push(value ?? '');
        at = end;
      }
    }
    return parts.join('');
  }

  #value(name: string): string | undefined {
    const value = this.#lookup(name);
    this.#growth -= value?.length ?? 0;
    if (this.#growth < 0) throw new Refused('its variables expand to a text that is too long');
    return value;
  }

  #braced(from: number, to: number, depth: number): string {
    const text = this.#text;
    const inner = () => `"\${${short(text.slice(from, to))}}"`;
    const end = endOfName(text, from, to);
    if (end === from) throw new Refused(`${inner()} does not name a variable`);
    const name = text.slice(from, end);
    const value = this.#value(name);
    const colon = text[end] === ':' && end < to;
    const at = colon ? end + 1 : end;
    const operator = at < to ? text[at] : '';
    const isSet = value !== undefined && (!colon || value !== '');
    switch (operator) {
      case '-':
        return isSet ? value : this.range(at + 1, to, depth);
      case '+':
        return isSet ? this.range(at + 1, to, depth) : '';
      case '?':
        if (isSet) return value;
        throw new Refused(
          `the variable "${name}" is required${at + 1 < to ? `: ${short(text.slice(at + 1, to))}` : ''}`,
        );
      default:
        if (end < to) throw new Refused(`${inner()} is not a form that Compose knows`);
        if (value === undefined) this.unset.add(name);
        return value ?? '';
    }
  }
}

function short(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** Puts variables' values into a text. Never throws: what Compose refuses is reported, and the text stays as it is. */
export function interpolate(text: string, lookup: Lookup): Interpolated {
  if (!text.includes('$')) return { text, unset: [] };
  const expansion = new Expansion(text, lookup);
  try {
    return { text: expansion.range(0, text.length, 0), unset: [...expansion.unset] };
  } catch (error) {
    if (error instanceof Refused) return { text, unset: [], refused: error.message };
    throw error;
  }
}
