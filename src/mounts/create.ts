/** Creates a container with mounts. */
import * as l10n from '@vscode/l10n';
import { stat } from 'node:fs/promises';
import {
  aboutContainer,
  deleteContainer,
  inspectContainer,
  makeContainer,
  plainName,
  startContainer,
} from '../engine/containers.ts';
import type { Connection } from '../engine/connection.ts';
import { inspectImage } from '../engine/images.ts';
import { parseVolumesFrom } from '../engine/inventory.ts';
import type { Logger } from '../engine/log.ts';
import { deleteVolume, volumeNames } from '../engine/volumes.ts';
import { engineMount } from './apiMount.ts';
import { type MountSettings } from './mountSettings.ts';

export interface NewContainer {
  readonly image: string;
  readonly name?: string;
  readonly command?: readonly string[];
  readonly mounts: readonly MountSettings[];
  /** `name` or `name:ro`. */
  readonly volumesFrom: readonly string[];
  readonly env: readonly string[];
  readonly start: boolean;
  /** Whether a missing host directory is created; by default it is an error. */
  readonly createSource: boolean;
}

export interface Created {
  readonly id: string;
  readonly name: string;
  readonly warnings: readonly string[];
}

/**
 * A bind whose source may be created, or that requests a relabelling, must be given as a `-v` string: the API's Mounts
 * support neither.
 */
function asBind({ Source, Target, ReadOnly, relabel, BindOptions, Consistency }: MountSettings): string {
  const words = [ReadOnly ? 'ro' : '', relabel ?? '', BindOptions?.Propagation ?? '', Consistency ?? ''].filter(
    (word) => word !== '' && word !== 'default',
  );
  return [Source, Target, ...(words.length > 0 ? [words.join(',')] : [])].join(':');
}

function goesAsBind(mount: MountSettings, createSource: boolean): boolean {
  const { NonRecursive, ReadOnlyNonRecursive, ReadOnlyForceRecursive } = mount.BindOptions ?? {};
  const hasMore = NonRecursive === true || ReadOnlyNonRecursive === true || ReadOnlyForceRecursive === true;
  // A colon in the path would be read as its end.
  return (
    mount.relabel !== undefined ||
    (mount.Type === 'bind' && createSource && !hasMore && !/:/.test(mount.Source + mount.Target))
  );
}

/** The parts of HostConfig that carry mounts. */
export function hostConfigOf(
  mounts: readonly MountSettings[],
  createSource: boolean,
): { Binds: string[]; Mounts: object[] } {
  return {
    Binds: mounts.filter((mount) => goesAsBind(mount, createSource)).map(asBind),
    Mounts: mounts.filter((mount) => !goesAsBind(mount, createSource)).map(engineMount),
  };
}

/**
 * Sources of binds that do not exist, as far as this machine can tell: the paths of a remote engine are on its host.
 */
export async function missingSources({ info }: Connection, mounts: readonly MountSettings[]): Promise<string[]> {
  const missing: string[] = [];
  for (const { Type, Source } of mounts) {
    if (
      Type === 'bind' &&
      info.local &&
      (await stat(Source).then(
        () => false,
        (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
      ))
    )
      missing.push(Source);
  }
  return missing;
}

/**
 * Creates and, unless told otherwise, starts a container from a local image. A container that cannot be started is
 * removed again, with the volumes that were created for it. Throws NotFound, BadArgument or EngineFailure.
 */
export async function createContainer(connection: Connection, wanted: NewContainer, log: Logger): Promise<Created> {
  await inspectImage(connection, wanted.image);
  for (const from of wanted.volumesFrom) await inspectContainer(connection, parseVolumesFrom(from).container);
  const missing = wanted.createSource ? await missingSources(connection, wanted.mounts) : [];
  const warnings = missing.map(
    (source) => `The directory "${source}" did not exist; the engine creates it when the container starts.`,
  );
  const before = await volumeNames(connection);
  const { name, image } = wanted;
  const object = name ?? image;
  const notMade = aboutContainer(object, (why) =>
    name === undefined
      ? l10n.t('A container from the image "{0}" could not be created: {1}', image, why)
      : l10n.t('Container "{0}" could not be created: {1}', name, why),
  );
  const notStarted = aboutContainer(object, (why) =>
    name === undefined
      ? l10n.t('A container from the image "{0}" could not be started and was removed again: {1}', image, why)
      : l10n.t('Container "{0}" could not be started and was removed again: {1}', name, why),
  );
  const config = {
    ...(name === undefined ? {} : { name }),
    Image: image,
    ...(wanted.command === undefined ? {} : { Cmd: [...wanted.command] }),
    Env: [...wanted.env],
    HostConfig: {
      ...(hostConfigOf(wanted.mounts, wanted.createSource) as object),
      VolumesFrom: [...wanted.volumesFrom],
    },
  };
  let id: string | undefined;
  try {
    id = await makeContainer(connection, config, notMade);
    if (wanted.start) await startContainer(connection, id, notStarted);
    const { Name } = await inspectContainer(connection, id, notStarted);
    for (const warning of warnings) log.warn(warning);
    return { id, name: plainName(Name), warnings };
  } catch (error) {
    if (id !== undefined) await deleteContainer(connection, id, { force: true, v: true }).catch(() => undefined);
    await removeNewVolumes(connection, before, wanted);
    throw error;
  }
}

async function removeNewVolumes(
  connection: Connection,
  before: ReadonlySet<string>,
  { mounts }: NewContainer,
): Promise<void> {
  for (const { Type, Source } of mounts) {
    if (Type !== 'volume' || Source === '' || before.has(Source)) continue;
    await deleteVolume(connection, Source).catch(() => undefined);
  }
}
