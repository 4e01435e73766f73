// A real VS Code: the server of the npm package, and Chromium as its window.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { URLSearchParams } from 'node:url';
import { throwIfEnding } from './ending.mjs';
import { nestedEnvironment } from './environment.mjs';
import { keep } from './keep.mjs';
import { ensureServer, locate } from './machine.mjs';

const READY_MS = 60_000;

const QUIET = {
  'chat.disableAIFeatures': true,
  'workbench.startupEditor': 'none',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.tips.enabled': false,
  'security.workspace.trust.enabled': false,
  'extensions.ignoreRecommendations': true,
};

/** Why a port of this machine cannot be listened on; undefined where it can. */
export async function whyNoPort(port) {
  const server = createServer();
  try {
    return await new Promise((resolve) => {
      server.on('error', (error) =>
        resolve(error.code === 'EADDRINUSE' ? 'another program listens there' : error.message),
      );
      server.listen(port, '127.0.0.1', () => resolve(undefined));
    });
  } finally {
    server.close();
  }
}

/**
 * Starts the server with settings and, where given, an extension installed from a .vsix. It ends with this process.
 * `env` is the whole environment of the window.
 * @param {{ node: { node: string }, env?: NodeJS.ProcessEnv, vsix?: string, settings?: object, test?: boolean, port?:
 * number }} options
 */
export async function startVSCode({ node, env = process.env, vsix, settings = {}, test = false, port = 0 }) {
  const main = await ensureServer(node);
  const home = join(tmpdir(), `dm-code-${randomBytes(4).toString('hex')}`);
  const data = join(home, 'data');
  const token = randomBytes(16).toString('hex');
  const tokenFile = join(home, 'token');
  const folders = ['--server-data-dir', data, '--extensions-dir', join(home, 'extensions')];
  const environment = { ...nestedEnvironment(env), TMPDIR: join(home, 't') };
  const args = [
    main,
    '--host',
    '127.0.0.1',
    '--port',
    String(port),
    '--connection-token-file',
    tokenFile,
    '--accept-server-license-terms',
    ...folders,
    '--telemetry-level',
    'off',
    '--disable-workspace-trust',
  ];
  if (test) args.push('--enable-smoke-test-driver');
  const code = keep({ command: node.node, args, env: environment, folders: [home], output: 'pipe' });
  await code.ready;
  // A remote window takes settings that name a path or a host (scope machine) from the machine's file only.
  const machineSettings = join(data, 'data/Machine/settings.json');
  try {
    for (const kind of ['User', 'Machine']) {
      mkdirSync(join(data, 'data', kind), { recursive: true });
      writeFileSync(join(data, 'data', kind, 'settings.json'), JSON.stringify({ ...QUIET, ...settings }, null, 2));
    }
    // Killed, it leaves its sockets in these two.
    mkdirSync(environment.TMPDIR);
    if (environment.XDG_RUNTIME_DIR)
      environment.XDG_RUNTIME_DIR = likeFolder(environment.XDG_RUNTIME_DIR, join(home, 'r'));
    // Whoever may open the window has a terminal of this user: other users of the machine may not.
    writeFileSync(tokenFile, token, { mode: 0o600 });
    if (vsix) await installExtension(node, [main, ...folders], vsix, environment);
    await code.start();
    let chosen;
    for (const end = Date.now() + READY_MS; chosen === undefined; await sleep(50)) {
      throwIfEnding();
      chosen = code.said().match(/Extension host agent listening on (\d+)/)?.[1];
      if (chosen === undefined && (!code.isRunning() || Date.now() > end))
        throw new Error(`The VS Code server did not start:\n${code.said()}`);
    }
    return {
      port: Number(chosen),
      home,
      machineSettings,
      said: code.said,
      /** Address of a window on a folder. */
      address: (folder, more = {}) =>
        `http://127.0.0.1:${chosen}/?${new URLSearchParams({ tkn: token, folder, ...more })}`,
      exited: code.exited,
      stop: () => code.end(),
    };
  } catch (error) {
    await code.end();
    throw error;
  }
}

/** A folder in which the entries of another are found, and in which what is new stays apart. */
function likeFolder(model, folder) {
  mkdirSync(folder, { mode: 0o700 });
  for (const name of existsSync(model) ? readdirSync(model) : []) symlinkSync(join(model, name), join(folder, name));
  return folder;
}

async function installExtension(node, args, vsix, env) {
  const installing = keep({
    command: node.node,
    args: [...args, '--accept-server-license-terms', '--install-extension', vsix],
    env,
    output: 'pipe',
  });
  try {
    await installing.start();
    const { code } = await installing.exited();
    if (code !== 0)
      throw new Error(`The extension ${vsix} could not be installed into the VS Code server:\n${installing.said()}`);
  } finally {
    await installing.end();
  }
}

/** Chromium without a screen. */
export async function launchBrowser() {
  const { chromium } = await import('playwright-core');
  const executablePath = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
    .map(locate)
    .find((path) => path !== undefined);
  if (executablePath === undefined) throw new Error('No Chromium was found.');
  const args = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ];
  return chromium.launch({ executablePath, args });
}
