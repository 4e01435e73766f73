/**
 * The engine's archive endpoint, with paths of any bytes (HEAD, GET and PUT /containers/{id}/archive). dockerode takes
 * the path as text and would encode it as UTF-8, so the query is built here.
 */
import * as l10n from '@vscode/l10n';
import type { Readable } from 'node:stream';
import { engineError } from '../connection.ts';
import { NotFound, statusOf } from '../errors.ts';
import { isWithin } from '../pathEnds.ts';
import type { Helper } from './helper.ts';
import { pathStatOf, type PathStat } from './pathStat.ts';

/** Where a volume is mounted in a helper: a path that its links are unlikely to name. */
export const VOLUME_TARGET = '/docker-mounts/volume';

/** A path of a helper as people know it: in a volume relative to the volume's root, or else as in the container. */
export function shownPath(path: string): string {
  if (!isWithin(path, VOLUME_TARGET)) return path;
  return path.slice(VOLUME_TARGET.length) || '/';
}

interface Answer extends Readable {
  readonly headers: Readonly<Record<string, string | undefined>>;
}

interface DialOptions {
  readonly path: string;
  readonly method: 'HEAD' | 'GET' | 'PUT';
  readonly isStream: true;
  readonly file?: Readable;
  readonly abortSignal?: AbortSignal;
  readonly statusCodes: Readonly<Record<number, true | string>>;
}

const STATUS_CODES = {
  200: true,
  400: 'bad parameter',
  403: 'permission denied',
  404: 'not found',
  500: 'server error',
} as const;

function dial(
  helper: Helper,
  method: DialOptions['method'],
  path: Buffer,
  more: Pick<DialOptions, 'file' | 'abortSignal'> = {},
): Promise<Answer> {
  const { modem } = helper.container as unknown as {
    modem: { dial(options: DialOptions, done: (error: Error | null, answer: Answer) => void): void };
  };
  // docker-modem drops the last character of a path with a query and no options.
  const address = `/containers/${helper.container.id}/archive?path=${percentEncoded(path)}&`;
  return new Promise((resolve, reject) => {
    modem.dial({ path: address, method, isStream: true, statusCodes: STATUS_CODES, ...more }, (error, answer) =>
      error === null ? resolve(answer) : reject(error),
    );
  });
}

function percentEncoded(path: Buffer): string {
  return path
    .toString('latin1')
    .replace(/[^A-Za-z0-9._~/-]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`);
}

function isMissing(error: unknown): boolean {
  return statusOf(error) === 404;
}

/** The engine gives the same answer for a missing file and a missing container. Throws NotFound for the container. */
async function onlyTheFileIsMissing(helper: Helper): Promise<undefined> {
  try {
    await helper.container.inspect();
    return undefined;
  } catch (error) {
    throw engineError(error, {
      kind: 'container',
      object: helper.container.id,
      failed: (why) => l10n.t('The helper container {0} could not be inspected: {1}', helper.container.id, why),
    });
  }
}

function fileError(error: unknown, path: Buffer, failed: (shown: string, why: string) => string): Error {
  const shown = shownPath(path.toString('utf8'));
  return engineError(error, { kind: 'file', object: shown, failed: (why) => failed(shown, why) });
}

/**
 * What is at `path`; undefined for nothing. Throws NotFound where the helper no longer exists, EngineUnavailable,
 * EngineFailure.
 */
export async function statInHelper(helper: Helper, path: Buffer): Promise<PathStat | undefined> {
  try {
    const answer = await dial(helper, 'HEAD', path);
    // An unread answer would keep its socket open.
    answer.resume();
    return pathStatOf(answer);
  } catch (error) {
    if (isMissing(error)) return onlyTheFileIsMissing(helper);
    throw fileError(error, path, (shown, why) => l10n.t('"{0}" could not be inspected in the mount: {1}', shown, why));
  }
}

/**
 * What is at `path`, and its tar stream, which the caller reads or destroys; undefined for nothing. Throws like
 * statInHelper.
 */
export async function openIn(helper: Helper, path: Buffer): Promise<{ stat: PathStat; tar: Readable } | undefined> {
  try {
    const answer = await dial(helper, 'GET', path);
    return { stat: pathStatOf(answer), tar: answer };
  } catch (error) {
    if (isMissing(error)) return onlyTheFileIsMissing(helper);
    throw fileError(error, path, (shown, why) => l10n.t('"{0}" could not be read in the mount: {1}', shown, why));
  }
}

/**
 * Unpacks a tar into the directory `path`; resolves when all is written. Throws EngineUnavailable, EngineFailure,
 * NotFound.
 */
export async function unpackIn(helper: Helper, path: Buffer, tar: Readable, signal?: AbortSignal): Promise<void> {
  // docker-modem does not notice that its input failed, so the request is aborted here.
  const abort = new AbortController();
  let failure: Error | undefined;
  tar.once('error', (error) => {
    failure = error;
    abort.abort();
  });
  const stop = () => abort.abort();
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const answer = await dial(helper, 'PUT', path, { file: tar, abortSignal: abort.signal });
    for await (const _ of answer) void _;
  } catch (error) {
    if (failure !== undefined) throw failure;
    const shown = shownPath(path.toString('utf8'));
    if (isMissing(error)) {
      await onlyTheFileIsMissing(helper);
      throw new NotFound(
        'folder',
        shown,
        l10n.t('There is no directory "{0}" to write into; it may have been removed meanwhile.', shown),
        { cause: error },
      );
    }
    throw engineError(error, {
      kind: 'folder',
      object: shown,
      failed: (why) => l10n.t('Nothing could be written into the directory "{0}" of the mount: {1}', shown, why),
    });
  } finally {
    signal?.removeEventListener('abort', stop);
    tar.destroy();
  }
}
