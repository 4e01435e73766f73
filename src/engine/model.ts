/** The domain model: what an engine holds, as plain immutable data. Shapes of the public contract. */

/** A mount as one container sees it. */
export interface Mount {
  readonly type: 'bind' | 'volume' | 'tmpfs' | 'npipe' | 'cluster' | 'image';
  /** Path inside the container. */
  readonly target: string;
  /** Host path of a bind, name of a volume, '' where there is none (tmpfs). */
  readonly source: string;
  readonly readOnly: boolean;
  /** Volume name, for type 'volume'. */
  readonly volume?: string;
  readonly anonymous?: boolean;
  readonly driver?: string;
  /** The part of the volume that is mounted, where it is not the whole (Mounts[].VolumeOptions.Subpath, API 1.45). */
  readonly subpath?: string;
  /** Name of the container that this mount comes from by volumes-from. */
  readonly from?: string;
  /** Docker's mode and propagation words, e.g. `z`, `rprivate`. */
  readonly options?: readonly string[];
}

export interface VolumesFrom {
  /** Name of the container that the mounts come from, or the reference as written where it no longer exists. */
  readonly container: string;
  readonly readOnly: boolean;
}

export interface Container {
  /** Full 64-digit id. */
  readonly id: string;
  /** Name without the leading slash. */
  readonly name: string;
  readonly image: string;
  /** Docker's word: created, running, paused, restarting, removing, exited, dead. */
  readonly state: string;
  /** Docker's sentence, e.g. "Up 3 minutes (healthy)". */
  readonly status: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  readonly volumesFrom: readonly VolumesFrom[];
  /** Names of the containers that took mounts from this one. */
  readonly givesVolumesTo: readonly string[];
  /** Names of the other containers that see one of this container's sources, or a directory inside or above it. */
  readonly sharesWith: readonly string[];
  readonly composeProject?: string;
}

export interface VolumeUse {
  readonly container: string;
  readonly target: string;
  readonly readOnly: boolean;
}

export interface Volume {
  readonly name: string;
  /** What to show to people: the name, or the origin of an anonymous volume. */
  readonly label: string;
  readonly driver: string;
  readonly anonymous: boolean;
  /** No container references it. */
  readonly dangling: boolean;
  /** ISO 8601, UTC; '' where the driver does not say. */
  readonly createdAt: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly usedBy: readonly VolumeUse[];
  /** Bytes, or null while unknown. */
  readonly size: number | null;
  /** The image whose VOLUME declared it, where that is known. */
  readonly image?: string;
  /** Path on the engine's host. */
  readonly mountpoint: string;
  readonly options: Readonly<Record<string, string>>;
}

/** Everything that the views show, read at once. */
export interface Snapshot {
  readonly containers: readonly Container[];
  readonly volumes: readonly Volume[];
}

/** Label on every helper container, for people. An image can have it too, so nothing depends on it. */
export const HELPER_LABEL = 'docker-mounts.helper';

/** Whether a container has processes, even if they are paused or restarting. */
export function hasProcesses({ state }: Container): boolean {
  return state === 'running' || state === 'paused' || state === 'restarting';
}

/** Whether a container only holds mounts: others take its volumes, and it runs nothing itself. */
export function isDataContainer(container: Container): boolean {
  return container.givesVolumesTo.length > 0 && container.mounts.length > 0 && !hasProcesses(container);
}
