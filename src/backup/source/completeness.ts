/**
 * Compares what the archive endpoint sent with what the source holds. The engine only logs what it cannot read, leaves
 * it out and ends the stream normally, so the end of the stream alone proves nothing.
 */
import * as l10n from '@vscode/l10n';
import { hash } from 'node:crypto';
import { opendir } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { stdoutOf } from '../../engine/helper/attachStream.ts';
import { BadArchive } from '../../engine/errors.ts';
import { sharesFiles } from '../../engine/helper/localPipe.ts';

import { findTool } from '../../engine/helper/toolImage.ts';
import { createTool, reasonOf } from '../../engine/helper/tools.ts';
import { memberPath } from '../../tar/names.ts';
import { rootName, type Tree } from './trees.ts';
import { printableName } from '../../tar/names.ts';
import type { Work, Job } from '../../engine/job.ts';

/** Names as 64 bits each, so that a million of them take 8 MB. */
class Names {
  #hashes = new BigUint64Array(1024);
  #count = 0;
  #isSorted = false;

  add(path: string): void {
    if (this.#count === this.#hashes.length) {
      const larger = new BigUint64Array(this.#count * 2);
      larger.set(this.#hashes);
      this.#hashes = larger;
    }
    this.#hashes[this.#count] = hashOf(path);
    this.#count += 1;
    this.#isSorted = false;
  }

  has(path: string): boolean {
    if (!this.#isSorted) this.#hashes.subarray(0, this.#count).sort();
    this.#isSorted = true;
    const wanted = hashOf(path);
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#hashes[middle] ?? 0n) < wanted) low = middle + 1;
      else high = middle;
    }
    return low < this.#count && this.#hashes[low] === wanted;
  }
}

function hashOf(path: string): bigint {
  return hash('sha1', Buffer.from(path, 'latin1'), 'buffer').readBigUInt64LE(0);
}

/**
 * Lists a source: paths below its root as Latin-1, without sockets, which a tar cannot hold. Throws Unlisted for what
 * it cannot reach.
 */
type List = (job: Job) => AsyncIterable<string>;

class Unlisted extends Error {}

/** What vanished meanwhile does not matter. */
const VANISHED = new Set(['ENOENT', 'ENOTDIR']);

async function* walkHere(root: string, job: Work): AsyncGenerator<string> {
  const waiting = [''];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    job.signal.throwIfAborted();
    try {
      const where = Buffer.concat([Buffer.from(root), Buffer.from(`/${path}`, 'latin1')]);
      for await (const entry of await opendir(where, { encoding: 'buffer' as never, bufferSize: 1024 })) {
        const name = (entry.name as unknown as Buffer).toString('latin1');
        const own = path === '' ? name : `${path}/${name}`;
        if (entry.isSocket()) continue;
        yield own;
        if (entry.isDirectory()) waiting.push(own);
      }
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (VANISHED.has(code) && path !== '') continue;
      throw new Unlisted(
        l10n.t('"{0}" cannot be listed ({1})', printableName(Buffer.from(path, 'latin1')).slice(-60), code),
        { cause: error },
      );
    }
  }
}

const LOOK_AT = '/docker-mounts/look';
const NUL = 0;

async function* splitAtNul(stream: Readable): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of stream) {
    const text = rest + (chunk as Buffer).toString('latin1');
    const names = text.split(String.fromCharCode(NUL));
    rest = names.pop() ?? '';
    yield* names;
  }
}

async function* find(job: Job, { type, source }: Tree): AsyncGenerator<string> {
  const helper = await createTool(
    job.connection,
    ['find', LOOK_AT],
    { type, source, target: LOOK_AT, readOnly: true },
    job.log,
  );
  try {
    const { output, exitCode } = await helper.run();
    let said = '';
    for await (const name of splitAtNul(output.pipe(stdoutOf((chunk) => (said += chunk.toString('utf8')))))) yield name;
    const code = await exitCode;
    // The tool skips what vanished meanwhile.
    if (code !== 0) throw new Unlisted(reasonOf({ code, stderr: said.split('\n')[0] ?? '' }));
  } finally {
    await helper.remove();
  }
}

/** A single file has nothing below it. */
// eslint-disable-next-line require-yield -- it is an empty list
async function* nothing(): AsyncGenerator<string> {
  await Promise.resolve();
}

/** How to list the source without the engine's archive endpoint; undefined where that is not possible. */
async function waysToList(job: Job, tree: Tree, mayRun: boolean): Promise<List | undefined> {
  const { hostPath } = tree;
  if (hostPath !== undefined && (await sharesFiles(job.connection))) {
    const code = await opendir(hostPath).then(
      (folder) => folder.close().then(() => ''),
      (error: NodeJS.ErrnoException) => error.code,
    );
    if (code === '') return (work) => walkHere(hostPath, work);
    if (code === 'ENOTDIR') return nothing;
  }
  if (!mayRun || (await findTool(job.connection, job.log)) === undefined) return undefined;
  return (work) => find(work, tree);
}

/** Follows one tree while it is read by the archive endpoint. */
export class SecondLook {
  readonly #tree: Tree;
  /** What precedes the tree's paths in the archive, as Latin-1. */
  readonly #prefix: string;
  readonly #list: List;
  readonly #job: Job;
  readonly #before: Names;
  readonly #archived = new Names();

  private constructor(tree: Tree, list: List, job: Job, before: Names) {
    this.#tree = tree;
    const root = rootName(tree);
    this.#prefix = root === '.' ? '' : `${Buffer.from(root).toString('latin1')}/`;
    this.#list = list;
    this.#job = job;
    this.#before = before;
  }

  /**
   * Lists the tree before it is read: directly where its files are on this machine, or else with our tool, if it may
   * run. Undefined, with a line in the log, where there is no way to list it.
   */
  static async begin(job: Job, tree: Tree, mayRun: boolean): Promise<SecondLook | undefined> {
    const list = await waysToList(job, tree, mayRun);
    if (list === undefined) {
      job.log.info(
        `What the engine sends of "${tree.source}" cannot be checked against a listing here; the method "tar" reports what it could not read.`,
      );
      return undefined;
    }
    const before = new Names();
    try {
      for await (const path of list(job)) before.add(path);
    } catch (error) {
      throw unreachableError(tree, error);
    }
    return new SecondLook(tree, list, job, before);
  }

  /** A member's name as the archive has it. */
  add(name: Buffer): void {
    const path = memberPath(name);
    if (path.startsWith(this.#prefix)) this.#archived.add(path.slice(this.#prefix.length));
  }

  /** Throws BadArchive where something existed before and after the reading but is not in the archive. */
  async compare(): Promise<void> {
    let missing = 0;
    let example = '';
    try {
      for await (const path of this.#list(this.#job)) {
        if (this.#archived.has(path) || !this.#before.has(path)) continue;
        missing += 1;
        example ||= path;
      }
    } catch (error) {
      throw unreachableError(this.#tree, error);
    }
    if (missing === 0) return;
    const problem = `the engine left out ${missing} entries without an error, for example "${printableName(Buffer.from(example, 'latin1')).slice(-200)}"`;
    throw new BadArchive(
      '',
      [problem],
      l10n.t(
        'The engine\'s archive of "{0}" is incomplete: {1}. Nothing was kept; use the method "tar".',
        this.#tree.source,
        problem,
      ),
    );
  }
}

function unreachableError(tree: Tree, error: unknown): unknown {
  if (!(error instanceof Unlisted)) return error;
  return new BadArchive(
    '',
    [error.message],
    l10n.t(
      '"{0}" cannot be read completely by the engine\'s archive endpoint: {1}. Nothing was kept; use the method "tar".',
      tree.source,
      error.message,
    ),
    { cause: error },
  );
}
