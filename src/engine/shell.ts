/** A shell in a running container: found, started on a terminal, resized, and ended with everything that it started. */
import * as l10n from '@vscode/l10n';
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { inspectContainer } from './containers.ts';
import { engineError, type Connection } from './connection.ts';
import { EngineFailure, NotFound, statusOf } from './errors.ts';
import { pathStatOf, type PathStat } from './helper/pathStat.ts';
import { withoutEndSlashes } from './pathEnds.ts';
import { retried } from './retry.ts';

const SHELLS = ['bash', 'sh', 'ash'];
/** Marks the processes of one terminal in their environment, which every child inherits. */
const TOKEN = 'DOCKER_MOUNTS_TERMINAL';
/** Hangs up every process with the mark in $1; it needs only `/proc`. */
const HANG_UP =
  'for p in /proc/[0-9]*; do [ "$p" = "/proc/$$" ] || ! grep -qs "$1" "$p/environ" || kill -HUP "${p#/proc/}"; done';

const MOST_LINKS = 10;

export interface FoundShell {
  /** Name or id as it was given. */
  readonly container: string;
  readonly shell: string;
  /** The directory in which it starts. */
  readonly cwd: string;
  /** Whether the container's own locale is not UTF-8. */
  readonly needsUtf8: boolean;
}

export interface Shell {
  /** Both directions, as the terminal needs it. Ends with the shell. */
  readonly stream: Duplex;
  /** Never throws: a size that comes too late does not matter. */
  resize(columns: number, rows: number): void;
  /** Once the stream ended: the exit code, or undefined where the engine does not say. */
  exitCode(): Promise<number | undefined>;
  /** Ends the shell and what it started, like closing a window; the engine does not do this itself. Never throws. */
  hangUp(): Promise<void>;
}

/** Docker's name of a container's state, such as `running`. Throws NotFound. */
export async function stateOf(connection: Connection, container: string): Promise<string> {
  return (await inspectContainer(connection, container)).State.Status;
}

/**
 * Finds a shell (bash, or else sh, or else ash) and the directory to start in: that of the path, or else the
 * container's working directory. Throws NotFound where there is no shell or the path does not exist, EngineFailure
 * where the container does not run.
 */
export async function findShell(connection: Connection, container: string, path?: string): Promise<FoundShell> {
  const { State, Config } = await inspectContainer(connection, container);
  if (State.Status !== 'running')
    throw new EngineFailure(
      409,
      l10n.t(
        'Container "{0}" is {1}; a terminal needs a running container. Start or resume it first.',
        container,
        State.Status,
      ),
    );
  const cwd = path === undefined ? Config.WorkingDir || '/' : await directoryOf(connection, container, path);
  const locale = ((Config.Env as string[] | null) ?? []).find((line) => /^(LC_ALL|LC_CTYPE|LANG)=/.test(line));
  for (const shell of SHELLS) {
    if (await runs(connection, container, shell)) return { container, shell, cwd, needsUtf8: locale === undefined };
  }
  throw new NotFound(
    'file',
    'sh',
    l10n.t(
      'Container "{0}" has no shell (tried: {1}), so a terminal cannot be opened in it.',
      container,
      SHELLS.join(', '),
    ),
  );
}

/** Starts the shell that was found, as the container's user. Throws EngineFailure. */
export async function startShell(
  connection: Connection,
  { container, shell, cwd, needsUtf8 }: FoundShell,
  size: { readonly columns: number; readonly rows: number },
): Promise<Shell> {
  const token = randomBytes(8).toString('hex');
  const env = ['TERM=xterm-256color', `${TOKEN}=${token}`, ...(needsUtf8 ? ['LANG=C.UTF-8'] : [])];
  try {
    const exec = await connection.docker.getContainer(encodeURIComponent(container)).exec({
      Cmd: [shell],
      Env: env,
      WorkingDir: cwd,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Tty: true,
    });
    const stream = await exec.start({ hijack: true, stdin: true, Tty: true });
    // A lost connection ends the stream; its error is of no use in a terminal.
    stream.on('error', () => stream.destroy());
    const resize = (columns: number, rows: number) => exec.resize({ w: columns, h: rows });
    // The shell may not have begun yet; the docker command tries as often (docker/cli).
    await retried({ tries: 10, stepMs: 10 }, () => resize(size.columns, size.rows)).catch(() => undefined);
    return {
      stream,
      resize: (columns, rows) => void resize(columns, rows).catch(() => undefined),
      exitCode: () =>
        exec.inspect().then(
          ({ ExitCode }) => ExitCode ?? undefined,
          () => undefined,
        ),
      hangUp: async () => {
        stream.destroy();
        await run(connection, container, [shell, '-c', HANG_UP, shell, `${TOKEN}=${token}`]).catch(() => undefined);
      },
    };
  } catch (error) {
    throw engineError(error, {
      kind: 'container',
      object: container,
      failed: (why) => l10n.t('{0} could not be started in {1} of container "{2}": {3}', shell, cwd, container, why),
    });
  }
}

async function runs(connection: Connection, container: string, shell: string): Promise<boolean> {
  try {
    return (await run(connection, container, [shell, '-c', 'exit 0'])) === 0;
  } catch (error) {
    // Engines report a missing program by the exit code or by a refusal, with different messages.
    if (error instanceof EngineFailure) return false;
    throw error;
  }
}

/** Runs a program to its end, ignores its output and returns the exit code. */
async function run({ docker }: Connection, container: string, command: readonly string[]): Promise<number | undefined> {
  try {
    const exec = await docker
      .getContainer(encodeURIComponent(container))
      .exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true });
    const stream = await exec.start({ hijack: true, stdin: false });
    await new Promise<void>((resolve, reject) =>
      stream.on('error', reject).on('end', resolve).on('close', resolve).resume(),
    );
    return (await exec.inspect()).ExitCode ?? undefined;
  } catch (error) {
    throw engineError(error, {
      kind: 'container',
      object: container,
      failed: (why) => l10n.t('{0} could not be run in container "{1}": {2}', command[0] ?? '', container, why),
    });
  }
}

/**
 * The path itself where it is a directory, or else its parent directory. The engine follows links as the container
 * does. Throws NotFound.
 */
async function directoryOf(connection: Connection, container: string, path: string): Promise<string> {
  let at = path;
  for (let links = 0; links < MOST_LINKS; links += 1) {
    const { type, linkTarget } = await statInContainer(connection, container, at);
    if (type !== 'link' || linkTarget === '') return type === 'directory' ? path : parentOf(path);
    at = linkTarget;
  }
  return parentOf(path);
}

function parentOf(path: string): string {
  const clean = withoutEndSlashes(path);
  return withoutEndSlashes(clean.slice(0, clean.lastIndexOf('/') + 1)) || '/';
}

async function statInContainer({ docker }: Connection, container: string, path: string): Promise<PathStat> {
  try {
    const answer = (await docker.getContainer(encodeURIComponent(container)).infoArchive({ path })) as {
      headers: Record<string, string | undefined>;
      resume(): void;
    };
    answer.resume();
    return pathStatOf(answer);
  } catch (error) {
    const statusCode = statusOf(error);
    // The answer to a HEAD request has no message.
    if (statusCode === 500)
      throw new EngineFailure(
        500,
        l10n.t(
          'The engine cannot inspect "{0}" in container "{1}": it may be a symbolic link that leads in a circle, or hold an invalid character. Choose another path.',
          path,
          container,
        ),
        { cause: error },
      );
    if (statusCode === 404) {
      throw new NotFound(
        'file',
        path,
        l10n.t(
          'There is no "{0}" in container "{1}". Check the path; a mount on top of it may hide it.',
          path,
          container,
        ),
        { cause: error },
      );
    }
    throw engineError(error, {
      kind: 'container',
      object: container,
      failed: (why) => l10n.t('"{0}" in container "{1}" could not be inspected: {2}', path, container, why),
    });
  }
}
