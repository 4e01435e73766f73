/**
 * Mounts as people type them: `-v` and `--mount` strings, and Docker's own API objects, as one list of API objects.
 * The rules are those of docker/cli (opts/mount.go) and moby (volume/mounts).
 */
import * as l10n from '@vscode/l10n';
import { posix } from 'node:path';
import { BadArgument } from '../engine/errors.ts';
import { withoutEndSlash } from '../engine/pathEnds.ts';
import { maskedText } from '../engine/secrets.ts';
import { VOLUME_NAME } from '../engine/volumeName.ts';

/** One element of HostConfig.Mounts (Docker Engine API, MountPoint settings of ContainerCreate). */
export interface MountSettings {
  readonly Type: 'bind' | 'volume' | 'tmpfs';
  /** Host path or volume name; '' for a tmpfs or an anonymous volume. */
  readonly Source: string;
  readonly Target: string;
  readonly ReadOnly: boolean;
  readonly Consistency?: string;
  readonly BindOptions?: {
    readonly Propagation?: string;
    readonly NonRecursive?: boolean;
    readonly CreateMountpoint?: boolean;
    readonly ReadOnlyNonRecursive?: boolean;
    readonly ReadOnlyForceRecursive?: boolean;
  };
  readonly VolumeOptions?: {
    readonly NoCopy?: boolean;
    readonly Subpath?: string;
    readonly Labels?: Readonly<Record<string, string>>;
    readonly DriverConfig?: { readonly Name: string; readonly Options: Readonly<Record<string, string>> };
  };
  readonly TmpfsOptions?: {
    readonly SizeBytes?: number;
    readonly Mode?: number;
    readonly Options?: readonly (readonly string[])[];
  };
  /** SELinux relabelling, which only a `-v` string can ask for. */
  readonly relabel?: 'z' | 'Z';
}

const PROPAGATIONS = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'];
const CONSISTENCIES = ['default', 'consistent', 'cached', 'delegated'];
const WINDOWS_PATH = /^[A-Za-z]:[\\/]/;

/** Longer than any path: `posix.normalize` takes time that grows with the square of a long path's length. */
const MOST_CHARACTERS = 65_536;
/** Enough of a mount to be known by. */
const MOST_SHOWN = 500;

/** Quotes the mount without the passwords that driver options can hold. */
function bad(text: string, why: string): BadArgument {
  return new BadArgument(
    'mounts',
    maskedText(
      l10n.t(
        'The mount "{0}" cannot be used: {1}.',
        text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text,
        why,
      ),
    ),
  );
}

/** What a message may quote of an API object: its labels and driver options are nobody's business. */
function quotable(spec: unknown): string {
  if (typeof spec !== 'object' || spec === null) return spec === null ? 'null' : typeof spec;
  const named = Object.entries(spec).filter(
    ([key, value]) => ['Type', 'Source', 'Target'].includes(key) && typeof value === 'string',
  );
  return Array.isArray(spec) ? '[…]' : JSON.stringify(Object.fromEntries(named));
}

/** Linux takes no longer path (PATH_MAX). */
const MOST_PATH_CHARACTERS = 4096;

function checkTarget(text: string, target: string): string {
  if (target.length > MOST_PATH_CHARACTERS) throw bad(text, l10n.t('the target is longer than a path can be'));
  if (!posix.isAbsolute(target))
    throw bad(text, l10n.t('the target "{0}" must be an absolute path in the container', target));
  const clean = withoutEndSlash(posix.normalize(target));
  if (clean === '/') throw bad(text, l10n.t('the target cannot be "/"'));
  return clean;
}

/**
 * The parts of a `-v` string or of an element of HostConfig.Binds: splits at colons, but not behind a Windows drive
 * letter, or in a `${workspaceFolder:NAME}`, at the start.
 */
export function splitVolume(text: string): string[] {
  const whole = WINDOWS_PATH.test(text) ? 2 : (/^\$\{workspaceFolder:[^}]+\}/.exec(text)?.[0].length ?? 0);
  const parts = text.slice(whole).split(':');
  return [text.slice(0, whole) + (parts[0] ?? ''), ...parts.slice(1)];
}

/** What stands for a path of this machine in the source of a mount. */
export interface LocalPaths {
  /** For `~`. */
  readonly home: string;
  /** Folders of the workspace by name, the first for `${workspaceFolder}`, any for `${workspaceFolder:NAME}`. */
  readonly folders?: readonly { readonly name: string; readonly path: string }[];
}

/**
 * `~` and `${workspaceFolder}` in front, on the side of the host only: in a container they would mean something else.
 */
function expand(text: string, source: string, { home, folders = [] }: LocalPaths): string {
  if (source === '~' || source.startsWith('~/')) return posix.join(home, source.slice(1));
  const [whole, name] = /^\$\{workspaceFolder(?::([^}]+))?\}/.exec(source) ?? [];
  if (whole === undefined) return source;
  const folder = name === undefined ? folders[0] : folders.find((one) => one.name === name);
  if (folder === undefined)
    throw bad(
      text,
      name === undefined
        ? l10n.t('no folder is open that "{0}" could stand for', whole)
        : l10n.t('the workspace has no folder "{0}"', name),
    );
  return folder.path + source.slice(whole.length);
}

function parseVolume(text: string, local: LocalPaths): MountSettings {
  const parts = splitVolume(text);
  if (parts.length > 3) throw bad(text, l10n.t('it has too many colons; write source:target:options'));
  if (parts.length === 1)
    return { Type: 'volume', Source: '', Target: checkTarget(text, parts[0] ?? ''), ReadOnly: false };
  const [from = '', target = '', words = ''] = parts;
  const source = expand(text, from, local);
  if (source === '') throw bad(text, l10n.t('the source is empty'));
  if (parts.length === 3 && words === '') throw bad(text, l10n.t('the options behind the last colon are empty'));
  const isBind = posix.isAbsolute(source) || WINDOWS_PATH.test(source);
  if (!isBind && !VOLUME_NAME.test(source)) {
    throw bad(text, l10n.t('the source "{0}" is neither an absolute path nor a volume\'s name', source));
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
    if (group === undefined) throw bad(text, l10n.t('the option "{0}" is unknown', word));
    if (seen.has(group))
      throw bad(text, l10n.t('the options "{0}" and "{1}" exclude one another', seen.get(group) ?? '', word));
    seen.set(group, word);
  }
  const propagation = seen.get('propagation');
  if (!isBind && propagation !== undefined) throw bad(text, l10n.t('"{0}" is for binds only', propagation));
  if (isBind && seen.has('copy')) throw bad(text, l10n.t('"nocopy" is for volumes only'));
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

/** Index of the quote that closes the one before `from`; -1 where none does. A doubled one stands for itself. */
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
  // A comma at the end is passed over.
  for (let at = 0; at < text.length;) {
    const quoted = text[at] === '"';
    const close = quoted ? closingQuote(text, at + 1) : -1;
    const end = quoted ? close + 1 : text.indexOf(',', at);
    if (quoted && (close < 0 || (end < text.length && text[end] !== ',')))
      throw bad(text, l10n.t('a field in quotes must be closed, with a comma or nothing behind it'));
    const field = end < 0 ? text.slice(at) : text.slice(at, end);
    fields.push(quoted ? field.slice(1, -1).replaceAll('""', '"') : field);
    at = end < 0 ? text.length : end + 1;
  }
  return fields;
}

function parseBytes(text: string, value: string): number {
  const [, digits, unit = ''] = /^(\d+)\s*([bkmgt]?)(?:i?b)?$/i.exec(value) ?? [];
  if (digits === undefined) throw bad(text, l10n.t('"{0}" is no size', value));
  return Number(digits) * 1024 ** Math.max(0, 'bkmgt'.indexOf(unit.toLowerCase() || 'b'));
}

function parseFlag(text: string, key: string, value: string | undefined): boolean {
  if (value === undefined || value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  throw bad(text, l10n.t('"{0}" is true or false, not "{1}"', key, value));
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
      if (!/^[0-7]+$/.test(value)) throw bad(text, l10n.t('"{0}" is no octal mode', value));
      draft.tmpfs.Mode = Number.parseInt(value, 8);
    },
  };
  if (Object.hasOwn(flags, key)) flags[key]?.(parseFlag(text, key, given));
  else if (!Object.hasOwn(values, key)) throw bad(text, l10n.t('the field "{0}" is unknown', key));
  else if (given === undefined) throw bad(text, l10n.t('the field "{0}" needs a value', key));
  else values[key]?.(given);
}

function parseMount(text: string, local: LocalPaths): MountSettings {
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

function checkMount(text: string, mount: MountSettings): MountSettings {
  const { Type, Source, Consistency, BindOptions, VolumeOptions, TmpfsOptions, relabel } = mount;
  if (!['bind', 'volume', 'tmpfs'].includes(Type))
    throw bad(text, l10n.t('the type "{0}" is not bind, volume or tmpfs', String(Type)));
  const foreign = {
    bind: VolumeOptions ?? TmpfsOptions,
    volume: BindOptions ?? TmpfsOptions,
    tmpfs: BindOptions ?? VolumeOptions,
  }[Type];
  if (foreign !== undefined) throw bad(text, l10n.t('it has options of another type than {0}', Type));
  if (Type === 'tmpfs' && Source !== '') throw bad(text, l10n.t('a tmpfs has no source'));
  if (Type === 'bind' && !posix.isAbsolute(Source) && !WINDOWS_PATH.test(Source))
    throw bad(text, l10n.t('the source "{0}" of a bind must be an absolute path', Source));
  if (Type === 'volume' && Source !== '' && !VOLUME_NAME.test(Source))
    throw bad(text, l10n.t('"{0}" cannot be a volume\'s name', Source));
  if (
    BindOptions?.Propagation !== undefined &&
    BindOptions.Propagation !== '' &&
    !PROPAGATIONS.includes(BindOptions.Propagation)
  )
    throw bad(text, l10n.t('the propagation "{0}" is unknown', BindOptions.Propagation));
  if (Consistency !== undefined && Consistency !== '' && !CONSISTENCIES.includes(Consistency))
    throw bad(text, l10n.t('the consistency "{0}" is unknown', Consistency));
  // With a relabelling it becomes a `-v` string, which holds neither colons in a path nor a driver's options.
  const isPlain =
    Source !== '' &&
    !(posix.isAbsolute(Source) && Source.includes(':')) &&
    !mount.Target.includes(':') &&
    (VolumeOptions === undefined || Object.keys(VolumeOptions).length === 0);
  if (relabel !== undefined && (!['z', 'Z'].includes(relabel) || !isPlain))
    throw bad(text, l10n.t('the relabelling "{0}" cannot be had for it', relabel));
  // The engine reads ".." as text and the kernel follows links before it: what is judged must be what is mounted.
  const flat =
    Type === 'bind' && posix.isAbsolute(Source) && CROOKED.test(Source)
      ? posix.normalize(Source).replace(/^\/+/, '/')
      : Source;
  return { ...mount, Source: flat, Target: checkTarget(text, mount.Target) };
}

/** A path that could be written more simply. */
const CROOKED = /\/\.{0,2}(?:\/|$)/;

/** What a field of an API object may be; a nested one is an object of known fields. */
type Shape = 'text' | 'flag' | 'count' | 'texts' | 'lists' | { readonly [key: string]: Shape };

/** Mount of the Docker Engine API 1.52, and `relabel`. */
const MOUNT: { readonly [key: string]: Shape } = {
  Type: 'text',
  Source: 'text',
  Target: 'text',
  ReadOnly: 'flag',
  Consistency: 'text',
  BindOptions: {
    Propagation: 'text',
    NonRecursive: 'flag',
    CreateMountpoint: 'flag',
    ReadOnlyNonRecursive: 'flag',
    ReadOnlyForceRecursive: 'flag',
  },
  VolumeOptions: { NoCopy: 'flag', Labels: 'texts', DriverConfig: { Name: 'text', Options: 'texts' }, Subpath: 'text' },
  TmpfsOptions: { SizeBytes: 'count', Mode: 'count', Options: 'lists' },
  ImageOptions: { Subpath: 'text' },
  ClusterOptions: {},
  relabel: 'text',
};

/** Enough of a key to be known by. */
const MOST_KEY_SHOWN = 100;

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

/**
 * The value anew, of known fields alone and each read once. The engine reads keys without regard to case and takes the
 * last: one that only looks unknown would change what has been judged. Throws BadArgument that names the key.
 */
function copied(text: string, path: string, value: unknown, shape: Shape): unknown {
  const mustBe = (what: boolean, why: string) => {
    if (!what) throw bad(text, why);
    return value;
  };
  if (shape === 'text') return mustBe(typeof value === 'string', l10n.t('"{0}" must be a text', path));
  if (shape === 'flag') return mustBe(typeof value === 'boolean', l10n.t('"{0}" must be true or false', path));
  if (shape === 'count')
    return mustBe(Number.isSafeInteger(value) && Number(value) >= 0, l10n.t('"{0}" must be a whole number', path));
  if (shape === 'lists') {
    const lists: unknown[] = Array.isArray(value)
      ? value.map((one: unknown) => (Array.isArray(one) ? [...(one as unknown[])] : one))
      : [value];
    if (!lists.every((one) => isTexts(one) && one.length >= 1 && one.length <= 2))
      throw bad(text, l10n.t('"{0}" must be a list of lists of one or two texts', path));
    return lists;
  }
  const wrong =
    shape === 'texts'
      ? path.endsWith('.Options')
        ? l10n.t('its driver options must be an object of texts')
        : l10n.t('"{0}" must be an object of texts', path)
      : l10n.t('"{0}" must be an object', path);
  if (!isObject(value)) throw bad(text, wrong);
  const fields: [string, unknown][] = [];
  for (const [key, one] of Object.entries(value) as [string, unknown][]) {
    const here = path === '' ? key : `${path}.${key}`;
    const known =
      shape === 'texts'
        ? key === '__proto__'
          ? undefined
          : 'text'
        : Object.hasOwn(shape, key)
          ? shape[key]
          : undefined;
    if (known === undefined) throw bad(text, l10n.t('the field "{0}" is unknown', here.slice(0, MOST_KEY_SHOWN)));
    if (shape === 'texts' && typeof one !== 'string') throw bad(text, wrong);
    // To Go, null is what is not there.
    if (one !== undefined && one !== null) fields.push([key, copied(text, here, one, known)]);
  }
  return Object.fromEntries(fields);
}

type Copied = { -readonly [Key in keyof MountSettings]?: MountSettings[Key] } & {
  ImageOptions?: object;
  ClusterOptions?: object;
};

/** A mount as the engine may be sent it: of the fields of the API alone, whatever else the object holds. */
export function engineMount({
  Type,
  Source,
  Target,
  ReadOnly,
  Consistency,
  BindOptions,
  VolumeOptions,
  TmpfsOptions,
}: MountSettings): object {
  const given = Object.entries({
    Type,
    Source,
    Target,
    ReadOnly,
    Consistency,
    BindOptions,
    VolumeOptions,
    TmpfsOptions,
  }).filter(([, value]) => value !== undefined);
  return copied(quotable({ Type, Source, Target }), '', Object.fromEntries(given), MOUNT) as object;
}

/** One mount from a `-v` string, a `--mount` string or an API object. Throws BadArgument that says what is wrong. */
export function parseMountSpec(spec: unknown, local: LocalPaths): MountSettings {
  if (typeof spec === 'string' && spec.length > MOST_CHARACTERS)
    throw bad(spec, l10n.t('it is longer than any mount can be'));
  if (typeof spec === 'string')
    return /^[a-z-]+(=|,)/i.test(spec) && spec.includes('=') ? parseMount(spec, local) : parseVolume(spec, local);
  if (!isObject(spec)) throw bad(quotable(spec), l10n.t('it is neither a text nor an object'));
  // Read once: what is checked and what is quoted is what is sent, whatever an accessor says the next time.
  const once = { ...spec };
  const text = quotable(once);
  const { ImageOptions, ClusterOptions, ...mount } = copied(text, '', once, MOUNT) as Copied;
  if (mount.Target === undefined) throw bad(text, l10n.t('it has no Target'));
  const Type = mount.Type ?? 'volume';
  if (ImageOptions !== undefined || ClusterOptions !== undefined)
    throw bad(text, l10n.t('it has options of another type than {0}', Type));
  const config = mount.VolumeOptions?.DriverConfig as
    { Name?: string; Options?: Readonly<Record<string, string>> } | undefined;
  const VolumeOptions =
    config === undefined
      ? mount.VolumeOptions
      : { ...mount.VolumeOptions, DriverConfig: { Name: config.Name ?? '', Options: config.Options ?? {} } };
  return checkMount(text, {
    ...mount,
    ...(VolumeOptions === undefined ? {} : { VolumeOptions }),
    Type,
    Source: expand(text, mount.Source ?? '', local),
    Target: mount.Target,
    ReadOnly: mount.ReadOnly === true,
  });
}

/** Several mounts. Throws BadArgument where two have one target. */
export function parseMountSpecs(specs: readonly unknown[], local: LocalPaths): MountSettings[] {
  const mounts = specs.map((spec) => parseMountSpec(spec, local));
  const targets = new Set<string>();
  for (const { Target } of mounts) {
    if (targets.has(Target))
      throw new BadArgument(
        'mounts',
        l10n.t('The target "{0}" is given twice; each path in a container can be mounted once.', Target),
      );
    targets.add(Target);
  }
  return mounts;
}

function quoted(field: string): string {
  return /[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

/** A mount as a `--mount` string; what only `-v` can say (`z`, `Z`) is not in it. */
export function printMount({
  Type,
  Source,
  Target,
  ReadOnly,
  Consistency,
  BindOptions,
  VolumeOptions,
  TmpfsOptions,
}: MountSettings): string {
  const fields = [`type=${Type}`];
  const add = (key: string, value: string | number | undefined) =>
    value !== undefined && value !== '' && fields.push(`${key}=${value}`);
  add('src', Source);
  add('dst', Target);
  if (ReadOnly) fields.push('readonly');
  add('consistency', Consistency);
  add('bind-propagation', BindOptions?.Propagation);
  if (BindOptions?.NonRecursive) fields.push('bind-nonrecursive');
  if (BindOptions?.CreateMountpoint) fields.push('bind-create-src');
  if (VolumeOptions?.NoCopy) fields.push('volume-nocopy');
  add('volume-subpath', VolumeOptions?.Subpath);
  add('volume-driver', VolumeOptions?.DriverConfig?.Name);
  for (const [key, value] of Object.entries(VolumeOptions?.Labels ?? {})) fields.push(`volume-label=${key}=${value}`);
  for (const [key, value] of Object.entries(VolumeOptions?.DriverConfig?.Options ?? {}))
    fields.push(`volume-opt=${key}=${value}`);
  add('tmpfs-size', TmpfsOptions?.SizeBytes);
  add('tmpfs-mode', TmpfsOptions?.Mode?.toString(8));
  return fields.map(quoted).join(',');
}
