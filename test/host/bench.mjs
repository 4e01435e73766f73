// `npm run bench [MiB] [small files]`: starts an engine and runs the benchmark in the Node that VS Code's generation
// has.
import { atEnd, runScript } from './ending.mjs';
import { engineEnvironment } from './environment.mjs';
import { ensureModules, ensureNode, run } from './machine.mjs';
import { ensurePackages } from './packages.mjs';

await runScript(async () => {
  const { startEngine, whyNoPrivateEngine } = await import('./engine.mjs');
  const why = whyNoPrivateEngine();
  if (why !== undefined) throw new Error(why);
  await ensurePackages(['engine', 'images', 'fixtures']);
  await ensureModules();
  const node = await ensureNode();
  const { makeImages } = await import('./images.mjs');
  const engine = await startEngine();
  atEnd(engine.stop);
  await makeImages(engine.host);
  await run(node.node, ['--expose-gc', 'test/bench/backup.ts', ...process.argv.slice(2)], {
    env: { ...engineEnvironment(process.env, engine.host), DOCKER_MOUNTS_TEST_HOST: engine.host },
  });
});
