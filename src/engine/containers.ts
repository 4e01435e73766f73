/**
 * Requests about containers, one function each. Every function takes the container by name or id, and throws NotFound,
 * EngineFailure or EngineUnavailable; `context` describes the failure where the request is part of a larger task.
 */
import * as l10n from '@vscode/l10n';
import type Docker from 'dockerode';
import { answerOf, type Connection, type FailureContext } from './connection.ts';
import type { InspectedContainer } from './dockerTypes.ts';
import { eachOf } from './eachOf.ts';
import { statusOf } from './errors.ts';

const NOT_MODIFIED = 304;

/** A container's name without the slash that the API puts in front. */
export function plainName(name: string): string {
  return name.replace(/^\//, '');
}

function handleOf({ docker }: Connection, container: string): Docker.Container {
  return docker.getContainer(encodeURIComponent(container));
}

/** The context of a failure that is about a container. */
export function aboutContainer(container: string, failed: FailureContext['failed']): FailureContext {
  return { kind: 'container', object: container, failed };
}

/** Ignores the answer that a container is already started or stopped. */
async function unlessSo(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (statusOf(error) !== NOT_MODIFIED) throw error;
  }
}

/** GET /containers/{id}/json. */
export function inspectContainer(
  connection: Connection,
  container: string,
  context: FailureContext = aboutContainer(container, (why) =>
    l10n.t('Container "{0}" could not be looked up: {1}', container, why),
  ),
): Promise<InspectedContainer> {
  return answerOf(
    context,
    async () => (await handleOf(connection, container).inspect()) as unknown as InspectedContainer,
  );
}

/** All containers, also stopped ones; those that are removed meanwhile are left out. */
export function inspectContainers({ docker, endpoint }: Connection): Promise<InspectedContainer[]> {
  return answerOf(
    aboutContainer(endpoint.address, (why) =>
      l10n.t('The containers at {0} could not be listed: {1}', endpoint.address, why),
    ),
    async () => {
      const found: InspectedContainer[] = [];
      await eachOf(await docker.listContainers({ all: true }), async ({ Id }) => {
        found.push(await docker.getContainer(Id).inspect());
      });
      return found;
    },
  );
}

/** The containers that mount a volume, also stopped ones, as the engine lists them. */
export function containersWithVolume({ docker }: Connection, volume: string): Promise<Docker.ContainerInfo[]> {
  const failed = (why: string) => l10n.t('The containers with volume "{0}" could not be listed: {1}', volume, why);
  return answerOf({ kind: 'volume', object: volume, failed }, () =>
    docker.listContainers({ all: true, filters: { volume: [volume] } }),
  );
}

/** Paths that differ from the image, including the targets of mounts and their parent directories. */
export function changedPaths(connection: Connection, container: string): Promise<string[]> {
  return answerOf(
    aboutContainer(container, (why) =>
      l10n.t('The changes of container "{0}" could not be looked up: {1}', container, why),
    ),
    async () => {
      // The engine says null where there are none.
      const changes = (await handleOf(connection, container).changes()) as { readonly Path: string }[] | null;
      return (changes ?? []).map(({ Path }) => Path);
    },
  );
}

/** Creates a container without starting it. Returns its id. */
export function makeContainer(
  { docker }: Connection,
  config: Docker.ContainerCreateOptions,
  context: FailureContext,
): Promise<string> {
  return answerOf(context, async () => (await docker.createContainer(config)).id);
}

/** Starts a container; accepts one that already runs. */
export function startContainer(
  connection: Connection,
  container: string,
  context: FailureContext = aboutContainer(container, (why) =>
    l10n.t('Container "{0}" could not be started: {1}', container, why),
  ),
): Promise<void> {
  return answerOf(context, () => unlessSo(handleOf(connection, container).start()));
}

/** Stops a container with its own grace period; accepts one that is already stopped. */
export function stopContainer(
  connection: Connection,
  container: string,
  context: FailureContext = aboutContainer(container, (why) =>
    l10n.t('Container "{0}" could not be stopped: {1}', container, why),
  ),
): Promise<void> {
  return answerOf(context, () => unlessSo(handleOf(connection, container).stop()));
}

/** Stops and starts a container. */
export function restartContainer(connection: Connection, container: string): Promise<void> {
  return answerOf(
    aboutContainer(container, (why) => l10n.t('Container "{0}" could not be restarted: {1}', container, why)),
    () => unlessSo(handleOf(connection, container).restart()),
  );
}

/** Freezes the processes of a container. */
export async function pauseContainer(
  connection: Connection,
  container: string,
  context: FailureContext = aboutContainer(container, (why) =>
    l10n.t('Container "{0}" could not be paused: {1}', container, why),
  ),
): Promise<void> {
  await answerOf(context, () => handleOf(connection, container).pause());
}

/** Resumes the processes of a paused container. */
export async function unpauseContainer(
  connection: Connection,
  container: string,
  context: FailureContext = aboutContainer(container, (why) =>
    l10n.t('Container "{0}" could not be resumed: {1}', container, why),
  ),
): Promise<void> {
  await answerOf(context, () => handleOf(connection, container).unpause());
}

/** Renames a container. */
export async function renameContainer(
  connection: Connection,
  container: string,
  name: string,
  context: FailureContext = aboutContainer(container, (why) =>
    l10n.t('Container "{0}" could not be renamed: {1}', container, why),
  ),
): Promise<void> {
  await answerOf(context, () => handleOf(connection, container).rename({ name }));
}

/** Creates an image of a container's own file system, without its mounts; the container is paused meanwhile. */
export async function commitContainer(
  connection: Connection,
  container: string,
  image: { readonly repo: string; readonly tag: string; readonly comment: string },
  context: FailureContext,
): Promise<void> {
  await answerOf(context, () => handleOf(connection, container).commit({ ...image, pause: true }));
}

/** Removes a container; `v` also removes its anonymous volumes, `force` also removes a running one. */
export async function deleteContainer(
  connection: Connection,
  container: string,
  options: { readonly v?: boolean; readonly force?: boolean },
  context: FailureContext = aboutContainer(container, (why) =>
    l10n.t('Container "{0}" could not be removed: {1}', container, why),
  ),
): Promise<void> {
  await answerOf(context, () => handleOf(connection, container).remove(options));
}
