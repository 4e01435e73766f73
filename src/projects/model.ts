/** What a project's files say about mounts, as plain data with the position of each thing in the text. */

import type { Limit } from './limits.ts';

/** A part of a text, as offsets of UTF-16 units; `end` is behind the last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A part of a file. */
export interface FileSpan {
  /** Absolute path. */
  readonly file: string;
  readonly span: Span;
}

/** A mount that a Compose file or a devcontainer.json asks for. */
export interface FileMount {
  readonly place: FileSpan;
  readonly type: 'bind' | 'volume' | 'tmpfs' | 'npipe' | 'cluster' | 'image';
  /** Absolute host path of a bind, the engine's name of a volume, '' for a tmpfs or an anonymous volume. */
  readonly source: string;
  /** Absolute path in the container, without a slash at its end. */
  readonly target: string;
  readonly readOnly: boolean;
  /** Whether a missing source of a bind is created or refused; undefined if that depends on the version of Compose. */
  readonly makesSource?: boolean;
  /** Variables that it names and nothing sets. */
  readonly unset: readonly string[];
  /** The service or container that `volumes_from` takes it from; its place is then that entry's. */
  readonly takenFrom?: string;
}

/** One entry of a service. */
export interface ComposeMount extends FileMount {
  readonly service: string;
  /** The key below the top-level `volumes:`, for a named volume. */
  readonly key?: string;
  /** The target as written: Compose compares targets by it. */
  readonly rawTarget: string;
  /** The service with the entry in its own list; another service if the entry came by `extends`. */
  readonly writtenIn: string;
  /** The entry with the same target that counts instead. */
  readonly replacedBy?: FileSpan;
}

/** An entry that cannot be understood. */
export interface BadEntry {
  readonly place: FileSpan;
  readonly text: string;
  readonly why: string;
}

export interface ServiceVolumesFrom {
  readonly place: FileSpan;
  readonly service?: string;
  readonly container?: string;
  readonly readOnly: boolean;
}

export interface ComposeService {
  readonly name: string;
  /** Its keys, one for each file that speaks of it. */
  readonly places: readonly FileSpan[];
  readonly mounts: readonly ComposeMount[];
  readonly volumesFrom: readonly ServiceVolumesFrom[];
  /** Where secrets and configs are mounted. */
  readonly otherTargets: readonly string[];
}

/** A volume of the top level. */
export interface ComposeVolume {
  readonly key: string;
  readonly places: readonly FileSpan[];
  /** What the engine calls it. */
  readonly name: string;
  /** Created by someone else: Compose neither creates nor removes it. */
  readonly external: boolean;
  readonly driver?: string;
  readonly driverOpts: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** A Compose project as its files, put together, describe it. */
export interface ComposeProject {
  readonly name: string;
  /** Absolute path; what relative binds begin at. */
  readonly directory: string;
  readonly files: readonly string[];
  readonly services: readonly ComposeService[];
  readonly volumes: readonly ComposeVolume[];
  readonly bad: readonly BadEntry[];
  /** Files that are named and cannot be read. */
  readonly unread: readonly string[];
  /** Why nothing of it was read. */
  readonly limit?: Limit;
}

/** A `VOLUME` in a Dockerfile. */
export interface DeclaredVolume {
  readonly target: string;
  readonly span: Span;
  /** Name of its stage, or its number from 0. */
  readonly stage: string;
  /** Whether the image that the file builds by default has it. */
  readonly counts: boolean;
}

/** An instruction that touches data under a volume declared before it. */
export interface LateChange {
  readonly span: Span;
  readonly keyword: string;
  readonly target: string;
  /** `certain` for a copy into it; `possible` for a command that names it. */
  readonly how: 'certain' | 'possible';
}

export interface DockerfileFacts {
  readonly volumes: readonly DeclaredVolume[];
  readonly changes: readonly LateChange[];
  /** Why nothing of it was read. */
  readonly limit?: Limit['kind'];
}

export interface Devcontainer {
  readonly file: string;
  /** The folder that the container is for. */
  readonly folder: string;
  readonly mounts: readonly FileMount[];
  readonly bad: readonly BadEntry[];
  /** Why nothing of it was read. */
  readonly limit?: Limit['kind'];
}
