// `npm run test:electron`: the extension suite in a desktop VS Code, for those who can download one. Needs an engine at DOCKER_HOST.
import { join } from 'node:path';
import { ensureModules, ensureNode, root, run } from './machine.mjs';

await ensureModules();
const node = await ensureNode();
await run(node.node, ['build/bundle.mjs', '--tests']);
const host = process.env.DOCKER_HOST || 'unix:///var/run/docker.sock';
const { makeImages } = await import('./images.mjs');
await makeImages(host);
const { runTests } = await import('@vscode/test-electron');
await runTests({
  extensionDevelopmentPath: root,
  extensionTestsPath: join(root, 'out/test/index.cjs'),
  extensionTestsEnv: { DOCKER_HOST: host, DOCKER_MOUNTS_TEST_HOST: host },
  launchArgs: ['--disable-workspace-trust'],
});
