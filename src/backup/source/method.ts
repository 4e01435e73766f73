/** The two methods: the engine's archive endpoint, or the tar program of an image. */
import * as l10n from '@vscode/l10n';
import type { Connection } from '../../engine/connection.ts';
import { imageIfThere } from '../../engine/images.ts';
import { BadArgument, EngineFailure, NotFound } from '../../engine/errors.ts';
import { stdoutOf } from '../../engine/helper/attachStream.ts';
import { createCommandHelper } from '../../engine/helper/helper.ts';
import type { Logger } from '../../engine/log.ts';
import type { Origin } from './trees.ts';

export type Method = 'archive' | 'tar';

export type Tar = { readonly image: string; readonly gnu: boolean };

/** How one backup reads: the archive endpoint, or the tar of an image. */
export type MethodChoice = { readonly method: 'archive' } | { readonly method: 'tar'; readonly tar: Tar };

const NOT_KEPT = ['extended attributes', 'ACLs', 'holes in sparse files', 'fractions of a second in times'];

/** What a reader does not keep from a file system. */
export function notKept(reader: MethodChoice): readonly string[] {
  return reader.method === 'tar' && reader.tar.gnu ? [] : NOT_KEPT;
}

/** An image as people see it: its name, or the first digits of its id. */
export function shortImage(image: string): string {
  return image.replace(/^sha256:([0-9a-f]{12})[0-9a-f]*$/, '$1');
}

/** Whether an image holds a tar, and which. Remembered, since the content of an image id never changes. */
const known = new Map<string, 'gnu' | 'other' | 'none'>();

async function tarOf(connection: Connection, image: string, log: Logger): Promise<'gnu' | 'other' | 'none'> {
  const id = (await imageIfThere(connection, image))?.Id;
  if (id === undefined) return 'none';
  const remembered = known.get(id);
  if (remembered !== undefined) return remembered;
  log.info(`Checking which tar the image ${shortImage(image)} has; nothing is mounted for that.`);
  const helper = await createCommandHelper(connection, { image: id, command: ['tar', '--version'] }, [], log);
  let found: 'gnu' | 'other' | 'none';
  try {
    const { output, exitCode } = await helper.run();
    let text = '';
    const stdout = output.pipe(stdoutOf((chunk) => (text += chunk.toString('utf8'))));
    for await (const chunk of stdout) text += String(chunk);
    await exitCode;
    found = text.includes('GNU tar') ? 'gnu' : 'other';
  } catch (error) {
    // An image without the executable: the engine refuses to start it, with a message that differs between engines.
    if (!(error instanceof EngineFailure) && !(error instanceof NotFound)) throw error;
    found = 'none';
  } finally {
    await helper.remove();
  }
  known.set(id, found);
  log.debug(
    `Image ${image} ${found === 'none' ? 'holds no tar' : found === 'gnu' ? 'holds a GNU tar' : 'holds a tar that is not GNU'}.`,
  );
  return found;
}

/**
 * Chooses the method. `auto` takes GNU tar where a local image has it, or else the archive endpoint. Nothing is pulled.
 */
export async function chooseToRead(
  connection: Connection,
  origin: Pick<Origin, 'subject' | 'images'>,
  method: 'auto' | Method,
  image: string | undefined,
  log: Logger,
): Promise<MethodChoice> {
  if (method === 'archive') return { method };
  const candidates = image ? [image, ...origin.images] : origin.images;
  let other: string | undefined;
  for (const candidate of candidates) {
    const found = await tarOf(connection, candidate, log);
    if (found === 'gnu') return { method: 'tar', tar: { image: candidate, gnu: true } };
    if (found === 'other') other ??= candidate;
  }
  if (method === 'auto') return { method: 'archive' };
  if (other !== undefined) return { method: 'tar', tar: { image: other, gnu: false } };
  throw new NotFound(
    'image',
    image ?? '',
    image
      ? l10n.t(
          'No tar was found in the image "{0}" or in the container\'s own; pull or build an image with tar and name it in the setting "dockerMounts.backup.image", or use the method "archive".',
          image,
        )
      : l10n.t(
          'No local image with a tar is known for "{0}"; name one in the setting "dockerMounts.backup.image", or use the method "archive".',
          origin.subject,
        ),
  );
}

/**
 * Chooses how to write. Only GNU tar is used: others skip the extended headers, which hold long names and attributes.
 */
export async function chooseToWrite(
  connection: Connection,
  origin: Pick<Origin, 'subject' | 'images'>,
  method: 'auto' | Method,
  image: string | undefined,
  log: Logger,
): Promise<MethodChoice> {
  if (!['auto', 'archive', 'tar'].includes(method))
    throw new BadArgument('method', l10n.t('The method "{0}" is unknown; use auto, archive or tar.', String(method)));
  const reader = await chooseToRead(connection, origin, method, image, log);
  if (reader.method === 'archive' || reader.tar.gnu) return reader;
  throw new BadArgument(
    'method',
    l10n.t(
      'The image "{0}" has a tar that is not GNU tar and would lose names and attributes; use an image with GNU tar, or the method "archive".',
      reader.tar.image,
    ),
  );
}
