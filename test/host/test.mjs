// `npm test`: installs what is missing, starts an engine and VS Code, and runs the floors. Name floors to run only
// those (`npm test -- unit`), or files of them (`npm test -- engine/ssh browser/files`).
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atEnd, runScript } from './ending.mjs';
import { engineEnvironment, nestedEnvironment } from './environment.mjs';
import { keep } from './keep.mjs';
import { ensureModules, ensureNode, exitCodeOf, root, run, toolEnvironment } from './machine.mjs';
import { ensurePackages } from './packages.mjs';

/** The floors, and the groups of packages that each needs. */
const FLOORS = {
  unit: ['fixtures'],
  engine: ['engine', 'images', 'fixtures'],
  extension: ['engine', 'images', 'fixtures', 'browser', 'server'],
  browser: ['engine', 'images', 'fixtures', 'browser', 'server'],
  start: ['engine', 'images', 'git', 'browser', 'server'],
};
/** The floor "start" finds its engine by itself. */
const WITH_ENGINE = ['engine', 'extension', 'browser'];

const names = Object.keys(FLOORS);
const wanted = process.argv.slice(2).map((name) => ({ name, floor: name.split('/')[0], file: name.split('/')[1] }));
const floors = wanted.length > 0 ? names.filter((name) => wanted.some(({ floor }) => floor === name)) : names;
const total = { passed: 0, failed: 0 };

await runScript(main, {
  finish(error) {
    if (error !== undefined) {
      console.error(`\n${error.message}`);
      total.failed += 1;
    }
    console.log(`${total.passed} passed, ${total.failed} failed`);
    return total.failed > 0 ? 1 : 0;
  },
});

async function main() {
  const unknown = wanted.find(
    (one) => !names.includes(one.floor) || (one.file !== undefined && !existsSync(join(root, 'test', fileOf(one)))),
  );
  if (unknown !== undefined)
    throw new Error(
      `There are no tests "${unknown.name}". The floors are ${names.join(', ')}; a file of one is named like unit/tar.`,
    );
  const { whyNoPrivateEngine } = await import('./engine.mjs');
  const why = floors.some((floor) => WITH_ENGINE.includes(floor)) ? whyNoPrivateEngine() : undefined;
  if (why !== undefined)
    throw new Error(`The tests start engines of their own. ${why}\nThe floor "unit" needs none: npm test -- unit`);
  await ensurePackages([...new Set(floors.flatMap((floor) => FLOORS[floor]))]);
  await ensureModules();
  const node = await ensureNode();
  await run('npm', ['run', '--silent', 'lint'], { env: toolEnvironment(node) });
  await makeTemporaryFolder();
  let env = nestedEnvironment(process.env);
  // The proxies and credentials that a person has set there would be passed on to containers.
  env.DOCKER_CONFIG = join(tmpdir(), 'docker-config');
  mkdirSync(env.DOCKER_CONFIG);
  env.DOCKER_MOUNTS_TEST_NODE = node.node;
  env.DOCKER_MOUNTS_TEST_SCREENSHOTS = join(root, 'out/screenshots');
  mkdirSync(env.DOCKER_MOUNTS_TEST_SCREENSHOTS, { recursive: true });
  const withoutEngine = env;
  if (floors.some((floor) => WITH_ENGINE.includes(floor))) {
    const { startEngine } = await import('./engine.mjs');
    const { makeImages } = await import('./images.mjs');
    const engine = await startEngine();
    atEnd(engine.stop);
    await makeImages(engine.host);
    env = { ...engineEnvironment(env, engine.host), DOCKER_MOUNTS_TEST_HOST: engine.host };
  }
  for (const floor of floors) {
    console.log(`\n=== ${floor}`);
    const counts =
      floor === 'extension'
        ? await inVSCode(node, env)
        : await inNode(floor, node, WITH_ENGINE.includes(floor) ? env : withoutEngine);
    if (counts.passed + counts.failed === 0) {
      console.error(`No test ran on the floor "${floor}".`);
      counts.failed = 1;
    }
    console.log(`=== ${floor}: ${counts.passed} passed, ${counts.failed} failed`);
    total.passed += counts.passed;
    total.failed += counts.failed;
  }
}

/**
 * A folder for all that this run makes below the temporary folder, gone at the end, also when a test is cut short.
 * As a shared mount, it lets the engine in its mount namespace see what a test mounts in there.
 */
async function makeTemporaryFolder() {
  const folder = join(tmpdir(), `dm-run-${randomBytes(3).toString('hex')}`);
  const kept = keep({ folders: [folder] });
  atEnd(() => kept.end());
  await kept.ready;
  process.env.TMPDIR = folder;
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return;
  for (const args of [
    ['--bind', folder, folder],
    ['--make-shared', folder],
  ])
    await run('mount', args);
}

function fileOf({ floor, file }) {
  return `${floor}/${file}.test.ts`;
}

/** The test files of a floor that were asked for. */
function filesOf(floor) {
  const asked = wanted.filter((one) => one.floor === floor);
  const all = readdirSync(join(root, 'test', floor))
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `${floor}/${name}`);
  const whole = asked.length === 0 || asked.some(({ file }) => file === undefined);
  return (whole ? all : asked.map(fileOf)).map((name) => join('test', name));
}

async function inNode(floor, node, env) {
  const files = filesOf(floor);
  const report = join(tmpdir(), `report-${floor}.tap`);
  if (floor === 'browser') await run('npm', ['run', '--silent', 'package'], { env: toolEnvironment(node) });
  const args = [
    '--test',
    '--test-concurrency=1',
    '--test-timeout=900000',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=tap',
    `--test-reporter-destination=${report}`,
    ...files,
  ];
  await exitCodeOf(node.node, args, { env });
  const text = readFileSync(report, 'utf8');
  const count = (word) => Number(text.match(new RegExp(`^# ${word} (\\d+)$`, 'm'))?.[1] ?? 0);
  // A test that did not run has not passed.
  return { passed: count('pass'), failed: count('fail') + count('cancelled') + count('skipped') + count('todo') };
}

async function inVSCode(node, env) {
  await run(node.node, ['build/bundle.mjs', '--tests']);
  const { runSuite } = await import('./extensionHost.mjs');
  return runSuite(node, env);
}
