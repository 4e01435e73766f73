/**
 * Changes the mounts of a container that exists. Docker cannot, so a replacement with the same configuration takes its
 * name and its place; the old one goes only when the new one runs, and comes back in every other case.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Docker } from '../engine/dockerTypes.ts';
import { inspectContainer, plainName, unlessSo, type InspectedContainer } from '../engine/actions.ts';
import { engineError, type Connection } from '../engine/connection.ts';
import { BadArgument, InUse } from '../engine/errors.ts';
import { Inventory, parseVolumesFrom } from '../engine/inventory.ts';
import type { Logger } from '../engine/log.ts';
import type { Mount } from '../engine/model.ts';
import { applyChange, targetOfBind, type MountChange, type MountParts } from './change.ts';
import { markedName } from './recover.ts';

export interface Replaced {
  readonly id: string;
  readonly name: string;
  /** Id of the container that went. */
  readonly replaced: string;
  readonly mounts: readonly Mount[];
}

/** How long a replacement must run before the old container is given up. */
const SETTLE_MS = 1000;
/** In this order: the new one holds the name that the old one gets back. */
const WAY_BACK = ['removeNew', 'rename', 'start'] as const;
const OWN_NETWORK = /^(none|host|container:.*)$/;

/** Throws NotFound, BadArgument, InUse or EngineFailure; the container is then as it was. */
export async function changeMounts(connection: Connection, reference: string, change: MountChange, log: Logger): Promise<Replaced> {
  const { docker } = connection;
  const old = await inspectContainer(connection, reference);
  const name = plainName(old.Name);
  await checkReplaceable(connection, old, name);
  const inventory = new Inventory(connection);
  const parts = applyChange(name, await partsOf(inventory, old), change);
  const [network, ...otherNetworks] = networksOf(old);
  const hex = randomBytes(3).toString('hex');
  const marked = (side: 'old' | 'new') => markedName(name, side, old.State.Running, hex);
  const context = { kind: 'container' as const, object: name, doing: 'replace it; it is as it was' };
  const back: Partial<Record<(typeof WAY_BACK)[number], () => Promise<unknown>>> = {};
  try {
    const fresh = await docker.createContainer(await configOf(connection, old, parts, network, marked('new')));
    back.removeNew = () => fresh.remove({ force: true });
    await connectNetworks(connection, otherNetworks, fresh.id);
    const current = docker.getContainer(old.Id);
    const wasRunning = old.State.Running;
    if (wasRunning) {
      back.start = async () => {
        await unlessSo(current.start());
        if (old.State.Paused) await current.pause();
      };
      if (old.State.Paused) await current.unpause();
      await unlessSo(current.stop());
    }
    await current.rename({ name: marked('old') });
    back.rename = () => current.rename({ name });
    await fresh.rename({ name });
    if (wasRunning) await startAndWatch(fresh, name);
    if (old.State.Paused) await fresh.pause();
    for (const step of WAY_BACK) delete back[step];
    await current.remove({ force: true });
    log.info(`Replaced container "${name}": ${old.Id.slice(0, 12)} went, ${fresh.id.slice(0, 12)} has its place.`);
    const mounts = (await inventory.read()).containers.find(({ id }) => id === fresh.id)?.mounts ?? [];
    return { id: fresh.id, name, replaced: old.Id, mounts };
  } catch (error) {
    for (const step of WAY_BACK) {
      await back[step]?.().catch((failure: unknown) => log.error(`Putting container "${name}" back: ${(failure as Error).message}`));
    }
    throw engineError(error, context);
  }
}

async function checkReplaceable({ docker }: Connection, old: InspectedContainer, name: string): Promise<void> {
  if (old.HostConfig.AutoRemove) {
    throw new BadArgument('container', `Container "${name}" removes itself when it stops (--rm), so it could not be put back; create it again without --rm.`);
  }
  const all = await docker.listContainers({ all: true });
  const sharers = all.filter(({ HostConfig }) => [`container:${old.Id}`, `container:${name}`].includes(HostConfig.NetworkMode)).map(({ Names }) => (Names[0] ?? '').slice(1));
  if (sharers.length > 0) {
    throw new InUse('container', name, sharers, `Container "${name}" lends its network to ${sharers.join(', ')}, which would lose it; remove those first.`);
  }
}

/** The mounts as the configuration says them, anonymous volumes by their names. */
async function partsOf(inventory: Inventory, old: InspectedContainer): Promise<MountParts> {
  const { Binds, Mounts, VolumesFrom, Tmpfs } = old.HostConfig as { Binds?: string[] | null; Mounts?: Docker.MountSettings[] | null; VolumesFrom?: string[] | null; Tmpfs?: Record<string, string> | null };
  const { containers } = await inventory.read();
  const seen = containers.find(({ id }) => id === old.Id)?.mounts ?? [];
  const named = (Mounts ?? []).map((mount) => (mount.Type === 'volume' && !mount.Source ? { ...mount, Source: seen.find(({ target }) => target === mount.Target)?.source ?? '' } : mount));
  const binds = Binds ?? [];
  const covered = new Set([...binds.map(targetOfBind), ...named.map(({ Target }) => Target)]);
  const anonymous = seen.filter(({ type, target, from }) => type === 'volume' && from === undefined && !covered.has(target));
  return {
    binds: [...binds, ...anonymous.map(({ source, target, readOnly }) => `${source}:${target}${readOnly ? ':ro' : ''}`)],
    mounts: named,
    // A giver that is gone cannot be asked again; what it gave is carried over by name above.
    volumesFrom: (VolumesFrom ?? []).filter((from) => {
      const giver = parseVolumesFrom(from).container;
      return containers.some(({ id, name }) => name === giver || id.startsWith(giver));
    }),
    tmpfs: Tmpfs ?? {},
    declared: Object.keys(old.Config.Volumes ?? {}),
    seen,
  };
}

async function configOf({ docker }: Connection, old: InspectedContainer, parts: MountParts, network: Joined | undefined, name: string): Promise<Docker.ContainerCreateOptions> {
  const { Config, HostConfig, Id, Image } = old;
  // A tag may have moved on to another image since.
  const tagged = await docker.getImage(Config.Image).inspect().then(({ Id: id }) => id, () => undefined);
  return {
    ...(Config as object),
    // The engine made the host name of the old id; it makes one of the new.
    Hostname: Config.Hostname === Id.slice(0, 12) ? '' : Config.Hostname,
    Image: tagged === Image ? Config.Image : Image,
    name,
    HostConfig: { ...HostConfig, Binds: [...parts.binds], Mounts: [...parts.mounts], VolumesFrom: [...parts.volumesFrom], Tmpfs: { ...parts.tmpfs } },
    ...(network ? { NetworkingConfig: { EndpointsConfig: { [network[0]]: network[1] } } } : {}),
  };
}

/** What a person asks of a network for a container. */
interface Asked {
  readonly IPAMConfig?: Docker.EndpointSettings['IPAMConfig'] | null;
  readonly Links?: string[] | null;
  readonly Aliases?: string[] | null;
}

type Joined = [network: string, asked: Docker.EndpointSettings];

/** The networks with what was asked for, without what the engine gave; the main one first. */
function networksOf({ NetworkSettings, HostConfig, Id }: InspectedContainer): Joined[] {
  const mode = HostConfig.NetworkMode ?? '';
  if (OWN_NETWORK.test(mode)) return [];
  const joined = NetworkSettings.Networks as unknown as Record<string, Asked>;
  const wanted = Object.entries(joined).map(([network, { IPAMConfig, Links, Aliases }]): Joined => {
    const aliases = (Aliases ?? []).filter((alias) => alias !== Id.slice(0, 12));
    return [network, { ...(IPAMConfig ? { IPAMConfig } : {}), ...(Links ? { Links } : {}), ...(aliases.length > 0 ? { Aliases: aliases } : {}) }];
  });
  const isMain = ([network]: [string, unknown]) => network === mode || (mode === 'default' && network === 'bridge');
  return wanted.sort((a, b) => Number(isMain(b)) - Number(isMain(a)));
}

/** Before API 1.44 a container is created with one network; the others are joined afterwards. */
async function connectNetworks({ docker }: Connection, networks: readonly Joined[], id: string): Promise<void> {
  for (const [network, EndpointConfig] of networks) {
    await docker.getNetwork(network).connect({ Container: id, EndpointConfig });
  }
}

async function startAndWatch(container: Docker.Container, name: string): Promise<void> {
  await container.start();
  await sleep(SETTLE_MS);
  const { State } = await container.inspect();
  if (!State.Running && !State.Restarting) {
    throw new BadArgument('container', `The replacement of "${name}" ended at once with code ${State.ExitCode}, so the old container was put back. See its log for the reason, and try other mounts.`);
  }
}
