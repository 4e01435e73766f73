// `npm start`: from a fresh clone to a VS Code window with the extension and sample containers. Ctrl+C ends all of it.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, ensureModules, ensureNode, ensurePackages, has, root, run } from './machine.mjs';

const cleanUps = [];
let isEnding = false;

async function end(code) {
  if (isEnding) return;
  isEnding = true;
  for (const cleanUp of cleanUps.reverse()) await Promise.resolve(cleanUp()).catch((error) => console.error(error.message));
  process.exit(code);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => void end(0));

try {
  await main();
} catch (error) {
  console.error(error.message);
  await end(1);
}

async function main() {
  const hasDesktop = has('code') && Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY || process.platform !== 'linux');
  await ensureModules();
  const node = await ensureNode();
  const host = await findEngine();
  await ensurePackages(hasDesktop ? ['images'] : ['images', 'server']);
  const { makeSamples } = await import('./samples.mjs');
  const workspace = join(cacheFolder(), 'sample-workspace');
  mkdirSync(workspace, { recursive: true });
  cleanUps.push(() => rmSync(workspace, { recursive: true, force: true }));
  cleanUps.push(await makeSamples(host, workspace));
  const env = { DOCKER_HOST: host };
  if (hasDesktop) {
    await run(node.node, ['build/bundle.mjs', '--dev']);
    const window = spawn('code', ['--new-window', '--wait', `--extensionDevelopmentPath=${root}`, workspace], { env: { ...process.env, ...env }, stdio: 'inherit' });
    cleanUps.push(() => void window.kill());
    console.log('VS Code is open with the extension. Ctrl+C removes the samples.');
    window.on('exit', () => void end(0));
    return;
  }
  await run('npm', ['run', '--silent', 'package']);
  const { startVSCode } = await import('./vscode.mjs');
  const port = Number(process.env.PORT) || undefined;
  const code = await startVSCode({ node, env, vsix: join(root, 'docker-mounts.vsix'), port, settings: { 'dockerMounts.backup.folder': join(workspace, 'backups') } });
  cleanUps.push(code.stop);
  console.log(`\nOpen  ${code.url}/?folder=${encodeURIComponent(workspace)}  in a browser, and click Docker Mounts in the activity bar.\nCtrl+C stops the server and removes the samples.`);
}

/** The engine that answers at DOCKER_HOST or the usual socket, else one of our own. */
async function findEngine() {
  const { answers, startEngine } = await import('./engine.mjs');
  const usual = process.env.DOCKER_HOST || 'unix:///var/run/docker.sock';
  if ((!usual.startsWith('unix:') || existsSync(usual.slice('unix://'.length))) && (await answers(usual))) return usual;
  await ensurePackages(['engine']);
  if (await answers(usual)) return usual;
  console.log('No engine answers; starting one for this window.');
  const engine = await startEngine();
  cleanUps.push(engine.stop);
  return engine.host;
}
