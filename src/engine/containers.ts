/**
 * What is asked about a container and done to one, one call each. Every function takes the container by name or id, and
 * throws NotFound, EngineFailure or EngineUnavailable; `context` says what for, where the failure is a larger one's.
 */
import type Docker from 'dockerode';
import { answerOf, type Connection, type FailureContext } from './connection.ts';
import type { InspectedContainer } from './dockerTypes.ts';
import { eachOf } from './eachOf.ts';

const NOT_MODIFIED = 304;

/** A container's name without the slash that the API puts in front. */
export function plainName(name: string): string {
  return name.replace(/^\//, '');
}

function handleOf({ docker }: Connection, container: string): Docker.Container {
  return docker.getContainer(encodeURIComponent(container));
}

function to(doing: string, object: string): FailureContext {
  return { kind: 'container', object, doing };
}

/** Already started, or already stopped: what was wanted is so. */
async function unlessSo(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== NOT_MODIFIED) throw error;
  }
}

/** GET /containers/{id}/json. */
export function inspectContainer(
  connection: Connection,
  container: string,
  context: FailureContext = to('look it up', container),
): Promise<InspectedContainer> {
  return answerOf(
    context,
    async () => (await handleOf(connection, container).inspect()) as unknown as InspectedContainer,
  );
}

/** All containers, also stopped ones; those that go meanwhile are left out. */
export function inspectContainers({ docker, endpoint }: Connection): Promise<InspectedContainer[]> {
  return answerOf(to('list containers', endpoint.address), async () => {
    const found: InspectedContainer[] = [];
    await eachOf(await docker.listContainers({ all: true }), async ({ Id }) => {
      found.push(await docker.getContainer(Id).inspect());
    });
    return found;
  });
}

/** The containers that mount a volume, also stopped ones, as the engine lists them. */
export function containersWithVolume({ docker }: Connection, volume: string): Promise<Docker.ContainerInfo[]> {
  return answerOf({ kind: 'volume', object: volume, doing: 'look up what uses it' }, () =>
    docker.listContainers({ all: true, filters: { volume: [volume] } }),
  );
}

/** Paths that differ from the image's, the places of mounts and what leads to them among them. */
export function changedPaths(connection: Connection, container: string): Promise<string[]> {
  return answerOf(to('look up what it wrote', container), async () => {
    // The engine says null where there are none.
    const changes = (await handleOf(connection, container).changes()) as { readonly Path: string }[] | null;
    return (changes ?? []).map(({ Path }) => Path);
  });
}

/** Makes a container, and starts nothing. Returns its id. */
export function makeContainer(
  { docker }: Connection,
  config: Docker.ContainerCreateOptions,
  context: FailureContext,
): Promise<string> {
  return answerOf(context, async () => (await docker.createContainer(config)).id);
}

/** Starts a container; one that runs is as it is wanted. */
export function startContainer(
  connection: Connection,
  container: string,
  context: FailureContext = to('start it', container),
): Promise<void> {
  return answerOf(context, () => unlessSo(handleOf(connection, container).start()));
}

/** Stops a container, with the grace period it was made with; one that stands is as it is wanted. */
export function stopContainer(
  connection: Connection,
  container: string,
  context: FailureContext = to('stop it', container),
): Promise<void> {
  return answerOf(context, () => unlessSo(handleOf(connection, container).stop()));
}

/** Stops and starts a container. */
export function restartContainer(connection: Connection, container: string): Promise<void> {
  return answerOf(to('restart it', container), () => unlessSo(handleOf(connection, container).restart()));
}

/** Freezes the processes of a container. */
export async function pauseContainer(
  connection: Connection,
  container: string,
  context: FailureContext = to('pause it', container),
): Promise<void> {
  await answerOf(context, () => handleOf(connection, container).pause());
}

/** Lets the processes of a paused container go on. */
export async function unpauseContainer(
  connection: Connection,
  container: string,
  context: FailureContext = to('set it going again', container),
): Promise<void> {
  await answerOf(context, () => handleOf(connection, container).unpause());
}

/** Gives a container another name. */
export async function renameContainer(
  connection: Connection,
  container: string,
  name: string,
  context: FailureContext = to('rename it', container),
): Promise<void> {
  await answerOf(context, () => handleOf(connection, container).rename({ name }));
}

/** Makes an image of a container's own file system, with the container paused for it; what is in mounts is no part. */
export async function commitContainer(
  connection: Connection,
  container: string,
  image: { readonly repo: string; readonly tag: string; readonly comment: string },
  context: FailureContext,
): Promise<void> {
  await answerOf(context, () => handleOf(connection, container).commit({ ...image, pause: true }));
}

/** Removes a container, with its anonymous volumes where `v`, and a running one where `force`. */
export async function deleteContainer(
  connection: Connection,
  container: string,
  options: { readonly v?: boolean; readonly force?: boolean },
  context: FailureContext = to('remove it', container),
): Promise<void> {
  await answerOf(context, () => handleOf(connection, container).remove(options));
}
