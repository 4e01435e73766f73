/**
 * The manifest: the truthful record beside every archive, as FILE.json. That of an encrypted archive says in clear only
 * what is needed to list, check and thin out archives without the passphrase; all facts are in it once more, encrypted
 * with the archive's passphrase, and count once that is given.
 */
import * as l10n from '@vscode/l10n';
import { createHmac, randomBytes } from 'node:crypto';
import { lstat, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { NotSmallFile, readSmallText } from '../engine/boundedFile.ts';
import { BadArchive, PassphraseNeeded } from '../engine/errors.ts';
import { holdsSecrets, maskedOptions } from '../engine/secrets.ts';
import type { Compression } from './compression.ts';
import { decryptText, encryptText } from './encryption.ts';
import { checkManifest, checkSealed, WrongField } from './manifestSchema.ts';

/** All facts in clear. */
export const MANIFEST_FORMAT = 1;
/** The facts are encrypted. */
export const SEALED_FORMAT = 2;

/** It is parsed in one go, with nothing else meanwhile; a real manifest has a few kilobytes. */
const MOST_BYTES = 1024 * 1024;
/** What is encrypted grows by a third in base64. */
const MOST_SEALED_BYTES = 700 * 1024;
/** A manifest has five levels. A million brackets in one another take JSON.parse over a second. */
const MOST_DEEP = 20;

/** A mount that a backup saves, in the manifest and while it is made. */
export interface SavedMount {
  readonly type: 'bind' | 'volume';
  /** Host path, or volume name. */
  readonly source: string;
  /** Where the container sees it; absent in a backup of a volume or bind by itself. */
  readonly target?: string;
  readonly readOnly?: boolean;
  readonly driver?: string;
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface ManifestMount extends SavedMount {
  /** Name of the tree's root inside the archive; '.' where entries are relative to the source. */
  readonly root: string;
  readonly entries: number;
  readonly bytes: number;
  /** Names of options that held a password, which stands nowhere in clear. */
  readonly maskedOptions?: readonly string[];
}

export interface RecordedVerdict {
  readonly ok: boolean;
  /** When it was verified; ISO 8601, UTC. */
  readonly at: string;
  /** The archive's own time then: one that was written to since is no longer what was verified. */
  readonly modifiedAt: string;
}

export interface Manifest {
  readonly format: number;
  readonly createdAt: string;
  readonly file: string;
  readonly kind: 'container' | 'volume' | 'bind';
  /** Container name, volume name or bind source. */
  readonly subject: string;
  readonly engine: {
    readonly name: string;
    readonly version: string;
    readonly apiVersion: string;
    readonly address: string;
  };
  readonly container?: { readonly id: string; readonly name: string; readonly image: string; readonly imageId: string };
  readonly mounts: readonly ManifestMount[];
  /** Mounts that hold nothing to save, and why. */
  readonly leftOut: readonly { readonly target: string; readonly reason: string }[];
  readonly method: 'archive' | 'tar';
  readonly compression: Compression;
  readonly level?: number;
  /** With a passphrase, around the compressed tar; the numbers of entries and bytes are those of the tar. */
  readonly encryption?: 'age';
  readonly entries: number;
  readonly bytes: number;
  readonly archiveBytes: number;
  readonly sha256: string;
  /** What the method does not keep. */
  readonly notKept: readonly string[];
  readonly warnings: readonly string[];
  /** Id of the entry of the schedule that made it; absent for a backup made by hand. */
  readonly plan?: string;
  /** What verifying it found last, where that was written down. */
  readonly verified?: RecordedVerdict;
}

/**
 * Tells whose an archive is to whoever knows the names, and names nothing: each is the HMAC-SHA-256 of a name under a
 * salt of this archive's own. A name that can be guessed can be confirmed by it.
 */
export interface OwnerMarks {
  readonly salt: string;
  readonly engine: string;
  readonly subject: string;
  readonly plan?: string;
}

/**
 * What stands in clear beside an encrypted archive: numbers and times, and no name but the one that the file's name
 * shows too.
 */
export interface SealedManifest extends Pick<
  Manifest,
  | 'format'
  | 'createdAt'
  | 'file'
  | 'kind'
  | 'method'
  | 'compression'
  | 'entries'
  | 'bytes'
  | 'archiveBytes'
  | 'sha256'
  | 'verified'
> {
  readonly encryption: 'age';
  /** As in the file's name; absent where the user named the file. */
  readonly subject?: string;
  readonly marks: OwnerMarks;
  /** The whole manifest as JSON, in age's format with the archive's passphrase, in base64. */
  readonly encrypted: string;
}

export function manifestPath(file: string): string {
  return `${file}.json`;
}

/** Whether the facts are encrypted. */
export function isSealed(manifest: Manifest | SealedManifest): manifest is SealedManifest {
  return 'encrypted' in manifest;
}

function mark(salt: string, ...names: string[]): string {
  return createHmac('sha256', salt).update(JSON.stringify(names)).digest('hex');
}

const markOf = {
  engine: (salt: string, name: string) => mark(salt, 'engine', name),
  subject: (salt: string, kind: string, name: string) => mark(salt, 'subject', kind, name),
  plan: (salt: string, id: string) => mark(salt, 'plan', id),
};

/** What tells whose an archive is: names, or marks in their place. */
export interface Owner {
  readonly kind?: Manifest['kind'];
  readonly subject?: string;
  readonly engineName?: string;
  readonly plan?: string;
  readonly marks?: OwnerMarks;
}

/** Whether an archive is of this subject. */
export function isOfSubject(
  { kind, subject, marks }: Owner,
  wanted: { readonly kind: Manifest['kind']; readonly name: string },
): boolean {
  if (kind !== wanted.kind) return false;
  return marks === undefined
    ? subject === wanted.name
    : marks.subject === markOf.subject(marks.salt, wanted.kind, wanted.name);
}

/** Whether an archive comes from the engine with this host name. */
export function isFromEngine({ engineName, marks }: Owner, name: string): boolean {
  return marks === undefined ? engineName === name : marks.engine === markOf.engine(marks.salt, name);
}

/** Whether the entry of the schedule with this id made an archive. */
export function isByPlan({ plan, marks }: Owner, id: string): boolean {
  return marks === undefined ? plan === id : marks.plan === markOf.plan(marks.salt, id);
}

function jsonOf(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Labels that would make the manifest larger than is read again are left out, and that is said in it. */
function withinBounds(manifest: Manifest, most: number): Manifest {
  if (Buffer.byteLength(jsonOf(manifest)) <= most) return manifest;
  const mounts = manifest.mounts.map(({ labels: _, ...rest }) => rest);
  return {
    ...manifest,
    mounts,
    warnings: [
      ...manifest.warnings,
      l10n.t('The labels of the volumes are too large for the manifest, and are not kept.'),
    ],
  };
}

/** The text of the manifest of an archive that is not encrypted: passwords in the options of drivers are masked. */
export function manifestText(manifest: Manifest): string {
  const mounts = manifest.mounts.map((mount): ManifestMount => {
    const { options } = mount;
    if (options === undefined || !holdsSecrets(options)) return mount;
    const masked = maskedOptions(options);
    return {
      ...mount,
      options: masked,
      maskedOptions: Object.keys(options).filter((name) => masked[name] !== options[name]),
    };
  });
  return jsonOf(withinBounds({ ...manifest, mounts }, MOST_BYTES));
}

/** The text of the manifest of an archive that is encrypted. `shown` is the subject as the file's name has it. */
export async function sealedText(
  manifest: Manifest,
  shown: string | undefined,
  passphrase: string,
  logRounds?: number,
): Promise<string> {
  const { createdAt, file, kind, method, compression, entries, bytes, archiveBytes, sha256, plan } = manifest;
  const salt = randomBytes(16).toString('hex');
  const marks: OwnerMarks = {
    salt,
    engine: markOf.engine(salt, manifest.engine.name),
    subject: markOf.subject(salt, kind, manifest.subject),
    ...(plan === undefined ? {} : { plan: markOf.plan(salt, plan) }),
  };
  const encrypted = await encryptText(
    JSON.stringify(withinBounds({ ...manifest, format: SEALED_FORMAT }, MOST_SEALED_BYTES)),
    passphrase,
    logRounds,
  );
  const sealed: SealedManifest = {
    format: SEALED_FORMAT,
    createdAt,
    file,
    kind,
    ...(shown === undefined ? {} : { subject: shown }),
    method,
    compression,
    encryption: 'age',
    entries,
    bytes,
    archiveBytes,
    sha256,
    marks,
    encrypted,
  };
  return jsonOf(sealed);
}

function unusable(file: string, why: string, cause?: unknown): BadArchive {
  return new BadArchive(file, [why], l10n.t('The manifest "{0}" cannot be used: {1}.', manifestPath(file), why), {
    cause,
  });
}

async function textOf(file: string): Promise<string | undefined> {
  const path = manifestPath(file);
  try {
    return await readSmallText(path, MOST_BYTES);
  } catch (error) {
    if (error instanceof NotSmallFile)
      throw unusable(
        file,
        error.problem === 'notAFile'
          ? l10n.t('it is not a file')
          : l10n.t('it has {0} bytes, more than any manifest', error.bytes),
        error,
      );
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw unusable(file, l10n.t('it cannot be read ({0})', code ?? ''), error);
    if (
      await lstat(path).then(
        () => true,
        () => false,
      )
    )
      throw unusable(file, l10n.t('it is a link that leads nowhere'), error);
    return undefined;
  }
}

function isTooDeep(text: string): boolean {
  let depth = 0;
  let isText = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (isText && char === '\\') at += 1;
    else if (char === '"') isText = !isText;
    else if (isText) continue;
    else if (char === '[' || char === '{') depth += 1;
    else if (char === ']' || char === '}') depth -= 1;
    if (depth > MOST_DEEP) return true;
  }
  return false;
}

function parsed(file: string, text: string): unknown {
  if (isTooDeep(text)) throw unusable(file, l10n.t('it is nested deeper than any manifest'));
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unusable(file, l10n.t('it is not JSON'), error);
  }
}

function checked<T>(file: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof WrongField) throw unusable(file, error.message, error);
    throw error;
  }
}

/**
 * The manifest of an archive as it lies there, or undefined where there is none. Throws BadArchive for one that cannot
 * be read as such.
 */
export async function readManifest(file: string): Promise<Manifest | SealedManifest | undefined> {
  const text = await textOf(file);
  if (text === undefined) return undefined;
  const value = parsed(file, text);
  const format: unknown = typeof value === 'object' && value !== null && 'format' in value ? value.format : undefined;
  if (typeof format === 'number' && format > SEALED_FORMAT)
    throw unusable(file, l10n.t('its format {0} is newer than this extension; update Docker Mounts', format));
  return checked(file, () => (format === SEALED_FORMAT ? checkSealed(value, MOST_BYTES) : checkManifest(value)));
}

/** The facts that stand in clear too. */
const TWICE = [
  'createdAt',
  'file',
  'kind',
  'method',
  'compression',
  'entries',
  'bytes',
  'archiveBytes',
  'sha256',
] as const;

/**
 * The manifest of an archive with all its facts. Throws PassphraseNeeded for an encrypted one, and BadArchive for one
 * that cannot be read, or whose clear part says something else than what is encrypted.
 */
export async function openManifest(file: string, passphrase: string | undefined): Promise<Manifest | undefined> {
  const manifest = await readManifest(file);
  if (manifest === undefined || !isSealed(manifest)) return manifest;
  if (passphrase === undefined)
    throw new PassphraseNeeded(
      file,
      false,
      l10n.t('The archive "{0}" is encrypted with age: its passphrase is needed.', file),
    );
  let text: string;
  try {
    text = await decryptText(file, manifest.encrypted, passphrase);
  } catch (error) {
    if (error instanceof PassphraseNeeded) throw error;
    throw unusable(file, l10n.t('its encrypted part cannot be read ({0})', (error as Error).message), error);
  }
  const inner = checked(file, () => checkManifest(parsed(file, text)));
  const differs = TWICE.find((field) => inner[field] !== manifest[field]);
  const isOthers =
    !isOfSubject(manifest, { kind: inner.kind, name: inner.subject }) ||
    !isFromEngine(manifest, inner.engine.name) ||
    (inner.plan === undefined ? manifest.marks.plan !== undefined : !isByPlan(manifest, inner.plan));
  if (differs !== undefined || isOthers)
    throw unusable(
      file,
      l10n.t(
        'its clear part was changed, or belongs to another archive: "{0}" is not what the encrypted part says',
        differs ?? 'marks',
      ),
    );
  return { ...inner, ...(manifest.verified === undefined ? {} : { verified: manifest.verified }) };
}

/**
 * Writes into the manifest of an archive that a plan made what verifying it found, so that every window and machine
 * knows it. Does nothing for another archive. Throws what the file system throws.
 */
export async function recordVerdict(file: string, ok: boolean): Promise<void> {
  const manifest = await readManifest(file).catch(() => undefined);
  if (manifest === undefined || (isSealed(manifest) ? manifest.marks.plan : manifest.plan) === undefined) return;
  const path = manifestPath(file);
  const fresh = `${path}.partial`;
  try {
    const verified: RecordedVerdict = {
      ok,
      at: new Date().toISOString(),
      modifiedAt: (await stat(file)).mtime.toISOString(),
    };
    await writeFile(fresh, jsonOf({ ...manifest, verified }), { mode: 0o600, flush: true });
    await rename(fresh, path);
  } catch (error) {
    await unlink(fresh).catch(() => undefined);
    throw error;
  }
}
