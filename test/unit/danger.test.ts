import assert from 'node:assert/strict';
import { it } from 'node:test';
import { dangerOf } from '../../src/mounts/danger.ts';

const place = { home: '/home/me', workspaces: ['/home/me/code/shop'] };
const cases: [string, boolean, string | undefined][] = [
  ['/var/run/docker.sock', true, 'socket'],
  ['/run/user/1000/podman/podman.sock', false, 'socket'],
  ['/', false, 'system'],
  ['/etc/', false, 'system'],
  ['/etc', true, undefined],
  ['/etc/nginx', false, undefined],
  ['/home/you', false, 'home'],
  ['/root', false, 'home'],
  ['/home', false, 'home'],
  ['/home/me', false, 'aboveWorkspace'],
  ['/home/me/code', false, 'aboveWorkspace'],
  ['/home/me/code', true, undefined],
  ['/home/me/code/shop', false, undefined],
  ['/home/me/code/sho', false, undefined],
  ['/srv/data', false, undefined],
];
for (const [Source, ReadOnly, expected] of cases) {
  it(`a ${ReadOnly ? 'read-only' : 'writable'} bind of ${Source}: ${expected ?? 'no danger'}`, () => {
    assert.equal(dangerOf({ Type: 'bind', Source, ReadOnly }, place), expected);
  });
}
