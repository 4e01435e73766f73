/**
 * The manifest: the facts about an archive, beside it as FILE.json. The manifest of an encrypted archive holds in clear
 * text only what is needed to list, check and prune archives without the passphrase. It also holds all facts encrypted
 * with the archive's passphrase; they are used once the passphrase is given.
 */
import { createHmac } from 'node:crypto';
import type { Compression } from './compression.ts';

/** All facts in clear text. */
export const MANIFEST_FORMAT = 1;
/** The facts are encrypted. */
export const SEALED_FORMAT = 2;

/** A mount that a backup saves, in the manifest and while the backup runs. */
export interface SavedMount {
  readonly type: 'bind' | 'volume';
  /** Host path, or volume name. */
  readonly source: string;
  /** Where the container sees it; absent in a backup of a single volume or bind mount. */
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
  /** Names of options that held a password; the password is nowhere in clear text. */
  readonly maskedOptions?: readonly string[];
}

export interface RecordedVerdict {
  readonly ok: boolean;
  /** When it was verified; ISO 8601, UTC. */
  readonly at: string;
  /** The archive's own time then: an archive that was written to since is no longer the one that was verified. */
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
  /** Around the compressed tar, where a passphrase was given; the numbers of entries and bytes are those of the tar. */
  readonly encryption?: 'age';
  readonly entries: number;
  readonly bytes: number;
  readonly archiveBytes: number;
  readonly sha256: string;
  /** What the method does not keep. */
  readonly notKept: readonly string[];
  readonly warnings: readonly string[];
  /** Id of the entry of the schedule that created it; absent for a backup that a person started. */
  readonly plan?: string;
  /** The last recorded result of verifying it. */
  readonly verified?: RecordedVerdict;
}

/**
 * Tells those who know the names whose archive it is, without revealing them: each mark is the HMAC-SHA-256 of a name
 * with a salt of this archive only. A guessed name can be confirmed by it.
 */
export interface OwnerMarks {
  readonly salt: string;
  readonly engine: string;
  readonly subject: string;
  readonly plan?: string;
}

/**
 * What is in clear text beside an encrypted archive: numbers and times, and only the name that the file's name also
 * shows.
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

/** The marks of an engine, a subject and an entry of the schedule. */
export const markOf = {
  engine: (salt: string, name: string) => mark(salt, 'engine', name),
  subject: (salt: string, kind: string, name: string) => mark(salt, 'subject', kind, name),
  plan: (salt: string, id: string) => mark(salt, 'plan', id),
};

/** What tells whose archive it is: names, or marks instead of them. */
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

/** Whether the entry of the schedule with this id created an archive. */
export function isByPlan({ plan, marks }: Owner, id: string): boolean {
  return marks === undefined ? plan === id : marks.plan === markOf.plan(marks.salt, id);
}
