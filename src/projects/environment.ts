/** The variables that a Compose file is read with: the process's own, then those of `.env` beside the file. */
import { parseEnv } from 'node:util';
import { interpolate, type Lookup } from './interpolate.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The names with values in single quotes, which are taken literally. */
function literals(text: string): ReadonlySet<string> {
  return new Set(
    [...text.matchAll(/^[ \t]*(?:export[ \t]+)?([^\s='"#]+)[ \t]*=[ \t]*'/gm)].map(([, name = '']) => name),
  );
}

/** A variable's value; properties of every object, such as `constructor`, do not count. */
export function valueIn(environment: Environment, name: string): string | undefined {
  const value: unknown = environment[name];
  return typeof value === 'string' ? value : undefined;
}

/**
 * The variables of a `.env` file; a value can use those above it, and the outer ones. Throws only what the lookup of
 * its caller throws.
 */
export function readDotEnv(text: string, outer: Lookup): Map<string, string> {
  const found = new Map<string, string>();
  const literal = literals(text);
  for (const [name, value] of Object.entries(parseEnv(text))) {
    if (value === undefined) continue;
    found.set(name, literal.has(name) ? value : interpolate(value, (one) => outer(one) ?? found.get(one)).text);
  }
  return found;
}
