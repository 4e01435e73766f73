/**
 * Images that the extension creates from its own bytes. A name or a label does not prove what an image holds, so ours
 * are recognized by their layer: the SHA-256 of the tar that was sent (OCI image specification, "Layer DiffID").
 */
import * as l10n from '@vscode/l10n';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { engineError, type Connection } from '../connection.ts';
import { EngineFailure, statusOf } from '../errors.ts';
import type { Logger } from '../log.ts';

export interface OwnImage {
  readonly repository: string;
  readonly tag: string;
  /** What its one layer holds. */
  readonly tar: Buffer;
}

interface Inspected {
  readonly Id: string;
  readonly RootFS?: { readonly Layers?: readonly string[] | null } | null;
  readonly Config?: { readonly Volumes?: object | null } | null;
}

/**
 * Ids of what was imported through each connection: an engine that repacks layers reports another digest for the layer.
 */
const imported = new WeakMap<Connection, Set<string>>();

async function inspect({ docker }: Connection, image: string): Promise<Inspected | undefined> {
  try {
    return await docker.getImage(image).inspect();
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw engineError(error, {
      kind: 'image',
      object: image,
      failed: (why) => l10n.t('The image of the helper, "{0}", could not be looked up: {1}', image, why),
    });
  }
}

/** Whether it is ours to the last byte. An image that declares volumes would get more mounts than we give it. */
function isOurs(connection: Connection, image: Inspected, tar: Buffer): boolean {
  if (Object.keys(image.Config?.Volumes ?? {}).length > 0) return false;
  const layers = image.RootFS?.Layers ?? [];
  return (
    imported.get(connection)?.has(image.Id) === true ||
    (layers.length === 1 && layers[0] === `sha256:${createHash('sha256').update(tar).digest('hex')}`)
  );
}

/** Imports the tar and returns the id that the engine answers with. */
async function importTar({ docker }: Connection, { repository, tag, tar }: OwnImage): Promise<string> {
  try {
    const answer = (await docker.importImage(Readable.from([tar]), { repo: repository, tag })) as Readable;
    let said = '';
    for await (const chunk of answer) said += String(chunk);
    // One JSON object a line; the last one's status is the id (Docker Engine API, ImageCreate).
    const lines = said
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => JSON.parse(line) as { status?: string; error?: string });
    const failure = lines.find(({ error }) => error !== undefined)?.error;
    const id = lines.at(-1)?.status?.trim();
    if (failure !== undefined || id === undefined || !/^(sha256:)?[0-9a-f]{64}$/.test(id))
      throw new Error(failure ?? 'the engine did not say which image it created');
    return id;
  } catch (error) {
    const name = `${repository}:${tag}`;
    throw engineError(error, {
      kind: 'image',
      object: name,
      failed: (why) => l10n.t('The image of the helper, "{0}", could not be imported: {1}', name, why),
    });
  }
}

/**
 * The id of the image, which is created where it does not exist, or where another image has its name. Throws
 * EngineFailure, EngineUnavailable.
 */
export async function ensureOwnImage(connection: Connection, image: OwnImage, log: Logger): Promise<string> {
  const name = `${image.repository}:${image.tag}`;
  const present = await inspect(connection, name);
  if (present !== undefined && isOurs(connection, present, image.tar)) return present.Id;
  const made = await inspect(connection, await importTar(connection, image));
  if (made === undefined)
    throw new EngineFailure(
      0,
      l10n.t(
        'The image of the helper was imported but does not exist; another program may have removed it. Try again.',
      ),
    );
  imported.set(connection, (imported.get(connection) ?? new Set()).add(made.Id));
  log.info(`Imported the image ${name} (${made.Id.slice(0, 19)}), which holds only what is part of this extension.`);
  return made.Id;
}
