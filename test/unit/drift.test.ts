import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Container, Mount } from '../../src/engine/model.ts';
import { loadProject } from '../../src/projects/composeProject.ts';
import { declareVolume } from '../../src/projects/declareVolume.ts';
import { containersOf, driftOf, type HostFacts } from '../../src/projects/drift.ts';
import type { ComposeProject } from '../../src/projects/model.ts';
import { composeProblems } from '../../src/projects/problems.ts';

const FILE = '/code/shop/compose.yaml';
const TEXT = `services:
  web:
    image: x
    volumes: ["./site:/srv:ro", "data:/data", "/anon"]
    secrets: [key]
  taker:
    image: x
    volumes_from: ["web:ro"]
    volumes: ["own:/data"]
volumes: {data: , own: }
secrets: {key: {file: ./key}}
`;

const load = (text = TEXT): Promise<ComposeProject> =>
  loadProject({
    file: FILE,
    read: (file) => Promise.resolve(file === FILE ? text : undefined),
    env: {},
    home: '/home/user',
    running: [],
  });

const volume = (source: string, target: string, rest: Partial<Mount> = {}): Mount => ({
  type: 'volume',
  source,
  volume: source,
  target,
  readOnly: false,
  anonymous: false,
  ...rest,
});
const bind = (source: string, target: string, rest: Partial<Mount> = {}): Mount => ({
  type: 'bind',
  source,
  target,
  readOnly: false,
  ...rest,
});

function made(service: string, mounts: readonly Mount[], labels: Record<string, string> = {}): Container {
  const all = {
    'com.docker.compose.project': 'shop',
    'com.docker.compose.service': service,
    'com.docker.compose.project.working_dir': '/code/shop',
    ...labels,
  };
  return {
    id: service,
    name: `shop-${service}-1`,
    image: 'x',
    state: 'running',
    status: '',
    createdAt: '',
    labels: all,
    mounts,
    volumesFrom: [],
    givesVolumesTo: [],
    sharesWith: [],
    composeProject: 'shop',
  };
}

const AS_IT_SAYS = [
  bind('/code/shop/site', '/srv', { readOnly: true }),
  volume('shop_data', '/data'),
  volume('f'.repeat(64), '/anon', { anonymous: true }),
  volume('e'.repeat(64), '/from-image', { anonymous: true }),
  bind('/code/shop/key', '/run/secrets/key', { readOnly: true }),
];

async function drift(service: string, mounts: readonly Mount[], facts: HostFacts = new Map()): Promise<string[]> {
  const project = await load();
  const found = driftOf(
    project,
    project.services.find(({ name }) => name === service)!,
    { containers: [made(service, mounts)] },
    facts,
  );
  return found.flatMap(({ differences }) => differences.map(({ kind, target }) => `${kind} ${target}`));
}

it('a container as the file says: anonymous volumes of its image and secrets are no difference', async () => {
  assert.deepEqual(await drift('web', AS_IT_SAYS), []);
});

it('missing, extra, other source, other rights', async () => {
  assert.deepEqual(
    await drift('web', [bind('/code/shop/site', '/srv'), volume('other', '/data'), bind('/tmp', '/more')]),
    ['rights /srv', 'source /data', 'missing /anon', 'extra /more'],
  );
  assert.deepEqual(
    await drift(
      'web',
      AS_IT_SAYS.map((mount) => (mount.target === '/anon' ? bind('/x', '/anon') : mount)),
    ),
    ['source /anon'],
  );
});

it('one source by several names: through a symbolic link, and as Docker Desktop shows it', async () => {
  const elsewhere = (source: string) =>
    AS_IT_SAYS.map((mount) => (mount.target === '/srv' ? { ...mount, source } : mount));
  assert.deepEqual(await drift('web', elsewhere('/host_mnt/code/shop/site')), []);
  assert.deepEqual(await drift('web', elsewhere('/real/site')), ['source /srv']);
  assert.deepEqual(
    await drift(
      'web',
      elsewhere('/real/site'),
      new Map([['/code/shop/site', { kind: 'directory' as const, real: '/real/site' }]]),
    ),
    [],
  );
});

it('volumes_from: the own mount comes first, rights are restricted, and what Compose drops is told at that entry', async () => {
  const project = await load();
  const containers = [
    made('taker', [
      bind('/code/shop/site', '/srv', { readOnly: true, from: 'shop-web-1' }),
      volume('shop_own', '/data'),
      volume('f'.repeat(64), '/anon', { anonymous: true, from: 'shop-web-1' }),
    ]),
  ];
  const [problem] = composeProblems(project, FILE, {
    snapshot: { containers, volumes: [] },
    isLocal: true,
    facts: new Map(),
  });
  assert.equal(problem?.kind === 'rights' && problem.target, '/anon');
  assert.equal(TEXT.slice(problem?.place.span.start, problem?.place.span.end), '"web:ro"');
});

it('a project of the same name from another directory, and one-off containers, are not compared', async () => {
  const project = await load();
  const other = made('web', [], { 'com.docker.compose.project.working_dir': '/elsewhere/shop' });
  const once = made('web', [], { 'com.docker.compose.oneoff': 'True' });
  const { own, others } = containersOf(project, 'web', { containers: [other, once] });
  assert.deepEqual([own, others], [[], [other]]);
  assert.deepEqual(driftOf(project, project.services[0]!, { containers: [other, once] }, new Map()), []);
});

for (const [name, before, after] of [
  ['none yet', 'services:\n  a: {}', 'services:\n  a: {}\nvolumes:\n  new:\n'],
  ['an empty one', 'volumes:\nservices: {}\n', 'volumes:\n  new:\nservices: {}\n'],
  ['an empty map', 'volumes: {}\n', 'volumes: \n  new:\n'],
  ['a map in one line', 'volumes: {a: , b: {}}\n', 'volumes: {a: , b: {}, new: }\n'],
  [
    'a block, with a comment behind it and more below',
    'volumes:\n    a:\n      external: true # mine\nservices: {}\n',
    'volumes:\n    a:\n      external: true # mine\n    new:\nservices: {}\n',
  ],
  ['a file with Windows’ line ends', 'volumes:\r\n  a:\r\n', 'volumes:\r\n  a:\r\n  new:\r\n'],
] as const) {
  it(`declaring a volume where there is ${name}`, async () => {
    const { span, text } = declareVolume(before, 'new');
    const edited = before.slice(0, span.start) + text + before.slice(span.end);
    assert.equal(edited, after);
    assert.ok((await load(edited)).volumes.some(({ key }) => key === 'new'));
  });
}

it('a key that YAML would take for something else is quoted', () => {
  assert.deepEqual(
    ['db-data', 'on', '1.5'].map((key) => declareVolume('', key).text),
    ['volumes:\n  db-data:\n', 'volumes:\n  "on":\n', 'volumes:\n  "1.5":\n'],
  );
});
