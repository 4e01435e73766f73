/**
 * The image of our own tool: a tar with that one program, imported when it is first needed. A name or a label says nothing
 * of what an image holds, so it is known by its layer: the SHA-256 of the very tar that was sent (its diff id).
 */
import * as l10n from '@vscode/l10n';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { engineError, type Connection } from './connection.ts';
import { EngineFailure, NotFound } from './errors.ts';
import type { Logger } from './log.ts';
import { BINARIES } from './tool/binaries.ts';

/** Where the tool is in its image. */
export const TOOL = '/docker-mounts-tool';
const REPOSITORY = 'docker-mounts/tools';
const BLOCK = 512;
const MODE = 0o755;

/** A tar (POSIX ustar) with one file, the same bytes every time. */
function tarOfOne(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, width: number) => header.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1');
  header.write(name, 0, 'latin1');
  octal(MODE, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(content.length, 124, 12);
  octal(0, 136, 12);
  header.write('        0', 148, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  octal(header.reduce((sum, byte) => sum + byte, 0), 148, 7);
  return Buffer.concat([header, content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK), Buffer.alloc(2 * BLOCK)]);
}

/** The image's tar for an architecture by the engine's name of it; undefined for one that there is no tool for. */
export function toolTar(architecture: string): Buffer | undefined {
  const binary = Object.hasOwn(BINARIES, architecture) ? BINARIES[architecture] : undefined;
  return binary === undefined ? undefined : tarOfOne(TOOL.slice(1), gunzipSync(Buffer.from(binary.gzip, 'base64')));
}

interface Inspected {
  readonly Id: string;
  readonly RootFS?: { readonly Layers?: readonly string[] | null } | null;
  readonly Config?: { readonly Volumes?: object | null } | null;
}

async function inspect({ docker }: Connection, image: string): Promise<Inspected | undefined> {
  try {
    return await docker.getImage(image).inspect();
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw engineError(error, { kind: 'image', object: image, doing: 'look for the image of the tool' });
  }
}

/** Ours to the last byte. One that declares volumes would get more mounts than it is given. */
function isOurs(image: Inspected, diffId: string): boolean {
  const layers = image.RootFS?.Layers ?? [];
  return layers.length === 1 && layers[0] === diffId && Object.keys(image.Config?.Volumes ?? {}).length === 0;
}

/** Imports the tar and returns the id that the engine answers with. */
async function importTar({ docker }: Connection, tar: Buffer, tag: string): Promise<string> {
  try {
    const answer = (await docker.importImage(Readable.from([tar]), { repo: REPOSITORY, tag })) as Readable;
    let said = '';
    for await (const chunk of answer) said += String(chunk);
    // One JSON object a line; the last one's status is the id (Docker Engine API, ImageCreate).
    const lines = said.split('\n').filter((line) => line.trim() !== '').map((line) => JSON.parse(line) as { status?: string; error?: string });
    const failure = lines.find(({ error }) => error !== undefined)?.error;
    const id = lines.at(-1)?.status?.trim();
    if (failure !== undefined || id === undefined || !/^(sha256:)?[0-9a-f]{64}$/.test(id)) throw new Error(failure ?? 'the engine did not say which image it made');
    return id;
  } catch (error) {
    throw engineError(error, { kind: 'image', object: `${REPOSITORY}:${tag}`, doing: 'import the image of the tool' });
  }
}

async function findOrImport(connection: Connection, log: Logger): Promise<string | undefined> {
  const { Arch, Os } = await connection.docker.version().catch((error: unknown) => {
    throw engineError(error, { kind: 'image', object: REPOSITORY, doing: 'ask the engine for its architecture' });
  });
  const tar = Os === 'linux' ? toolTar(Arch) : undefined;
  if (tar === undefined) {
    architectures.set(connection, Os === 'linux' ? Arch : `${Os}/${Arch}`);
    return undefined;
  }
  const hash = createHash('sha256').update(tar).digest('hex');
  // Versions of this extension that differ have images that differ, side by side.
  const tag = hash.slice(0, 12);
  const present = await inspect(connection, `${REPOSITORY}:${tag}`);
  if (present !== undefined && isOurs(present, `sha256:${hash}`)) return present.Id;
  const id = await importTar(connection, tar, tag);
  const made = await inspect(connection, id);
  if (made === undefined) throw new EngineFailure(0, l10n.t('The image of the helper program was imported, and is not there; something else may remove images at once. Try again.'));
  log.info(`Imported the image ${REPOSITORY}:${tag} (${made.Id.slice(0, 19)}), which holds this extension's own program and nothing else.`);
  // An engine that packs layers anew has another number for it. What was just made of our bytes is known by its id.
  if (!isOurs(made, `sha256:${hash}`)) log.debug(`The engine counts the layer of the tool as ${made.RootFS?.Layers?.join() ?? 'none'}; the image is known by its id.`);
  return made.Id;
}

const images = new WeakMap<Connection, Promise<string | undefined>>();
const architectures = new WeakMap<Connection, string>();

/** The id of the tool's image on this engine; undefined where there is no tool for its architecture. Throws EngineFailure, EngineUnavailable. */
export function findTool(connection: Connection, log: Logger): Promise<string | undefined> {
  let image = images.get(connection);
  if (image === undefined) {
    image = findOrImport(connection, log);
    images.set(connection, image);
    // One that could not be made is tried anew the next time.
    image.catch(() => images.delete(connection));
  }
  return image;
}

/** Forgets the image, which somebody has removed. */
export function forgetTool(connection: Connection): void {
  images.delete(connection);
}

/** Why there is no tool, and what still works. */
export function noToolText(connection: Connection, what: string): string {
  return l10n.t(
    '{0} needs a helper program, which this extension has for engines on linux/amd64 and linux/arm64, and this engine is {1}. Files can still be listed, opened, saved and copied there, and backups made and restored into what is empty or by "merge".',
    what,
    architectures.get(connection) ?? '?',
  );
}

/** The same, where there is no way without. Throws NotFound too. */
export async function requireTool(connection: Connection, what: string, log: Logger): Promise<void> {
  if ((await findTool(connection, log)) === undefined) throw new NotFound('image', '', noToolText(connection, what));
}
