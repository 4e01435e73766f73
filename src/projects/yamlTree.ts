/** A YAML text as a tree with positions, aliases and merge keys followed. */
import { isAlias, isMap, isNode, isScalar, isSeq, parseDocument, visit, type Node, type YAMLMap } from 'yaml';
import { Budget, LimitReached } from './limits.ts';
import type { Span } from './model.ts';

/** Aliases that name each other in a circle end here. */
const MOST_HOPS = 20;

export interface Entry {
  readonly key: string;
  readonly keySpan: Span;
  readonly value: Node | undefined;
}

/** Compose's own tags (compose-spec, 13-merge.md). */
export type MergeTag = 'reset' | 'override';

interface Anchored {
  readonly start: number;
  readonly node: Node;
}

/** The last that begins before `before`; they are in the order of the text. */
function lastBefore(anchored: readonly Anchored[], before: number): Node | undefined {
  let low = 0;
  let high = anchored.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((anchored[middle]?.start ?? 0) < before) low = middle + 1;
    else high = middle;
  }
  return anchored[low - 1]?.node;
}

/**
 * Parses, and finds the anchors. The parser is linear in the text as long as it does not print the line of each error.
 * It calls itself for each level of nesting.
 */
function parsed(text: string): {
  readonly root: Node | undefined;
  readonly anchors: ReadonlyMap<string, readonly Anchored[]>;
} {
  try {
    const document = parseDocument(text, { logLevel: 'silent', uniqueKeys: false, strict: false, prettyErrors: false });
    if (document.errors.some(({ code }) => code === 'RESOURCE_EXHAUSTION')) throw new LimitReached('tooDeep');
    const anchors = new Map<string, Anchored[]>();
    visit(document, {
      Node: (_key, node) => {
        if (isAlias(node) || !node.anchor) return;
        const one = { start: node.range?.[0] ?? 0, node };
        const known = anchors.get(node.anchor);
        if (known === undefined) anchors.set(node.anchor, [one]);
        else known.push(one);
      },
    });
    return { root: document.contents ?? undefined, anchors };
  } catch (error) {
    if (error instanceof RangeError) throw new LimitReached('tooDeep');
    throw error;
  }
}

/**
 * One parsed text. Broken YAML gives what could be read before and behind the break. Throws LimitReached for a text
 * that is nested too deep, and when the budget is used up by what is taken out of it.
 */
export class YamlTree {
  readonly root: Node | undefined;
  readonly #text: string;
  readonly #entries = new Map<Node, Map<string, Entry>>();
  readonly #anchors: ReadonlyMap<string, readonly Anchored[]>;
  readonly #budget: Budget;

  constructor(text: string, budget: Budget = new Budget()) {
    this.#text = text;
    this.#budget = budget;
    budget.read(text.length);
    const { root, anchors } = parsed(text);
    this.root = root;
    this.#anchors = anchors;
  }

  /** The node that an alias means: the last one with this name above it. */
  follow(value: unknown): Node | undefined {
    let node = isNode(value) ? value : undefined;
    for (let hops = 0; isAlias(node); hops += 1) {
      const { source, range } = node;
      if (hops > MOST_HOPS) return undefined;
      node = lastBefore(this.#anchors.get(source) ?? [], range?.[0] ?? 0);
    }
    return node;
  }

  /**
   * The entries of a map by key; its own win over merged ones, and a merged map over those behind it (YAML 1.1, merge
   * key).
   */
  entries(value: unknown): ReadonlyMap<string, Entry> {
    const node = this.follow(value);
    if (!isMap(node)) return new Map();
    const known = this.#entries.get(node);
    if (known !== undefined) {
      this.#budget.step(known.size);
      return known;
    }
    const found = new Map<string, Entry>();
    this.#budget.step(node.items.length);
    // Stored before it is complete: a map that is merged into itself ends here, and one that is merged often is read
    // once.
    this.#entries.set(node, found);
    for (const merged of this.#mergedInto(node)) {
      const inner = this.entries(merged);
      this.#budget.step(inner.size);
      for (const [key, entry] of inner) if (!found.has(key)) found.set(key, entry);
    }
    for (const { key, value: inner } of node.items) {
      const name = isScalar(key) ? String(key.value) : undefined;
      if (name === undefined || name === '<<' || !isNode(key)) continue;
      found.set(name, { key: name, keySpan: this.span(key), value: isNode(inner) ? inner : undefined });
    }
    return found;
  }

  #mergedInto(map: YAMLMap): unknown[] {
    return map.items
      .filter(({ key }) => isScalar(key) && key.value === '<<')
      .flatMap(({ value }) => {
        const node = this.follow(value);
        if (!isSeq(node)) return [node];
        this.#budget.step(node.items.length);
        return node.items;
      });
  }

  /** The elements of a list; a single value counts as a list of one. */
  items(value: unknown): Node[] {
    const node = this.follow(value);
    if (node === undefined) return [];
    if (!isSeq(node)) return isScalar(node) && node.value !== null ? [node] : [];
    this.#budget.step(node.items.length);
    return node.items.map((item) => this.follow(item)).filter((item) => item !== undefined);
  }

  /** A scalar as text; undefined for a map, a list or nothing. */
  text(value: unknown): string | undefined {
    const node = this.follow(value);
    return isScalar(node) && ['string', 'number', 'boolean', 'bigint'].includes(typeof node.value)
      ? String(node.source ?? node.value)
      : undefined;
  }

  isMap(value: unknown): boolean {
    return isMap(this.follow(value));
  }

  /** The range of a node; a block's range reaches into the next line, and is shortened. */
  span(node: Node): Span {
    const [start, from] = node.range ?? [0, 0];
    let end = from;
    while (end > start && /\s/.test(this.#text[end - 1] ?? '')) end -= 1;
    return { start, end };
  }
}

export function mergeTagOf(node: Node | undefined): MergeTag | undefined {
  if (node?.tag === '!reset') return 'reset';
  return node?.tag === '!override' ? 'override' : undefined;
}
