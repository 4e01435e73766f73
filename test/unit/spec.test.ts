import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { parseMountSpec, parseMountSpecs, printMount, type MountSettings } from '../../src/mounts/spec.ts';

const LOCAL = { home: '/root' };
const segment = fc.string({ unit: fc.constantFrom(...'abz09 ._-,"=$(ü日\\\''), minLength: 1, maxLength: 12 }).filter((text) => text !== '.' && text !== '..');
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
const name = fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,20}$/);
const words = fc.dictionary(fc.stringMatching(/^[a-z][a-z.]{0,8}$/), segment, { minKeys: 1, maxKeys: 3, noNullPrototype: true });
const some = <T extends object>(options: fc.Arbitrary<T>) => options.filter((one) => Object.keys(one).length > 0);
const yes = fc.constant(true);

const bindMount = fc.record(
  { Type: fc.constant('bind' as const), Source: path, Target: path, ReadOnly: fc.boolean(), BindOptions: some(fc.record({ Propagation: fc.constantFrom('private', 'rshared', 'slave'), NonRecursive: yes }, { requiredKeys: [], noNullPrototype: true })) },
  { requiredKeys: ['Type', 'Source', 'Target', 'ReadOnly'], noNullPrototype: true },
);
const volumeMount = fc.record(
  {
    Type: fc.constant('volume' as const),
    Source: fc.oneof(name, fc.constant('')),
    Target: path,
    ReadOnly: fc.boolean(),
    VolumeOptions: some(fc.record({ NoCopy: yes, Subpath: segment, Labels: words, DriverConfig: fc.record({ Name: name, Options: words }, { noNullPrototype: true }) }, { requiredKeys: [], noNullPrototype: true })),
  },
  { requiredKeys: ['Type', 'Source', 'Target', 'ReadOnly'], noNullPrototype: true },
);
const tmpfsMount = fc.record(
  { Type: fc.constant('tmpfs' as const), Source: fc.constant(''), Target: path, ReadOnly: fc.boolean(), TmpfsOptions: some(fc.record({ SizeBytes: fc.integer({ min: 1, max: 2 ** 40 }), Mode: fc.integer({ min: 1, max: 0o7777 }) }, { requiredKeys: [], noNullPrototype: true })) },
  { requiredKeys: ['Type', 'Source', 'Target', 'ReadOnly'], noNullPrototype: true },
);

const mount: fc.Arbitrary<MountSettings> = fc.oneof(bindMount, volumeMount, tmpfsMount);

it('what is printed as --mount and parsed again is the same mount', () => {
  fc.assert(fc.property(mount, (one) => assert.deepEqual(parseMountSpec(printMount(one), LOCAL), one)), { numRuns: 2000 });
});

it('an API object parses to itself', () => {
  fc.assert(fc.property(mount, (one) => assert.deepEqual(parseMountSpec(one, LOCAL), one)), { numRuns: 500 });
});

it('any text is parsed or refused with a sentence that quotes it, and never hangs or throws anything else', () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...':,=/"~az', 'ro', 'type=', 'src=', 'dst=', 'volume-opt=') }));
  fc.assert(
    fc.property(text, (one) => {
      try {
        assert.ok(parseMountSpec(one, LOCAL).Target.startsWith('/'));
      } catch (error) {
        assert.ok((error as Error).name === 'BadArgument' && (error as Error).message.includes(one), String(error));
      }
    }),
    { numRuns: 5000 },
  );
});

it('two mounts on one target are refused, however the target is written', () => {
  fc.assert(fc.property(mount, (one) => assert.throws(() => parseMountSpecs([one, `/a:${one.Target}/../${one.Target.split('/').at(-1)}/`], LOCAL), /given twice/)), { numRuns: 200 });
});

it('~ and ${workspaceFolder} stand for paths of this machine, in the source and nowhere else', () => {
  const local = { home: '/home/me', folders: [{ name: 'shop', path: '/code/shop' }, { name: 'docs: new', path: '/code/docs' }] };
  const table: [string, string, string][] = [
    ['~/data:/data', '/home/me/data', '/data'],
    ['~:/~', '/home/me', '/~'],
    ['${workspaceFolder}/src:/app/${workspaceFolder}', '/code/shop/src', '/app/${workspaceFolder}'],
    ['${workspaceFolder:docs: new}/a:/docs:ro', '/code/docs/a', '/docs'],
    ['type=bind,src=${workspaceFolder},dst=/app', '/code/shop', '/app'],
    ['~other:/x', '', ''],
  ];
  for (const [text, source, target] of table) {
    if (source === '') assert.throws(() => parseMountSpec(text, local), /~other/);
    else assert.deepEqual([parseMountSpec(text, local).Source, parseMountSpec(text, local).Target], [source, target], text);
  }
  assert.throws(() => parseMountSpec('${workspaceFolder}:/x', { home: '/root' }), /no folder is open/);
  assert.throws(() => parseMountSpec('${workspaceFolder:other}:/x', local), /no folder "other"/);
});
