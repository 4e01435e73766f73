/**
 * Mounts as objects of Docker's API: copied field by field, since the engine accepts more spellings than are visible.
 */
import * as l10n from '@vscode/l10n';
import { mountError, quotable, type MountSettings } from './mountSettings.ts';

/** What a field of an API object may be; a nested one is an object of known fields. */
type Shape = 'text' | 'flag' | 'count' | 'texts' | 'lists' | { readonly [key: string]: Shape };

/** Mount of the Docker Engine API 1.52, and `relabel`. */
export const MOUNT: { readonly [key: string]: Shape } = {
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

/** Enough of a key to recognize it. */
const MOST_KEY_SHOWN = 100;

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

/**
 * A copy of the value with only known fields, each read once. The engine ignores the case of keys and uses the last
 * one: a key that only looks unknown would change what was checked. Throws BadArgument that names the key.
 */
export function copied(text: string, path: string, value: unknown, shape: Shape): unknown {
  const mustBe = (what: boolean, why: string) => {
    if (!what) throw mountError(text, why);
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
      throw mountError(text, l10n.t('"{0}" must be a list of lists of one or two texts', path));
    return lists;
  }
  const wrong =
    shape === 'texts'
      ? path.endsWith('.Options')
        ? l10n.t('its driver options must be an object of texts')
        : l10n.t('"{0}" must be an object of texts', path)
      : l10n.t('"{0}" must be an object', path);
  if (!isObject(value)) throw mountError(text, wrong);
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
    if (known === undefined)
      throw mountError(text, l10n.t('the field "{0}" is unknown', here.slice(0, MOST_KEY_SHOWN)));
    if (shape === 'texts' && typeof one !== 'string') throw mountError(text, wrong);
    // Go treats null as a missing value.
    if (one !== undefined && one !== null) fields.push([key, copied(text, here, one, known)]);
  }
  return Object.fromEntries(fields);
}

export type Copied = { -readonly [Key in keyof MountSettings]?: MountSettings[Key] } & {
  ImageOptions?: object;
  ClusterOptions?: object;
};

/** A mount as it may be sent to the engine: only fields of the API, whatever else the object holds. */
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
