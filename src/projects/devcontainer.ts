/** Mounts of a devcontainer.json (containers.dev, devcontainer.json reference and variables). */
import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { findNodeAtLocation, getNodeValue, parseTree, type Node } from 'jsonc-parser';
import { BadArgument } from '../engine/errors.ts';
import { parseMountSpec, type MountSettings } from '../mounts/spec.ts';
import { CONFIG_FILE, LOCAL_FOLDER } from './drift.ts';
import type { Environment } from './environment.ts';
import type { BadEntry, Devcontainer, FileMount } from './model.ts';

export interface DevcontainerSource {
  /** Absolute path. */
  readonly file: string;
  readonly text: string;
  readonly env: Environment;
  readonly home: string;
}

/** The folder that a devcontainer.json is for: the one that holds it, or its `.devcontainer` folder. */
export function folderOf(file: string): string {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    if (basename(folder) === '.devcontainer') return dirname(folder);
  }
  return dirname(file);
}

/** `${devcontainerId}`, from the labels that the dev container command gives (devcontainers/spec, devcontainer-id-variable.md). */
export function devcontainerId(folder: string, file: string): string {
  // The keys are to be in alphabetical order.
  const labels = JSON.stringify({ [CONFIG_FILE]: file, [LOCAL_FOLDER]: folder });
  const digest = createHash('sha256').update(labels).digest('hex');
  return BigInt(`0x${digest}`).toString(32).padStart(52, '0');
}

interface Substituted {
  readonly text: string;
  readonly unset: readonly string[];
}

/** Puts in what is known outside of the container; the rest stays as it is written. */
function substitute(text: string, folder: string, workspaceFolder: string | undefined, { file, env }: DevcontainerSource): Substituted {
  const unset: string[] = [];
  const replaced = text.replace(/\$\{([^}]*)\}/g, (whole, inner: string) => {
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
        const value = env[argument] ?? (rest.length > 0 ? rest.join(':') : undefined);
        if (value === undefined) unset.push(argument);
        return value ?? '';
      }
      default:
        return whole;
    }
  });
  return { text: replaced, unset };
}

/** A mount in the object form has the fields of `--mount`. */
function specOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { type, source, src, target, dst, destination, readonly, ro } = value as Record<string, unknown>;
  return { Type: type ?? 'volume', Source: source ?? src ?? '', Target: target ?? dst ?? destination, ReadOnly: (readonly ?? ro) === true };
}

function fileMount({ Type, Source, Target, ReadOnly }: MountSettings, place: FileMount['place'], unset: readonly string[]): FileMount {
  return { place, type: Type, source: Source, target: Target, readOnly: ReadOnly, makesSource: false, unset };
}

/** Reads a devcontainer.json; never throws, whatever the text holds. */
export function readDevcontainer(source: DevcontainerSource): Devcontainer {
  const { file, text, home } = source;
  const folder = folderOf(file);
  const root = parseTree(text, [], { allowTrailingComma: true });
  const mounts: FileMount[] = [];
  const bad: BadEntry[] = [];
  const workspaceNode = root && findNodeAtLocation(root, ['workspaceFolder']);
  const workspaceFolder = workspaceNode?.type === 'string' ? substitute(String(workspaceNode.value), folder, undefined, source).text : undefined;
  const take = (node: Node) => {
    // The parser reckons what is never closed beyond the text's end.
    const place = { file, span: { start: node.offset, end: Math.min(node.offset + node.length, text.length) } };
    const written = text.slice(place.span.start, place.span.end);
    const unset: string[] = [];
    const inside = (value: unknown): unknown => {
      if (typeof value === 'string') {
        const done = substitute(value, folder, workspaceFolder, source);
        unset.push(...done.unset);
        return done.text;
      }
      return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, inside(one)])) : value;
    };
    const value = inside(getNodeValue(node));
    if (typeof value === 'string' && !value.includes('=')) return void bad.push({ place, text: written, why: 'it must be in the form of "--mount": source=…,target=…,type=…' });
    try {
      mounts.push(fileMount(parseMountSpec(specOf(value), { home }), place, unset));
    } catch (error) {
      if (!(error instanceof BadArgument) && !(error instanceof TypeError)) throw error;
      // A variable without a value leaves a hole that is told of by its name.
      bad.push({ place, text: written, why: unset.length > 0 ? `the variable "${unset[0]}" is not set` : whyOf(error.message) });
    }
  };
  const list = root && findNodeAtLocation(root, ['mounts']);
  for (const node of list?.type === 'array' ? (list.children ?? []) : []) take(node);
  const workspaceMount = root && findNodeAtLocation(root, ['workspaceMount']);
  if (workspaceMount?.type === 'string' && workspaceMount.value !== '') take(workspaceMount);
  return { file, folder, mounts, bad };
}

/** The cause alone: the entry itself is under the mark. */
function whyOf(message: string): string {
  return /cannot be used: (.*)\.$/s.exec(message)?.[1] ?? message;
}
