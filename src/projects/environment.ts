/** The variables that a Compose file is read with: the process's own, then those of `.env` beside the file. */
import { parseEnv } from 'node:util';
import { interpolate, type Lookup } from './interpolate.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A value in single quotes is taken as it stands. */
function isLiteral(text: string, name: string): boolean {
  return new RegExp(`^\\s*(?:export\\s+)?${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\s*=\\s*'`, 'm').test(text);
}

/** The variables of a `.env` file; what stands above, and the outer ones, can be named in a value. Never throws. */
export function readDotEnv(text: string, outer: Environment): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(parseEnv(text))) {
    if (value === undefined) continue;
    found[name] = isLiteral(text, name) ? value : interpolate(value, (one) => outer[one] ?? found[one]).text;
  }
  return found;
}

/** The process's variables win over those of the file (docs.docker.com, Compose, environment variables precedence). */
export function lookupIn(outer: Environment, dotEnv: Environment): Lookup {
  return (name) => outer[name] ?? dotEnv[name];
}
