// What the machine must have. Only Node's own modules here: this runs right after the clone.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Node that strips types, has zstd and is what the VS Code server wants. */
const NODE_VERSION = '24.21.0';
const SERVER_VERSION = '4.139.1';

export function cacheFolder() {
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'docker-mounts');
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Runs a command with its output shown; rejects with its name when it fails. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', cwd: root, ...options });
    child.on('error', reject);
    child.on('close', (code, signal) => (code === 0 ? resolve() : reject(new Error(`${command} ${args.join(' ')} ended with ${signal ?? `code ${code}`}`))));
  });
}

/** Where a command is, or undefined. */
export function locate(command) {
  const { status, stdout } = spawnSync('sh', ['-c', 'command -v -- "$1"', 'sh', command], { env: withSystemPath(), encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

export function has(command) {
  return locate(command) !== undefined;
}

/** dockerd and iptables live in sbin, which is not on every PATH. */
export function withSystemPath(env = process.env) {
  return { ...env, PATH: [env.PATH ?? '', '/usr/local/sbin', '/usr/sbin', '/sbin'].join(delimiter) };
}

/** Packages by the command or file that shows they are there. */
const PACKAGES = {
  engine: [
    ['dockerd', 'docker.io'],
    ['runc', 'runc'],
    ['containerd', 'containerd'],
    ['iptables', 'iptables'],
  ],
  images: [['/bin/busybox', 'busybox-static']],
  fixtures: [
    ['setfattr', 'attr'],
    ['setfacl', 'acl'],
    ['zstd', 'zstd'],
    ['age', 'age'],
    ['docker-compose', 'docker-compose'],
    ['ssh', 'openssh-client'],
    ['docker', 'docker.io'],
  ],
  browser: [['chromium', 'chromium']],
  server: [
    ['python3', 'python3'],
    ['make', 'make'],
    ['g++', 'g++'],
    ['/usr/include/krb5.h', 'libkrb5-dev'],
  ],
};

/**
 * Installs the Debian packages of the named groups that are missing: as root at once, else with sudo after asking.
 * @param {(keyof typeof PACKAGES)[]} groups
 */
export async function ensurePackages(groups) {
  const isThere = (mark) => (mark.startsWith('/') ? existsSync(mark) : has(mark));
  const missing = groups.flatMap((group) => PACKAGES[group]).filter(([mark]) => !isThere(mark)).map(([, name]) => name);
  if (missing.length === 0) return;
  if (!has('apt-get')) throw new Error(`These packages are missing, and only Debian's apt-get is known here; install them and try again: ${missing.join(' ')}`);
  const isRoot = process.getuid?.() === 0;
  if (!isRoot) {
    if (!process.stdin.isTTY) throw new Error(`These packages are missing; install them as root: apt-get install ${missing.join(' ')}`);
    const prompt = createInterface({ input: process.stdin, output: process.stdout });
    const answer = await prompt.question(`Install with sudo: ${missing.join(' ')}? [y/N] `);
    prompt.close();
    if (!/^y/i.test(answer)) throw new Error(`Without ${missing.join(', ')} this cannot go on.`);
  }
  const sudo = isRoot ? [] : ['sudo'];
  const apt = (...args) => {
    const [command, ...rest] = [...sudo, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', '-y', ...args];
    return run(command, rest);
  };
  await apt('update');
  // Services that a package starts would come between a test and its own engine.
  await apt('install', '--no-install-recommends', ...missing);
}

/** The project's own dependencies, exactly as locked. */
export async function ensureModules() {
  const mark = join(root, 'node_modules/.package-lock.json');
  const isFresh = existsSync(mark) && statSync(mark).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
  if (!isFresh) await run('npm', ['ci', '--no-audit', '--no-fund']);
}

/** Makes a folder of the cache whole or not at all. */
export async function ensureCached(name, fill) {
  const folder = join(cacheFolder(), name);
  if (existsSync(folder)) return folder;
  const partial = `${folder}.${process.pid}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  try {
    await fill(partial);
    renameSync(partial, folder);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

async function install(folder, dependencies, env = process.env) {
  // npm asks before it runs a package's install script; these builds are wanted.
  const allowScripts = Object.fromEntries(Object.keys(dependencies).map((name) => [name, true]));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies, allowScripts }));
  await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder, env });
}

/** The Node that runs tests and the VS Code server: this one where it is new enough, else one in the cache. */
export async function ensureNode() {
  const [major = 0] = process.versions.node.split('.').map(Number);
  if (major === 24) return { node: process.execPath, include: undefined };
  const platform = `node-${process.platform}-${process.arch}`;
  const folder = await ensureCached(`node-${NODE_VERSION}`, (partial) => install(partial, { [platform]: NODE_VERSION }));
  const found = join(folder, 'node_modules', platform);
  return { node: join(found, 'bin/node'), include: found };
}

/** Path of the VS Code server's start script; installed once (about 90 s). */
export async function ensureServer(node) {
  const vscode = 'node_modules/code-server/lib/vscode';
  const start = join(vscode, 'out/server-main.js');
  const folder = await ensureCached(`code-server-${SERVER_VERSION}`, async (partial) => {
    console.log('Installing the VS Code server into the cache…');
    const env = { ...process.env, PATH: `${dirname(node.node)}${delimiter}${process.env.PATH}` };
    if (node.include) env.npm_config_nodedir = node.include;
    await install(partial, { 'code-server': SERVER_VERSION }, env);
    if (!existsSync(join(partial, vscode, 'node_modules')) || !existsSync(join(partial, start))) {
      throw new Error('The VS Code server came without its modules: its install script did not run.');
    }
  });
  return join(folder, start);
}
