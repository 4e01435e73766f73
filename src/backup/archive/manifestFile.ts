/** Manifests as files: written, read within bounds, sealed and opened. */
import * as l10n from '@vscode/l10n';
import { randomBytes } from 'node:crypto';
import { lstat, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { NotSmallFile, readSmallText } from '../../engine/boundedFile.ts';
import { BadArchive, PassphraseNeeded } from '../../engine/errors.ts';
import { holdsSecrets, maskedOptions } from '../../engine/masking.ts';
import { decryptText, encryptText } from './encryption.ts';
import {
  isOfSubject,
  isFromEngine,
  isByPlan,
  isSealed,
  manifestPath,
  markOf,
  SEALED_FORMAT,
  type Manifest,
  type ManifestMount,
  type RecordedVerdict,
  type OwnerMarks,
  type SealedManifest,
} from './manifest.ts';
import { checkManifest, checkSealed, WrongField } from './manifestSchema.ts';

/** It is parsed in one step that blocks everything else; a real manifest has a few kilobytes. */
const MOST_BYTES = 1024 * 1024;
/** What is encrypted grows by a third in base64. */
const MOST_SEALED_BYTES = 700 * 1024;
/** A manifest has five levels. JSON.parse takes over a second for a million nested brackets. */
const MOST_DEEP = 20;

function jsonOf(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Leaves out labels that would make the manifest too large to be read again, and adds a warning about it. */
function withinBounds(manifest: Manifest, most: number): Manifest {
  if (Buffer.byteLength(jsonOf(manifest)) <= most) return manifest;
  const mounts = manifest.mounts.map(({ labels: _, ...rest }) => rest);
  return {
    ...manifest,
    mounts,
    warnings: [
      ...manifest.warnings,
      l10n.t('The labels of the volumes are too large for the manifest and are not kept.'),
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

function manifestError(file: string, why: string, cause?: unknown): BadArchive {
  return new BadArchive(file, [why], l10n.t('The manifest "{0}" cannot be used: {1}.', manifestPath(file), why), {
    cause,
  });
}

async function readText(file: string): Promise<string | undefined> {
  const path = manifestPath(file);
  try {
    return await readSmallText(path, MOST_BYTES);
  } catch (error) {
    if (error instanceof NotSmallFile)
      throw manifestError(
        file,
        error.problem === 'notAFile'
          ? l10n.t('it is not a file')
          : l10n.t('it has {0} bytes, more than any manifest', error.bytes),
        error,
      );
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw manifestError(file, l10n.t('it cannot be read ({0})', code ?? ''), error);
    if (
      await lstat(path).then(
        () => true,
        () => false,
      )
    )
      throw manifestError(file, l10n.t('it is a link whose target does not exist'), error);
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
  if (isTooDeep(text)) throw manifestError(file, l10n.t('it is nested deeper than any manifest'));
  try {
    return JSON.parse(text);
  } catch (error) {
    throw manifestError(file, l10n.t('it is not JSON'), error);
  }
}

function checked<T>(file: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof WrongField) throw manifestError(file, error.message, error);
    throw error;
  }
}

/**
 * The manifest of an archive as it is in the folder, or undefined where there is none. Throws BadArchive for one that
 * cannot be read.
 */
export async function readManifest(file: string): Promise<Manifest | SealedManifest | undefined> {
  const text = await readText(file);
  if (text === undefined) return undefined;
  const value = parsed(file, text);
  const format: unknown = typeof value === 'object' && value !== null && 'format' in value ? value.format : undefined;
  if (typeof format === 'number' && format > SEALED_FORMAT)
    throw manifestError(file, l10n.t('its format {0} is newer than this extension; update Docker Mounts', format));
  return checked(file, () => (format === SEALED_FORMAT ? checkSealed(value, MOST_BYTES) : checkManifest(value)));
}

/** The facts that are also in clear text. */
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
 * that cannot be read, or whose clear part differs from the encrypted part.
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
    throw manifestError(file, l10n.t('its encrypted part cannot be read ({0})', (error as Error).message), error);
  }
  const inner = checked(file, () => checkManifest(parsed(file, text)));
  const differs = TWICE.find((field) => inner[field] !== manifest[field]);
  const isOthers =
    !isOfSubject(manifest, { kind: inner.kind, name: inner.subject }) ||
    !isFromEngine(manifest, inner.engine.name) ||
    (inner.plan === undefined ? manifest.marks.plan !== undefined : !isByPlan(manifest, inner.plan));
  if (differs !== undefined || isOthers)
    throw manifestError(
      file,
      l10n.t(
        'its clear part was changed, or belongs to another archive: "{0}" differs from the encrypted part',
        differs ?? 'marks',
      ),
    );
  return { ...inner, ...(manifest.verified === undefined ? {} : { verified: manifest.verified }) };
}

/**
 * Writes the result of verifying an archive of the schedule into its manifest, so that every window and machine knows
 * it. Does nothing for any other archive. Throws what the file system throws.
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
