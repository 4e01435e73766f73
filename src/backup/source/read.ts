/** Reads the trees of a source, each as a tar stream. */
import * as l10n from '@vscode/l10n';
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { stdoutOf } from '../../engine/helper/attachStream.ts';
import type { Connection } from '../../engine/connection.ts';
import { EngineFailure } from '../../engine/errors.ts';
import { createArchiveHelper, createCommandHelper, type Helper, type HelperMount } from '../../engine/helper/helper.ts';
import { makeLocalPipe, type LocalPipe } from '../../engine/helper/localPipe.ts';
import type { Logger } from '../../engine/log.ts';
import { createOnPipe } from '../../engine/helper/onPipe.ts';
import { shortImage, type MethodChoice, type Tar } from './method.ts';
import { rootName, type Tree } from './trees.ts';
import type { Job } from '../../engine/job.ts';

/** Where tree number `index` is mounted in a helper. Each has its own folder, so that nested targets stay apart. */
function base(index: number): string {
  return `/docker-mounts/${index}`;
}

function helperMount(tree: Tree, index: number): HelperMount {
  const name = tree.target === undefined ? 'root' : rootName(tree);
  const target = name === '.' ? posix.join(base(index), 'root') : posix.join(base(index), name);
  return { type: tree.type, source: tree.source, target, readOnly: true };
}

/** One tree's tar stream, and how many leading directories are not part of it. */
interface TreeStream {
  readonly stream: Readable;
  readonly skip: number;
  /** Resolves when the reader itself reports success; rejects when it does not. */
  readonly finished: () => Promise<void>;
}

export interface Source {
  /** Opens the stream of one tree; undefined for a source that is neither file nor directory (for example a socket). */
  open(index: number): Promise<TreeStream | undefined>;
  close(): Promise<void>;
}

/** Opens the trees for reading. The caller must close the source, whatever happens. */
export async function openSource(
  { connection, log, warn }: Job,
  trees: readonly Tree[],
  reader: MethodChoice,
): Promise<Source> {
  const mounts = trees.map(helperMount);
  // The tar method also uses it first: to check that the sources exist, and whether they are files or directories.
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

interface HelperPath {
  /** The path that the archive endpoint is asked for. */
  readonly archivePath: string;
  readonly skip: number;
  /** tar's working directory and the one name it saves. */
  readonly directory: string;
  readonly name: string;
}

function placeInHelper(tree: Tree, mount: HelperMount, index: number, isFile: boolean): HelperPath {
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

/** A helper that writes into a pipe where engine and process share files, or else to its stdout. */
async function startTar(
  connection: Connection,
  tar: Tar,
  place: HelperPath,
  mount: HelperMount,
  log: Logger,
): Promise<{ helper: Helper; pipe?: LocalPipe }> {
  log.info(`Running tar of the image ${shortImage(tar.image)} as root with read-only access to "${mount.source}".`);
  const program = (to: string) => ({ image: tar.image, command: tarCommand(tar, place, to), capabilities: RIGHTS });
  const pipe = await makeLocalPipe(connection);
  if (pipe !== undefined) {
    const create = (end: HelperMount, path: string) =>
      createCommandHelper(connection, program(path), [mount, end], log);
    const helper = await createOnPipe(pipe, false, create, log);
    if (helper !== undefined) return { helper, pipe };
  }
  return {
    helper: await createCommandHelper(connection, program('-'), [mount], log),
  };
}

function tarCommand(tar: Tar, place: HelperPath, to: string): string[] {
  const command = ['tar', '-c', '-f', to, '--numeric-owner'];
  if (tar.gnu) {
    command.push('--format=posix', '--sparse', '--xattrs', '--xattrs-include=*', '--acls', '--blocking-factor=256');
    // A restore does not need the times of access and change, which would cost a block for each member.
    command.push('--pax-option=delete=atime,delete=ctime');
  }
  return [...command, '-C', place.directory, '--', place.name];
}

/** GNU tar's exit codes: 0 success, 1 some files changed while they were read, 2 and more a failure. */
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
  // Handled like any other loss of the connection.
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
