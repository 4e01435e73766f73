/** For every parser of foreign text: twice the input takes at most 2.5 times the time. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { checkManifest } from '../../src/backup/archive/manifestSchema.ts';
import { ContentHash } from '../../src/backup/restore/compare.ts';
import { decryptor } from '../../src/backup/archive/encryption.ts';
import { newHeader } from '../../src/tar/header.ts';
import { paxRecords, tarMembers, type TarMember } from '../../src/tar/members.ts';
import { printableName } from '../../src/tar/names.ts';
import { withoutEndSlashes } from '../../src/engine/pathEnds.ts';
import type { Container, Mount } from '../../src/engine/model.ts';
import { parseReference, referencesIn } from '../../src/paths/pathReference.ts';
import { parsePath } from '../../src/paths/pathText.ts';
import { parseMountSpec } from '../../src/mounts/spec.ts';
import { loadProject } from '../../src/projects/composeProject.ts';
import { readDevcontainer } from '../../src/projects/devcontainer.ts';
import { compareMounts, driftOf } from '../../src/projects/drift.ts';
import { readDotEnv } from '../../src/projects/environment.ts';
import { interpolate } from '../../src/projects/interpolate.ts';
import { composeProblems } from '../../src/projects/problems.ts';
import { parseShortMount } from '../../src/projects/shortMount.ts';
import type { ComposeProject } from '../../src/projects/model.ts';

const MOST = 2.5;
/**
 * Three doublings: the steps of memory and its collection, which make one of them dearer, even out. A square would give
 * 64.
 */
const DOUBLINGS = 3;
/**
 * Runs are short, and many: the best of them was left alone by whatever else the machine does. Only what seems too slow
 * has all of them.
 */
const MOST_RUNS = 200;
const FEWEST_RUNS = 6;
/** Shorter than this, the clock and the collector say more than the parser. */
const NOISE_MS = 4;

/**
 * Of the clock and of the processor, the lesser: the clock counts what other programs do on a busy machine, the
 * processor's time what the collector and the compiler do in threads of their own. Neither can be less than the work
 * itself.
 */
async function timeOf(run: () => unknown, times: number): Promise<number> {
  const started = performance.now();
  const before = process.cpuUsage();
  for (let time = 0; time < times; time += 1) await run();
  const { user, system } = process.cpuUsage(before);
  return Math.min(performance.now() - started, (user + system) / 1000);
}

/**
 * Compares the best of eight runs of a size with the best run of eight times as much, in turns: an interruption is as
 * likely in both.
 */
function grows(name: string, size: number, prepare: (size: number) => () => unknown): void {
  it(`${name}: twice as much takes at most ${MOST} times as long`, async () => {
    const base = Math.max(1, Math.floor(size / 16));
    const times = 2 ** DOUBLINGS;
    const [small, large] = [prepare(base), prepare(base * times)];
    let best = [Infinity, Infinity];
    const isLinear = () => best[1]! <= Math.max((best[0]! / times) * MOST ** DOUBLINGS, NOISE_MS);
    for (let run = 0; run < MOST_RUNS && (run < FEWEST_RUNS || !isLinear()); run += 1) {
      best = [Math.min(best[0]!, await timeOf(small, times)), Math.min(best[1]!, await timeOf(large, 1))];
    }
    assert.ok(
      isLinear(),
      `${(best[0]! / times).toFixed(2)} ms, then ${best[1]!.toFixed(2)} ms for ${times} times as much`,
    );
  });
}

const FILE = '/w/compose.yaml';
const load = (files: Readonly<Record<string, string>>): Promise<ComposeProject> =>
  loadProject({
    file: FILE,
    read: (file) => Promise.resolve(Object.hasOwn(files, file) ? files[file] : undefined),
    env: {},
    home: '/home/user',
    running: [],
  });
const list = (count: number, one: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => one(index)).join('');
const compose = (name: string, size: number, text: (size: number) => string) =>
  grows(`Compose, ${name}`, size, (count) => {
    const files = { [FILE]: text(count) };
    return async () => {
      const project = await load(files);
      composeProblems(project, FILE, { snapshot: { containers: [], volumes: [] }, isLocal: true, facts: new Map() });
    };
  });

compose(
  'honest services',
  150,
  (count) =>
    `services:\n${list(count, (index) => `  s${index}:\n    image: x\n    volumes: ["v${index}:/v", "./a:/a:ro"]\n`)}`,
);
compose(
  'aliased lists',
  3000,
  (count) =>
    `x: &x\n${list(count, (index) => `  - v${index}:/t${index}\n`)}services:\n${list(10, (index) => `  s${index}: {volumes: *x}\n`)}`,
);
compose(
  'merge keys',
  400,
  (count) => `x: &x {volumes: [aa:/a]}\nservices:\n${list(count, (index) => `  s${index}: {<<: *x}\n`)}`,
);
compose('anchors with one name', 800, (count) => `x:\n${list(count, () => '  - &a b\n  - *a\n')}`);
compose('nesting without end', 10_000, (count) => '['.repeat(count));
compose('a long key', 200_000, (count) => `${'k'.repeat(count)}: 1\n`);
compose('many documents', 1500, (count) => '---\na: 1\n'.repeat(count));
compose('tabs', 1500, (count) => `a:\n${'\t- x\n'.repeat(count)}`);
compose('errors in one line', 10_000, (count) => ']'.repeat(count));
compose('quotes in one line', 10_000, (count) => '"a" '.repeat(count));
compose(
  'long chains of extends',
  40,
  (count) =>
    `services:\n${list(count, (index) => `  s${index}: {extends: s${index + 1}, volumes: ["v${index}:/v${index}"]}\n`)}`,
);
grows('Compose, included files', 45, (count) => {
  const files: Record<string, string> = { [FILE]: 'include: [0.yml]\n' };
  for (let index = 0; index < count; index += 1)
    files[`/w/${index}.yml`] = `include: [${index + 1}.yml]\nservices: {s${index}: {image: x}}\n`;
  return () => load(files);
});

grows('variables, never closed', 1_280_000, (size) => () => interpolate('${A:-'.repeat(size), () => undefined));
grows('variables, nested', 40, (size) => () => {
  for (let run = 0; run < 200; run += 1) interpolate('${A:-'.repeat(size) + '}'.repeat(size), () => undefined);
});
grows(
  'variables, one behind another',
  160_000,
  (size) => () => interpolate('${A:-b}$A$$'.repeat(size), () => undefined),
);
grows(
  '.env',
  3000,
  (size) => () =>
    readDotEnv(
      list(size, (index) => `V${index}="\${V${index - 1}}x" # c\n`),
      () => undefined,
    ),
);
grows(
  '.env, spaces and names without end',
  100_000,
  (size) => () => readDotEnv(`${' '.repeat(size)}${'a'.repeat(size)}\nexport${' '.repeat(size)}`, () => undefined),
);
const devcontainer = (text: string) =>
  readDevcontainer({ file: '/w/.devcontainer.json', text, env: {}, home: '/home/user' });
grows(
  'devcontainer.json, variables never closed',
  40_000,
  (size) => () => devcontainer(`{"mounts": ["${'${localEnv:'.repeat(size)}"]}`),
);
grows(
  'devcontainer.json, comments and mounts',
  2000,
  (size) => () =>
    devcontainer(`{"mounts": [${list(size, (index) => `/* c */ "source=v${index},target=/t${index}", // d\n`)}]}`),
);
grows('devcontainer.json, nested', 100_000, (size) => () => devcontainer('['.repeat(size)));
const attempt = (run: () => unknown) => () => {
  try {
    run();
  } catch (error) {
    assert.equal((error as Error).name, 'BadArgument');
  }
};
for (const [name, piece] of [
  ['quotes', '"'],
  ['doubled quotes', '""'],
  ['commas', ','],
  ['fields', 'volume-label=a=b,'],
  ['colons', ':'],
] as const) {
  grows(`a --mount text of ${name}`, Math.floor(30_000 / piece.length), (size) =>
    attempt(() => {
      for (let run = 0; run < 15; run += 1)
        attempt(() => parseMountSpec(`type=volume,dst=/a,"${piece.repeat(size)}`, { home: '/' }))();
    }),
  );
}
grows('a short mount', 500_000, (size) => () => parseShortMount('a/:'.repeat(size)));
grows('a path', 500_000, (size) => () => parsePath('/a/..//'.repeat(size)));
grows('slashes', 500_000, (size) => () => withoutEndSlashes(`${'/'.repeat(size)}x`));
for (const text of ['/a', '/a,,,,', ':1', '(1,', ':', '(', '/:1', '", line 1']) {
  grows(`a line of a terminal of ${JSON.stringify(text)}`, 20_000, (size) => () => {
    referencesIn(`${text.repeat(size)} x`);
    parseReference(`${text.repeat(size)}x`);
  });
}

const mounts = (count: number): Mount[] =>
  Array.from({ length: count }, (_, index) => ({
    type: 'volume',
    source: `v${index}`,
    target: `/t${index}`,
    readOnly: false,
  }));
const container = (service: string, has: readonly Mount[]): Container => ({
  id: service,
  name: service,
  image: 'x',
  state: 'running',
  status: '',
  createdAt: '',
  labels: { 'com.docker.compose.project': 'w', 'com.docker.compose.service': service },
  mounts: has,
  volumesFrom: [],
  givesVolumesTo: [],
  sharesWith: [],
  composeProject: 'w',
});
grows('comparing mounts', 3000, (size) => {
  const place = { file: FILE, span: { start: 0, end: 0 } };
  const wanted = mounts(size).map((mount) => ({ ...mount, place, unset: [] }));
  const one = container('a', mounts(size));
  return () =>
    compareMounts(
      wanted,
      one,
      new Map(),
      mounts(size).map(({ target }) => target),
    );
});
/** Services that take from those that `from` names. */
async function taking(count: number, from: (index: number) => string): Promise<() => void> {
  const project = await load({
    [FILE]: `services:\n${list(count, (index) => `  s${index}: {image: x, volumes: ["v${index}:/v${index % 50}"], volumes_from: [${from(index)}]}\n`)}`,
  });
  assert.equal(project.services.length, count);
  const snapshot = { containers: project.services.map(({ name }) => container(name, [])) };
  return () => {
    for (const service of project.services) driftOf(project, service, snapshot, new Map());
  };
}
it('volumes_from: all take all others, in a chain of thousands, and by doubling paths', async () => {
  const clique = await taking(60, (index) =>
    Array.from({ length: 60 }, (_, other) => `s${other}`)
      .filter((other) => other !== `s${index}`)
      .join(', '),
  );
  const chain = await taking(300, (index) => (index === 0 ? '' : `s${index - 1}`));
  const doubling = await taking(120, (index) =>
    index < 2
      ? ''
      : index % 2 === 0
        ? `s${index - 1}, s${index - 2}`
        : `s${index - 2}, ${index > 2 ? `s${index - 3}` : 's0'}`,
  );
  clique();
  chain();
  doubling();
});
grows('volumes_from, all of all', 500, (size) => {
  // As many edges as the size says.
  const count = Math.round(Math.sqrt(size));
  let project: ComposeProject | undefined;
  return async () => {
    project ??= await load({
      [FILE]: `services:\n${list(
        count,
        (index) =>
          `  s${index}: {image: x, volumes: ["v${index}:/v"], volumes_from: [${Array.from(
            { length: count },
            (_, other) => `s${other}`,
          )
            .filter((one) => one !== `s${index}`)
            .join(', ')}]}\n`,
      )}`,
    });
    const snapshot = { containers: project.services.map(({ name }) => container(name, [])) };
    for (const service of project.services) driftOf(project, service, snapshot, new Map());
  };
});

// Records with names of their own are at most 10,000; those of a map are as many as its header holds.
grows('pax records of a sparse map', 60_000, (size) => {
  const bytes = Buffer.from('25 GNU.sparse.offset=123\n27 GNU.sparse.numbytes=456\n'.repeat(size));
  return () => paxRecords(bytes);
});
const walk = (parts: readonly Buffer[]) =>
  new Promise<void>((resolve) => {
    const stream = tarMembers({ onMember: () => undefined });
    stream
      .on('error', () => resolve())
      .on('end', () => resolve())
      .resume();
    for (const part of parts) stream.write(part);
    stream.end(Buffer.alloc(1024));
  });
grows('members of a tar', 2000, (size) => {
  const bytes = Buffer.concat(Array.from({ length: size }, (_, index) => newHeader(Buffer.from(`f${index}`), '0', 0)));
  return () => walk([bytes]);
});
grows('long names of a tar, in small pieces', 240, (size) => {
  const name = Buffer.alloc(512 * size, 'n');
  const bytes = Buffer.concat([
    newHeader(Buffer.from('L'), 'L', name.length),
    name,
    newHeader(Buffer.from('f'), '0', 0),
  ]);
  const parts = Array.from({ length: Math.ceil(bytes.length / 512) }, (_, index) =>
    bytes.subarray(index * 512, index * 512 + 512),
  );
  return () => walk(parts);
});
grows('the map of a sparse file, in small pieces', 40_000, (size) => {
  const map = Buffer.from(`${size}\n${list(size, (index) => `${index * 1024}\n512\n`)}`);
  const padded = Buffer.concat([map, Buffer.alloc((512 - (map.length % 512)) % 512)]);
  const member = { bytes: 0, sparse: 'pax', blocks: [] } as unknown as TarMember;
  return () => {
    const hash = new ContentHash();
    hash.begin(member);
    for (let at = 0; at < padded.length; at += 4096) hash.feed(padded.subarray(at, at + 4096));
  };
});
grows('a name that is not UTF-8', 1_000_000, (size) => () => printableName(Buffer.alloc(size, 0xff)));
// Many mounts with a few labels each: an object with many keys changes its kind inside of the engine, which is one step
// and no growth.
grows('a manifest', 6000, (size) => {
  const mount = (index: number) => ({
    type: 'volume',
    source: `v${index}`,
    root: '.',
    labels: { a: 'x', b: 'y', c: 'z' },
    options: { o: 'w' },
  });
  const text = JSON.stringify({
    format: 1,
    createdAt: '2026-11-24T12:00:00.000Z',
    kind: 'volume',
    subject: 'v',
    engine: { name: 'e' },
    sha256: 'a',
    mounts: Array.from({ length: size }, (_, index) => mount(index)),
  });
  return () => checkManifest(JSON.parse(text));
});
it('the header of an encrypted file that does not end is refused before it is read', async () => {
  const source = async function* () {
    await Promise.resolve();
    for (let piece = 0; piece < 64; piece += 1)
      yield Buffer.from(`${piece === 0 ? 'age-encryption.org/v1\n' : ''}${'-> X a\nAAAA\n'.repeat(2000)}`);
  };
  await assert.rejects(async () => {
    for await (const _ of decryptor('f', 'p')(source())) assert.fail();
  }, /damaged/);
});
