/** What a manifest may hold, field by field: others may be able to write to its folder. */
import * as l10n from '@vscode/l10n';
import { COMPRESSION_NAMES } from './compression.ts';
import type { Manifest, ManifestMount, OwnerMarks, RecordedVerdict, SealedManifest } from './manifest.ts';

/** A field with an invalid value; the message says which. */
export class WrongField extends Error {
  override readonly name = 'WrongField';
}

type Raw = Readonly<Record<string, unknown>>;

/** UTF-16 units: names and paths, digests, and sentences. */
const MOST_NAME = 8192;
const MOST_SENTENCE = 65_536;
const MOST_MOUNTS = 10_000;
const MOST_WORDS = 200_000;

function fieldError(field: string): WrongField {
  return new WrongField(l10n.t('it does not describe an archive ("{0}" is missing or invalid)', field));
}

function isRaw(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(raw: Raw, field: string): unknown {
  return Object.hasOwn(raw, field) ? (raw[field] ?? undefined) : undefined;
}

function optionalText(raw: Raw, field: string, most = MOST_NAME): string | undefined {
  const value = own(raw, field);
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value.length > most) throw fieldError(field);
  return value;
}

function text(raw: Raw, field: string, most = MOST_NAME): string {
  const value = optionalText(raw, field, most);
  if (value === undefined) throw fieldError(field);
  return value;
}

function time(raw: Raw, field: string): string {
  const value = text(raw, field, 40);
  // Any other text would break everything that calculates with it.
  if (!/^\d{4}-\d\d-\d\dT/.test(value) || Number.isNaN(Date.parse(value))) throw fieldError(field);
  return value;
}

function count(raw: Raw, field: string): number {
  const value = own(raw, field) ?? 0;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw fieldError(field);
  return value;
}

function optionalFlag(raw: Raw, field: string): boolean | undefined {
  const value = own(raw, field);
  if (value !== undefined && typeof value !== 'boolean') throw fieldError(field);
  return value;
}

function oneOf<T extends string>(raw: Raw, field: string, words: readonly T[]): T {
  const found = words.find((word) => word === own(raw, field));
  if (found === undefined) throw fieldError(field);
  return found;
}

function list<T>(raw: Raw, field: string, most: number, take: (value: unknown) => T): T[] {
  const value = own(raw, field) ?? [];
  if (!Array.isArray(value) || value.length > most) throw fieldError(field);
  return value.map(take);
}

const texts = (raw: Raw, field: string) =>
  list(raw, field, MOST_WORDS, (value) => {
    if (typeof value !== 'string' || value.length > MOST_SENTENCE) throw fieldError(field);
    return value;
  });

/** Texts by name; a name that would change an object's prototype is refused. */
function record(raw: Raw, field: string): Record<string, string> | undefined {
  const value = own(raw, field);
  if (value === undefined) return undefined;
  if (!isRaw(value)) throw fieldError(field);
  const entries = Object.entries(value).filter(([name]) => name !== '__proto__');
  if (entries.length > MOST_WORDS || entries.some(([, one]) => typeof one !== 'string' || one.length > MOST_WORDS * 10))
    throw fieldError(field);
  return Object.fromEntries(entries) as Record<string, string>;
}

function given<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

function mount(value: unknown): ManifestMount {
  if (!isRaw(value)) throw fieldError('mounts');
  const masked = texts(value, 'maskedOptions');
  return given({
    type: oneOf(value, 'type', ['bind', 'volume'] as const),
    source: text(value, 'source'),
    target: optionalText(value, 'target'),
    readOnly: optionalFlag(value, 'readOnly'),
    driver: optionalText(value, 'driver'),
    options: record(value, 'options'),
    maskedOptions: masked.length === 0 ? undefined : masked,
    labels: record(value, 'labels'),
    root: text(value, 'root'),
    entries: count(value, 'entries'),
    bytes: count(value, 'bytes'),
  });
}

function verdict(raw: Raw): RecordedVerdict | undefined {
  const value = own(raw, 'verified');
  if (value === undefined) return undefined;
  if (!isRaw(value) || typeof own(value, 'ok') !== 'boolean') throw fieldError('verified');
  return { ok: own(value, 'ok') === true, at: time(value, 'at'), modifiedAt: time(value, 'modifiedAt') };
}

function marks(raw: Raw): OwnerMarks {
  const value = own(raw, 'marks');
  if (!isRaw(value)) throw fieldError('marks');
  return given({
    salt: text(value, 'salt', 64),
    engine: text(value, 'engine', 64),
    subject: text(value, 'subject', 64),
    plan: optionalText(value, 'plan', 64),
  });
}

const KINDS = ['container', 'volume', 'bind'] as const;
const METHODS = ['archive', 'tar'] as const;

function common(raw: Raw) {
  return {
    format: count(raw, 'format'),
    createdAt: time(raw, 'createdAt'),
    file: optionalText(raw, 'file') ?? '',
    kind: oneOf(raw, 'kind', KINDS),
    method: own(raw, 'method') === undefined ? ('archive' as const) : oneOf(raw, 'method', METHODS),
    compression:
      own(raw, 'compression') === undefined ? ('none' as const) : oneOf(raw, 'compression', COMPRESSION_NAMES),
    entries: count(raw, 'entries'),
    bytes: count(raw, 'bytes'),
    archiveBytes: count(raw, 'archiveBytes'),
    sha256: text(raw, 'sha256', 64),
    verified: verdict(raw),
  };
}

/** A manifest whose facts are all in clear text. Throws WrongField. */
export function checkManifest(value: unknown): Manifest {
  if (!isRaw(value)) throw fieldError('format');
  const engine = own(value, 'engine');
  const container = own(value, 'container');
  const level = own(value, 'level');
  if (!isRaw(engine)) throw fieldError('engine');
  if (container !== undefined && !isRaw(container)) throw fieldError('container');
  if (level !== undefined && (typeof level !== 'number' || !Number.isInteger(level))) throw fieldError('level');
  return given({
    ...common(value),
    subject: text(value, 'subject'),
    engine: {
      name: text(engine, 'name'),
      version: optionalText(engine, 'version') ?? '',
      apiVersion: optionalText(engine, 'apiVersion') ?? '',
      address: optionalText(engine, 'address') ?? '',
    },
    container: container && {
      id: text(container, 'id'),
      name: text(container, 'name'),
      image: text(container, 'image'),
      imageId: optionalText(container, 'imageId') ?? '',
    },
    mounts: list(value, 'mounts', MOST_MOUNTS, mount),
    leftOut: list(value, 'leftOut', MOST_MOUNTS, (one) => {
      if (!isRaw(one)) throw fieldError('leftOut');
      return { target: text(one, 'target'), reason: text(one, 'reason', MOST_SENTENCE) };
    }),
    level,
    encryption: own(value, 'encryption') === undefined ? undefined : oneOf(value, 'encryption', ['age'] as const),
    notKept: texts(value, 'notKept'),
    warnings: texts(value, 'warnings'),
    plan: optionalText(value, 'plan'),
  });
}

/** The clear part of a manifest that is encrypted. Throws WrongField. */
export function checkSealed(value: unknown, mostBytes: number): SealedManifest {
  if (!isRaw(value)) throw fieldError('format');
  const { verified, ...rest } = common(value);
  return given({
    ...rest,
    subject: optionalText(value, 'subject'),
    encryption: oneOf(value, 'encryption', ['age'] as const),
    marks: marks(value),
    encrypted: text(value, 'encrypted', mostBytes),
    verified,
  });
}
