// `npm test`: installs what is missing, starts an engine and VS Code, and runs the four floors. Name floors to run only those.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureModules, ensureNode, ensurePackages, root, run } from './machine.mjs';

const FLOORS = ['unit', 'engine', 'extension', 'browser'];

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !FLOORS.includes(name));
if (unknown !== undefined) throw new Error(`"${unknown}" is no floor; there are ${FLOORS.join(', ')}.`);
const floors = wanted.length > 0 ? FLOORS.filter((name) => wanted.includes(name)) : FLOORS;
const total = { passed: 0, failed: 0 };
const cleanUps = [];

try {
  await main();
} catch (error) {
  console.error(error);
  total.failed += 1;
} finally {
  for (const cleanUp of cleanUps.reverse()) await cleanUp().catch((error) => console.error(error));
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed > 0 ? 1 : 0);

async function main() {
  await ensurePackages(['engine', 'images', 'fixtures', 'browser', 'server']);
  await ensureModules();
  const node = await ensureNode();
  await run('npm', ['run', '--silent', 'lint']);
  const env = { ...process.env };
  if (floors.some((floor) => floor !== 'unit')) {
    const { startEngine } = await import('./engine.mjs');
    const { makeImages } = await import('./images.mjs');
    const engine = await startEngine();
    cleanUps.push(engine.stop);
    await makeImages(engine.host);
    env.DOCKER_MOUNTS_TEST_HOST = engine.host;
    env.DOCKER_HOST = engine.host;
  }
  for (const floor of floors) {
    console.log(`\n=== ${floor}`);
    const counts = floor === 'extension' ? await inVSCode(node, env) : await inNode(floor, node, env);
    if (counts.passed + counts.failed === 0) {
      console.error(`No test ran on the floor "${floor}".`);
      counts.failed = 1;
    }
    console.log(`=== ${floor}: ${counts.passed} passed, ${counts.failed} failed`);
    total.passed += counts.passed;
    total.failed += counts.failed;
  }
}

async function inNode(floor, node, env) {
  const files = readdirSync(join(root, 'test', floor)).filter((name) => name.endsWith('.test.ts')).map((name) => join('test', floor, name));
  const folder = mkdtempSync(join(tmpdir(), 'dm-report-'));
  const report = join(folder, 'tap');
  const own = { ...env };
  if (floor === 'browser') {
    await run('npm', ['run', '--silent', 'package']);
    own.DOCKER_MOUNTS_TEST_SCREENSHOTS = join(root, 'out/screenshots');
    own.DOCKER_MOUNTS_TEST_NODE = node.node;
    mkdirSync(own.DOCKER_MOUNTS_TEST_SCREENSHOTS, { recursive: true });
  }
  const args = ['--test', '--test-concurrency=1', '--test-timeout=900000', '--test-reporter=spec', '--test-reporter-destination=stdout', '--test-reporter=tap', `--test-reporter-destination=${report}`, ...files];
  await new Promise((resolve) => spawn(node.node, args, { cwd: root, env: own, stdio: 'inherit' }).on('close', resolve));
  const text = readFileSync(report, 'utf8');
  rmSync(folder, { recursive: true, force: true });
  const count = (word) => Number(text.match(new RegExp(`^# ${word} (\\d+)$`, 'm'))?.[1] ?? 0);
  // A test that did not run has not passed.
  return { passed: count('pass'), failed: count('fail') + count('cancelled') + count('skipped') + count('todo') };
}

async function inVSCode(node, env) {
  await run(node.node, ['build/bundle.mjs', '--tests']);
  const { runSuite } = await import('./extensionHost.mjs');
  return runSuite(node, env);
}
