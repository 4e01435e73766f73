// `npm start`: from a fresh clone to a VS Code window with the extension and sample containers. Ctrl+C ends all of it.
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { atEnd, isEnding, runScript, step, throwIfEnding } from './ending.mjs';
import { engineEnvironment } from './environment.mjs';
import { keep } from './keep.mjs';
import { withLock } from './lock.mjs';
import { cacheFolder, ensureModules, ensureNode, ensureServer, has, root, run, toolEnvironment } from './machine.mjs';
import { ensurePackages } from './packages.mjs';
import { startVSCode, whyNoPort } from './vscode.mjs';

await runScript(main, { stay: true });

async function main() {
  const port = await portOf(process.env.PORT);
  const isRoot = process.getuid?.() === 0;
  // A desktop VS Code refuses root.
  const hasDesktop =
    !isRoot &&
    has('code') &&
    Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY || process.platform !== 'linux');
  await ensureModules();
  const node = await ensureNode();
  const own = toolEnvironment(node);
  const { env, isOwn } = await findEngine(node, own);
  // Elsewhere the engine runs in a virtual machine, and its images are pulled.
  await ensurePackages([...(process.platform === 'linux' ? ['images'] : []), ...(hasDesktop ? [] : ['server'])]);
  if (!hasDesktop) await ensureServer(node);
  const vsix = await build(node, own, hasDesktop);
  const workspace = await makeSamples(node, env, isOwn);
  if (hasDesktop) {
    const window = keep({
      command: 'code',
      args: ['--new-window', '--wait', `--extensionDevelopmentPath=${root}`, workspace],
      env,
    });
    atEnd(() => window.end());
    await window.start();
    console.log('VS Code is open with the extension. Ctrl+C, or closing the window, removes the samples.');
    return { until: window.exited() };
  }
  const code = await startVSCode({
    node,
    env,
    vsix,
    port,
    settings: { 'dockerMounts.backup.folder': join(workspace, 'backups') },
  });
  atEnd(code.stop);
  throwIfEnding();
  console.log(
    `\nOpen  ${code.address(workspace)}  in a browser, and click Docker Mounts in the activity bar.\nCtrl+C stops the server and removes the samples, with the backups made of them.`,
  );
  return {
    until: code.exited().then(({ code: exit, signal }) => {
      if (!isEnding())
        console.error(`The VS Code server ended by itself (${signal ?? `code ${exit}`}).\n${code.said()}`);
    }),
  };
}

/** The port that PORT asks for; 0 for any. */
async function portOf(text = '') {
  if (text === '') return 0;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Error(
      `PORT is "${text}", which is no port. Write a number from 1 to 65535, or leave it out for a free one.`,
    );
  const why = await whyNoPort(port);
  if (why !== undefined)
    throw new Error(
      `Port ${port}, which PORT asks for, cannot be used: ${why}. Choose another one, or leave PORT out for a free one.`,
    );
  return port;
}

/**
 * The environment with which the window finds its engine: the one that the docker command would use, else one of our
 * own.
 */
async function findEngine(node, own) {
  const found = await look(node, own);
  if (found.reason === undefined) {
    console.log(
      `Using the engine at ${found.address}${found.context === undefined ? '' : ` (Docker context "${found.context}")`}.`,
    );
    return { env: own, isOwn: false };
  }
  // Who names an engine means that one.
  if (found.origin === 'environment')
    throw new Error(
      `DOCKER_HOST is "${process.env.DOCKER_HOST}", and no engine answers there. ${found.message}\nOr unset DOCKER_HOST, for the usual engine or a private one.`,
    );
  if (found.origin === 'context')
    throw new Error(
      `The current Docker context leads to no engine. ${found.message}\nOr choose another one: "docker context use default"${process.env.DOCKER_CONTEXT ? ', with DOCKER_CONTEXT unset' : ''}.`,
    );
  if (found.reason === 'permissionDenied') throw new Error(found.message);
  const { startEngine, whyNoPrivateEngine } = await import('./engine.mjs');
  const why = whyNoPrivateEngine();
  if (why !== undefined) throw new Error(`No Docker engine answers on this machine. ${why}`);
  await ensurePackages(['engine']);
  // The package's own service may run by now.
  if ((await look(node, own)).reason === undefined) return { env: own, isOwn: false };
  console.log('No engine answers; starting one for this window.');
  const engine = await startEngine();
  atEnd(engine.stop);
  throwIfEnding();
  return { env: engineEnvironment(own, engine.host), isOwn: true };
}

async function look(node, env) {
  const looking = keep({ command: node.node, args: [join(root, 'test/host/engineAtHand.ts')], env, output: 'pipe' });
  try {
    await looking.start();
    await step(looking.exited(), () => looking.end());
    const line = looking
      .said()
      .split('\n')
      .find((text) => text.startsWith('{'));
    if (line === undefined) throw new Error(`It could not be found out which engine to use:\n${looking.said()}`);
    return JSON.parse(line);
  } finally {
    await looking.end();
  }
}

/** Builds the extension; for the server, as a .vsix of this window's own. */
async function build(node, env, hasDesktop) {
  return withLock(join(root, 'out/build.lock'), 'building the extension in this checkout', async () => {
    if (hasDesktop) {
      await run(node.node, ['build/bundle.mjs', '--dev'], { env });
      return undefined;
    }
    const folder = join(tmpdir(), `dm-vsix-${randomBytes(4).toString('hex')}`);
    const kept = keep({ folders: [folder] });
    atEnd(() => kept.end());
    await kept.ready;
    const vsix = join(folder, 'docker-mounts.vsix');
    await run('npm', ['run', '--silent', 'package', '--', '--out', vsix], { env });
    return vsix;
  });
}

/** Makes the sample containers and a workspace of this window's own, and returns the workspace. */
async function makeSamples(node, env, isOwn) {
  const folder = join(cacheFolder(), `window-${randomBytes(4).toString('hex')}`);
  const samples = keep({
    command: node.node,
    args: [join(root, 'test/host/samples.ts'), JSON.stringify({ folder, owner: process.pid })],
    env,
    folders: [folder],
    // On an engine of our own they go with the engine.
    graceMs: isOwn ? 0 : 30_000,
    output: 'pipe',
  });
  atEnd(() => samples.end());
  await samples.ready;
  await samples.start();
  let ready;
  while (ready === undefined) {
    throwIfEnding();
    ready = samples.said().match(/^ready (.*)$/m)?.[1];
    if (ready === undefined && !samples.isRunning())
      throw new Error(`The sample containers could not be made:\n${samples.said()}`);
    await sleep(50);
  }
  console.log(`Sample containers: ${ready}.`);
  return join(folder, 'sample-workspace');
}
