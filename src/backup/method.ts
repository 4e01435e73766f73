/** The two ways to read a mount as a tar stream. */
import * as l10n from '@vscode/l10n';
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { stdoutOf } from '../engine/attachStream.ts';
import type { Connection } from '../engine/connection.ts';
import { BadArgument, EngineFailure, NotFound } from '../engine/errors.ts';
import { createArchiveHelper, createCommandHelper, type Helper, type HelperMount } from '../engine/helpers.ts';
import { makeLocalPipe, type LocalPipe } from '../engine/localPipe.ts';
import type { Logger } from '../engine/log.ts';
import { createOnPipe } from '../engine/pipedHelper.ts';
import { rootName, type Plan, type Tree } from './plan.ts';

export type Method = 'archive' | 'tar';

export type Tar = { readonly image: string; readonly gnu: boolean };

/** How one backup reads: the archive endpoint, or the tar of an image. */
export type Reader = { readonly method: 'archive' } | { readonly method: 'tar'; readonly tar: Tar };

const NOT_KEPT = ['extended attributes', 'ACLs', 'holes in sparse files', 'fractions of a second in times'];

/** What a reader does not keep of a file system. */
export function notKept(reader: Reader): readonly string[] {
  return reader.method === 'tar' && reader.tar.gnu ? [] : NOT_KEPT;
}

/** An image for people: its name, or the first digits of its id. */
export function shortImage(image: string): string {
  return image.replace(/^sha256:([0-9a-f]{12})[0-9a-f]*$/, '$1');
}

/** Whether an image holds a tar, and which. Remembered, since an image id never changes its content. */
const known = new Map<string, 'gnu' | 'other' | 'none'>();

async function tarOf(connection: Connection, image: string, log: Logger): Promise<'gnu' | 'other' | 'none'> {
  let id: string;
  try {
    id = (await connection.docker.getImage(image).inspect()).Id;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return 'none';
    throw error;
  }
  const remembered = known.get(id);
  if (remembered !== undefined) return remembered;
  log.info(`Asking for the tar of the image ${shortImage(image)}; nothing is mounted for that.`);
  const helper = await createCommandHelper(connection, id, ['tar', '--version'], [], log);
  let found: 'gnu' | 'other' | 'none';
  try {
    const { output, exitCode } = await helper.run();
    let text = '';
    const stdout = output.pipe(stdoutOf((chunk) => (text += chunk.toString('utf8'))));
    for await (const chunk of stdout) text += String(chunk);
    await exitCode;
    found = text.includes('GNU tar') ? 'gnu' : 'other';
  } catch (error) {
    // An image without the executable: the engine refuses to start it, in words that differ between engines.
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
 * Settles the method. `auto` takes GNU tar where a local image has one, else the archive endpoint. Nothing is pulled.
 */
export async function chooseReader(
  connection: Connection,
  plan: Pick<Plan, 'subject' | 'images'>,
  method: 'auto' | Method,
  image: string | undefined,
  log: Logger,
): Promise<Reader> {
  if (method === 'archive') return { method };
  const candidates = image ? [image, ...plan.images] : plan.images;
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
          plan.subject,
        ),
  );
}

/**
 * Settles how to write. Only GNU tar is taken: others skip the extended headers in which long names and attributes
 * stand.
 */
export async function chooseWriter(
  connection: Connection,
  plan: Pick<Plan, 'subject' | 'images'>,
  method: 'auto' | Method,
  image: string | undefined,
  log: Logger,
): Promise<Reader> {
  if (!['auto', 'archive', 'tar'].includes(method))
    throw new BadArgument('method', l10n.t('The method "{0}" is unknown; use auto, archive or tar.', String(method)));
  const reader = await chooseReader(connection, plan, method, image, log);
  if (reader.method === 'archive' || reader.tar.gnu) return reader;
  throw new BadArgument(
    'method',
    l10n.t(
      'The image "{0}" has a tar that is not GNU\'s, which would lose names and attributes; use an image with GNU tar, or the method "archive".',
      reader.tar.image,
    ),
  );
}

/**
 * Where tree number `index` is mounted in a helper. Each has a folder of its own, so that nested targets stay apart.
 */
function base(index: number): string {
  return `/docker-mounts/${index}`;
}

function helperMount(tree: Tree, index: number): HelperMount {
  const name = tree.target === undefined ? 'root' : rootName(tree);
  const target = name === '.' ? posix.join(base(index), 'root') : posix.join(base(index), name);
  return { type: tree.type, source: tree.source, target, readOnly: true };
}

/** One tree's tar stream, with how many leading directories are not part of it. */
export interface TreeStream {
  readonly stream: Readable;
  readonly skip: number;
  /** Resolves when the reader itself says that all went well; rejects when it does not. */
  readonly finished: () => Promise<void>;
}

export interface Source {
  /** Opens the stream of one tree; undefined for a source that is neither file nor directory (a socket, say). */
  open(index: number): Promise<TreeStream | undefined>;
  close(): Promise<void>;
}

/** Opens the trees for reading. The caller closes it, whatever happens. */
export async function openSource(
  connection: Connection,
  trees: readonly Tree[],
  reader: Reader,
  log: Logger,
  warn: (message: string) => void,
): Promise<Source> {
  const mounts = trees.map(helperMount);
  // Also the tar method looks at the sources through it first: whether they are there, and files or directories.
  const archive = await createArchiveHelper(connection, mounts, log);
  const helpers: Helper[] = [archive];
  const pipes: LocalPipe[] = [];
  return {
    async open(index) {
      const tree = trees[index];
      const mount = mounts[index];
      if (tree === undefined || mount === undefined) return undefined;
      const kind = await archive.stat(mount.target);
      if (kind === 'other') return undefined;
      const place = placeInHelper(tree, mount, index, kind === 'file');
      if (reader.method === 'archive') {
        return {
          stream: await archive.readArchive(place.archivePath),
          skip: place.skip,
          finished: () => Promise.resolve(),
        };
      }
      const started = await startTar(connection, reader.tar, place, mount, log);
      helpers.push(started.helper);
      if (started.pipe) pipes.push(started.pipe);
      return runTar(started.helper, started.pipe, warn);
    },
    async close() {
      await Promise.all([...helpers.map((helper) => helper.remove()), ...pipes.map((pipe) => pipe.remove())]);
    },
  };
}

interface Place {
  /** What the archive endpoint is asked for. */
  readonly archivePath: string;
  readonly skip: number;
  /** tar's working directory and the one name it saves. */
  readonly directory: string;
  readonly name: string;
}

function placeInHelper(tree: Tree, mount: HelperMount, index: number, isFile: boolean): Place {
  const root = rootName(tree);
  if (root === '.') {
    if (!isFile) return { archivePath: `${mount.target}/.`, skip: 0, directory: mount.target, name: '.' };
    return { archivePath: mount.target, skip: 0, directory: base(index), name: 'root' };
  }
  const parts = root.split('/');
  return {
    archivePath: posix.join(base(index), parts[0] ?? ''),
    skip: parts.length - 1,
    directory: base(index),
    name: root,
  };
}

/** What tar needs to read files of any owner, which are mounted read-only (capabilities(7)). */
const RIGHTS = ['DAC_OVERRIDE'];

/** A helper that writes into a pipe where engine and process share files, else to its stdout. */
async function startTar(
  connection: Connection,
  tar: Tar,
  place: Place,
  mount: HelperMount,
  log: Logger,
): Promise<{ helper: Helper; pipe?: LocalPipe }> {
  log.info(`Running tar of the image ${shortImage(tar.image)} as root over "${mount.source}", which it may only read.`);
  const pipe = await makeLocalPipe(connection);
  if (pipe !== undefined) {
    const create = (end: HelperMount, path: string) =>
      createCommandHelper(connection, tar.image, tarCommand(tar, place, path), [mount, end], log, {
        capabilities: RIGHTS,
      });
    const helper = await createOnPipe(pipe, false, create, log);
    if (helper !== undefined) return { helper, pipe };
  }
  return {
    helper: await createCommandHelper(connection, tar.image, tarCommand(tar, place, '-'), [mount], log, {
      capabilities: RIGHTS,
    }),
  };
}

function tarCommand(tar: Tar, place: Place, to: string): string[] {
  const command = ['tar', '-c', '-f', to, '--numeric-owner'];
  if (tar.gnu) {
    command.push('--format=posix', '--sparse', '--xattrs', '--xattrs-include=*', '--acls', '--blocking-factor=256');
    // Times of access and change are of no use to a restore and would cost a block for each member.
    command.push('--pax-option=delete=atime,delete=ctime');
  }
  return [...command, '-C', place.directory, '--', place.name];
}

/** GNU tar: 0 all well, 1 some files changed while they were read, 2 and more a failure. */
const TAR_CHANGED = 1;
const MAX_STDERR = 64 * 1024;

async function runTar(
  helper: Helper,
  pipe: LocalPipe | undefined,
  warn: (message: string) => void,
): Promise<TreeStream> {
  let said = '';
  const { output, exitCode } = await helper.run();
  const stdout = stdoutOf((chunk) => {
    if (said.length < MAX_STDERR) said += chunk.toString('utf8');
  });
  const stream = pipe?.stream ?? stdout;
  const fail = (error: Error) => stream.destroy(error);
  output.on('error', fail);
  // As any other loss of the connection.
  output.on('aborted', () => fail(Object.assign(new Error('the engine cut the stream off'), { code: 'ECONNRESET' })));
  output.pipe(stdout);
  let heard = Promise.resolve();
  if (pipe !== undefined) {
    stdout.resume();
    heard = new Promise((resolve) => output.on('close', resolve));
    exitCode.then(() => pipe.writerIsGone(), fail);
  } else {
    stream.on('close', () => output.destroy());
  }
  return {
    stream,
    skip: 0,
    finished: async () => {
      const code = await exitCode;
      await heard;
      const lines = said.split('\n').filter((line) => line.trim() !== '');
      if (code > TAR_CHANGED) {
        throw new EngineFailure(
          code,
          l10n.t(
            'tar in the helper container ended with code {0}: {1}',
            code,
            lines.slice(-3).join(' ') || 'it gave no reason',
          ),
        );
      }
      for (const line of lines) warn(line);
    },
  };
}
