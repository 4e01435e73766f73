// `npm run bench [MiB] [small files]`: starts an engine and runs the benchmark in the Node that VS Code's generation has.
import { ensureModules, ensureNode, ensurePackages, run } from './machine.mjs';

await ensurePackages(['engine', 'images', 'fixtures']);
await ensureModules();
const node = await ensureNode();
const { startEngine } = await import('./engine.mjs');
const { makeImages } = await import('./images.mjs');
const engine = await startEngine();
try {
  await makeImages(engine.host);
  await run(node.node, ['--expose-gc', 'test/bench/backup.ts', ...process.argv.slice(2)], { env: { ...process.env, DOCKER_MOUNTS_TEST_HOST: engine.host, DOCKER_HOST: engine.host } });
} finally {
  await engine.stop();
}
