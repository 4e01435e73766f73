/** What is removed and what is kept when a container is removed. */
import * as l10n from '@vscode/l10n';
import { aboutContainer, deleteContainer, inspectContainer, plainName } from '../engine/containers.ts';
import type { Connection } from '../engine/connection.ts';
import { InUse } from '../engine/errors.ts';
import type { Container, Snapshot, Volume } from '../engine/model.ts';
import { volumeNames } from '../engine/volumes.ts';

export interface VolumeFates {
  readonly containers: readonly Container[];
  /** Anonymous volumes that no other container uses: removed if volumes are removed too. */
  readonly goes: readonly Volume[];
  readonly stays: readonly {
    readonly volume: Volume;
    readonly reason: 'named' | 'used';
    readonly users: readonly string[];
  }[];
}

/**
 * Predicts a removal from the snapshot; several containers count as removed together. Docker never removes a named
 * volume with a container.
 */
export function volumeFates({ volumes }: Pick<Snapshot, 'volumes'>, ...containers: readonly Container[]): VolumeFates {
  const gone = new Set(containers.map(({ name }) => name));
  const names = new Set(
    containers.flatMap(({ mounts }) => mounts.map(({ volume }) => volume)).filter((name) => name !== undefined),
  );
  const own = volumes.filter(({ name }) => names.has(name));
  const others = (volume: Volume) =>
    [...new Set(volume.usedBy.map((use) => use.container))].filter((name) => !gone.has(name));
  const fates = own.map((volume) => ({ volume, users: others(volume) }));
  const goes = ({ volume, users }: (typeof fates)[number]) => volume.anonymous && users.length === 0;
  return {
    containers,
    goes: fates.filter(goes).map(({ volume }) => volume),
    stays: fates
      .filter((fate) => !goes(fate))
      .map((fate) => ({ ...fate, reason: fate.users.length > 0 ? 'used' : 'named' })),
  };
}

export interface Removal {
  readonly removed: string;
  readonly volumesRemoved: readonly string[];
  readonly volumesKept: readonly string[];
}

/**
 * Removes a container, with its anonymous volumes where `removeVolumes`, and says what was really removed. Throws
 * NotFound, and InUse for one that runs without `force`.
 */
export async function removeContainer(
  connection: Connection,
  reference: string,
  options: { readonly removeVolumes?: boolean; readonly force?: boolean },
): Promise<Removal> {
  const inspected = await inspectContainer(connection, reference);
  const name = plainName(inspected.Name);
  if (inspected.State.Running && options.force !== true) {
    throw new InUse(
      'container',
      name,
      [],
      l10n.t('Container "{0}" is running and was not removed; stop it first, or remove it with force.', name),
    );
  }
  const volumes = inspected.Mounts.flatMap((mount) =>
    mount.Type === 'volume' && mount.Name !== undefined ? [mount.Name] : [],
  );
  await deleteContainer(
    connection,
    inspected.Id,
    { v: options.removeVolumes === true, force: options.force === true },
    aboutContainer(name, (why) => l10n.t('Container "{0}" could not be removed: {1}', name, why)),
  );
  const left = await volumeNames(connection);
  return {
    removed: name,
    volumesRemoved: volumes.filter((volume) => !left.has(volume)),
    volumesKept: volumes.filter((volume) => left.has(volume)),
  };
}
