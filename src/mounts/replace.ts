/**
 * Changes the mounts of a container that exists. Docker cannot, so a replacement with the same configuration takes its
 * name and its place; the old one is removed only when the new one runs, and put back in every other case.
 */
import * as l10n from '@vscode/l10n';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  aboutContainer,
  commitContainer,
  deleteContainer,
  inspectContainer,
  inspectContainers,
  makeContainer,
  pauseContainer,
  plainName,
  renameContainer,
  startContainer,
  stopContainer,
  unpauseContainer,
} from '../engine/containers.ts';
import { engineError, type Connection, type FailureContext } from '../engine/connection.ts';
import type { Docker, InspectedContainer } from '../engine/dockerTypes.ts';
import { BadArgument, EngineUnavailable, InUse } from '../engine/errors.ts';
import { inspectImage, removeImage } from '../engine/images.ts';
import { Inventory, parseVolumesFrom } from '../engine/inventory.ts';
import type { Logger } from '../engine/log.ts';
import type { Mount } from '../engine/model.ts';
import { connectNetwork } from '../engine/networks.ts';
import { applyChange, targetOfBind, type MountChange, type MountParts } from './changeConfig.ts';
import { CONFIG, ENDPOINT, HOST_CONFIG, carried } from './carryOver.ts';
import { missingSources } from './create.ts';
import { recordReplacement, type ReplacementFacts } from './recovery.ts';

export interface Replaced {
  readonly id: string;
  readonly name: string;
  /** Id of the removed container. */
  readonly replaced: string;
  readonly mounts: readonly Mount[];
  /** The image with what the old container wrote outside of its mounts, where that was kept. */
  readonly image?: string;
}

/** How long a replacement must run before the old container is removed. */
const SETTLE_MS = 1000;
/** In this order, since the new one holds the name that the old one gets back. */
const WAY_BACK = ['removeNew', 'rename', 'start', 'removeImage'] as const;
const OWN_NETWORK = /^(none|host|container:.*)$/;

/**
 * `keepIn` names an image to create from what the container wrote outside of its mounts; the replacement starts from
 * it. Throws NotFound, BadArgument, InUse or EngineFailure; the container is then as it was.
 */
export async function changeMounts(
  connection: Connection,
  reference: string,
  change: MountChange,
  log: Logger,
  keepIn?: string,
): Promise<Replaced> {
  const old = await inspectContainer(connection, reference);
  const name = plainName(old.Name);
  await checkReplaceable(connection, old, name);
  const inventory = new Inventory(connection);
  const parts = applyChange(name, await partsOf(inventory, old), change);
  if (change.kind === 'add')
    for (const source of await missingSources(connection, change.mounts))
      log.warn(`The directory "${source}" does not exist; the engine creates it for container "${name}".`);
  const [network, ...otherNetworks] = networksOf(old);
  const hex = randomBytes(6).toString('hex');
  const marked = (side: 'old' | 'new') => `${name}-${side}-${hex}`;
  const asItWas = aboutContainer(name, (why) =>
    l10n.t('Container "{0}" could not be replaced and is as it was: {1}', name, why),
  );
  const back: Partial<Record<(typeof WAY_BACK)[number], () => Promise<unknown>>> = {};
  const facts: ReplacementFacts = {
    name,
    oldId: old.Id,
    oldName: marked('old'),
    freshName: marked('new'),
    wasRunning: old.State.Running,
    wasPaused: old.State.Paused,
  };
  const record = await recordReplacement(connection, facts);
  let isWhole = false;
  try {
    const config = await configOf(connection, old, parts, network, marked('new'));
    if (keepIn !== undefined) {
      await commit(connection, old, keepIn, asItWas);
      back.removeImage = () => removeImage(connection, keepIn);
    }
    const freshId = await makeContainer(
      connection,
      { ...config, ...(keepIn === undefined ? {} : { Image: keepIn }) },
      asItWas,
    );
    back.removeNew = () => deleteContainer(connection, freshId, { force: true });
    await record.note({ ...facts, freshId });
    // Before API 1.44 a container is created with one network; the others are joined afterwards.
    for (const [joined, settings] of otherNetworks)
      await connectNetwork(connection, joined, freshId, settings, asItWas);
    const wasRunning = old.State.Running;
    if (wasRunning) {
      back.start = async () => {
        await startContainer(connection, old.Id);
        if (old.State.Paused) await pauseContainer(connection, old.Id);
      };
      if (old.State.Paused) await unpauseContainer(connection, old.Id, asItWas);
      await stopContainer(connection, old.Id, asItWas);
    }
    await renameContainer(connection, old.Id, marked('old'), asItWas);
    back.rename = () => renameContainer(connection, old.Id, name);
    await renameContainer(connection, freshId, name, asItWas);
    if (wasRunning) await startAndWatch(connection, freshId, name, asItWas);
    if (old.State.Paused) await pauseContainer(connection, freshId, asItWas);
    // From here on there is no way back: recovery from this record removes the old one.
    await record.note({ ...facts, freshId, isWhole: true });
    isWhole = true;
    for (const step of WAY_BACK) delete back[step];
    await deleteContainer(
      connection,
      old.Id,
      { force: true },
      aboutContainer(name, (why) =>
        l10n.t(
          'The new container "{0}" runs, but the old one, now "{1}", could not be removed; it is tried again at the next connection: {2}',
          name,
          marked('old'),
          why,
        ),
      ),
    );
    await record.end().catch((error: unknown) => log.warn((error as Error).message));
    log.info(
      `Replaced container "${name}": ${old.Id.slice(0, 12)} was removed, ${freshId.slice(0, 12)} is in its place.`,
    );
    const mounts = (await inventory.read()).containers.find(({ id }) => id === freshId)?.mounts ?? [];
    return { id: freshId, name, replaced: old.Id, mounts, ...(keepIn === undefined ? {} : { image: keepIn }) };
  } catch (error) {
    let isBack = true;
    for (const step of WAY_BACK) {
      await back[step]?.().catch((failure: unknown) => {
        isBack = false;
        log.error(`Putting container "${name}" back: ${(failure as Error).message}`);
      });
    }
    // What could not be put back now is offered at the next connection; what could not be removed is removed then.
    const failure = engineError(error, asItWas);
    if (isBack && !isWhole && !(failure instanceof EngineUnavailable)) await record.end();
    else record.leave();
    throw failure;
  }
}

/** Creates an image of the container's own file system, without its mounts. Never moves a tag. */
async function commit(
  connection: Connection,
  { Id, Name }: InspectedContainer,
  image: string,
  context: FailureContext,
): Promise<void> {
  const [, repo = '', tag = 'latest'] = /^(.*?)(?::([^:/]+))?$/.exec(image) ?? [];
  const isTaken = await inspectImage(connection, image).then(
    () => true,
    () => false,
  );
  if (isTaken)
    throw new BadArgument(
      'commit',
      l10n.t(
        'There is an image "{0}" already; choose another name for what container "{1}" wrote.',
        image,
        plainName(Name),
      ),
    );
  await commitContainer(
    connection,
    Id,
    { repo, tag, comment: 'Kept by Docker Mounts before a change of mounts' },
    context,
  );
}

async function checkReplaceable(connection: Connection, old: InspectedContainer, name: string): Promise<void> {
  if (old.HostConfig.AutoRemove) {
    throw new BadArgument(
      'container',
      l10n.t(
        'Container "{0}" removes itself when it stops (--rm), so it could not be put back; create it again without --rm.',
        name,
      ),
    );
  }
  const sharers = await lendsTo(connection, old, name);
  if (sharers.length > 0) {
    throw new InUse(
      'container',
      name,
      sharers,
      l10n.t(
        'Container "{0}" shares its network, processes or memory with {1}, which would lose it; remove those containers first and create them again afterwards.',
        name,
        sharers.join(', '),
      ),
    );
  }
}

/** Containers that use a namespace of this one; the engine refers to it by its id. */
async function lendsTo(connection: Connection, { Id }: InspectedContainer, name: string): Promise<string[]> {
  const borrowed = new Set([`container:${Id}`, `container:${name}`]);
  const borrows = ({ NetworkMode, PidMode, IpcMode }: InspectedContainer['HostConfig']) =>
    [NetworkMode, PidMode, IpcMode].some((mode) => mode !== undefined && borrowed.has(mode));
  return (await inspectContainers(connection))
    .filter((other) => other.Id !== Id && borrows(other.HostConfig))
    .map((other) => plainName(other.Name))
    .sort();
}

/** The mounts of the configuration, anonymous volumes by their names. */
async function partsOf(inventory: Inventory, old: InspectedContainer): Promise<MountParts> {
  const { Binds, Mounts, VolumesFrom, Tmpfs } = old.HostConfig as {
    Binds?: string[] | null;
    Mounts?: Docker.MountSettings[] | null;
    VolumesFrom?: string[] | null;
    Tmpfs?: Record<string, string> | null;
  };
  const { containers } = await inventory.read();
  const seen = containers.find(({ id }) => id === old.Id)?.mounts ?? [];
  const named = (Mounts ?? []).map((mount) =>
    mount.Type === 'volume' && !mount.Source
      ? { ...mount, Source: seen.find(({ target }) => target === mount.Target)?.source ?? '' }
      : mount,
  );
  const binds = Binds ?? [];
  const covered = new Set([...binds.map(targetOfBind), ...named.map(({ Target }) => Target)]);
  const anonymous = seen.filter(
    ({ type, target, from }) => type === 'volume' && from === undefined && !covered.has(target),
  );
  return {
    binds: [
      ...binds,
      ...anonymous.map(({ source, target, readOnly }) => `${source}:${target}${readOnly ? ':ro' : ''}`),
    ],
    mounts: named,
    // A source container that no longer exists cannot be used again; its volumes are carried over by name above.
    volumesFrom: (VolumesFrom ?? []).filter((from) => {
      const giver = parseVolumesFrom(from).container;
      return containers.some(({ id, name }) => name === giver || id.startsWith(giver));
    }),
    tmpfs: Tmpfs ?? {},
    declared: Object.keys(old.Config.Volumes ?? {}),
    seen,
  };
}

async function configOf(
  connection: Connection,
  old: InspectedContainer,
  parts: MountParts,
  network: Joined | undefined,
  name: string,
): Promise<Docker.ContainerCreateOptions> {
  const { Config, HostConfig } = old;
  return {
    ...carried(Config, CONFIG),
    ...ownNames(old),
    ...(await imageOf(connection, old)),
    name,
    HostConfig: {
      ...carried(HostConfig, HOST_CONFIG),
      Binds: [...parts.binds],
      Mounts: [...parts.mounts],
      VolumesFrom: [...parts.volumesFrom],
      Tmpfs: { ...parts.tmpfs },
    },
    ...(network ? { NetworkingConfig: { EndpointsConfig: { [network[0]]: network[1] } } } : {}),
  };
}

/**
 * The host name, unless the engine derived it from the old id, or it is that of the host or of another container: in
 * these cases the engine accepts no host name and, in another container's network, no ports (moby, runconfig).
 */
function ownNames({ Config, HostConfig, Id }: InspectedContainer): {
  Hostname: string;
  ExposedPorts?: Record<string, never>;
} {
  const isGuest = HostConfig.NetworkMode?.startsWith('container:') === true;
  const isForeign = isGuest || HostConfig.UTSMode === 'host' || Config.Hostname === Id.slice(0, 12);
  return { Hostname: isForeign ? '' : Config.Hostname, ...(isGuest ? { ExposedPorts: {} } : {}) };
}

/**
 * The image by its tag, or by its id where the tag now names another image; and a cleared entrypoint where the image
 * has one and the container does not.
 */
async function imageOf(
  connection: Connection,
  { Config, Image }: InspectedContainer,
): Promise<{ Image: string; Entrypoint?: string[] }> {
  const tagged = await inspectImage(connection, Config.Image).then(
    ({ Id }) => Id,
    () => undefined,
  );
  const { Config: declared } = await inspectImage(connection, Image);
  const wasTakenAway = !Config.Entrypoint?.length && (declared.Entrypoint?.length ?? 0) > 0;
  return { Image: tagged === Image ? Config.Image : Image, ...(wasTakenAway ? { Entrypoint: [''] } : {}) };
}

type Joined = [network: string, asked: Docker.EndpointSettings];

/** The networks with what was requested, without what the engine set; the main one first. */
function networksOf({ NetworkSettings, HostConfig, Id }: InspectedContainer): Joined[] {
  const mode = HostConfig.NetworkMode ?? '';
  if (OWN_NETWORK.test(mode)) return [];
  const joined = NetworkSettings.Networks as unknown as Record<string, { readonly Aliases?: string[] | null }>;
  const wanted = Object.entries(joined).map(([network, endpoint]): Joined => {
    const Aliases = (endpoint.Aliases ?? []).filter((alias) => alias !== Id.slice(0, 12));
    return [network, { ...(carried(endpoint, ENDPOINT) as object), Aliases }];
  });
  const isMain = ([network]: [string, unknown]) => network === mode || (mode === 'default' && network === 'bridge');
  return wanted.sort((a, b) => Number(isMain(b)) - Number(isMain(a)));
}

async function startAndWatch(connection: Connection, id: string, name: string, context: FailureContext): Promise<void> {
  await startContainer(connection, id, context);
  await sleep(SETTLE_MS);
  const { State } = await inspectContainer(connection, id, context);
  if (!State.Running && !State.Restarting) {
    throw new BadArgument(
      'container',
      l10n.t(
        'The replacement of "{0}" ended at once with code {1}, so the old container was put back. See its log for the reason, and try other mounts.',
        name,
        State.ExitCode,
      ),
    );
  }
}
