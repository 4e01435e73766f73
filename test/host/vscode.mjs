// A real VS Code: the server of the npm package, and Chromium as its window.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureServer, locate, run } from './machine.mjs';

const QUIET = {
  'chat.disableAIFeatures': true,
  'workbench.startupEditor': 'none',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.tips.enabled': false,
  'security.workspace.trust.enabled': false,
  'extensions.ignoreRecommendations': true,
};

export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Starts the server with settings and, where given, an extension installed from a .vsix.
 * @param {{ node: { node: string }, env?: object, vsix?: string, settings?: object, test?: boolean, port?: number }} options
 */
export async function startVSCode({ node, env = {}, vsix, settings = {}, test = false, port }) {
  const main = await ensureServer(node);
  const home = mkdtempSync(join(tmpdir(), 'dm-code-'));
  const data = join(home, 'data');
  const extensions = join(home, 'extensions');
  // A remote window takes settings that name a path or a host (scope machine) from the machine's file only.
  const machineSettings = join(data, 'data/Machine/settings.json');
  for (const kind of ['User', 'Machine']) {
    mkdirSync(join(data, 'data', kind), { recursive: true });
    writeFileSync(join(data, 'data', kind, 'settings.json'), JSON.stringify({ ...QUIET, ...settings }, null, 2));
  }
  const folders = ['--server-data-dir', data, '--extensions-dir', extensions];
  const environment = { ...process.env, ...env };
  if (vsix) await run(node.node, [main, ...folders, '--accept-server-license-terms', '--install-extension', vsix], { env: environment, stdio: ['ignore', 'ignore', 'inherit'] });
  const chosen = port ?? (await freePort());
  const args = [main, '--host', '127.0.0.1', '--port', String(chosen), '--without-connection-token', '--accept-server-license-terms', ...folders, '--telemetry-level', 'off', '--disable-workspace-trust'];
  if (test) args.push('--enable-smoke-test-driver');
  let said = '';
  const server = spawn(node.node, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (chunk) => (said = (said + chunk).slice(-8000)));
  const url = `http://127.0.0.1:${chosen}`;
  for (let tries = 0; ; tries += 1) {
    if (await fetch(url).then((answer) => answer.ok, () => false)) break;
    if (server.exitCode !== null || tries > 300) throw new Error(`The VS Code server did not start:\n${said}`);
    await sleep(100);
  }
  return {
    url,
    port: chosen,
    home,
    machineSettings,
    said: () => said,
    async stop() {
      const gone = new Promise((resolve) => server.once('exit', resolve));
      // The extension host is a child of the server; the whole group goes.
      try {
        process.kill(-server.pid, 'SIGTERM');
      } catch {
        return;
      }
      await Promise.race([gone, sleep(5000)]);
      try {
        process.kill(-server.pid, 'SIGKILL');
      } catch {
        // All gone.
      }
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Chromium without a screen. */
export async function launchBrowser() {
  const { chromium } = await import('playwright-core');
  const executablePath = ['chromium', 'chromium-browser', 'google-chrome'].map(locate).find((path) => path !== undefined);
  if (executablePath === undefined) throw new Error('No Chromium was found.');
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
  return chromium.launch({ executablePath, args });
}
