// `npm run test:electron`: the extension suite in a desktop VS Code, for those who can download one. Needs an engine at
// DOCKER_HOST.
import { join } from 'node:path';
import { runScript } from './ending.mjs';
import { engineEnvironment } from './environment.mjs';
import { ensureModules, ensureNode, root, run } from './machine.mjs';

await runScript(async () => {
  await ensureModules();
  const node = await ensureNode();
  await run(node.node, ['build/bundle.mjs', '--tests']);
  const host = process.env.DOCKER_HOST || 'unix:///var/run/docker.sock';
  const { answers } = await import('./engine.mjs');
  if (!(await answers(host)))
    throw new Error(`No engine answers at ${host}. Start it, or set DOCKER_HOST to another one, and try again.`);
  const { makeImages } = await import('./images.mjs');
  await makeImages(host);
  const { runTests } = await import('@vscode/test-electron');
  // The window is started with the environment of this process, whatever is added to it.
  const env = engineEnvironment(process.env, host);
  for (const name of Object.keys(process.env)) if (env[name] === undefined) delete process.env[name];
  await runTests({
    extensionDevelopmentPath: root,
    extensionTestsPath: join(root, 'out/test/index.cjs'),
    extensionTestsEnv: { DOCKER_HOST: host, DOCKER_MOUNTS_TEST_HOST: host },
    launchArgs: ['--disable-workspace-trust'],
  });
});
