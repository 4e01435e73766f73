import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { BadArgument, FileRefused, NotFound } from '../../src/engine/errors.ts';
import type { Container, Mount, Volume } from '../../src/engine/model.ts';
import { bytesOfText, isUtf8, printable, textOfBytes } from '../../src/files/names.ts';
import { aliasesOf, childOf, locate, parentOf, placeOf, placeOfUriPath, uriPathOf } from '../../src/files/place.ts';

it('any bytes are a text and come back, and no two names share one', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
      (one, other) => {
        const [first, second] = [Buffer.from(one), Buffer.from(other)];
        assert.ok(bytesOfText(textOfBytes(first)).equals(first));
        assert.equal(textOfBytes(first) === textOfBytes(second), first.equals(second));
        // A URI takes no lone surrogates.
        encodeURIComponent(textOfBytes(first));
      },
    ),
  );
  assert.equal(textOfBytes(Buffer.from('ümläut 日本')), 'ümläut 日本');
  assert.deepEqual([isUtf8('ümläut'), isUtf8(textOfBytes(Buffer.from([0xff])))], [true, false]);
  assert.equal(printable(textOfBytes(Buffer.from([0x61, 0xff, 0x0a]))), 'a\\377\\012');
});

it('a place and the path of its URI are each other', () => {
  for (const [place, path] of [
    [placeOf('volume', 'data', '/'), '/volume/data'],
    [placeOf('volume', 'data', 'conf//app.conf/'), '/volume/data/conf/app.conf'],
    [placeOf('container', 'web', '/var/lib/x'), '/container/web/var/lib/x'],
  ] as const) {
    assert.equal(uriPathOf(place), path);
    assert.deepEqual(placeOfUriPath(path), place);
  }
  assert.deepEqual(childOf(placeOf('volume', 'v', '/'), 'a'), parentOf(placeOf('volume', 'v', '/a/b')));
  for (const none of ['/', '/volume', '/volume/', '/image/x/y', '']) assert.equal(placeOfUriPath(none), undefined);
  for (const up of ['../etc', '/a/../../b', 'a/..']) assert.throws(() => placeOf('volume', 'v', up), BadArgument);
});

const mount = (type: Mount['type'], source: string, target: string, readOnly = false): Mount => ({
  type,
  source,
  target,
  readOnly,
  ...(type === 'volume' ? { volume: source } : {}),
});
const web = {
  name: 'web',
  mounts: [mount('volume', 'data', '/data'), mount('bind', '/srv', '/data/inner', true), mount('tmpfs', '', '/tmp')],
} as unknown as Container;
const reader = { name: 'reader', mounts: [mount('volume', 'data', '/input', true)] } as unknown as Container;
const snapshot = { containers: [web, reader], volumes: [{ name: 'data' } as Volume] };

it('the innermost mount holds a path of a container; what none holds is refused with the mounts there are', () => {
  assert.equal(locate(placeOf('container', 'web', '/data/file'), snapshot).source.source, 'data');
  assert.deepEqual(locate(placeOf('container', 'web', '/data/inner/file'), snapshot), {
    source: { type: 'bind', source: '/srv', target: '/data/inner', readOnly: true },
    path: '/data/inner/file',
  });
  assert.throws(
    () => locate(placeOf('container', 'web', '/database'), snapshot),
    (error: Error) => error instanceof NotFound && error.message.includes('/data, /data/inner'),
  );
  assert.throws(() => locate(placeOf('container', 'web', '/tmp/x'), snapshot), FileRefused);
  assert.throws(() => locate(placeOf('container', 'gone', '/x'), snapshot), NotFound);
  assert.throws(() => locate(placeOf('volume', 'gone', '/x'), snapshot), NotFound);
});

it('a file is known by every way to it', () => {
  const names = aliasesOf(placeOf('container', 'web', '/data/a/b'), snapshot).map(uriPathOf);
  assert.deepEqual(names, ['/container/web/data/a/b', '/volume/data/a/b', '/container/reader/input/a/b']);
  assert.deepEqual(aliasesOf(placeOf('volume', 'data', '/'), snapshot).map(uriPathOf), [
    '/volume/data',
    '/container/web/data',
    '/container/reader/input',
  ]);
});
