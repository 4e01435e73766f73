/** Writes members of an archive into mounts: with GNU tar in a helper, or through the engine's archive endpoint. */
import * as l10n from '@vscode/l10n';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { stdoutOf } from '../../engine/helper/attachStream.ts';
import type { Connection } from '../../engine/connection.ts';
import { BadArgument, EngineFailure } from '../../engine/errors.ts';
import { createArchiveHelper, createCommandHelper, type HelperMount } from '../../engine/helper/helper.ts';
import { makeInputPipe } from '../../engine/helper/localPipe.ts';
import { createOnPipe } from '../../engine/helper/onPipe.ts';

import { shortImage, type MethodChoice } from '../source/method.ts';
import type { Placement } from './target.ts';
import { blocksBelow, blocksWithName } from '../../tar/rewrite.ts';
import { tarMembers, type TarMember } from '../../tar/members.ts';
import { utf8Text } from '../../tar/names.ts';
import type { Job } from '../../engine/job.ts';

/** In the helper each placement is mounted at its name in the archive, so that nothing needs to be stripped. */
const ROOT = '/docker-mounts/x';
const END_BYTES = 1024;
const MAX_STDERR = 64 * 1024;
const BUFFER_BYTES = 1024 * 1024;

/** What tar needs to create files of any owner and mode, devices, and file capabilities (capabilities(7)). */
const RIGHTS = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'MKNOD', 'SETFCAP'];

function mountOf({ type, source, prefix }: Placement): HelperMount {
  const name = utf8Text(Buffer.from(prefix, 'latin1'));
  if (name === undefined)
    throw new BadArgument(
      'strip',
      l10n.t('The directory of the archive has a name that is not UTF-8, which the engine cannot mount.'),
    );
  return { type, source, target: posix.join(ROOT, name), readOnly: false };
}

async function* ended(members: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield* members;
  yield Buffer.alloc(END_BYTES);
}

/** Resolves when all is written. `members` are tar blocks without the end-of-archive mark; rejects where they fail. */
export async function extract(
  job: Job,
  placements: readonly Placement[],
  writer: MethodChoice,
  members: AsyncIterable<Buffer>,
): Promise<void> {
  const input = Readable.from(ended(members), { objectMode: false, highWaterMark: BUFFER_BYTES });
  let failure: Error | undefined;
  input.on('error', (error) => (failure ??= error));
  const mounts = placements.map(mountOf);
  try {
    if (writer.method === 'archive') await byArchive(job, mounts, input);
    else await byTar(job, writer.tar.image, mounts, input);
  } catch (error) {
    throw failure ?? error;
  } finally {
    input.destroy();
  }
  if (failure !== undefined) throw failure;
}

/**
 * Gives the roots of mounts the owner, mode and time of their entries: the archive endpoint skips ".", and tar writes
 * it first.
 */
export async function writeRoots(job: Job, roots: ReadonlyMap<Placement, TarMember>): Promise<void> {
  for (const [{ type, source }, member] of roots) {
    const helper = await createArchiveHelper(
      job.connection,
      [{ type, source, target: posix.join(ROOT, 'root'), readOnly: false }],
      job.log,
    );
    try {
      const tar = Buffer.concat([...blocksWithName(member, Buffer.from('root')), Buffer.alloc(END_BYTES)]);
      await helper.writeArchive(ROOT, Readable.from([tar]), job.signal);
    } finally {
      await helper.remove();
    }
  }
}

/**
 * Docker refuses a symbolic link that climbs above the directory that it unpacks into ("invalid symlink"), though
 * nobody follows it there. No link climbs above the container's root, so the members are unpacked there, under the
 * mount's path. Podman unpacks into mounts only when they are named, and accepts such links.
 */
function placed(connection: Connection, input: Readable): { path: string; tar: Readable } {
  if (connection.info.product !== 'docker') return { path: ROOT, tar: input };
  const root = Buffer.from(ROOT.slice(1));
  const members = input.pipe(tarMembers({ onMember: () => undefined, select: (member) => blocksBelow(member, root) }));
  input.once('error', (error) => members.destroy(error));
  members.once('error', (error) => input.destroy(error));
  return {
    path: '/',
    tar: Readable.from(ended(members as AsyncIterable<Buffer>), { objectMode: false, highWaterMark: BUFFER_BYTES }),
  };
}

async function byArchive(job: Job, mounts: readonly HelperMount[], input: Readable): Promise<void> {
  const helper = await createArchiveHelper(job.connection, mounts, job.log);
  try {
    // docker-modem does not notice that the input fails; it would wait for the rest.
    const abort = new AbortController();
    const stop = () => abort.abort();
    input.once('error', stop);
    if (job.signal.aborted) stop();
    job.signal.addEventListener('abort', stop, { once: true });
    const { path, tar } = placed(job.connection, input);
    tar.once('error', stop);
    await helper.writeArchive(path, tar, abort.signal).finally(() => job.signal.removeEventListener('abort', stop));
  } finally {
    // The engine holds the container's lock while it unpacks, so this also waits until unpacking has stopped.
    await helper.remove();
  }
}

function tarCommand(from: string): string[] {
  return [
    'tar',
    '-x',
    '-p',
    '-B',
    '-f',
    from,
    '--numeric-owner',
    '--same-owner',
    '--xattrs',
    '--xattrs-include=*',
    '--acls',
    '--warning=no-timestamp',
    '-C',
    ROOT,
  ];
}

interface Started {
  readonly output: Readable;
  readonly exitCode: Promise<number>;
  readonly remove: () => Promise<void>;
}

/**
 * A tar that reads from a pipe, about twice as fast as from stdin; undefined where engine and process do not share
 * files.
 */
async function startOnPipe(
  job: Job,
  image: string,
  mounts: readonly HelperMount[],
  input: Readable,
): Promise<Started | undefined> {
  const pipe = await makeInputPipe(job.connection);
  if (pipe === undefined) return undefined;
  const create = (end: HelperMount, path: string) =>
    createCommandHelper(
      job.connection,
      { image, command: tarCommand(path), capabilities: RIGHTS },
      [...mounts, end],
      job.log,
    );
  const helper = await createOnPipe(pipe, true, create, job.log);
  if (helper === undefined) return undefined;
  const remove = async () => {
    await helper.remove();
    await pipe.remove();
  };
  try {
    const { output, exitCode } = await helper.run();
    // Whoever waits for the helper handles a failure of the input.
    pipe.feed(input, exitCode).catch(() => undefined);
    return { output, exitCode, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function startOnStdin(
  job: Job,
  image: string,
  mounts: readonly HelperMount[],
  input: Readable,
): Promise<Started> {
  const helper = await createCommandHelper(
    job.connection,
    { image, command: tarCommand('-'), takesInput: true, capabilities: RIGHTS },
    mounts,
    job.log,
  );
  try {
    return { ...(await helper.runWithInput(input)), remove: () => helper.remove() };
  } catch (error) {
    await helper.remove();
    throw error;
  }
}

async function byTar(job: Job, image: string, mounts: readonly HelperMount[], input: Readable): Promise<void> {
  job.log.info(
    `Running tar of the image ${shortImage(image)} as root with write access to ${mounts.map(({ source }) => `"${source}"`).join(', ')}.`,
  );
  const { output, exitCode, remove } =
    (await startOnPipe(job, image, mounts, input)) ?? (await startOnStdin(job, image, mounts, input));
  try {
    let said = '';
    const stdout = stdoutOf((chunk) => {
      if (said.length < MAX_STDERR) said += chunk.toString('utf8');
    });
    // A lost engine is noticed by the missing exit code.
    output.on('error', () => undefined);
    output.pipe(stdout).resume();
    const cancelled = new Promise<never>((_resolve, reject) => {
      const stop = () => reject(new Error('cancelled'));
      if (job.signal.aborted) stop();
      job.signal.addEventListener('abort', stop, { once: true });
      input.once('error', reject);
    });
    cancelled.catch(() => undefined);
    const code = await Promise.race([exitCode, cancelled]);
    const lines = said.split('\n').filter((line) => line.trim() !== '');
    if (code !== 0) {
      const isFull = lines.some((line) => /No space left|Wrote only \d+ of/.test(line));
      throw new EngineFailure(
        code,
        l10n.t(
          'tar in the helper container ended with code {0}{1}: {2}',
          code,
          isFull ? ' (no space is left)' : '',
          lines.slice(-3).join(' ') || 'it gave no reason',
        ),
      );
    }
    for (const line of lines) job.log.debug(line);
  } finally {
    await remove();
  }
}
