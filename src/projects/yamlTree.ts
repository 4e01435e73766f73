/** A YAML text as a tree with positions, aliases and merge keys followed. */
import { isAlias, isMap, isNode, isScalar, isSeq, parseDocument, visit, type Node, type YAMLMap } from 'yaml';
import type { Span } from './model.ts';

/** Aliases that name each other in a circle end here. */
const MOST_HOPS = 20;

export interface Entry {
  readonly key: string;
  readonly keySpan: Span;
  readonly value: Node | undefined;
}

/** The parser takes about a millisecond for a kilobyte, and this much must not hold up the window; real files have a few kilobytes. */
const MOST_CHARACTERS = 60_000;

/** Compose's own tags (compose-spec, 13-merge.md). */
export type MergeTag = 'reset' | 'override';

/** One parsed text. Broken YAML gives what could be read before and behind the break; a text that is too large, nothing. */
export class YamlTree {
  readonly root: Node | undefined;
  readonly #text: string;
  readonly #entries = new Map<Node, Map<string, Entry>>();
  readonly #anchors = new Map<string, { readonly start: number; readonly node: Node }[]>();

  constructor(text: string) {
    this.#text = text;
    const document = parseDocument(text.length > MOST_CHARACTERS ? '' : text, { logLevel: 'silent', uniqueKeys: false, strict: false });
    this.root = document.contents ?? undefined;
    visit(document, {
      Node: (_key, node) => {
        if (isAlias(node) || !node.anchor) return;
        this.#anchors.set(node.anchor, [...(this.#anchors.get(node.anchor) ?? []), { start: node.range?.[0] ?? 0, node }]);
      },
    });
  }

  /** The node that an alias stands for: the last so named above it. */
  follow(value: unknown): Node | undefined {
    let node = isNode(value) ? value : undefined;
    for (let hops = 0; isAlias(node); hops += 1) {
      const { source, range } = node;
      if (hops > MOST_HOPS) return undefined;
      node = this.#anchors.get(source)?.findLast(({ start }) => start < (range?.[0] ?? 0))?.node;
    }
    return node;
  }

  /** The entries of a map by key; its own win over merged ones, and a merged map over those behind it (YAML 1.1, merge key). */
  entries(value: unknown): ReadonlyMap<string, Entry> {
    const node = this.follow(value);
    if (!isMap(node)) return new Map();
    const known = this.#entries.get(node);
    if (known !== undefined) return known;
    const found = new Map<string, Entry>();
    // Known before it is whole: a map that is merged into itself ends here, and one that is merged often is read once.
    this.#entries.set(node, found);
    for (const merged of this.#mergedInto(node)) {
      for (const [key, entry] of this.entries(merged)) if (!found.has(key)) found.set(key, entry);
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
        return isSeq(node) ? node.items : [node];
      });
  }

  /** The elements of a list; a single value counts as a list of one. */
  items(value: unknown): Node[] {
    const node = this.follow(value);
    if (node === undefined) return [];
    if (!isSeq(node)) return isScalar(node) && node.value !== null ? [node] : [];
    return node.items.map((item) => this.follow(item)).filter((item) => item !== undefined);
  }

  /** A scalar as text; undefined for a map, a list or nothing. */
  text(value: unknown): string | undefined {
    const node = this.follow(value);
    return isScalar(node) && ['string', 'number', 'boolean', 'bigint'].includes(typeof node.value) ? String(node.source ?? node.value) : undefined;
  }

  isMap(value: unknown): boolean {
    return isMap(this.follow(value));
  }

  /** Where a node stands; a block's range reaches into the next line, and is cut back. */
  span(node: Node): Span {
    const [start, end] = node.range ?? [0, 0];
    return { start, end: start + this.#text.slice(start, end).trimEnd().length };
  }
}

export function mergeTagOf(node: Node | undefined): MergeTag | undefined {
  if (node?.tag === '!reset') return 'reset';
  return node?.tag === '!override' ? 'override' : undefined;
}
