/** One call of a command: from code with a plain object, from a row or the explorer, or by a person with nothing at all. */
import * as vscode from 'vscode';
import { BadArgument } from '../engine/errors.ts';
import type { Shown } from '../ui/shown.ts';
import { askInDialog } from '../ui/window.ts';
import { isNode, type Node } from '../views/nodes.ts';

export interface Call {
  /** The rows that the command was chosen on; empty for a call from code or the palette. */
  readonly nodes: readonly Node[];
  /** The files and folders of the explorer that it was chosen on. */
  readonly uris: readonly vscode.Uri[];
  /** The terminal in whose context menu it was chosen. */
  readonly terminal?: vscode.Terminal;
  readonly args: Readonly<Record<string, unknown>>;
  /** A person chose the command, and sees its outcome as a notification. */
  readonly byHand: boolean;
}

/** The user closed a prompt. Resolves the command to undefined. */
export class Dismissed extends Error {}

/** What a prompt answered. Throws Dismissed where it was closed. */
export async function answered<T>(prompt: Thenable<T | undefined>): Promise<T> {
  const answer = await prompt;
  if (answer === undefined) throw new Dismissed();
  return answer;
}

/** Asks in a modal dialog; returns the chosen button. Throws Dismissed. */
export function confirmed(question: Shown, detail: Shown | undefined, ...buttons: Shown[]): Promise<Shown> {
  return answered(askInDialog('Warning', question, detail, ...buttons));
}

/** Makes a call out of what VS Code passes to a command. Throws BadArgument for what is neither a row nor an object. */
export function callOf(first: unknown, second: unknown): Call {
  if (isNode(first)) {
    const several = Array.isArray(second) ? second.filter(isNode) : [];
    return { nodes: several.length > 0 ? several : [first], uris: [], args: {}, byHand: true };
  }
  if (first instanceof vscode.Uri) {
    const several = Array.isArray(second) ? second.filter((one) => one instanceof vscode.Uri) : [];
    return { nodes: [], uris: several.length > 0 ? several : [first], args: {}, byHand: true };
  }
  if (first === undefined || first === null) return { nodes: [], uris: [], args: {}, byHand: true };
  const terminal = vscode.window.terminals.find((one) => one === first);
  if (terminal !== undefined) return { nodes: [], uris: [], terminal, args: {}, byHand: true };
  if (typeof first !== 'object' || Array.isArray(first)) {
    throw new BadArgument('args', vscode.l10n.t('The arguments must be one object, for example {0}.', '{"container": "web"}'));
  }
  return { nodes: [], uris: [], args: first as Record<string, unknown>, byHand: false };
}

function wrong(key: string, expected: string, value: unknown): BadArgument {
  return new BadArgument(key, vscode.l10n.t('The argument "{0}" must be {1}, not {2}.', key, expected, JSON.stringify(value) ?? 'undefined'));
}

/** A text argument, or undefined where it is not given. */
export function textOf({ args }: Call, key: string): string | undefined {
  const value = args[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || value === '') throw wrong(key, vscode.l10n.t('a text that is not empty'), value);
  return value;
}

/** A yes-or-no argument. */
export function flagOf({ args }: Call, key: string): boolean | undefined {
  const value = args[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'boolean') throw wrong(key, vscode.l10n.t('true or false'), value);
  return value;
}

/** A list of texts. */
export function textsOf({ args }: Call, key: string): string[] | undefined {
  const value = args[key];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || value.length === 0 || !value.every((one) => typeof one === 'string' && one !== '')) {
    throw wrong(key, vscode.l10n.t('a list of texts'), value);
  }
  return value as string[];
}

/** A list of anything; empty where it is not given. */
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
  if (typeof value !== 'number') throw wrong(key, vscode.l10n.t('a number'), value);
  return value;
}

/** Names with text values, such as labels. */
export function recordOf({ args }: Call, key: string): Record<string, string> | undefined {
  const value = args[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value) || !Object.values(value).every((one) => typeof one === 'string')) {
    throw wrong(key, vscode.l10n.t('an object of texts'), value);
  }
  return value as Record<string, string>;
}

/** Refuses arguments that no one reads: a misspelt one must not be taken for absent. */
export function onlyKnown({ args }: Call, known: readonly string[]): void {
  const unknown = Object.keys(args).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new BadArgument(unknown, vscode.l10n.t('The argument "{0}" is unknown; this command takes {1}.', unknown, known.join(', ') || vscode.l10n.t('none')));
  }
}
