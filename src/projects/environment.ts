/** The variables that a Compose file is read with: the process's own, then those of `.env` beside the file. */
import { parseEnv } from 'node:util';
import { interpolate, type Lookup } from './interpolate.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The names whose values stand in single quotes: those are taken as they are. */
function literals(text: string): ReadonlySet<string> {
  return new Set(
    [...text.matchAll(/^[ \t]*(?:export[ \t]+)?([^\s='"#]+)[ \t]*=[ \t]*'/gm)].map(([, name = '']) => name),
  );
}

/** A variable's value; what every object has, such as `constructor`, does not count. */
export function valueIn(environment: Environment, name: string): string | undefined {
  const value: unknown = environment[name];
  return typeof value === 'string' ? value : undefined;
}

/**
 * The variables of a `.env` file; what stands above, and the outer ones, can be named in a value. Throws only what the
 * lookup of its caller does.
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
