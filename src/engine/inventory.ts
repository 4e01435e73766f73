/** Reads an engine's containers and volumes into one immutable snapshot, lineage included. */
import * as l10n from '@vscode/l10n';
import type Docker from 'dockerode';
import { engineError, type Connection } from './connection.ts';
import type { InspectedVolume } from './dockerTypes.ts';
import { eachOf } from './eachOf.ts';
import { EngineFailure } from './errors.ts';
import { helperTest } from './helper/records.ts';
import type { Container, Mount, Snapshot, Volume, VolumesFrom, VolumeUse } from './model.ts';
import { hostPaths, sharers } from './sharing.ts';
import { OriginMemory, type VolumeOrigin } from './volumeOrigins.ts';
import { withoutEndSlash, withoutEndSlashes } from './pathEnds.ts';

/** Label that engines from version 23 on give to a volume that nobody named (moby/moby#44216). */
const ANONYMOUS_LABEL = 'com.docker.volume.anonymous';

/** What the container list does not hold, and what never changes after the creation. */
interface Fixed {
  readonly volumesFrom: readonly string[];
  readonly tmpfs: Readonly<Record<string, string>>;
  /** By target: the part of a volume that is mounted there; the list names only the volume. */
  readonly subpaths: ReadonlyMap<string, string>;
}

const NOTHING_FIXED: Fixed = { volumesFrom: [], tmpfs: {}, subpaths: new Map() };

type ListedMount = Docker.ContainerInfo['Mounts'][number] & { readonly Type?: string };

interface RawVolume extends InspectedVolume {
  readonly CreatedAt?: string;
  readonly UsageData?: { readonly Size: number } | null;
}

/**
 * Whether a volume was created without a name: by the label where the engine sets it, or else by 64 hexadecimal digits.
 */
function isAnonymous(name: string, labels: Readonly<Record<string, string>> | null | undefined): boolean {
  return (labels !== null && labels !== undefined && ANONYMOUS_LABEL in labels) || /^[0-9a-f]{64}$/.test(name);
}

function isListOf(list: unknown, keys: readonly string[]): boolean {
  return (
    Array.isArray(list) &&
    list.every(
      (one: unknown) =>
        typeof one === 'object' &&
        one !== null &&
        keys.every((key) => typeof (one as Record<string, unknown>)[key] === 'string'),
    )
  );
}

/** Remembers, per container and image, what never changes, so that a new snapshot asks only for new objects. */
export class Inventory {
  readonly #connection: Connection;
  readonly #origins: OriginMemory;
  #fixed = new Map<string, Fixed>();
  #declared = new Map<string, readonly string[]>();

  constructor(connection: Connection, origins: OriginMemory = new OriginMemory()) {
    this.#connection = connection;
    this.#origins = origins;
  }

  /** Throws EngineUnavailable or EngineFailure. */
  async read(): Promise<Snapshot> {
    const { docker } = this.#connection;
    try {
      const [allContainers, volumeList] = await Promise.all([
        docker.listContainers({ all: true }),
        docker.listVolumes(),
      ]);
      const volumes = (volumeList.Volumes as RawVolume[] | null) ?? [];
      if (!isListOf(allContainers, ['Id', 'ImageID']) || !isListOf(volumes, ['Name']))
        throw new EngineFailure(
          0,
          l10n.t(
            'The engine at {0} does not answer like a Docker engine. Check the address.',
            this.#connection.endpoint.address,
          ),
        );
      // Read after the list: every helper of another window in the list already has its record.
      const isHelper = await helperTest(this.#connection);
      const listed = allContainers.filter((container) => !isHelper(container.Id, nameOf(container)));
      const anonymous = new Set(
        volumes.filter(({ Name, Labels }) => isAnonymous(Name, Labels)).map(({ Name }) => Name),
      );
      await this.#learn(listed, anonymous);
      const paths = hostPaths(
        volumes.map(({ Name, Mountpoint, Options }) => ({
          name: Name,
          mountpoint: Mountpoint,
          options: Options ?? {},
        })),
      );
      const containers = this.#containers(listed, anonymous, paths);
      return {
        containers,
        volumes: this.#volumes(volumes, anonymous, listed, containers),
      };
    } catch (error) {
      throw engineError(error, {
        kind: 'container',
        object: this.#connection.endpoint.address,
        failed: (why) =>
          l10n.t('The containers and volumes at {0} could not be listed: {1}', this.#connection.endpoint.address, why),
      });
    }
  }

  /** Bytes per volume; the engine walks every file for it, so it may take long. */
  async sizes(): Promise<ReadonlyMap<string, number>> {
    // API 1.42 can count volumes alone; older engines count images and containers too.
    const onlyVolumes = atLeast(this.#connection.info.apiVersion, 1, 42) ? { type: 'volume' } : {};
    try {
      // The published types declare no options here.
      const docker = this.#connection.docker as unknown as {
        df(options: object): Promise<{ Volumes?: RawVolume[] | null }>;
      };
      const usage = await docker.df(onlyVolumes);
      const sizes = new Map<string, number>();
      for (const { Name, UsageData } of usage.Volumes ?? []) {
        if (UsageData && UsageData.Size >= 0) sizes.set(Name, UsageData.Size);
      }
      return sizes;
    } catch (error) {
      throw engineError(error, {
        kind: 'volume',
        object: this.#connection.endpoint.address,
        failed: (why) =>
          l10n.t('The volumes at {0} could not be measured: {1}', this.#connection.endpoint.address, why),
      });
    }
  }

  async #learn(listed: readonly Docker.ContainerInfo[], anonymous: ReadonlySet<string>): Promise<void> {
    const alive = new Set(listed.map(({ Id }) => Id));
    for (const id of this.#fixed.keys()) if (!alive.has(id)) this.#fixed.delete(id);
    const unknown = listed.filter(({ Id }) => !this.#fixed.has(Id));
    await eachOf(unknown, async ({ Id }) => {
      const { HostConfig } = await this.#connection.docker.getContainer(Id).inspect();
      this.#fixed.set(Id, {
        volumesFrom: (HostConfig.VolumesFrom as string[] | null) ?? [],
        tmpfs: (HostConfig.Tmpfs as Record<string, string> | null) ?? {},
        subpaths: subpathsOf(HostConfig.Mounts),
      });
    });
    const withAnonymous = listed.filter(({ Mounts }) =>
      Mounts.some(({ Name }) => Name !== undefined && anonymous.has(Name)),
    );
    const images = [...new Set(withAnonymous.map(({ ImageID }) => ImageID))].filter((id) => !this.#declared.has(id));
    await eachOf(images, async (id) => {
      const { Config } = await this.#connection.docker.getImage(id).inspect();
      this.#declared.set(id, Object.keys(Config.Volumes ?? {}));
    });
  }

  #containers(
    listed: readonly Docker.ContainerInfo[],
    anonymous: ReadonlySet<string>,
    paths: ReadonlyMap<string, string>,
  ): Container[] {
    const plain = listed.map((one) => ({ one, name: nameOf(one), fixed: this.#fixed.get(one.Id) ?? NOTHING_FIXED }));
    const resolve = (reference: string) =>
      plain.find(
        ({ one, name }) =>
          name === reference || one.Id === reference || (reference.length >= 12 && one.Id.startsWith(reference)),
      );
    const built = plain.map(({ one, name, fixed }) => {
      const volumesFrom = fixed.volumesFrom
        .map(parseVolumesFrom)
        .map((from): VolumesFrom => ({ ...from, container: resolve(from.container)?.name ?? from.container }));
      const givers = volumesFrom
        .map(({ container }) => plain.find((other) => other.name === container))
        .filter((giver) => giver !== undefined);
      const mounts = one.Mounts.map((mount): Mount => {
        const giver = givers.find((other) => other.one.Mounts.some((theirs) => sameMount(theirs, mount)));
        const subpath = fixed.subpaths.get(mount.Destination) ?? giver?.fixed.subpaths.get(mount.Destination);
        return { ...mountOf(mount, anonymous, giver?.name), ...(subpath === undefined ? {} : { subpath }) };
      });
      for (const [target, options] of Object.entries(fixed.tmpfs)) {
        const words = options.split(',').filter((word) => word !== '');
        mounts.push({
          type: 'tmpfs',
          target,
          source: '',
          readOnly: words.includes('ro'),
          ...(words.length > 0 ? { options: words } : {}),
        });
      }
      mounts.sort((a, b) => (a.target < b.target ? -1 : 1));
      return { one, name, volumesFrom, mounts };
    });
    const shared = sharers(built, paths);
    return built
      .map(({ one, name, volumesFrom, mounts }) => ({
        id: one.Id,
        name,
        image: one.Image,
        state: one.State,
        status: one.Status,
        createdAt: new Date(one.Created * 1000).toISOString(),
        labels: one.Labels,
        mounts,
        volumesFrom,
        givesVolumesTo: built
          .filter((other) => other.volumesFrom.some(({ container }) => container === name))
          .map((other) => other.name)
          .sort(),
        sharesWith: [...(shared.get(name) ?? [])].sort(),
        ...(one.Labels['com.docker.compose.project']
          ? { composeProject: one.Labels['com.docker.compose.project'] }
          : {}),
      }))
      .sort((a, b) => a.name.localeCompare(b.name, 'en'));
  }

  #volumes(
    raw: readonly RawVolume[],
    anonymousNames: ReadonlySet<string>,
    listed: readonly Docker.ContainerInfo[],
    containers: readonly Container[],
  ): Volume[] {
    const uses = new Map<string, VolumeUse[]>();
    for (const { name, mounts } of containers) {
      for (const { volume, target, readOnly } of mounts) {
        if (volume === undefined) continue;
        uses.set(volume, [...(uses.get(volume) ?? []), { container: name, target, readOnly }]);
      }
    }
    return raw
      .map((volume): Volume => {
        const anonymous = anonymousNames.has(volume.Name);
        const usedBy = uses.get(volume.Name) ?? [];
        const origin = anonymous ? this.#originOf(volume.Name, listed, containers) : undefined;
        return {
          name: volume.Name,
          label: anonymous ? labelOf(volume.Name, origin) : volume.Name,
          driver: volume.Driver,
          anonymous,
          dangling: usedBy.length === 0,
          createdAt: isoTime(volume.CreatedAt),
          labels: volume.Labels ?? {},
          usedBy,
          size: null,
          ...(origin?.image ? { image: origin.image } : {}),
          mountpoint: volume.Mountpoint,
          options: volume.Options ?? {},
        };
      })
      .sort((a, b) => Number(a.anonymous) - Number(b.anonymous) || a.label.localeCompare(b.label, 'en'));
  }

  /**
   * The container that the volume was created for: one that does not take the mount from another; a removed one as
   * remembered.
   */
  #originOf(
    volume: string,
    listed: readonly Docker.ContainerInfo[],
    containers: readonly Container[],
  ): VolumeOrigin | undefined {
    for (const container of containers) {
      const mount = container.mounts.find((one) => one.volume === volume && one.from === undefined);
      if (mount === undefined) continue;
      const imageId = listed.find(({ Id }) => Id === container.id)?.ImageID ?? '';
      const declares = this.#declared.get(imageId)?.some((target) => withoutEndSlashes(target) === mount.target);
      const origin = {
        container: container.name,
        target: mount.target,
        ...(declares ? { image: container.image } : {}),
      };
      // A removed data container created it; what still mounts it by name did not.
      const remembered = this.#origins.get(volume);
      if (remembered !== undefined && !containers.some(({ name }) => name === remembered.container)) return remembered;
      this.#origins.set(volume, origin);
      return origin;
    }
    return this.#origins.get(volume);
  }
}

function labelOf(name: string, origin: VolumeOrigin | undefined): string {
  return origin === undefined ? `anonymous ${name.slice(0, 12)}` : `${origin.container}:${origin.target}`;
}

/** The container's own name: the list also holds the names from links, which have a second slash. */
function nameOf({ Names, Id }: Docker.ContainerInfo): string {
  return (Names.find((name) => name.lastIndexOf('/') === 0) ?? Names[0] ?? Id).replace(/^\//, '');
}

/** `name`, `name:ro`, `name:rw` or `name:z` as HostConfig.VolumesFrom keeps them. */
export function parseVolumesFrom(text: string): VolumesFrom {
  const [container = '', mode = ''] = text.split(':');
  return { container, readOnly: mode.split(',').includes('ro') };
}

function mountOf(mount: ListedMount, anonymous: ReadonlySet<string>, from: string | undefined): Mount {
  const type = (mount.Type ?? (mount.Name ? 'volume' : 'bind')) as Mount['type'];
  const options = [mount.Mode, mount.Propagation]
    .flatMap((words) => (words ?? '').split(','))
    .filter((word) => word !== '' && word !== 'ro' && word !== 'rw');
  return {
    type,
    target: mount.Destination,
    source: type === 'volume' ? (mount.Name ?? '') : type === 'tmpfs' ? '' : mount.Source,
    readOnly: !mount.RW,
    ...(type === 'volume' ? { volume: mount.Name ?? '', anonymous: anonymous.has(mount.Name ?? '') } : {}),
    ...(mount.Driver ? { driver: mount.Driver } : {}),
    ...(from === undefined ? {} : { from }),
    ...(options.length > 0 ? { options: [...new Set(options)] } : {}),
  };
}

function subpathsOf(mounts: readonly Docker.MountSettings[] | null | undefined): ReadonlyMap<string, string> {
  const found = (mounts ?? []).flatMap(({ Target, VolumeOptions }) => {
    const subpath = (VolumeOptions as { readonly Subpath?: string } | null | undefined)?.Subpath;
    return subpath === undefined || subpath === '' ? [] : [[withoutEndSlash(Target), subpath] as const];
  });
  return new Map(found);
}

function sameMount(a: ListedMount, b: ListedMount): boolean {
  return a.Destination === b.Destination && (a.Name ? a.Name === b.Name : a.Source === b.Source) && a.Type !== 'tmpfs';
}

function isoTime(text: string | undefined): string {
  const time = text === undefined ? NaN : Date.parse(text);
  return Number.isNaN(time) ? '' : new Date(time).toISOString();
}

/** Compares API versions as numbers: 1.9 is older than 1.41. */
export function atLeast(version: string, major: number, minor: number): boolean {
  const [a = 0, b = 0] = version.split('.').map(Number);
  return a > major || (a === major && b >= minor);
}
