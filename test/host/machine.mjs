// What the machine must have. Only Node's own modules here: this runs right after the clone.
import { accessSync, constants, existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { step, throwIfEnding } from './ending.mjs';
import { nestedEnvironment, withNode } from './environment.mjs';
import { keep } from './keep.mjs';
import { withLock } from './lock.mjs';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Node that strips types, has zstd and is what the VS Code server wants. */
const NODE_MAJOR = 24;
const NODE_VERSION = '24.21.0';
const SERVER_VERSION = '4.139.1';

export function cacheFolder() {
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'docker-mounts');
  mkdirSync(folder, { recursive: true });
  return folder;
}

/**
 * Runs a command with its output shown; rejects with its name, and with the hint, when it fails.
 * It has a process group of its own, and ends with this process.
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, hint?: string }} options
 */
export async function run(command, args, { env = nestedEnvironment(process.env), cwd = root, hint = '' } = {}) {
  const code = await exitCodeOf(command, args, { env, cwd });
  if (code !== 0) throw new Error(`"${[command, ...args].join(' ')}" ended with ${code}. ${hint}`.trim());
}

/** The exit code of a command, or the name of the signal that ended it. */
export async function exitCodeOf(
  command,
  args,
  { env = nestedEnvironment(process.env), cwd = root, graceMs = 5000 } = {},
) {
  const kept = keep({ command, args, env, cwd, graceMs });
  try {
    await step(kept.start(), () => kept.end());
    const { code, signal, error } = await step(kept.exited(), () => kept.stop());
    if (error !== undefined) throw error;
    return signal ?? code;
  } finally {
    await kept.end();
  }
}

/** Where a command is, or undefined. It is looked for without a child process, which Ctrl+C in a terminal would end. */
export function locate(command) {
  const found = (withSystemPath().PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, command));
  return found.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return statSync(file).isFile();
    } catch {
      return false;
    }
  });
}

export function has(command) {
  return locate(command) !== undefined;
}

/** dockerd and iptables live in sbin, which is not on every PATH. */
export function withSystemPath(env = process.env) {
  return { ...env, PATH: [env.PATH ?? '', '/usr/local/sbin', '/usr/sbin', '/sbin'].join(delimiter) };
}

const ONLINE =
  'Packages come from the npm registry ("npm config get registry" names it): is this machine online, and does it need a proxy?';

/** The project's own dependencies, exactly as locked. */
export async function ensureModules() {
  const mark = join(root, 'node_modules/.package-lock.json');
  const isFresh = () => existsSync(mark) && statSync(mark).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
  if (isFresh()) return;
  await withLock(join(root, 'out/install.lock'), 'installing the dependencies of this checkout', async () => {
    if (isFresh()) return;
    if (!has('npm'))
      throw new Error(
        'npm was not found. It comes with Node from nodejs.org; on Debian it is the package "npm". Install it, and try again.',
      );
    console.log('Installing the dependencies of this checkout…');
    // Without them there is nothing to build and test with, whatever npm is told to leave out elsewhere.
    await run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'], { hint: ONLINE });
  });
}

/** Makes a folder of the cache whole or not at all. */
export async function ensureCached(name, fill) {
  const folder = join(cacheFolder(), name);
  if (existsSync(folder)) return folder;
  return withLock(`${folder}.lock`, `filling ${folder}`, async () => {
    if (existsSync(folder)) return folder;
    const partial = `${folder}.partial`;
    rmSync(partial, { recursive: true, force: true });
    // Whoever ends in the middle leaves nothing of it.
    const kept = keep({ folders: [partial] });
    try {
      await kept.ready;
      await fill(partial);
      renameSync(partial, folder);
    } finally {
      await kept.end();
    }
    return folder;
  });
}

async function install(folder, dependencies, env = nestedEnvironment(process.env)) {
  // npm asks before it runs a package's install script; these builds are wanted.
  const allowScripts = Object.fromEntries(Object.keys(dependencies).map((name) => [name, true]));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies, allowScripts }));
  // The variable reaches the npm that such a script runs in turn.
  await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', '--omit=dev'], {
    cwd: folder,
    env: { ...env, npm_config_ignore_scripts: 'false' },
    hint: ONLINE,
  });
}

/**
 * The Node that runs tests and the VS Code server: this one where it is of that generation and has its headers, which
 * the server's modules are built with; else one in the cache.
 */
export async function ensureNode() {
  const [major = 0] = process.versions.node.split('.').map(Number);
  const prefix = dirname(dirname(process.execPath));
  if (major === NODE_MAJOR && (existsSync(join(prefix, 'include/node/node.h')) || process.platform !== 'linux'))
    return { node: process.execPath, include: existsSync(join(prefix, 'include/node/node.h')) ? prefix : undefined };
  const platform = `node-${process.platform}-${process.arch}`;
  try {
    const folder = await ensureCached(`node-${NODE_VERSION}`, (partial) =>
      install(partial, { [platform]: NODE_VERSION }),
    );
    const found = join(folder, 'node_modules', platform);
    return { node: join(found, 'bin/node'), include: found };
  } catch (error) {
    throwIfEnding();
    if (major === NODE_MAJOR) return { node: process.execPath, include: undefined };
    throw new Error(
      `Node ${NODE_MAJOR}, which the VS Code server needs, could not be installed as ${platform}@${NODE_VERSION} (this is Node ${process.versions.node}). Use Node ${NODE_MAJOR} itself ("nvm install ${NODE_MAJOR}", or nodejs.org), and try again.\n${error.message}`,
      { cause: error },
    );
  }
}

/** The environment in which the project's own tools run: with that Node, whatever npm was started with. */
export function toolEnvironment(node) {
  return withNode(nestedEnvironment(process.env), dirname(node.node));
}

/** Path of the VS Code server's start script; installed once (about 3 minutes on two cores). */
export async function ensureServer(node) {
  const vscode = 'node_modules/code-server/lib/vscode';
  const start = join(vscode, 'out/server-main.js');
  const folder = await ensureCached(`code-server-${SERVER_VERSION}`, async (partial) => {
    console.log('Installing the VS Code server into the cache; this takes some minutes, once…');
    const env = toolEnvironment(node);
    if (node.include) env.npm_config_nodedir = node.include;
    await install(partial, { 'code-server': SERVER_VERSION }, env);
    if (!existsSync(join(partial, vscode, 'node_modules')) || !existsSync(join(partial, start))) {
      throw new Error(
        'The VS Code server came without its modules: its install script did not run. Look for what npm said above.',
      );
    }
  });
  return join(folder, start);
}
