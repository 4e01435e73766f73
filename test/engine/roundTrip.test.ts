/** Random trees, backed up and restored by each method and compression, compared entry by entry. */
import { execFileSync } from 'node:child_process';
import { after, before, it } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { backup } from '../../src/backup/backup.ts';
import { restore } from '../../src/backup/restore/restore.ts';
import { verifyBackup } from '../../src/backup/archive/verify.ts';
import type { Connection } from '../../src/engine/connection.ts';
import { describeTree } from './trees.ts';
import { begin, end, GNU_TAR, job, jobOn, unique, volume } from './support.ts';

let connection: Connection;
let folder: string;
before(async () => {
  ({ connection, folder } = await begin());
});
after(() => end(connection, folder));

/** Bytes as Latin-1; anything but a slash and NUL may stand in a name. */
const name = fc
  .oneof(
    fc.string({
      unit: fc
        .integer({ min: 1, max: 255 })
        .filter((code) => code !== 0x2f)
        .map((code) => String.fromCharCode(code)),
      minLength: 1,
      maxLength: 30,
    }),
    fc.constantFrom('-rf', '--help', ' ', '..x', '\n', '\\', '*', 'a'.repeat(255), '\xff\xfe', '.wh.x'),
  )
  .filter((text) => text !== '.' && text !== '..');
const facts = {
  mode: fc.integer({ min: 0, max: 0o7777 }),
  owner: fc.tuple(fc.integer({ min: 0, max: 70_000 }), fc.integer({ min: 0, max: 2 ** 31 })),
  seconds: fc.oneof(fc.integer({ min: 0, max: 2 ** 33 }), fc.integer({ min: 1_600_000_000, max: 1_800_000_000 })),
  nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
  xattr: fc.option(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), { nil: null }),
};
const entry = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('file'),
      bytes: fc.oneof(fc.nat(3000), fc.constantFrom(0, 511, 512, 513, 70_000)),
      hole: fc.boolean(),
      name,
      into: fc.nat(),
      ...facts,
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('directory'), name, into: fc.nat(), ...facts }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('soft'),
      to: fc.oneof(name, fc.constantFrom('../..', '/etc/passwd', 'b'.repeat(900))),
      name,
      into: fc.nat(),
      ...facts,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hard'), of: fc.nat(), name, into: fc.nat(), ...facts }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fifo'), name, into: fc.nat(), ...facts }) },
);
const tree = fc.record({ entries: fc.array(entry, { minLength: 8, maxLength: 40 }), root: fc.record(facts) });

/** Makes a tree of what was drawn; a name that is taken in its directory is passed over. */
const BUILD = `
import json, os, sys
root, spec = sys.argv[1].encode(), json.load(sys.stdin)
raw = lambda text: text.encode('latin-1')
folders, files, made = [root], [], []
for e in spec['entries']:
    path = folders[e['into'] % len(folders)] + b'/' + raw(e['name'])
    if os.path.lexists(path): continue
    kind = e['kind']
    if kind == 'directory':
        os.mkdir(path); folders.append(path)
    elif kind == 'file':
        with open(path, 'wb') as f:
            if e['hole']: f.seek(200000)
            f.write((raw(e['name']) * (e['bytes'] + 1))[:e['bytes']])
            f.truncate()
        files.append(path)
    elif kind == 'soft': os.symlink(raw(e['to']), path)
    elif kind == 'hard':
        if not files: continue
        os.link(files[e['of'] % len(files)], path); continue
    elif kind == 'fifo': os.mkfifo(path)
    made.append((path, kind, e))
made.sort(key=lambda one: -one[0].count(b'/'))
for path, kind, e in made + [(root, 'directory', spec['root'])]:
    os.lchown(path, *e['owner'])
    if kind != 'soft': os.chmod(path, e['mode'])
    if kind in ('file', 'directory') and e['xattr'] is not None: os.setxattr(path, b'user.note', e['xattr'].encode())
    time = e['seconds'] * 10**9 + e['nanoseconds']
    os.utime(path, ns=(time, time), follow_symlinks=False)
`;

const ways = [
  ['archive', 'none'],
  ['archive', 'gzip'],
  ['archive', 'zstd'],
  ['tar', 'none'],
  ['tar', 'gzip'],
  ['tar', 'zstd'],
] as const;
for (const [method, compression] of ways) {
  it(`a random tree comes back as it was: ${method}, ${compression}`, async () => {
    const fidelity = { nanoseconds: method === 'tar', attributes: method === 'tar' };
    await fc.assert(
      fc.asyncProperty(tree, async (spec) => {
        const [from, to] = [unique('from'), unique('to')];
        const path = await volume(connection, from);
        execFileSync('python3', ['-c', BUILD, path], { input: JSON.stringify(spec) });
        const made = await backup(jobOn(connection), {
          subject: { kind: 'volume', name: from },
          destination: folder,
          method,
          compression,
          helperImage: GNU_TAR,
        });
        assert.deepEqual((await verifyBackup(made.file, job())).problems, []);
        await restore(jobOn(connection), {
          file: made.file,
          into: { kind: 'volume', name: to },
          mode: 'empty',
          method,
          helperImage: GNU_TAR,
        });
        const back = (await connection.docker.getVolume(to).inspect()).Mountpoint;
        const [found, wanted] = [describeTree(back, fidelity), describeTree(path, fidelity)];
        assert.ok(wanted.size > 1);
        assert.deepEqual([...found].sort(), [...wanted].sort());
        for (const one of [from, to]) await connection.docker.getVolume(one).remove();
      }),
      // A smaller tree that fails would take minutes to find; the seed is told.
      { numRuns: 3, endOnFailure: true },
    );
  });
}
