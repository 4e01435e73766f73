/** The variables that a Compose file is read with: the process's own, then those of `.env` beside the file. */
import { parseEnv } from 'node:util';
import { interpolate, type Lookup } from './interpolate.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The names whose values stand in single quotes: those are taken as they are. */
function literals(text: string): ReadonlySet<string> {
  return new Set([...text.matchAll(/^[ \t]*(?:export[ \t]+)?([^\s='"#]+)[ \t]*=[ \t]*'/gm)].map(([, name = '']) => name));
}

/** The variables of a `.env` file; what stands above, and the outer ones, can be named in a value. Never throws. */
export function readDotEnv(text: string, outer: Environment): Record<string, string> {
  const found: Record<string, string> = {};
  const literal = literals(text);
  for (const [name, value] of Object.entries(parseEnv(text))) {
    if (value === undefined) continue;
    found[name] = literal.has(name) ? value : interpolate(value, (one) => outer[one] ?? found[one]).text;
  }
  return found;
}

/** The process's variables win over those of the file (docs.docker.com, Compose, environment variables precedence). */
export function lookupIn(outer: Environment, dotEnv: Environment): Lookup {
  return (name) => outer[name] ?? dotEnv[name];
}
