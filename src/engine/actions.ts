/** What is done to a container or asked about an object, one call each. */
import type Docker from 'dockerode';
import { engineError, type Connection } from './connection.ts';
import type { ObjectKind } from './errors.ts';

const NOT_MODIFIED = 304;

/** GET /containers/{id}/json, with what the published types leave out. */
export type InspectedContainer = Omit<Docker.ContainerInspectInfo, 'Mounts'> & {
  readonly Mounts: readonly {
    readonly Type: string;
    readonly Name?: string;
    readonly Source: string;
    readonly Destination: string;
    readonly RW: boolean;
  }[];
};

/** GET /volumes/{name}; labels and options are null where there are none. */
export interface InspectedVolume {
  readonly Name: string;
  readonly Driver: string;
  readonly Mountpoint: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Options: Readonly<Record<string, string>> | null;
  /** Absent where the driver does not say. */
  readonly CreatedAt?: string;
}

/** A container's name without the slash that the API puts in front. */
export function plainName(name: string): string {
  return name.replace(/^\//, '');
}

/** Already started, or already stopped: what was wanted is so. */
export async function unlessSo(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== NOT_MODIFIED) throw error;
  }
}

async function act(container: string, doing: string, call: () => Promise<unknown>): Promise<void> {
  try {
    await unlessSo(call());
  } catch (error) {
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

async function ask<T>(kind: ObjectKind, object: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw engineError(error, { kind, object, doing: 'look it up' });
  }
}

/** GET /containers/{id}/json. Throws NotFound. */
export function inspectContainer({ docker }: Connection, container: string): Promise<InspectedContainer> {
  return ask(
    'container',
    container,
    async () => (await docker.getContainer(encodeURIComponent(container)).inspect()) as unknown as InspectedContainer,
  );
}

/** GET /volumes/{name}. Throws NotFound. */
export function inspectVolume({ docker }: Connection, volume: string): Promise<InspectedVolume> {
  return ask('volume', volume, () => docker.getVolume(encodeURIComponent(volume)).inspect());
}

/** GET /images/{name}/json. Throws NotFound. */
export function inspectImage({ docker }: Connection, image: string): Promise<unknown> {
  return ask('image', image, () => docker.getImage(image).inspect());
}
