/** Mounts of a devcontainer.json (containers.dev, devcontainer.json reference and variables). */
import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { createScanner, findNodeAtLocation, getNodeValue, parseTree, type Node } from 'jsonc-parser';
import { BadArgument } from '../engine/errors.ts';
import { parseMountSpec } from '../mounts/spec.ts';
import { type MountSettings } from '../mounts/mountSettings.ts';
import { CONFIG_FILE, LOCAL_FOLDER } from './drift.ts';
import { valueIn, type Environment } from './environment.ts';
import { MOST_FILE_CHARACTERS, MOST_MOUNT_CHARACTERS, type LimitKind } from './limits.ts';
import type { BadEntry, Devcontainer, FileMount } from './model.ts';

export interface DevcontainerSource {
  /** Absolute path. */
  readonly file: string;
  readonly text: string;
  readonly env: Environment;
  readonly home: string;
}

/**
 * The folder that a devcontainer.json is for: the one that holds it, or its `.devcontainer` folder.
 * @internal
 */
export function folderOf(file: string): string {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    if (basename(folder) === '.devcontainer') return dirname(folder);
  }
  return dirname(file);
}

/**
 * `${devcontainerId}`, from the labels that the dev container command gives (devcontainers/spec,
 * devcontainer-id-variable.md).
 * @internal
 */
export function devcontainerId(folder: string, file: string): string {
  // The keys must be in alphabetical order.
  const labels = JSON.stringify({ [CONFIG_FILE]: file, [LOCAL_FOLDER]: folder });
  const digest = createHash('sha256').update(labels).digest('hex');
  return BigInt(`0x${digest}`).toString(32).padStart(52, '0');
}

interface Substituted {
  readonly text: string;
  readonly unset: readonly string[];
}

/** UTF-16 units by which variables may make a text longer. */
const MOST_GROWTH = 65_536;

/** Replaces the variables that are known outside the container; the rest stays as written. */
function substitute(
  text: string,
  folder: string,
  workspaceFolder: string | undefined,
  { file, env }: DevcontainerSource,
): Substituted {
  const unset: string[] = [];
  const valueOf = (whole: string, inner: string): string => {
    const [name = '', argument = '', ...rest] = inner.split(':');
    switch (name) {
      case 'localWorkspaceFolder':
        return folder;
      case 'localWorkspaceFolderBasename':
        return basename(folder);
      case 'containerWorkspaceFolder':
        return workspaceFolder ?? `/workspaces/${basename(folder)}`;
      case 'containerWorkspaceFolderBasename':
        return basename(workspaceFolder ?? folder);
      case 'devcontainerId':
        return devcontainerId(folder, file);
      case 'env':
      case 'localEnv': {
        const value = valueIn(env, argument) ?? (rest.length > 0 ? rest.join(':') : undefined);
        if (value === undefined) unset.push(argument);
        return value ?? '';
      }
      default:
        return whole;
    }
  };
  const parts: string[] = [];
  let growth = 0;
  let at = 0;
  // By hand: a regular expression would look for the brace again at each "${", and read to the end if it is never
  // closed.
  for (let open = text.indexOf('${'); open >= 0 && growth <= MOST_GROWTH; open = text.indexOf('${', at)) {
    const close = text.indexOf('}', open);
    if (close < 0) break;
    const value = valueOf(text.slice(open, close + 1), text.slice(open + 2, close));
    parts.push(text.slice(at, open), value);
    growth += value.length;
    at = close + 1;
  }
  return { text: [...parts, text.slice(at)].join(''), unset };
}

/** A mount in the object form has the fields of `--mount`. */
function specOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { type, source, src, target, dst, destination, readonly, ro } = value as Record<string, unknown>;
  return {
    Type: type ?? 'volume',
    Source: source ?? src ?? '',
    Target: target ?? dst ?? destination,
    ReadOnly: (readonly ?? ro) === true,
  };
}

function fileMount(
  { Type, Source, Target, ReadOnly }: MountSettings,
  place: FileMount['place'],
  unset: readonly string[],
): FileMount {
  return { place, type: Type, source: Source, target: Target, readOnly: ReadOnly, makesSource: false, unset };
}

/** No real file nests deeper; the parser calls itself for each level. */
const MOST_DEEP = 200;

/** SyntaxKind of jsonc-parser; its constant enum cannot be imported here: braces, brackets, and the end of the text. */
const OPENING: readonly number[] = [1, 3];
const CLOSING: readonly number[] = [2, 4];
const END = 17;

function limitOf(text: string): LimitKind | undefined {
  if (text.length > MOST_FILE_CHARACTERS) return 'tooLarge';
  const scanner = createScanner(text, true);
  let depth = 0;
  for (let token: number = scanner.scan(); token !== END; token = scanner.scan()) {
    if (OPENING.includes(token)) depth += 1;
    else if (CLOSING.includes(token)) depth = Math.max(0, depth - 1);
    if (depth > MOST_DEEP) return 'tooDeep';
  }
  return undefined;
}

/** Reads a devcontainer.json; never throws, whatever the text holds. */
export function readDevcontainer(source: DevcontainerSource): Devcontainer {
  const { file, text, home } = source;
  const folder = folderOf(file);
  const limit = limitOf(text);
  if (limit !== undefined) return { file, folder, mounts: [], bad: [], limit };
  const root = parseTree(text, [], { allowTrailingComma: true });
  const mounts: FileMount[] = [];
  const bad: BadEntry[] = [];
  const workspaceNode = root && findNodeAtLocation(root, ['workspaceFolder']);
  const workspaceFolder =
    workspaceNode?.type === 'string'
      ? substitute(String(workspaceNode.value), folder, undefined, source).text
      : undefined;
  const take = (node: Node) => {
    // The parser puts the end of what is never closed behind the text's end.
    const place = { file, span: { start: node.offset, end: Math.min(node.offset + node.length, text.length) } };
    const written = text.slice(place.span.start, Math.min(place.span.end, place.span.start + MOST_MOUNT_CHARACTERS));
    const unset: string[] = [];
    const inside = (value: unknown): unknown => {
      if (typeof value === 'string') {
        const done = substitute(value, folder, workspaceFolder, source);
        unset.push(...done.unset);
        return done.text;
      }
      return typeof value === 'object' && value !== null
        ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, inside(one)]))
        : value;
    };
    const value = inside(getNodeValue(node));
    if (typeof value === 'string' && !value.includes('='))
      return void bad.push({
        place,
        text: written,
        why: 'it must be in the form of "--mount": source=…,target=…,type=…',
      });
    try {
      mounts.push(fileMount(parseMountSpec(specOf(value), { home }), place, unset));
    } catch (error) {
      if (!(error instanceof BadArgument) && !(error instanceof TypeError)) throw error;
      // A variable without a value leaves a gap; the message names the variable.
      bad.push({
        place,
        text: written,
        why: unset.length > 0 ? `the variable "${unset[0]}" is not set` : whyOf(error.message),
      });
    }
  };
  const list = root && findNodeAtLocation(root, ['mounts']);
  for (const node of list?.type === 'array' ? (list.children ?? []) : []) take(node);
  const workspaceMount = root && findNodeAtLocation(root, ['workspaceMount']);
  if (workspaceMount?.type === 'string' && workspaceMount.value !== '') take(workspaceMount);
  return { file, folder, mounts, bad };
}

/** Only the cause: the entry itself is marked in the file. */
function whyOf(message: string): string {
  return /cannot be used: (.*)\.$/s.exec(message)?.[1] ?? message;
}
