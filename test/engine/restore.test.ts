import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { backup } from '../../src/backup/backup.ts';
import type { RestoreRequest } from '../../src/backup/restore/prepare.ts';
import { previewRestore, verifyAgainst } from '../../src/backup/restore/preview.ts';
import { restore } from '../../src/backup/restore/restore.ts';
import type { Connection } from '../../src/engine/connection.ts';
import { BadArchive, BadArgument, FileFailure, PassphraseNeeded, TargetNotEmpty } from '../../src/engine/errors.ts';
import { assertSameTree, buildTree } from './trees.ts';
import { begin, container, end, GNU_TAR, helpersOf, jobOn, unique, volume } from './support.ts';

let connection: Connection;
let folder: string;
let source: string;
let sourcePath: string;
before(async () => {
  ({ connection, folder } = await begin());
  source = unique('source');
  sourcePath = await volume(connection, source);
  buildTree(sourcePath, { files: 300, bigFileMiB: 3 });
});
after(async () => {
  assert.equal(await helpersOf(connection), 0, 'helper containers are left');
  await end(connection, folder);
});

const put = (request: Omit<RestoreRequest, 'helperImage'>) =>
  restore(jobOn(connection), { helperImage: GNU_TAR, ...request });
const names = (path: string) => readdirSync(path).sort();
const tar = (file: string, ...args: string[]) => {
  execFileSync('tar', ['-cf', file, ...args], { cwd: folder, stdio: ['ignore', 'ignore', 'ignore'] });
  return file;
};
/** A volume that holds one old file. */
async function used(): Promise<{ name: string; path: string }> {
  const name = unique('used');
  const path = await volume(connection, name);
  writeFileSync(join(path, 'old.txt'), 'old');
  mkdirSync(join(path, '.hidden dir'));
  writeFileSync(join(path, '.hidden dir/-rf'), 'odd');
  execFileSync('chown', ['12:34', path]);
  execFileSync('touch', ['-d', '@1000000000.5', path]);
  return { name, path };
}
function assertOld(path: string): void {
  assert.deepEqual(names(path), ['.hidden dir', 'old.txt']);
  assert.equal(readFileSync(join(path, '.hidden dir/-rf'), 'utf8'), 'odd');
  const { uid, gid, mtimeMs } = statSync(path);
  assert.deepEqual([uid, gid, Math.floor(mtimeMs / 1000)], [12, 34, 1_000_000_000]);
}

describe('a round trip keeps what the file system holds', () => {
  for (const [method, compression] of [
    ['archive', 'zstd'],
    ['archive', 'none'],
    ['tar', 'zstd'],
    ['tar', 'gzip'],
  ] as const) {
    it(`${method}, ${compression}: into a new volume, and in place of what another holds`, async () => {
      // The engine's own tar sets times before 1970 to 1970.
      execFileSync('touch', ['-d', method === 'archive' ? '@86400' : '@-86400', join(sourcePath, 'modes/setuid')]);
      const made = await backup(jobOn(connection), {
        subject: { kind: 'volume', name: source },
        destination: folder,
        method,
        compression,
        helperImage: GNU_TAR,
      });
      const fidelity = { nanoseconds: method === 'tar', attributes: method === 'tar' };
      const fresh = unique('fresh');
      const result = await put({ file: made.file, into: { kind: 'volume', name: fresh }, mode: 'empty', method });
      assert.deepEqual([result.entries, result.bytes], [made.entries, made.bytes]);
      const { Mountpoint, Labels } = await connection.docker.getVolume(fresh).inspect();
      assertSameTree(Mountpoint, sourcePath, fidelity);
      assert.deepEqual(Labels, (await connection.docker.getVolume(source).inspect()).Labels);
      const other = await used();
      await put({ file: made.file, into: { kind: 'volume', name: other.name }, mode: 'replace', method });
      assertSameTree(other.path, sourcePath, fidelity);
    });
  }
});

it('a container’s mounts: volumes, a directory and a single file go back where they were', async () => {
  const [name, data] = [unique('web'), unique('data')];
  const dataPath = await volume(connection, data);
  const site = join(folder, 'site');
  mkdirSync(join(site, 'css'), { recursive: true });
  writeFileSync(join(site, 'css/a.css'), 'a {}');
  writeFileSync(join(folder, 'app.conf'), 'port 80\n');
  writeFileSync(join(dataPath, 'rows'), '1,2,3');
  await container(connection, name, {
    HostConfig: { Binds: [`${data}:/data`, `${site}:/data/site`, `${folder}/app.conf:/etc/app.conf:ro`] },
  });
  const made = await backup(jobOn(connection), {
    subject: { kind: 'container', name: name },
    destination: folder,
    method: 'archive',
  });
  writeFileSync(join(dataPath, 'rows'), 'spoiled');
  writeFileSync(join(site, 'css/new.css'), 'new');
  writeFileSync(join(folder, 'app.conf'), 'spoiled\n');
  const into = { kind: 'container', name: name } as const;
  await assert.rejects(put({ file: made.file, into, mode: 'empty' }), TargetNotEmpty);
  const preview = await previewRestore(jobOn(connection), { file: made.file, into, mode: 'replace' });
  assert.deepEqual(
    [preview.added, preview.changed, preview.removed],
    [[], ['data/rows', 'etc/app.conf'], ['data/site/css/new.css']],
  );
  await put({ file: made.file, into, mode: 'replace' });
  assert.equal(readFileSync(join(dataPath, 'rows'), 'utf8'), '1,2,3');
  assert.deepEqual(names(join(site, 'css')), ['a.css']);
  assert.equal(readFileSync(join(folder, 'app.conf'), 'utf8'), 'port 80\n');
  writeFileSync(join(dataPath, 'rows'), 'spoiled again');
  writeFileSync(join(site, 'css/new.css'), 'new');
  await put({ file: made.file, into: { ...into, targets: ['/data'] }, mode: 'merge' });
  assert.equal(readFileSync(join(dataPath, 'rows'), 'utf8'), '1,2,3');
  assert.deepEqual(names(join(site, 'css')), ['a.css', 'new.css']);
  await assert.rejects(
    put({ file: made.file, into: { ...into, targets: ['/nowhere'] }, mode: 'merge' }),
    /"\/nowhere"/,
  );
  await assert.rejects(
    put({ file: made.file, into: { kind: 'volume', name: unique('x') }, mode: 'empty' }),
    /several mounts.*"data"/,
  );
  const alone = unique('alone');
  await put({ file: made.file, into: { kind: 'volume', name: alone }, mode: 'empty', strip: 'data/site' });
  assert.deepEqual(names(join((await connection.docker.getVolume(alone).inspect()).Mountpoint, 'css')), ['a.css']);
  await connection.docker.getVolume(alone).remove();
});

it('empty refuses a target that holds data; merge keeps what is there; a dry run changes nothing and says the same', async () => {
  const { name, path } = await used();
  const into = { kind: 'volume', name: name } as const;
  mkdirSync(join(folder, 'small'));
  writeFileSync(join(folder, 'small/new.txt'), 'new');
  writeFileSync(join(folder, 'small/old.txt'), 'newer');
  const file = tar(join(folder, 'small.tar'), '-C', 'small', '.');
  await assert.rejects(
    put({ file, into, mode: 'empty' }),
    (error: Error) => error instanceof TargetNotEmpty && error.message.includes(name),
  );
  const merge = await previewRestore(jobOn(connection), { file, into, mode: 'merge' });
  assert.deepEqual(
    [merge.added, merge.changed, merge.removed, merge.unchanged, merge.entries],
    [['new.txt'], ['old.txt'], [], 0, 2],
  );
  const replace = await previewRestore(jobOn(connection), { file, into, mode: 'replace' });
  assert.deepEqual(replace.removed, ['.hidden dir', '.hidden dir/-rf']);
  assertOld(path);
  await put({ file, into, mode: 'merge' });
  assert.deepEqual(names(path), ['.hidden dir', 'new.txt', 'old.txt']);
  assert.equal(readFileSync(join(path, 'old.txt'), 'utf8'), 'newer');
  const again = await previewRestore(jobOn(connection), { file, into, mode: 'merge' });
  assert.deepEqual([again.added, again.changed, again.unchanged], [[], [], 2]);
});

it('only some entries, by their paths in the target', async () => {
  const made = await backup(jobOn(connection), {
    subject: { kind: 'volume', name: source },
    destination: folder,
    method: 'archive',
  });
  const fresh = unique('some');
  const result = await put({
    file: made.file,
    into: { kind: 'volume', name: fresh },
    mode: 'empty',
    entries: ['many/7', 'modes/all'],
  });
  const path = (await connection.docker.getVolume(fresh).inspect()).Mountpoint;
  assert.deepEqual(
    [names(path), names(join(path, 'many')), names(join(path, 'modes'))],
    [['many', 'modes'], ['7'], ['all']],
  );
  assert.equal(result.entries, 4 + names(join(path, 'many/7')).length);
  await assert.rejects(
    put({ file: made.file, into: { kind: 'volume', name: unique('none') }, mode: 'empty', entries: ['never/there'] }),
    /never\/there/,
  );
  await assert.rejects(
    put({
      file: made.file,
      into: { kind: 'volume', name: unique('half') },
      mode: 'empty',
      entries: ['links/original'],
    }),
    (error: Error) => error instanceof BadArgument && /hard link|holds none/.test(error.message),
  );
});

it('verified against the volume: what differs is named, content too where size and time are the same', async () => {
  const { name, path } = await used();
  const made = await backup(jobOn(connection), {
    subject: { kind: 'volume', name: name },
    destination: folder,
    method: 'tar',
    helperImage: GNU_TAR,
  });
  const into = { kind: 'volume', name: name } as const;
  assert.deepEqual(await verifyAgainst(jobOn(connection), made.file, into), {
    ok: true,
    entries: 3,
    bytes: 6,
    problems: [],
  });
  const { mtime } = statSync(join(path, 'old.txt'));
  writeFileSync(join(path, 'old.txt'), 'OLD');
  utimesSync(join(path, 'old.txt'), mtime, mtime);
  writeFileSync(join(path, 'more.txt'), 'more');
  execFileSync('rm', [join(path, '.hidden dir/-rf')]);
  const { ok, problems } = await verifyAgainst(jobOn(connection), made.file, into);
  assert.equal(ok, false);
  assert.deepEqual(problems, [
    '"old.txt" differs from the archive',
    '".hidden dir/-rf" is in the archive only',
    '"more.txt" is not in the archive',
  ]);
  await assert.rejects(
    verifyAgainst(jobOn(connection), made.file, { kind: 'volume', name: unique('gone') }),
    /no volume/,
  );
  const sparse = await backup(jobOn(connection), {
    subject: { kind: 'volume', name: source },
    destination: folder,
    method: 'tar',
    helperImage: GNU_TAR,
  });
  assert.deepEqual(
    (await verifyAgainst(jobOn(connection), sparse.file, { kind: 'volume', name: source })).problems,
    [],
  );
});

describe('archives that other tools and hands made', () => {
  const shapes: [string, string, (file: string) => void][] = [
    ['by hand, of a directory', '.tar', (file) => tar(file, 'datavolume1')],
    ['by hand, absolute', '.tar', (file) => tar(file, '-P', join(folder, 'datavolume1'))],
    ['by hand, relative to it', '.tgz', (file) => tar(file, '-z', '-C', 'datavolume1', '.')],
    ['by hand, its names', '.tar', (file) => tar(file, '-C', 'datavolume1', 'a.txt', 'sub', 'hole')],
    [
      'Docker Desktop, older',
      '.tar.gz',
      (file) => tar(file, '-z', '--transform=s,^datavolume1,vackup-volume,', 'datavolume1'),
    ],
    ['Docker Desktop, zstd', '.tar.zst', (file) => tar(file, '--zstd', '-C', 'datavolume1', '.')],
    ['loomchild/volume-backup, bzip2', '.tar.bz2', (file) => tar(file, '-j', '-C', 'datavolume1', '.')],
    ['loomchild/volume-backup, xz', '.tar.xz', (file) => tar(file, '-J', '-C', 'datavolume1', '.')],
    [
      'offen/docker-volume-backup',
      '.tar.gz',
      (file) => tar(file, '-z', '--transform=s,^datavolume1,backup/app,', 'datavolume1'),
    ],
    ['GNU sparse', '.tar', (file) => tar(file, '--format=gnu', '--sparse', '-C', 'datavolume1', '.')],
    ['pax sparse', '.tar', (file) => tar(file, '--format=posix', '--sparse', '-C', 'datavolume1', '.')],
    ['old v7', '.tar', (file) => tar(file, '--format=v7', '-C', 'datavolume1', '.')],
  ];
  before(() => {
    const root = join(folder, 'datavolume1');
    mkdirSync(join(root, 'sub'), { recursive: true });
    writeFileSync(join(root, 'a.txt'), 'A');
    writeFileSync(join(root, 'sub/b.txt'), 'B');
    symlinkSync('b.txt', join(root, 'sub/c'));
    execFileSync('truncate', ['-s', '2M', join(root, 'hole')]);
    execFileSync('sh', ['-c', 'printf end >> "$1"', 'sh', join(root, 'hole')]);
  });
  for (const [what, ending, make] of shapes) {
    it(`${what}: the contents land in the volume's root`, async () => {
      const file = join(folder, `${unique('foreign')}${ending}`);
      make(file);
      for (const method of ['archive', 'tar'] as const) {
        const fresh = unique('foreign');
        const result = await put({ file, into: { kind: 'volume', name: fresh }, mode: 'empty', method });
        const path = (await connection.docker.getVolume(fresh).inspect()).Mountpoint;
        assert.deepEqual(
          [names(path), names(join(path, 'sub'))],
          [
            ['a.txt', 'hole', 'sub'],
            ['b.txt', 'c'],
          ],
          method,
        );
        assert.deepEqual(readFileSync(join(path, 'hole')), readFileSync(join(folder, 'datavolume1/hole')));
        assert.deepEqual([result.entries, result.bytes], [5, 2 + 2 * 1024 * 1024 + 3]);
        await connection.docker.getVolume(fresh).remove();
      }
    });
  }
  for (const [what, start, kind, word] of [
    ['age', 'age-encryption.org/v1\n-> scrypt x 18\n', PassphraseNeeded, /age.*passphrase/],
    ['gpg', '\x85\x01\x0c\x03', FileFailure, /gpg --decrypt/],
  ] as const) {
    it(`encrypted with ${what}: a clear word`, async () => {
      const file = join(folder, `${what}.tar.gz.${what}`);
      writeFileSync(file, Buffer.concat([Buffer.from(start, 'latin1'), Buffer.alloc(5000, 7)]));
      await assert.rejects(
        put({ file, into: { kind: 'volume', name: unique('locked') }, mode: 'empty' }),
        (error: Error) => error instanceof kind && word.test(error.message),
      );
    });
  }
});

describe('an archive that must not be restored changes nothing', () => {
  const python = (file: string, script: string) =>
    execFileSync('python3', [
      '-c',
      `import tarfile, io\nt = tarfile.open(${JSON.stringify(file)}, 'w')\ndef add(name, type=tarfile.REGTYPE, link=''):\n  i = tarfile.TarInfo(name); i.type = type; i.linkname = link\n  t.addfile(i, io.BytesIO())\n${script}\nt.close()`,
    ]);
  const cases: [string, string][] = [
    ['a name that climbs', "add('ok'); add('../evil')"],
    ['an absolute name among others', "add('./ok'); add('/etc/evil')"],
    ['a file through a link of the archive', "add('out', tarfile.SYMTYPE, '/etc'); add('out/evil')"],
    ['a hard link outside', "add('ok'); add('evil', tarfile.LNKTYPE, '../../etc/shadow')"],
    ['a hard link to an absolute path', "add('ok'); add('evil', tarfile.LNKTYPE, '/etc/shadow')"],
  ];
  for (const [what, script] of cases) {
    it(what, async () => {
      const file = join(folder, `${unique('evil')}.tar`);
      python(file, script);
      const { name, path } = await used();
      for (const mode of ['merge', 'replace'] as const)
        await assert.rejects(
          put({ file, into: { kind: 'volume', name: name }, mode }),
          (error: Error) => error instanceof BadArchive && /evil/.test(error.message),
        );
      assertOld(path);
      const never = unique('never');
      await assert.rejects(put({ file, into: { kind: 'volume', name: never }, mode: 'empty' }), BadArchive);
      await assert.rejects(connection.docker.getVolume(never).inspect());
    });
  }
  it('damaged anywhere, cut, with a tail, or with the manifest of another', async () => {
    const made = await backup(jobOn(connection), {
      subject: { kind: 'volume', name: source },
      destination: folder,
      method: 'archive',
    });
    const bytes = readFileSync(made.file);
    const manifest = readFileSync(made.manifest, 'utf8');
    const { name, path } = await used();
    const flipped = Buffer.from(bytes);
    flipped[bytes.length >> 1]! ^= 1;
    const bad: [string, Buffer, string | undefined][] = [
      ['flipped', flipped, undefined],
      ['cut', bytes.subarray(0, bytes.length - 1), undefined],
      ['tail', Buffer.concat([bytes, Buffer.from('tail')]), undefined],
      ['flipped with its manifest', flipped, manifest],
      ['another manifest', bytes, manifest.replace(/"sha256": "...../, '"sha256": "00000')],
    ];
    for (const [what, content, record] of bad) {
      const file = join(folder, `${unique('bad')}.tar.zst`);
      writeFileSync(file, content);
      if (record !== undefined) writeFileSync(`${file}.json`, record);
      await assert.rejects(put({ file, into: { kind: 'volume', name: name }, mode: 'replace' }), BadArchive, what);
    }
    assertOld(path);
    assert.ok(existsSync(made.file));
  });
});
