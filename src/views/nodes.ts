/** What a row of the three trees is. Rows are values made from a snapshot; nothing here asks the engine. */
import type { BackupFile } from '../backup/archive/list.ts';
import type { EntryStatus } from '../schedule/runner.ts';
import type { Container, Mount, Snapshot, Volume, VolumesFrom, VolumeUse } from '../engine/model.ts';
import { hostPaths, sharersOfMount } from '../engine/sharing.ts';
import type { NamedEntry } from '../files/stat.ts';
import { isBrowsable, type FilePlace } from '../files/place.ts';
import type { Shown } from '../ui/shown.ts';
import type { ScheduledSubject } from '../backup/subject.ts';

export type ContainerNode = { readonly kind: 'container'; readonly container: Container };
export type MountNode = {
  readonly kind: 'mount';
  readonly container: Container;
  readonly mount: Mount;
  readonly volume?: Volume;
  /** Mounts of other containers that show the same files, as `container:target`. */
  readonly others: readonly string[];
};
export type LineageNode = {
  readonly kind: 'lineage';
  readonly container: Container;
  /** `takes` from the other container, or `gives` to it. */
  readonly direction: 'takes' | 'gives';
  readonly other: VolumesFrom;
};
export type VolumeNode = { readonly kind: 'volume'; readonly volume: Volume };
export type UseNode = { readonly kind: 'use'; readonly volume: Volume; readonly use: VolumeUse };
export type BackupNode = {
  readonly kind: 'backup';
  readonly backup: BackupFile;
  readonly verdict?: { readonly ok: boolean; readonly at: string };
};
/**
 * The archives of one subject, newest first, and the entries of the schedule that make more; without a name, those that
 * no manifest describes.
 */
export type SubjectNode = {
  readonly kind: 'subject';
  readonly subject?: ScheduledSubject;
  readonly backups: readonly BackupFile[];
  readonly plans: readonly EntryStatus[];
};
/** The files of a volume, below the containers that use it. */
export type FilesNode = { readonly kind: 'files'; readonly volume: Volume };
/** A file or directory in a mount. */
export type FileNode = {
  readonly kind: 'file';
  readonly place: FilePlace;
  readonly entry: NamedEntry;
  readonly readOnly: boolean;
};
/** Entries of a long directory that are not shown yet. */
export type MoreNode = { readonly kind: 'more'; readonly directory: FilePlace; readonly left: number };
/** Why a directory shows nothing. */
export type NoticeNode = {
  readonly kind: 'notice';
  readonly directory: FilePlace;
  readonly text: Shown;
  readonly isError: boolean;
};

export type Node =
  | ContainerNode
  | MountNode
  | LineageNode
  | VolumeNode
  | UseNode
  | BackupNode
  | SubjectNode
  | FilesNode
  | FileNode
  | MoreNode
  | NoticeNode;

/** The rows that were handed to VS Code. */
const handedOut = new WeakSet<object>();

/** Call it with each row that VS Code gets, so that a command can recognise the row. */
export function handOut(node: Node): void {
  handedOut.add(node);
}

/** Whether the argument of a command is one of our own rows; a link can hold an object that looks like one. */
export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && handedOut.has(value);
}

/** The rows below a container: lineage first, then mounts. */
export function childrenOf(
  container: Container,
  { containers, volumes }: Pick<Snapshot, 'containers' | 'volumes'>,
): (MountNode | LineageNode)[] {
  const takes = container.volumesFrom.map((other): LineageNode => ({
    kind: 'lineage',
    container,
    direction: 'takes',
    other,
  }));
  const gives = container.givesVolumesTo.map((name): LineageNode => ({
    kind: 'lineage',
    container,
    direction: 'gives',
    other: { container: name, readOnly: false },
  }));
  const paths = hostPaths(volumes);
  const mounts = container.mounts.map((mount): MountNode => ({
    kind: 'mount',
    container,
    mount,
    volume: volumes.find(({ name }) => name === mount.volume),
    others: sharersOfMount(containers, paths, container.name, mount),
  }));
  return [...takes, ...gives, ...mounts];
}

/** The directory or file of a row; undefined for other rows. */
export function placeOfNode(node: Node): FilePlace | undefined {
  switch (node.kind) {
    case 'file':
      return node.place;
    case 'files':
    case 'volume':
      return { kind: 'volume', name: node.volume.name, path: '/' };
    case 'mount':
      return isBrowsable(node.mount)
        ? { kind: 'container', name: node.container.name, path: node.mount.target }
        : undefined;
    case 'container':
    case 'lineage':
    case 'use':
    case 'backup':
    case 'subject':
    case 'more':
    case 'notice':
      return undefined;
  }
}

/** One row for each subject, the one with the newest archive first, then those that are planned and have none yet. */
export function subjectsOf(backups: readonly BackupFile[], plans: readonly EntryStatus[]): SubjectNode[] {
  interface Group {
    readonly subject: ScheduledSubject | undefined;
    readonly backups: BackupFile[];
    readonly plans: EntryStatus[];
  }
  const groups = new Map<string, Group>();
  const groupOf = (subject: ScheduledSubject | undefined): Group => {
    const key = subject === undefined ? '' : `${subject.kind} ${subject.name}`;
    const group = groups.get(key) ?? { subject, backups: [], plans: [] };
    groups.set(key, group);
    return group;
  };
  for (const backup of backups) {
    const { kind, subject } = backup;
    groupOf(kind === undefined || subject === undefined ? undefined : { kind, name: subject }).backups.push(backup);
  }
  for (const plan of plans) {
    const { subject } = plan.entry;
    const isUnknown = plan.subjects.length === 0 && subject.kind === 'project';
    for (const one of isUnknown ? [subject] : plan.subjects) groupOf(one).plans.push(plan);
  }
  return [...groups.values()].map(({ subject, ...rest }) => ({
    kind: 'subject',
    ...(subject ? { subject } : {}),
    ...rest,
  }));
}
