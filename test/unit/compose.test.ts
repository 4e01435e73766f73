import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { it } from 'node:test';
import fc from 'fast-check';
import { loadProject } from '../../src/projects/composeProject.ts';
import { effectiveMounts } from '../../src/projects/drift.ts';
import { readDotEnv } from '../../src/projects/environment.ts';
import { interpolate } from '../../src/projects/interpolate.ts';
import type { ComposeProject, FileMount } from '../../src/projects/model.ts';
import { composeProblems, type Around } from '../../src/projects/problems.ts';
import { SINCE_V1 } from './composeSamples.ts';
import { SINCE_V2 } from './composeSamplesSinceV2.ts';

const HOME = '/home/user';
const SAMPLES = [...SINCE_V1, ...SINCE_V2];
const NOTHING: Around = { snapshot: undefined, isLocal: true, facts: new Map() };

function load(
  root: string,
  files: Readonly<Record<string, string>>,
  open: string,
  rest: { env?: Record<string, string>; running?: { name: string; files: string[] }[] } = {},
): Promise<ComposeProject> {
  const texts = new Map(Object.entries(files).map(([path, text]) => [posix.join(root, path), text]));
  return loadProject({
    file: posix.join(root, open),
    read: (file) => Promise.resolve(texts.get(file)),
    env: rest.env ?? {},
    home: HOME,
    running: rest.running ?? [],
  });
}

function words({ type, source, target, readOnly }: FileMount): string {
  return `${type} ${source} → ${target}${readOnly ? ' ro' : ''}`;
}

for (const sample of SAMPLES) {
  it(sample.name, async () => {
    const root = `/code/${sample.directory}`;
    const project = await load(root, sample.files, sample.open);
    assert.equal(project.name, sample.project);
    const found = Object.fromEntries(
      project.services.map((service) => [service.name, effectiveMounts(service).map(words).sort()]),
    );
    const wanted = Object.entries(sample.services).map(([name, mounts]) => [
      name,
      mounts.map((one) => one.replace('ROOT', root).replace('HOME', HOME)).sort(),
    ]);
    assert.deepEqual(found, Object.fromEntries(wanted));
    const names = new Map(project.volumes.map(({ key, name }) => [key, name]));
    for (const [key, name] of Object.entries(sample.volumes)) assert.equal(names.get(key), name);
    assert.deepEqual(project.unread, []);
  });
}

it('every entry is where the text has it, in the file that has it', async () => {
  for (const { files, open, directory } of SAMPLES) {
    const root = `/code/${directory}`;
    const project = await load(root, files, open);
    for (const mount of project.services.flatMap(({ mounts }) => mounts)) {
      const { file, span } = mount.place;
      const text = files[posix.relative(root, file)];
      assert.ok(text !== undefined, file);
      const written = text.slice(span.start, span.end);
      assert.equal(written, written.trim());
      const target = mount.rawTarget.replace(/[:$].*/, '');
      assert.ok(written.includes(target), `${written} is at the place of ${mount.target}`);
    }
  }
});

it('a running project tells its files and its name, whatever the directory would give', async () => {
  const files = {
    'docker-compose.yml': 'services:\n  a:\n    image: x\n    volumes: [d:/d]\nvolumes:\n  d:\n',
    'docker-compose.ci.yml': 'services:\n  a:\n    image: y\n    volumes: [e:/e]\nvolumes:\n  e:\n',
  };
  const alone = await load('/code/p', files, 'docker-compose.ci.yml');
  assert.deepEqual([alone.name, alone.files], ['p', ['/code/p/docker-compose.ci.yml']]);
  const running = [{ name: 'ci-7', files: ['/code/p/docker-compose.yml', '/code/p/docker-compose.ci.yml'] }];
  const known = await load('/code/p', files, 'docker-compose.ci.yml', { running });
  assert.deepEqual([known.name, known.volumes.map(({ name }) => name)], ['ci-7', ['ci-7_d', 'ci-7_e']]);
});

it('a file whose services have no image completes the main one; the process’s variables win over .env', async () => {
  const files = {
    'compose.yaml': 'services:\n  a:\n    image: x\n    volumes: ["${D}:/d"]\n',
    'compose.dev.yaml': 'services:\n  a:\n    volumes: ["./e:/e"]\n',
    '.env': 'D=./dot\n',
  };
  const project = await load('/code/p', files, 'compose.dev.yaml', { env: { D: '/env' } });
  assert.deepEqual(effectiveMounts(project.services[0]!).map(words), ['bind /env → /d', 'bind /code/p/e → /e']);
});

it('interpolation: what Compose puts in, refuses, and leaves empty', () => {
  const lookup = (name: string) => ({ SET: 'v', EMPTY: '' })[name];
  const text = (of: string) => interpolate(of, lookup).text;
  assert.deepEqual(
    [
      '$SET-${SET}',
      '${EMPTY:-d}',
      '${EMPTY-d}',
      '${NO-d}',
      '${NO:-${SET}x}',
      '${SET:+a}${EMPTY:+b}${EMPTY+c}',
      '$$SET',
      '${SET?e}',
    ].map(text),
    ['v-v', 'd', '', 'd', 'vx', 'ac', '$SET', 'v'],
  );
  assert.deepEqual(interpolate('$NO ${NO2}', lookup), { text: ' ', unset: ['NO', 'NO2'] });
  assert.match(interpolate('${NO:?give a folder}', lookup).refused ?? '', /"NO" is required: give a folder/);
  for (const broken of ['${SET', '$', 'a$1', '${}', '${SET/x/y}'])
    assert.ok(interpolate(broken, lookup).refused, broken);
});

it('.env: comments, export, quotes, variables named above, and single quotes that are literal', () => {
  const text = '# c\nexport A=1\nB="x ${A}"\nC=\'$A\'\nD=$A$OUT # tail\n';
  assert.deepEqual(Object.fromEntries(readDotEnv(text, (name) => ({ OUT: 'o' })[name])), {
    A: '1',
    B: 'x 1',
    C: '$A',
    D: '1o',
  });
});

it('problems: an undeclared volume, a target given twice, a missing source, a variable nobody sets, entries that are none', async () => {
  const text = `services:
  a:
    image: x
    volumes:
      - nowhere:/data
      - ./gone:/gone
      - ./here:/gone
      - \${NOBODY}/x:/x
      - aa:/b:ro:dd
      - \${NEEDED:?say where}:/y
      - type: bind
        target: /z
    tmpfs: /gone
`;
  const project = await load('/code/p', { 'compose.yaml': text }, 'compose.yaml');
  const facts = new Map([['/code/p/here', { kind: 'missing' as const, real: '/code/p/here' }]]);
  const file = '/code/p/compose.yaml';
  const found = composeProblems(project, file, { ...NOTHING, facts });
  const at = (kind: string) =>
    found.filter((one) => one.kind === kind).map(({ place }) => text.slice(place.span.start, place.span.end));
  assert.deepEqual(at('undeclaredVolume'), ['nowhere:/data']);
  assert.deepEqual(at('targetTwice'), ['./here:/gone', '/gone']);
  assert.deepEqual(
    found.flatMap((one) => (one.kind === 'targetTwice' ? [one.refused] : [])),
    [false, true],
  );
  assert.deepEqual(at('missingSource'), ['./here:/gone']);
  assert.deepEqual(at('unsetVariable'), ['${NOBODY}/x:/x']);
  assert.deepEqual(at('unreadable'), ['aa:/b:ro:dd', '${NEEDED:?say where}:/y', 'type: bind\n        target: /z']);
  assert.deepEqual(
    composeProblems(project, file, { ...NOTHING, facts, isLocal: false }).filter(
      ({ kind }) => kind === 'missingSource',
    ),
    [],
    'a path of a remote engine is not looked for here',
  );
});

it('circles of aliases, extends and includes end', async () => {
  const files = {
    'compose.yaml':
      'include: [compose.yaml, other.yaml]\nx: &x\n  <<: *x\n  volumes: [a:/a]\nservices:\n  a: &a\n    <<: *a\n    extends: b\n    volumes: [a:/a]\n  b:\n    extends: {service: a, file: other.yaml}\n  c: *x\n',
    'other.yaml':
      'include: [compose.yaml]\nservices:\n  a:\n    extends: {service: b, file: compose.yaml}\n    image: x\n    volumes: [b:/b]\n',
  };
  const project = await load('/code/p', files, 'compose.yaml');
  assert.ok(project.services.length >= 3);
});

it('never throws on any text, and every place lies in it', async () => {
  const pieces = [
    'services:',
    '\n  a:',
    '\n    volumes:',
    '\n      - ',
    'x:/y',
    ':',
    '${',
    '}',
    '$',
    '&a ',
    '*a',
    '<<: ',
    '[',
    ']',
    '{',
    '"',
    "'",
    '!reset ',
    'type: bind',
    '\n',
    '  ',
    '\t',
    '- ',
    '\r\n',
    'include:',
    'extends: a',
    '\u0000',
    '🐳',
    'volumes:',
  ];
  await fc.assert(
    fc.asyncProperty(
      fc
        .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 8 })), { maxLength: 60 })
        .map((parts) => parts.join('')),
      async (text) => {
        const project = await load('/w', { 'compose.yaml': text, '.env': text }, 'compose.yaml');
        const places = [
          ...project.services.flatMap(({ places: own, mounts }) => [...own, ...mounts.map(({ place }) => place)]),
          ...project.volumes.flatMap(({ places: own }) => own),
          ...project.bad.map(({ place }) => place),
        ];
        for (const { span } of places) assert.ok(span.start >= 0 && span.start <= span.end && span.end <= text.length);
        composeProblems(project, '/w/compose.yaml', NOTHING);
      },
    ),
    { numRuns: 500 },
  );
});

it('texts made to be slow are read quickly: merges of merges, deep nesting, long lists, many includes', async () => {
  const merges = [
    'a0: &a0 {volumes: ["xx:/x"]}',
    ...Array.from({ length: 40 }, (_, index) => `a${index + 1}: &a${index + 1} {<<: [*a${index}, *a${index}]}`),
    'services:',
    '  a: *a40',
  ].join('\n');
  const nested = `services:\n  a:\n    volumes: ["${'${A:-'.repeat(5000)}/x${'}'.repeat(5000)}:/x"]`;
  const long = `services:\n  a:\n    volumes:\n${Array.from({ length: 2500 }, (_, index) => `      - v${index % 7}:/t${index % 5}\n`).join('')}`;
  const files: Record<string, string> = { 'compose.yaml': 'include: [0a.yml, 0b.yml]' };
  for (let level = 0; level < 30; level += 1)
    for (const side of 'ab') files[`${level}${side}.yml`] = `include: [${level + 1}a.yml, ${level + 1}b.yml]`;
  const env = Array.from({ length: 20_000 }, (_, index) => `V${index}='${index}'`).join('\n');
  const started = performance.now();
  const merged = await load('/w', { 'compose.yaml': merges }, 'compose.yaml');
  assert.deepEqual(effectiveMounts(merged.services[0]!).map(words), ['volume w_xx → /x']);
  assert.match((await load('/w', { 'compose.yaml': nested }, 'compose.yaml')).bad[0]?.why ?? '', /too deep/);
  const listed = await load('/w', { 'compose.yaml': long, '.env': env }, 'compose.yaml');
  assert.equal(effectiveMounts(listed.services[0]!).length, 5);
  composeProblems(listed, '/w/compose.yaml', NOTHING);
  await load('/w', files, 'compose.yaml');
  assert.ok(performance.now() - started < 5000, `${performance.now() - started} ms`);
});
