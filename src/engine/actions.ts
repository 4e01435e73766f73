/** What is done to a container or asked about an object, one call each. */
import { engineError, type Connection } from './connection.ts';
import type { ObjectKind } from './errors.ts';

const NOT_MODIFIED = 304;

async function act(container: string, doing: string, call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    // Already started, or already stopped: what the user wanted is so.
    if ((error as { statusCode?: number }).statusCode === NOT_MODIFIED) return;
    throw engineError(error, { kind: 'container', object: container, doing });
  }
}

/** Starts a container by name or id. Throws NotFound or EngineFailure. */
export function startContainer({ docker }: Connection, container: string): Promise<void> {
  return act(container, 'start it', () => docker.getContainer(encodeURIComponent(container)).start());
}

/** Stops a container by name or id, with the grace period it was made with. */
export function stopContainer({ docker }: Connection, container: string): Promise<void> {
  return act(container, 'stop it', () => docker.getContainer(encodeURIComponent(container)).stop());
}

/** Stops and starts a container. */
export function restartContainer({ docker }: Connection, container: string): Promise<void> {
  return act(container, 'restart it', () => docker.getContainer(encodeURIComponent(container)).restart());
}

async function ask(kind: ObjectKind, object: string, call: () => Promise<unknown>): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    throw engineError(error, { kind, object, doing: 'look it up' });
  }
}

/** GET /containers/{id}/json. Throws NotFound. */
export function inspectContainer({ docker }: Connection, container: string): Promise<unknown> {
  return ask('container', container, () => docker.getContainer(encodeURIComponent(container)).inspect());
}

/** GET /volumes/{name}. Throws NotFound. */
export function inspectVolume({ docker }: Connection, volume: string): Promise<unknown> {
  return ask('volume', volume, () => docker.getVolume(encodeURIComponent(volume)).inspect());
}

/** GET /images/{name}/json. Throws NotFound. */
export function inspectImage({ docker }: Connection, image: string): Promise<unknown> {
  return ask('image', image, () => docker.getImage(image).inspect());
}
