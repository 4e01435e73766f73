import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Mount } from '../../src/engine/model.ts';
import { hostPaths, sharers, sharersOfMount } from '../../src/engine/sharing.ts';

const bind = (source: string, target = '/x'): Mount => ({ type: 'bind', source, target, readOnly: false });
const volume = (name: string, target = '/x'): Mount => ({
  type: 'volume',
  source: name,
  volume: name,
  target,
  readOnly: false,
});
const paths = hostPaths([
  { name: 'db', mountpoint: '/var/lib/docker/volumes/db/_data', options: {} },
  {
    name: 'src',
    mountpoint: '/var/lib/docker/volumes/src/_data',
    options: { type: 'none', o: 'bind,ro', device: '/home/me/src' },
  },
  { name: 'far', mountpoint: '', options: {} },
]);

const pairs: [string, Mount, Mount, boolean][] = [
  ['the same directory', bind('/srv'), bind('/srv/'), true],
  ['a directory and one inside', bind('/srv'), bind('/srv/site/css'), true],
  ['the whole host and anything', bind('/'), bind('/srv'), true],
  ['the whole host and a volume', bind('/'), volume('db'), true],
  ['neighbours with one beginning', bind('/srv'), bind('/srv2'), false],
  ['a volume and a bind of its files', volume('db'), bind('/var/lib/docker/volumes/db/_data/base'), true],
  ['a volume and a bind of all volumes', volume('db'), bind('/var/lib/docker/volumes'), true],
  ['a volume that binds a directory, and that directory', volume('src'), bind('/home/me/src/app'), true],
  [
    'a volume that binds a directory, and its empty mountpoint',
    volume('src'),
    bind('/var/lib/docker/volumes/src/_data'),
    false,
  ],
  ['a volume of a driver that names no path', volume('far'), volume('far'), true],
  ['two volumes', volume('db'), volume('far'), false],
  [
    'two tmpfs',
    { type: 'tmpfs', source: '', target: '/t', readOnly: false },
    { type: 'tmpfs', source: '', target: '/t', readOnly: false },
    false,
  ],
];
for (const [what, a, b, expected] of pairs) {
  it(`${what}: ${expected ? 'shared' : 'not shared'}, seen from both sides`, () => {
    const containers = [
      { name: 'a', mounts: [a] },
      { name: 'b', mounts: [b] },
    ];
    const found = sharers(containers, paths);
    assert.deepEqual([[...(found.get('a') ?? [])], [...(found.get('b') ?? [])]], expected ? [['b'], ['a']] : [[], []]);
    assert.deepEqual(sharersOfMount(containers, paths, 'a', a), expected ? [`b:${b.target}`] : []);
    assert.deepEqual(sharersOfMount(containers, paths, 'b', b), expected ? [`a:${a.target}`] : []);
  });
}
