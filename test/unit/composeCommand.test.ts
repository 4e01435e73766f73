/**
 * What the samples say is what the real command makes of them: version 1 for those that it can read, version 2 for all.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, it } from 'node:test';
import { parse } from 'yaml';
import { cleanTarget } from '../../src/projects/composeFile.ts';
import { parseShortMount } from '../../src/projects/shortMount.ts';
import { SINCE_V1, type Sample } from './composeSamples.ts';
import { SINCE_V2 } from './composeSamplesSinceV2.ts';

const command = process.env['DOCKER_MOUNTS_TEST_COMPOSE'] ?? 'docker-compose';
const folder = mkdtempSync(join(tmpdir(), 'dm-compose-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Only what the test gives: a COMPOSE_FILE or DOCKER_HOST of this machine must not count. */
const env = { PATH: process.env['PATH'], HOME: homedir() };
const version = execFileSync(command, ['version', '--short'], { encoding: 'utf8', env }).trim();
const isV1 = version.startsWith('1.');
const readable = isV1 ? SINCE_V1 : [...SINCE_V1, ...SINCE_V2];

interface Long {
  readonly type: string;
  readonly source?: string;
  readonly target: string;
  readonly read_only?: boolean;
}

interface Config {
  readonly name?: string;
  readonly services: Record<string, { readonly volumes?: (string | Long)[]; readonly tmpfs?: string | string[] }>;
  readonly volumes?: Record<string, { readonly name?: string }>;
}

function configOf({ directory, files }: Sample): { root: string; config: Config } {
  const root = join(folder, directory);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return {
    root,
    config: parse(
      execFileSync(command, ['config'], { cwd: root, encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'] }),
    ) as Config,
  };
}

/** A volume by the engine's name; version 1 prints no name that comes from the project's. */
function words(volume: string | Long, nameOf: (key: string) => string | undefined): string {
  const short = typeof volume === 'string' ? parseShortMount(volume) : undefined;
  assert.ok(short === undefined || !('why' in short), JSON.stringify(volume));
  const {
    type,
    source = '',
    target,
    readOnly,
  } = short ?? { ...(volume as Long), readOnly: (volume as Long).read_only === true };
  if (type === 'volume' && source !== '')
    return `${type} ${nameOf(source)} → ${cleanTarget(target)}${readOnly ? ' ro' : ''}`;
  // What is printed can be read again, so version 2 doubles a dollar sign.
  return `${type} ${source.replaceAll('$$', '$').replace(/(.)\/$/, '$1')} → ${cleanTarget(target)}${readOnly ? ' ro' : ''}`;
}

it('there are samples that the command can read', () => {
  assert.ok(readable.length >= 8, `${readable.length} samples for version ${version}`);
});

for (const sample of readable) {
  it(`Compose ${version}: ${sample.name}`, () => {
    const { root, config } = configOf(sample);
    const nameOf = (key: string) => (isV1 ? sample.volumes[key] : config.volumes?.[key]?.name);
    const found = Object.entries(config.services).map(([name, { volumes = [], tmpfs = [] }]) => [
      name,
      [...volumes.map((one) => words(one, nameOf)), ...[tmpfs].flat().map((target) => `tmpfs  → ${target}`)].sort(),
    ]);
    const wanted = Object.entries(sample.services).map(([name, mounts]) => [
      name,
      mounts.map((one) => one.replace('ROOT', root).replace('HOME', homedir())).sort(),
    ]);
    assert.deepEqual(Object.fromEntries(found), Object.fromEntries(wanted));
    if (!isV1) assert.equal(config.name, sample.project);
  });
}
