/** The images that the engine already has. Nothing is ever pulled. */
import * as l10n from '@vscode/l10n';
import type Docker from 'dockerode';
import { answerOf, engineError, type Connection } from './connection.ts';
import { eachOf } from './eachOf.ts';
import { ifThere } from './errors.ts';

export interface LocalImage {
  /** `name:tag` */
  readonly name: string;
  /** `sha256:…` */
  readonly id: string;
  /** Paths that it declares as volumes. */
  readonly volumes: readonly string[];
}

/** Every tagged image, by name. Throws EngineUnavailable or EngineFailure. */
export async function localImages({ docker, endpoint }: Connection): Promise<LocalImage[]> {
  try {
    const found: LocalImage[] = [];
    await eachOf(await docker.listImages(), async ({ Id, RepoTags }) => {
      const names = (RepoTags ?? []).filter((name) => name !== '<none>:<none>');
      if (names.length === 0) return;
      const { Config } = await docker.getImage(Id).inspect();
      const volumes = Object.keys(Config.Volumes ?? {}).sort();
      found.push(...names.map((name) => ({ name, id: Id, volumes })));
    });
    return found.sort((a, b) => a.name.localeCompare(b.name, 'en'));
  } catch (error) {
    throw engineError(error, {
      kind: 'image',
      object: endpoint.address,
      failed: (why) => l10n.t('The images at {0} could not be listed: {1}', endpoint.address, why),
    });
  }
}

/** GET /images/{name}/json. Throws NotFound, EngineFailure or EngineUnavailable. */
export function inspectImage({ docker }: Connection, image: string): Promise<Docker.ImageInspectInfo> {
  const failed = (why: string) => l10n.t('Image "{0}" could not be looked up: {1}', image, why);
  return answerOf({ kind: 'image', object: image, failed }, () => docker.getImage(image).inspect());
}

/** The same, and undefined where there is no such image. Throws EngineFailure or EngineUnavailable. */
export function imageIfThere(connection: Connection, image: string): Promise<Docker.ImageInspectInfo | undefined> {
  return ifThere(inspectImage(connection, image));
}

/** Removes a name of an image, and the image where it was the last name. Throws like inspectImage. */
export async function removeImage({ docker }: Connection, image: string): Promise<void> {
  const failed = (why: string) => l10n.t('Image "{0}" could not be removed: {1}', image, why);
  await answerOf({ kind: 'image', object: image, failed }, () => docker.getImage(image).remove());
}
