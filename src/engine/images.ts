/** The images that are there already. Nothing is ever pulled. */
import { engineError, type Connection } from './connection.ts';
import { eachOf } from './eachOf.ts';

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
    throw engineError(error, { kind: 'image', object: endpoint.address, doing: 'list the images' });
  }
}
