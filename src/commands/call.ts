/**
 * One call of a command: from code with a plain object, from a row or the explorer, or by a person with nothing at all.
 */
import * as vscode from 'vscode';
import { BadArgument } from '../engine/errors.ts';
import type { Shown } from '../ui/shown.ts';
import { askInDialog } from '../ui/window.ts';
import { isNode, type Node } from '../views/nodes.ts';
import { chosenRows, chosenUris } from './rows.ts';

export interface Call {
  /** The rows that the command was chosen on; empty for a call from code or the palette. */
  readonly nodes: readonly Node[];
  /** The files and folders of the explorer that it was chosen on. */
  readonly uris: readonly vscode.Uri[];
  /** The terminal, if it was chosen in the context menu of one. */
  readonly terminal?: vscode.Terminal;
  readonly args: Readonly<Record<string, unknown>>;
  /** A person chose the command, and sees its outcome as a notification. */
  readonly byHand: boolean;
  /** The arguments hold `confirmed`, and the caller, an extension in this host, may say so. */
  readonly confirmed: boolean;
  /** An extension in this host called it; not a link, a keybinding or a menu. */
  readonly isLocal: boolean;
}

/** The user closed a prompt. Resolves the command to undefined. */
export class Dismissed extends Error {}

/** Whether the user cancelled, at a prompt or during the job: nothing to report, and nothing to continue. */
export function isGivenUp(error: unknown): boolean {
  return error instanceof Dismissed || error instanceof vscode.CancellationError;
}

/** The answer to a prompt. Throws Dismissed if it was closed. */
export async function answered<T>(prompt: Thenable<T | undefined>): Promise<T> {
  const answer = await prompt;
  if (answer === undefined) throw new Dismissed();
  return answer;
}

/** Asks in a modal dialog; returns the chosen button. Throws Dismissed. */
export function confirmed(question: Shown, detail: Shown | undefined, ...buttons: Shown[]): Promise<Shown> {
  return answered(askInDialog('Warning', question, detail, ...buttons));
}

export interface Caller {
  /** The command's id. */
  readonly command: string;
  /** It is an extension in this extension host, not a link, a keybinding or a menu. */
  readonly isLocal: boolean;
}

/** Makes a call from what VS Code passes to a command. Throws BadArgument for what is neither a row nor an object. */
export function callOf(first: unknown, second: unknown, { command, isLocal }: Caller): Call {
  const byHand = { nodes: [], uris: [], args: {}, byHand: true, confirmed: false, isLocal };
  const selected: readonly unknown[] = Array.isArray(second) ? second : [];
  if (isNode(first)) return { ...byHand, nodes: chosenRows(command, first, selected.filter(isNode)) };
  if (first instanceof vscode.Uri)
    return {
      ...byHand,
      uris: chosenUris(
        command,
        first,
        selected.filter((one) => one instanceof vscode.Uri),
      ),
    };
  if (first === undefined || first === null) return byHand;
  const terminal = vscode.window.terminals.find((one) => one === first);
  if (terminal !== undefined) return { ...byHand, terminal };
  if (typeof first !== 'object' || Array.isArray(first)) {
    throw new BadArgument(
      'args',
      vscode.l10n.t('The arguments must be one object, for example {0}.', '{"container": "web"}'),
    );
  }
  const call: Call = {
    nodes: [],
    uris: [],
    args: first as Record<string, unknown>,
    byHand: false,
    confirmed: false,
    isLocal,
  };
  // Refused whatever its value: a link can hold any argument.
  if (!isLocal && 'confirmed' in call.args) {
    throw new BadArgument(
      'confirmed',
      vscode.l10n.t(
        'The argument "confirmed" is accepted only from an extension in the same extension host, not from a link, a keybinding or a menu. Call {0} without it and answer the question.',
        command,
      ),
    );
  }
  return { ...call, confirmed: flagOf(call, 'confirmed') ?? false };
}

/** The kind of a value, for a message that must not quote it: it may be a password. */
function kindInWords(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value === '' ? vscode.l10n.t('an empty text') : vscode.l10n.t('a text');
    case 'number':
      return vscode.l10n.t('a number');
    case 'boolean':
      return vscode.l10n.t('true or false');
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value)
        ? value.length === 0
          ? vscode.l10n.t('an empty list')
          : vscode.l10n.t('a list')
        : vscode.l10n.t('an object');
    default:
      return vscode.l10n.t('something else');
  }
}

/** Arguments that can hold a password or a key. */
const SECRET_KEYS = /pass|env|opts|labels|command|mounts|secret|token/i;

/**
 * A refusal that names the argument and what it must be. It quotes a number at most, and nothing of what may hold a
 * secret.
 */
export function argumentError(key: string, expected: string, value: unknown): BadArgument {
  const inside: readonly unknown[] = Array.isArray(value)
    ? value
    : typeof value === 'object' && value !== null
      ? Object.values(value)
      : [];
  const odd = inside.find((one) => typeof one !== 'string' || one === '');
  const kind =
    odd === undefined ? kindInWords(value) : vscode.l10n.t('{0} that holds {1}', kindInWords(value), kindInWords(odd));
  if (typeof value === 'number' && !SECRET_KEYS.test(key))
    return new BadArgument(
      key,
      vscode.l10n.t('The argument "{0}" must be {1}, not {2}.', key, expected, `${kind} (${value})`),
    );
  return new BadArgument(key, vscode.l10n.t('The argument "{0}" must be {1}, not {2}.', key, expected, kind));
}

/** A text argument, or undefined if it is not given. */
export function textOf({ args }: Call, key: string): string | undefined {
  const value = args[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || value === '')
    throw argumentError(key, vscode.l10n.t('a text that is not empty'), value);
  return value;
}

/** A yes-or-no argument. */
export function flagOf({ args }: Call, key: string): boolean | undefined {
  const value = args[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'boolean') throw argumentError(key, vscode.l10n.t('true or false'), value);
  return value;
}

/** A list of texts. */
export function textsOf({ args }: Call, key: string): string[] | undefined {
  const value = args[key];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || value.length === 0 || !value.every((one) => typeof one === 'string' && one !== '')) {
    throw argumentError(key, vscode.l10n.t('a list of texts'), value);
  }
  return value as string[];
}

/** A list of anything; empty if it is not given. */
export function listOf({ args }: Call, key: string): unknown[] {
  const value = args[key];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new BadArgument(key, vscode.l10n.t('The argument "{0}" must be a list.', key));
  return value as unknown[];
}

/** A number. */
export function numberOf({ args }: Call, key: string): number | undefined {
  const value = args[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number') throw argumentError(key, vscode.l10n.t('a number'), value);
  return value;
}

/** Names with text values, such as labels. */
export function recordOf({ args }: Call, key: string): Record<string, string> | undefined {
  const value = args[key];
  if (value === undefined || value === null) return undefined;
  if (
    typeof value !== 'object' ||
    Array.isArray(value) ||
    !Object.values(value).every((one) => typeof one === 'string')
  ) {
    throw argumentError(key, vscode.l10n.t('an object of texts'), value);
  }
  return value as Record<string, string>;
}

/** How many letters must be changed, added or removed to turn one word into the other (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...one].entries()) {
    const next = [i + 1];
    for (const [j, theirs] of [...other].entries())
      next.push(Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (letter === theirs ? 0 : 1)));
    row = next;
  }
  return row.at(-1) ?? 0;
}

const NAME_LENGTH = 24;

/**
 * Whether an unknown name may be quoted: it looks like one that some command knows, so it is not a value in the wrong
 * place.
 */
function isMisspelt(name: string, known: readonly string[]): boolean {
  return (
    name.length <= NAME_LENGTH &&
    [...known, ...COMMON].some(
      (one) => distance(name.toLowerCase(), one.toLowerCase()) <= Math.max(1, Math.floor(one.length / 4)),
    )
  );
}

/** Names that other commands take. */
const COMMON = [
  'container',
  'containers',
  'volume',
  'volumes',
  'image',
  'name',
  'target',
  'targets',
  'mounts',
  'source',
  'file',
  'files',
  'path',
  'destination',
  'env',
  'labels',
  'driver',
  'driverOpts',
  'force',
  'all',
  'mode',
  'readOnly',
  'passphrase',
  'password',
  'confirmed',
  'privileged',
];

/** Refuses unknown arguments: a misspelt one must not count as absent. Quotes a name only if it is like a known one. */
export function onlyKnown({ args }: Call, known: readonly string[]): void {
  const unknown = Object.keys(args).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const takes = known.join(', ') || vscode.l10n.t('none');
  if (isMisspelt(unknown, known))
    throw new BadArgument(
      unknown,
      vscode.l10n.t('The argument "{0}" is unknown; this command takes {1}.', unknown, takes),
    );
  throw new BadArgument(
    '',
    vscode.l10n.t(
      'Argument number {0} is unknown; this command takes {1}.',
      Object.keys(args).indexOf(unknown) + 1,
      takes,
    ),
  );
}
