import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { hostConfigOf } from '../../src/mounts/create.ts';
import { parseMountSpec, parseMountSpecs } from '../../src/mounts/spec.ts';
import { maskedText } from '../../src/engine/masking.ts';
import { printMount } from '../printMount.ts';
import { type MountSettings } from '../../src/mounts/mountSettings.ts';

const LOCAL = { home: '/root' };
const segment = fc
  .string({ unit: fc.constantFrom(...'abz09 ._-,"=$(ü日\\\''), minLength: 1, maxLength: 12 })
  .filter((text) => text !== '.' && text !== '..');
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
const name = fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,20}$/);
const words = fc.dictionary(fc.stringMatching(/^[a-z][a-z.]{0,8}$/), segment, {
  minKeys: 1,
  maxKeys: 3,
  noNullPrototype: true,
});
const some = <T extends object>(options: fc.Arbitrary<T>) => options.filter((one) => Object.keys(one).length > 0);
const yes = fc.constant(true);

const bindMount = fc.record(
  {
    Type: fc.constant('bind' as const),
    Source: path,
    Target: path,
    ReadOnly: fc.boolean(),
    BindOptions: some(
      fc.record(
        { Propagation: fc.constantFrom('private', 'rshared', 'slave'), NonRecursive: yes },
        { requiredKeys: [], noNullPrototype: true },
      ),
    ),
  },
  { requiredKeys: ['Type', 'Source', 'Target', 'ReadOnly'], noNullPrototype: true },
);
const volumeMount = fc.record(
  {
    Type: fc.constant('volume' as const),
    Source: fc.oneof(name, fc.constant('')),
    Target: path,
    ReadOnly: fc.boolean(),
    VolumeOptions: some(
      fc.record(
        {
          NoCopy: yes,
          Subpath: segment,
          Labels: words,
          DriverConfig: fc.record({ Name: name, Options: words }, { noNullPrototype: true }),
        },
        { requiredKeys: [], noNullPrototype: true },
      ),
    ),
  },
  { requiredKeys: ['Type', 'Source', 'Target', 'ReadOnly'], noNullPrototype: true },
);
const tmpfsMount = fc.record(
  {
    Type: fc.constant('tmpfs' as const),
    Source: fc.constant(''),
    Target: path,
    ReadOnly: fc.boolean(),
    TmpfsOptions: some(
      fc.record(
        { SizeBytes: fc.integer({ min: 1, max: 2 ** 40 }), Mode: fc.integer({ min: 1, max: 0o7777 }) },
        { requiredKeys: [], noNullPrototype: true },
      ),
    ),
  },
  { requiredKeys: ['Type', 'Source', 'Target', 'ReadOnly'], noNullPrototype: true },
);

const mount: fc.Arbitrary<MountSettings> = fc.oneof(bindMount, volumeMount, tmpfsMount);

it('what is printed as --mount and parsed again is the same mount', () => {
  fc.assert(
    fc.property(mount, (one) => assert.deepEqual(parseMountSpec(printMount(one), LOCAL), one)),
    { numRuns: 2000 },
  );
});

it('an API object parses to itself', () => {
  fc.assert(
    fc.property(mount, (one) => assert.deepEqual(parseMountSpec(one, LOCAL), one)),
    { numRuns: 500 },
  );
});

it('any text is parsed or refused with a sentence that quotes it, and never hangs or throws anything else', () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom(...':,=/"~az', 'ro', 'type=', 'src=', 'dst=', 'volume-opt=') }),
  );
  fc.assert(
    fc.property(text, (one) => {
      try {
        assert.ok(parseMountSpec(one, LOCAL).Target.startsWith('/'));
      } catch (error) {
        const { name, message } = error as Error;
        // What looks like a password is not quoted.
        const isQuoted = message.includes(one) || maskedText(one) !== one;
        assert.ok(name === 'BadArgument' && isQuoted, String(error));
      }
    }),
    { numRuns: 5000 },
  );
});

it('two mounts on one target are refused, however the target is written', () => {
  fc.assert(
    fc.property(mount, (one) =>
      assert.throws(
        () => parseMountSpecs([one, `/a:${one.Target}/../${one.Target.split('/').at(-1)}/`], LOCAL),
        /given twice/,
      ),
    ),
    { numRuns: 200 },
  );
});

it('~ and ${workspaceFolder} stand for paths of this machine, in the source and nowhere else', () => {
  const local = {
    home: '/home/me',
    folders: [
      { name: 'shop', path: '/code/shop' },
      { name: 'docs: new', path: '/code/docs' },
    ],
  };
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
    else
      assert.deepEqual(
        [parseMountSpec(text, local).Source, parseMountSpec(text, local).Target],
        [source, target],
        text,
      );
  }
  assert.throws(() => parseMountSpec('${workspaceFolder}:/x', { home: '/root' }), /no folder is open/);
  assert.throws(() => parseMountSpec('${workspaceFolder:other}:/x', local), /no folder "other"/);
});

it('an API object holds known keys alone, at every depth: the engine reads keys without regard to case and takes the last', () => {
  const secret = 'hunter2';
  const volume = (VolumeOptions: object) => ({ Type: 'volume', Source: '', Target: '/h', VolumeOptions });
  const table: [spec: unknown, key: string][] = [
    [{ Type: 'volume', Source: 'x', Target: '/h', type: 'bind', source: '/etc' }, 'type'],
    [{ Type: 'volume', Source: 'x', Target: '/h', source: '/etc' }, 'source'],
    [{ Type: 'tmpfs', Source: '', Target: '/h', type: 'bind', source: '/var/spool' }, 'type'],
    [{ Type: 'bind', Source: '/run', Target: '/h', ReadOnly: true, readonly: false }, 'readonly'],
    [
      {
        Type: 'bind',
        Source: '/etc',
        Target: '/h',
        ReadOnly: true,
        BindOptions: { NonRecursive: true },
        readonly: false,
      },
      'readonly',
    ],
    [{ Type: 'bind', Source: '/srv', Target: '/h', BindOptions: { nonrecursive: true } }, 'BindOptions.nonrecursive'],
    [
      volume({ driverconfig: { name: 'local', options: { type: 'none', o: 'bind', device: secret } } }),
      'VolumeOptions.driverconfig',
    ],
    [
      volume({ DriverConfig: { Name: 'local', Options: {}, options: { type: 'none', o: 'bind', device: secret } } }),
      'VolumeOptions.DriverConfig.options',
    ],
    [volume({ DriverConfig: { Name: 'x', name: 'local', Options: {} } }), 'VolumeOptions.DriverConfig.name'],
    [{ Type: 'tmpfs', Target: '/h', TmpfsOptions: { sizebytes: 1 } }, 'TmpfsOptions.sizebytes'],
    // Case as Go folds it: the long s, and the sign for kelvin.
    [{ Type: 'volume', Source: 'x', Target: '/h', '\u017fource': secret }, '\u017fource'],
    [JSON.parse(`{"Type":"volume","Source":"x","Target":"/h","__proto__":{"source":"${secret}"}}`), '__proto__'],
    [{ Type: 'volume', Source: 'x', Target: '/h', constructor: secret }, 'constructor'],
    [
      { Type: 'volume', Source: 'x', Target: '/h', toJSON: () => ({ Type: 'bind', Source: secret, Target: '/h' }) },
      'toJSON',
    ],
    [volume({ Labels: JSON.parse(`{"__proto__":"${secret}"}`) as object }), 'VolumeOptions.Labels.__proto__'],
  ];
  for (const [spec, key] of table) {
    assert.throws(
      () => parseMountSpec(spec, LOCAL),
      (error: Error) =>
        error.name === 'BadArgument' &&
        error.message.includes(`the field "${key}" is unknown`) &&
        !error.message.includes(secret),
      key,
    );
  }
});

it('the fields of an API object have their types', () => {
  const bind = (more: object) => ({ Type: 'bind', Source: '/srv', Target: '/h', ...more });
  const wrong: unknown[] = [
    bind({ ReadOnly: 'true' }),
    bind({ ReadOnly: 1 }),
    bind({ Source: ['/srv'] }),
    bind({ Consistency: 'cached,rw' }),
    bind({ Consistency: 'other' }),
    bind({ relabel: 'z,rw' }),
    bind({ relabel: true }),
    bind({ BindOptions: 'x' }),
    bind({ BindOptions: ['x'] }),
    bind({ BindOptions: { Propagation: 'shared,rw' } }),
    bind({ BindOptions: { Propagation: ['shared'] } }),
    bind({ BindOptions: { ReadOnlyForceRecursive: 'yes' } }),
    bind({ ClusterOptions: {} }),
    bind({ ImageOptions: { Subpath: 'x' } }),
    bind({ Source: '/srv:/etc', relabel: 'z' }),
    { Type: 'tmpfs', Target: '/h', relabel: 'z' },
    { Type: 'tmpfs', Target: '/h', TmpfsOptions: { SizeBytes: -1 } },
    { Type: 'tmpfs', Target: '/h', TmpfsOptions: { Mode: '777' } },
    { Type: 'tmpfs', Target: '/h', TmpfsOptions: { Options: ['exec'] } },
    { Type: 'volume', Target: '/h', VolumeOptions: { Labels: { a: 1 } } },
    { Type: 'volume', Target: '/h', VolumeOptions: { DriverConfig: 'local' } },
    { Type: 'volume', Target: '/h', VolumeOptions: { DriverConfig: { Options: { a: ['b'] } } } },
    [],
    ['/a:/b'],
    null,
    7,
  ];
  for (const spec of wrong)
    assert.throws(() => parseMountSpec(spec, LOCAL), { name: 'BadArgument' }, JSON.stringify(spec));
  const right: MountSettings[] = [
    {
      Type: 'bind',
      Source: '/srv',
      Target: '/h',
      ReadOnly: true,
      BindOptions: { ReadOnlyNonRecursive: true, ReadOnlyForceRecursive: false, CreateMountpoint: true },
      Consistency: 'cached',
    },
    { Type: 'bind', Source: '/srv', Target: '/h', ReadOnly: false, relabel: 'Z' },
    { Type: 'tmpfs', Source: '', Target: '/h', ReadOnly: false, TmpfsOptions: { Options: [['exec'], ['uid', '7']] } },
    {
      Type: 'volume',
      Source: '',
      Target: '/h',
      ReadOnly: false,
      VolumeOptions: { DriverConfig: { Name: '', Options: { constructor: 'x', Device: 'y' } } },
    },
  ];
  for (const spec of right) assert.deepEqual(parseMountSpec(spec, LOCAL), spec);
  assert.deepEqual(parseMountSpec({ Type: 'volume', Source: null, Target: '/h', VolumeOptions: null }, LOCAL), {
    Type: 'volume',
    Source: '',
    Target: '/h',
    ReadOnly: false,
  });
});

it('what is checked is what is sent: accessors are read once, and inherited fields not at all', () => {
  let reads = 0;
  const twoFaced = {
    Type: 'bind',
    Target: '/h',
    ReadOnly: true,
    get Source() {
      return (reads += 1) === 1 ? '/srv' : '/etc';
    },
  };
  const parsed = parseMountSpec(twoFaced, LOCAL);
  assert.deepEqual(
    [parsed.Source, reads, Object.getOwnPropertyDescriptor(parsed, 'Source')?.value],
    ['/srv', 1, '/srv'],
  );
  let asked = 0;
  const options = new Proxy({ device: '' }, { get: () => ((asked += 1) === 1 ? '/srv' : '/etc') });
  const { VolumeOptions } = parseMountSpec(
    { Type: 'volume', Target: '/h', VolumeOptions: { DriverConfig: { Name: 'local', Options: options } } },
    LOCAL,
  );
  assert.deepEqual(
    [VolumeOptions?.DriverConfig?.Options['device'], VolumeOptions?.DriverConfig?.Options['device'], asked],
    ['/srv', '/srv', 1],
  );
  assert.deepEqual(
    parseMountSpec(
      Object.assign(Object.create({ Source: '/etc', toJSON: () => 1 }) as object, { Type: 'volume', Target: '/h' }),
      LOCAL,
    ),
    { Type: 'volume', Source: '', Target: '/h', ReadOnly: false },
  );
  const smuggled: MountSettings & { source: string } = {
    Type: 'volume',
    Source: 'x',
    Target: '/h',
    ReadOnly: false,
    source: '/etc',
  };
  assert.throws(
    () => hostConfigOf([{ ...smuggled, VolumeOptions: { driverconfig: {} } as object }], true),
    /VolumeOptions.driverconfig/,
  );
  assert.deepEqual(hostConfigOf([smuggled], true).Mounts, [
    { Type: 'volume', Source: 'x', Target: '/h', ReadOnly: false },
  ]);
  assert.deepEqual(
    hostConfigOf(
      [{ Type: 'bind', Source: '/srv', Target: '/h', ReadOnly: true, BindOptions: { ReadOnlyForceRecursive: true } }],
      true,
    ).Binds,
    [],
  );
});

it('the source of a bind is written in one way, so that links cannot give ".." another meaning', () => {
  for (const [source, expected] of [
    ['/var/run/../etc', '/var/etc'],
    ['/srv/./a//b', '/srv/a/b'],
    ['//etc', '/etc'],
    ['/srv/..a', '/srv/..a'],
    ['/../etc', '/etc'],
  ] as const) {
    for (const spec of [
      { Type: 'bind', Source: source, Target: '/h' },
      `${source}:/h`,
      `type=bind,src=${source},dst=/h`,
    ])
      assert.equal(parseMountSpec(spec, LOCAL).Source, expected, source);
  }
});
