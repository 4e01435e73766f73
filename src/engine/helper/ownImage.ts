/**
 * Images that the extension makes of its own bytes. A name or a label says nothing of what an image holds, so one of
 * ours is known by its layer: the SHA-256 of the very tar that was sent (OCI image specification, "Layer DiffID").
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
 * Ids of what was imported through each connection: an engine that packs layers anew has another number for the layer.
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
      failed: (why) => l10n.t('The image of the helper, "{0}", could not be looked for: {1}', image, why),
    });
  }
}

/** Ours to the last byte. One that declares volumes would get more mounts than it is given. */
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
      throw new Error(failure ?? 'the engine did not say which image it made');
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
 * The id of the image, which is made where it is not there, or where its name is another's. Throws EngineFailure,
 * EngineUnavailable.
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
        'The image of the helper was imported, and is not there; something else may remove images at once. Try again.',
      ),
    );
  imported.set(connection, (imported.get(connection) ?? new Set()).add(made.Id));
  log.info(
    `Imported the image ${name} (${made.Id.slice(0, 19)}), which holds what this extension brings and nothing else.`,
  );
  return made.Id;
}
