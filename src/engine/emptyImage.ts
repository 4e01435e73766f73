/** The image that holds nothing, which the archive endpoint's helpers are made from. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { engineError, type Connection } from './connection.ts';

const REPOSITORY = 'docker-mounts/helper';
const IMAGE = `${REPOSITORY}:latest`;
/** An empty tar: two zero blocks (POSIX ustar). */
const EMPTY_TAR = Buffer.alloc(1024);
/** A layer's diff id is the digest of its plain tar (OCI image specification, "Layer DiffID"). */
const DIFF_ID = `sha256:${createHash('sha256').update(EMPTY_TAR).digest('hex')}`;

/** What each connection's engine answered to our own import, where it names the layer otherwise. */
const imported = new WeakMap<Connection, string>();

interface Inspected {
  readonly Id: string;
  readonly RootFS?: { readonly Layers?: readonly string[] | null };
  readonly Config?: { readonly Volumes?: object | null } | null;
}

/** By what an image holds, never by its tag, which anyone can give to another. */
function isOurs({ Id, RootFS, Config }: Inspected, ownId: string | undefined): boolean {
  if (Object.keys(Config?.Volumes ?? {}).length > 0) return false;
  const layers = RootFS?.Layers ?? [];
  return Id === ownId || (layers.length === 1 && layers[0] === DIFF_ID);
}

async function lookAt(connection: Connection): Promise<Inspected | undefined> {
  try {
    return await connection.docker.getImage(IMAGE).inspect();
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw engineError(error, { kind: 'image', object: IMAGE, doing: 'look for the helper image' });
  }
}

/** Makes the image where it is not there, or is another's. Returns its id. Throws EngineUnavailable, EngineFailure. */
export async function ensureEmptyImage(connection: Connection): Promise<string> {
  const there = await lookAt(connection);
  if (there !== undefined && isOurs(there, imported.get(connection))) return there.Id;
  try {
    const answer = (await connection.docker.importImage(Readable.from([EMPTY_TAR]), { repo: REPOSITORY, tag: 'latest' })) as Readable;
    for await (const _ of answer) void _;
  } catch (error) {
    throw engineError(error, { kind: 'image', object: IMAGE, doing: 'import the empty helper image' });
  }
  const { Id } = (await lookAt(connection)) ?? { Id: IMAGE };
  imported.set(connection, Id);
  return Id;
}
