/** The image of our own tool: a tar with only that program, imported when it is first needed. */
import * as l10n from '@vscode/l10n';
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { engineError, type Connection } from '../connection.ts';
import { NotFound } from '../errors.ts';
import type { Logger } from '../log.ts';
import { ensureOwnImage } from './ownImage.ts';
import { BLOCK_BYTES } from '../../tar/header.ts';
import { paddingOf, TAR_END } from '../../tar/single.ts';
import { BINARIES } from './tool/binaries.ts';

/** Where the tool is in its image. */
export const TOOL = '/docker-mounts-tool';
const REPOSITORY = 'docker-mounts/tools';
const MODE = 0o755;

/** A tar (POSIX ustar) with one file, the same bytes every time. */
function tarOfOne(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, at: number, width: number) =>
    header.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1');
  header.write(name, 0, 'latin1');
  octal(MODE, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(content.length, 124, 12);
  octal(0, 136, 12);
  header.write('        0', 148, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return Buffer.concat([header, content, paddingOf(content.length), TAR_END]);
}

/**
 * The image's tar for an architecture by the engine's name of it; undefined for one that there is no tool for.
 * @internal
 */
export function toolTar(architecture: string): Buffer | undefined {
  const binary = Object.hasOwn(BINARIES, architecture) ? BINARIES[architecture] : undefined;
  return binary === undefined ? undefined : tarOfOne(TOOL.slice(1), gunzipSync(Buffer.from(binary.gzip, 'base64')));
}

async function findOrImport(connection: Connection, log: Logger): Promise<string | undefined> {
  const { Arch, Os } = await connection.docker.version().catch((error: unknown) => {
    throw engineError(error, {
      kind: 'image',
      object: REPOSITORY,
      failed: (why) =>
        l10n.t('The engine at {0} could not be asked for its architecture: {1}', connection.endpoint.address, why),
    });
  });
  const tar = Os === 'linux' ? toolTar(Arch) : undefined;
  if (tar === undefined) {
    architectures.set(connection, Os === 'linux' ? Arch : `${Os}/${Arch}`);
    return undefined;
  }
  // Different versions of this extension can have different images at the same time.
  return ensureOwnImage(
    connection,
    { repository: REPOSITORY, tag: createHash('sha256').update(tar).digest('hex').slice(0, 12), tar },
    log,
  );
}

const images = new WeakMap<Connection, Promise<string | undefined>>();
const architectures = new WeakMap<Connection, string>();

/**
 * The id of the tool's image on this engine; undefined where there is no tool for its architecture. Throws
 * EngineFailure, EngineUnavailable.
 */
export function findTool(connection: Connection, log: Logger): Promise<string | undefined> {
  let image = images.get(connection);
  if (image === undefined) {
    image = findOrImport(connection, log);
    images.set(connection, image);
    // An image that could not be created is tried again the next time.
    image.catch(() => images.delete(connection));
  }
  return image;
}

/** Forgets the image after somebody has removed it. */
export function forgetTool(connection: Connection): void {
  images.delete(connection);
}

/** Why there is no tool, and what still works. `needs` is the sentence that says what needs a helper program. */
export function noToolText(connection: Connection, needs: string): string {
  const others = l10n.t(
    'This extension has one for engines on linux/amd64 and linux/arm64, but this engine is {0}. Files can still be listed, opened, saved and copied there, and backups can be created and restored into an empty target or with "merge".',
    architectures.get(connection) ?? '?',
  );
  return `${needs} ${others}`;
}

/** Like findTool, where nothing works without the tool. Throws NotFound too. */
export async function requireTool(connection: Connection, needs: string, log: Logger): Promise<void> {
  if ((await findTool(connection, log)) === undefined) throw new NotFound('image', '', noToolText(connection, needs));
}
