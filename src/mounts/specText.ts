/** Mounts as `-v` and `--mount` strings. The rules are those of docker/cli (opts/mount.go) and moby (volume/mounts). */
import * as l10n from '@vscode/l10n';
import { posix } from 'node:path';
import { VOLUME_NAME } from '../engine/volumeName.ts';
import {
  mountError,
  checkMount,
  checkTarget,
  PROPAGATIONS,
  CONSISTENCIES,
  WINDOWS_PATH,
  type MountSettings,
} from './mountSettings.ts';

/**
 * The parts of a `-v` string or of an element of HostConfig.Binds: splits at colons, but not after a Windows drive
 * letter or in a `${workspaceFolder:NAME}` at the start.
 */
export function splitVolume(text: string): string[] {
  const whole = WINDOWS_PATH.test(text) ? 2 : (/^\$\{workspaceFolder:[^}]+\}/.exec(text)?.[0].length ?? 0);
  const parts = text.slice(whole).split(':');
  return [text.slice(0, whole) + (parts[0] ?? ''), ...parts.slice(1)];
}

/** What can replace a path of this machine in the source of a mount. */
export interface LocalPaths {
  /** Replaces `~`. */
  readonly home: string;
  /** Folders of the workspace by name, the first for `${workspaceFolder}`, any for `${workspaceFolder:NAME}`. */
  readonly folders?: readonly { readonly name: string; readonly path: string }[];
}

/**
 * Replaces `~` and `${workspaceFolder}` at the beginning of a host path only: in a container they would mean something
 * else.
 */
export function expand(text: string, source: string, { home, folders = [] }: LocalPaths): string {
  if (source === '~' || source.startsWith('~/')) return posix.join(home, source.slice(1));
  const [whole, name] = /^\$\{workspaceFolder(?::([^}]+))?\}/.exec(source) ?? [];
  if (whole === undefined) return source;
  const folder = name === undefined ? folders[0] : folders.find((one) => one.name === name);
  if (folder === undefined)
    throw mountError(
      text,
      name === undefined
        ? l10n.t('no folder is open for "{0}"', whole)
        : l10n.t('the workspace has no folder "{0}"', name),
    );
  return folder.path + source.slice(whole.length);
}

export function parseVolume(text: string, local: LocalPaths): MountSettings {
  const parts = splitVolume(text);
  if (parts.length > 3) throw mountError(text, l10n.t('it has too many colons; write source:target:options'));
  if (parts.length === 1)
    return { Type: 'volume', Source: '', Target: checkTarget(text, parts[0] ?? ''), ReadOnly: false };
  const [from = '', target = '', words = ''] = parts;
  const source = expand(text, from, local);
  if (source === '') throw mountError(text, l10n.t('the source is empty'));
  if (parts.length === 3 && words === '') throw mountError(text, l10n.t('the options after the last colon are empty'));
  const isBind = posix.isAbsolute(source) || WINDOWS_PATH.test(source);
  if (!isBind && !VOLUME_NAME.test(source)) {
    throw mountError(text, l10n.t('the source "{0}" is neither an absolute path nor a volume\'s name', source));
  }
  const options = parseOptions(text, words, isBind);
  return checkMount(text, {
    Type: isBind ? 'bind' : 'volume',
    Source: source,
    Target: target,
    ReadOnly: options.readOnly,
    ...options.rest,
  });
}

function parseOptions(
  text: string,
  words: string,
  isBind: boolean,
): { readOnly: boolean; rest: Partial<MountSettings> } {
  const seen = new Map<string, string>();
  for (const word of words === '' ? [] : words.split(',')) {
    const group = groupOf(word);
    if (group === undefined) throw mountError(text, l10n.t('the option "{0}" is unknown', word));
    if (seen.has(group))
      throw mountError(text, l10n.t('the options "{0}" and "{1}" exclude each other', seen.get(group) ?? '', word));
    seen.set(group, word);
  }
  const propagation = seen.get('propagation');
  if (!isBind && propagation !== undefined) throw mountError(text, l10n.t('"{0}" is for binds only', propagation));
  if (isBind && seen.has('copy')) throw mountError(text, l10n.t('"nocopy" is for volumes only'));
  const consistency = seen.get('consistency');
  const relabel = seen.get('label') as 'z' | 'Z' | undefined;
  const rest = {
    ...(propagation === undefined ? {} : { BindOptions: { Propagation: propagation } }),
    ...(seen.has('copy') ? { VolumeOptions: { NoCopy: true } } : {}),
    ...(consistency === undefined ? {} : { Consistency: consistency }),
    ...(relabel === undefined ? {} : { relabel }),
  };
  return { readOnly: seen.get('mode') === 'ro', rest };
}

function groupOf(word: string): string | undefined {
  if (word === 'ro' || word === 'rw') return 'mode';
  if (word === 'z' || word === 'Z') return 'label';
  if (word === 'nocopy') return 'copy';
  if (PROPAGATIONS.includes(word)) return 'propagation';
  return CONSISTENCIES.includes(word) ? 'consistency' : undefined;
}

/** Index of the quote that closes the one before `from`; -1 where there is none. A doubled quote is a literal one. */
function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 2)) if (text[at + 1] !== '"') return at;
  return -1;
}

/**
 * The fields of one CSV line; a field in double quotes may hold commas, and doubled quotes (RFC 4180). Throws
 * BadArgument.
 */
function csvFields(text: string): string[] {
  const fields: string[] = [];
  // A comma at the end is ignored.
  for (let at = 0; at < text.length;) {
    const quoted = text[at] === '"';
    const close = quoted ? closingQuote(text, at + 1) : -1;
    const end = quoted ? close + 1 : text.indexOf(',', at);
    if (quoted && (close < 0 || (end < text.length && text[end] !== ',')))
      throw mountError(text, l10n.t('a field in quotes must be closed, followed by a comma or nothing'));
    const field = end < 0 ? text.slice(at) : text.slice(at, end);
    fields.push(quoted ? field.slice(1, -1).replaceAll('""', '"') : field);
    at = end < 0 ? text.length : end + 1;
  }
  return fields;
}

function parseBytes(text: string, value: string): number {
  const [, digits, unit = ''] = /^(\d+)\s*([bkmgt]?)(?:i?b)?$/i.exec(value) ?? [];
  if (digits === undefined) throw mountError(text, l10n.t('"{0}" is not a size', value));
  return Number(digits) * 1024 ** Math.max(0, 'bkmgt'.indexOf(unit.toLowerCase() || 'b'));
}

function parseFlag(text: string, key: string, value: string | undefined): boolean {
  if (value === undefined || value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  throw mountError(text, l10n.t('"{0}" must be true or false, not "{1}"', key, value));
}

interface Draft {
  Type: string;
  Source: string;
  Target: string;
  ReadOnly: boolean;
  Consistency?: string;
  bind: { Propagation?: string; NonRecursive?: boolean; CreateMountpoint?: boolean };
  volume: { NoCopy?: boolean; Subpath?: string };
  labels: Record<string, string>;
  driver: string | undefined;
  driverOptions: Record<string, string>;
  tmpfs: { SizeBytes?: number; Mode?: number };
}

function pair(value: string): [string, string] {
  const at = value.indexOf('=');
  return at < 0 ? [value, ''] : [value.slice(0, at), value.slice(at + 1)];
}

function applyField(text: string, draft: Draft, field: string, local: LocalPaths): void {
  const at = field.indexOf('=');
  const key = (at < 0 ? field : field.slice(0, at)).toLowerCase();
  const given = at < 0 ? undefined : field.slice(at + 1);
  const flags: Record<string, (on: boolean) => void> = {
    readonly: (on) => (draft.ReadOnly = on),
    ro: (on) => (draft.ReadOnly = on),
    'bind-nonrecursive': (on) => (draft.bind.NonRecursive = on),
    'bind-create-src': (on) => (draft.bind.CreateMountpoint = on),
    'volume-nocopy': (on) => (draft.volume.NoCopy = on),
  };
  const values: Record<string, (value: string) => void> = {
    type: (value) => (draft.Type = value.toLowerCase()),
    source: (value) => (draft.Source = expand(text, value, local)),
    src: (value) => (draft.Source = expand(text, value, local)),
    target: (value) => (draft.Target = value),
    dst: (value) => (draft.Target = value),
    destination: (value) => (draft.Target = value),
    consistency: (value) => (draft.Consistency = value.toLowerCase()),
    'bind-propagation': (value) => (draft.bind.Propagation = value.toLowerCase()),
    'volume-subpath': (value) => (draft.volume.Subpath = value),
    'volume-driver': (value) => (draft.driver = value),
    'volume-label': (value) => Object.assign(draft.labels, Object.fromEntries([pair(value)])),
    'volume-opt': (value) => Object.assign(draft.driverOptions, Object.fromEntries([pair(value)])),
    'tmpfs-size': (value) => (draft.tmpfs.SizeBytes = parseBytes(text, value)),
    'tmpfs-mode': (value) => {
      if (!/^[0-7]+$/.test(value)) throw mountError(text, l10n.t('"{0}" is not an octal mode', value));
      draft.tmpfs.Mode = Number.parseInt(value, 8);
    },
  };
  if (Object.hasOwn(flags, key)) flags[key]?.(parseFlag(text, key, given));
  else if (!Object.hasOwn(values, key)) throw mountError(text, l10n.t('the field "{0}" is unknown', key));
  else if (given === undefined) throw mountError(text, l10n.t('the field "{0}" needs a value', key));
  else values[key]?.(given);
}

export function parseMount(text: string, local: LocalPaths): MountSettings {
  const draft: Draft = {
    Type: 'volume',
    Source: '',
    Target: '',
    ReadOnly: false,
    bind: {},
    volume: {},
    labels: {},
    driver: undefined,
    driverOptions: {},
    tmpfs: {},
  };
  for (const field of csvFields(text)) applyField(text, draft, field, local);
  const has = (part: object) => Object.keys(part).length > 0;
  const driver =
    draft.driver !== undefined || has(draft.driverOptions)
      ? { DriverConfig: { Name: draft.driver ?? '', Options: draft.driverOptions } }
      : {};
  const volume = { ...draft.volume, ...(has(draft.labels) ? { Labels: draft.labels } : {}), ...driver };
  return checkMount(text, {
    Type: draft.Type as MountSettings['Type'],
    Source: draft.Source,
    Target: draft.Target,
    ReadOnly: draft.ReadOnly,
    ...(draft.Consistency === undefined ? {} : { Consistency: draft.Consistency }),
    ...(has(draft.bind) ? { BindOptions: draft.bind } : {}),
    ...(has(volume) ? { VolumeOptions: volume } : {}),
    ...(has(draft.tmpfs) ? { TmpfsOptions: draft.tmpfs } : {}),
  });
}
