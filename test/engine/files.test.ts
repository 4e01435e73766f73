import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import type { Connection } from '../../src/engine/connection.ts';
import { FileFailure, FileRefused, NotFound } from '../../src/engine/errors.ts';
import { Inventory } from '../../src/engine/inventory.ts';
import { Files } from '../../src/files/files.ts';
import { bytesOfText, textOfBytes } from '../../src/files/names.ts';
import { placeOf } from '../../src/files/place.ts';
import { begin, container, end, helpersOf, job, unique, until, volume } from './support.ts';

let connection: Connection;
let folder: string;
let files: Files;

before(async () => {
  ({ connection, folder } = await begin());
  const inventory = new Inventory(connection);
  files = new Files({
    connection: () => Promise.resolve(connection),
    snapshot: () => inventory.read(),
    log: job().log,
  });
});
after(async () => {
  await files.dispose();
  assert.equal(await helpersOf(connection), 0);
  await end(connection, folder);
});

const at = (name: string, path = '/') => placeOf('volume', name, path);
const inContainer = (name: string, path: string) => placeOf('container', name, path);
const both = { create: true, overwrite: true };
const names = async (name: string, path = '/') => (await files.list(at(name, path))).map((entry) => entry.name);
const refusal = (trouble: string) => (error: Error) => error instanceof FileRefused && error.trouble === trouble;

it('a volume that no container uses: listed, read, saved, with owner and mode kept and the time of now', async () => {
  const name = unique('lonely');
  const root = await volume(connection, name);
  mkdirSync(join(root, 'conf'));
  const file = join(root, 'conf/app.conf');
  writeFileSync(file, 'one\n');
  chownSync(file, 1234, 5678);
  chmodSync(file, 0o2640);
  utimesSync(file, 1_000_000_000, 1_000_000_000);
  const listed = await files.list(at(name, '/conf'));
  assert.deepEqual(listed, [
    { name: 'app.conf', type: 'file', isLink: false, size: 4, mtime: 1_000_000_000_000, mode: 0o640 },
  ]);
  const stat = await files.stat(at(name, '/conf/app.conf'));
  assert.deepEqual([stat.type, stat.size, stat.mtime, stat.readOnly], ['file', 4, 1_000_000_000_000, false]);
  assert.equal((await files.read(at(name, '/conf/app.conf'))).toString(), 'one\n');
  const before = Date.now();
  await files.write(at(name, '/conf/app.conf'), Buffer.from('one\ntwo\n'), { create: false, overwrite: true });
  const { uid, gid, mode, mtimeMs } = statSync(file);
  assert.equal(readFileSync(file, 'utf8'), 'one\ntwo\n');
  assert.deepEqual([uid, gid, mode & 0o7777], [1234, 5678, 0o2640]);
  assert.ok(Math.abs(mtimeMs - before) < 60_000);
  assert.deepEqual(readdirSync(join(root, 'conf')), ['app.conf']);
});

it('10,000 files in one directory: all listed by one program', async () => {
  const name = unique('many');
  const root = await volume(connection, name);
  for (let i = 0; i < 10_000; i += 1) writeFileSync(join(root, `file-${i}`), '');
  await files.list(at(name));
  const start = performance.now();
  assert.equal((await names(name)).length, 10_000);
  const took = performance.now() - start;
  console.log(`10,000 entries in ${Math.round(took)} ms`);
  assert.ok(took < 5000, `${took} ms`);
});

it('binary content comes back byte for byte, also of 200 MB, and the memory stays near to one copy', async () => {
  const name = unique('binary');
  const root = await volume(connection, name);
  const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  for (const content of [
    Buffer.alloc(0),
    all,
    randomBytes(511),
    randomBytes(512),
    randomBytes(513),
    randomBytes(3_000_001),
  ]) {
    await files.write(at(name, '/binary'), content, both);
    assert.ok(readFileSync(join(root, 'binary')).equals(content));
    assert.ok((await files.read(at(name, '/binary'))).equals(content));
  }
  const big = randomBytes(200_000_000);
  await files.write(at(name, '/big'), big, both);
  const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
  const wanted = hash(big);
  assert.equal(hash(readFileSync(join(root, 'big'))), wanted);
  const before = process.memoryUsage().rss;
  const start = performance.now();
  const read = await files.read(at(name, '/big'));
  console.log(
    `200 MB read in ${Math.round(performance.now() - start)} ms, ${Math.round((process.memoryUsage().rss - before) / 1e6)} MB more`,
  );
  assert.equal(hash(read), wanted);
});

const NAMES = [
  '-dash',
  ' space ',
  'quo"te\'s',
  'line\nbreak\n',
  '$(rm -rf)',
  '`id`',
  '*',
  '[a]?',
  'back\\slash',
  'ümläut',
  '日本',
  '100%',
  'a#b?c',
  ':colon',
  '.hidden',
  '~',
  'tab\t',
  '\uf7ff',
  '\u{1F600}',
];
const RAW = [
  Buffer.from([0x66, 0xff, 0xfe, 0x6f]),
  Buffer.from('caf\xe9.txt', 'latin1'),
  Buffer.from([0xc3]),
  Buffer.from([0xed, 0xa0, 0x80]),
];

it('names of all kinds are listed, read, saved, renamed and deleted', async () => {
  const name = unique('names');
  const root = await volume(connection, name);
  const all = [...NAMES.map((one) => Buffer.from(one)), ...RAW, Buffer.from('n'.repeat(255))];
  for (const one of all) writeFileSync(Buffer.concat([Buffer.from(`${root}/`), one]), one);
  const listed = await names(name);
  assert.deepEqual(
    listed.map((one) => bytesOfText(one).toString('hex')).sort(),
    all.map((one) => one.toString('hex')).sort(),
  );
  assert.equal(new Set(listed).size, all.length);
  await files.makeDirectory(at(name, '/to'));
  for (const one of listed) {
    assert.equal(textOfBytes(bytesOfText(one)), one);
    const place = { ...at(name), path: `/${one}` };
    assert.ok((await files.read(place)).equals(bytesOfText(one)), JSON.stringify(one));
    await files.write(place, Buffer.from('saved'), { create: false, overwrite: true });
    await files.rename(place, { ...place, path: `/to/${one}` }, false, job());
  }
  assert.deepEqual(await names(name), ['to']);
  const moved = readdirSync(join(root, 'to'), { encoding: 'buffer' });
  assert.deepEqual(moved.map((one) => one.toString('hex')).sort(), all.map((one) => one.toString('hex')).sort());
  for (const one of moved)
    assert.equal(readFileSync(Buffer.concat([Buffer.from(`${root}/to/`), one]), 'utf8'), 'saved');
  for (const one of await names(name, '/to')) await files.remove({ ...at(name), path: `/to/${one}` }, false);
  assert.deepEqual(readdirSync(join(root, 'to')), []);
});

it('links: followed inside the mount, also absolute ones as the container sees them; a save writes through them', async () => {
  const name = unique('links');
  const root = await volume(connection, name);
  mkdirSync(join(root, 'real/deep'), { recursive: true });
  writeFileSync(join(root, 'real/file'), 'content');
  symlinkSync('real/file', join(root, 'relative'));
  symlinkSync('real', join(root, 'directory'));
  symlinkSync('/data/real', join(root, 'absolute'));
  symlinkSync('/etc/passwd', join(root, 'outside'));
  symlinkSync('nowhere', join(root, 'dangling'));
  const user = unique('linked');
  await container(connection, user, { start: false, HostConfig: { Binds: [`${name}:/data`] } });
  const types = Object.fromEntries(
    (await files.list(inContainer(user, '/data'))).map(({ name: one, type, isLink }) => [one, [type, isLink]]),
  );
  assert.deepEqual(types, {
    absolute: ['directory', true],
    dangling: [undefined, true],
    directory: ['directory', true],
    outside: [undefined, true],
    real: ['directory', false],
    relative: ['file', true],
  });
  assert.deepEqual(
    (await files.list(inContainer(user, '/data/directory'))).map((one) => one.name),
    ['deep', 'file'],
  );
  assert.deepEqual(
    (await files.list(inContainer(user, '/data/absolute'))).map((one) => one.name),
    ['deep', 'file'],
  );
  await files.write(at(name, '/relative'), Buffer.from('through'), { create: false, overwrite: true });
  assert.equal(readlinkSync(join(root, 'relative')), 'real/file');
  assert.equal(readFileSync(join(root, 'real/file'), 'utf8'), 'through');
  await files.write(inContainer(user, '/data/absolute/file'), Buffer.from('absolute'), {
    create: false,
    overwrite: true,
  });
  assert.equal(readFileSync(join(root, 'real/file'), 'utf8'), 'absolute');
  await assert.rejects(files.read(at(name, '/outside')), refusal('notAFile'));
  await assert.rejects(files.write(at(name, '/outside'), Buffer.from('x'), both), refusal('notAFile'));
  await files.remove(at(name, '/directory'), true);
  assert.ok(existsSync(join(root, 'real/file')), 'the link goes, not what it leads to');
});

it('running and stopped containers: a bind, a nested volume, and a file that the container itself changes', async () => {
  const name = unique('running');
  const inner = unique('inner');
  const root = await volume(connection, inner);
  mkdirSync(join(folder, 'site'), { recursive: true });
  writeFileSync(join(folder, 'site/index.html'), 'hello');
  writeFileSync(join(root, 'deep'), 'deep');
  await container(connection, name, { HostConfig: { Binds: [`${folder}/site:/srv`, `${inner}:/srv/inner`] } });
  assert.equal((await files.read(inContainer(name, '/srv/index.html'))).toString(), 'hello');
  assert.equal((await files.read(inContainer(name, '/srv/inner/deep'))).toString(), 'deep');
  await files.write(inContainer(name, '/srv/inner/new'), Buffer.from('made'), both);
  const said = await connection.docker
    .getContainer(name)
    .exec({ Cmd: ['sh', '-c', 'cat /srv/inner/new; echo changed > /srv/index.html'], AttachStdout: true });
  const stream = await said.start({});
  let output = '';
  for await (const chunk of stream) output += String(chunk);
  assert.match(output, /made/);
  assert.equal((await files.read(inContainer(name, '/srv/index.html'))).toString(), 'changed\n');
  await connection.docker.getContainer(name).stop();
  assert.deepEqual(
    (await files.list(inContainer(name, '/srv'))).map((one) => one.name),
    ['index.html', 'inner'],
  );
  await assert.rejects(
    files.list(inContainer(name, '/etc')),
    (error: Error) => error instanceof NotFound && /no mount of container/.test(error.message),
  );
});

it('a mount that is read-only: read, and every change refused with the reason', async () => {
  const name = unique('frozen');
  const data = unique('data');
  const root = await volume(connection, data);
  writeFileSync(join(root, 'file'), 'kept');
  await container(connection, name, { HostConfig: { Binds: [`${data}:/data:ro`] } });
  const place = inContainer(name, '/data/file');
  assert.equal((await files.stat(place)).readOnly, true);
  assert.equal((await files.read(place)).toString(), 'kept');
  for (const change of [
    () => files.write(place, Buffer.from('x'), both),
    () => files.write(inContainer(name, '/data/new'), Buffer.from('x'), both),
    () => files.makeDirectory(inContainer(name, '/data/dir')),
    () => files.remove(place, true),
    () => files.rename(place, inContainer(name, '/data/other'), false, job()),
    () => files.rename(place, at(data, '/other'), false, job()),
    () => files.copy(at(data, '/file'), inContainer(name, '/data/copy'), false, job()),
  ]) {
    await assert.rejects(
      change,
      (error: Error) => refusal('readOnly')(error) && /mounted read-only/.test(error.message),
    );
  }
  assert.deepEqual(readdirSync(root), ['file']);
});

it('a mount of a single file: saved in place, so that the container sees it', async () => {
  const name = unique('single');
  const file = join(folder, 'app.conf');
  writeFileSync(file, 'old');
  chownSync(file, 77, 88);
  const { ino } = statSync(file);
  await container(connection, name, { HostConfig: { Binds: [`${file}:/etc/app.conf`] } });
  assert.equal((await files.stat(inContainer(name, '/etc/app.conf'))).type, 'file');
  await files.write(inContainer(name, '/etc/app.conf'), Buffer.from('new content'), { create: false, overwrite: true });
  assert.equal(readFileSync(file, 'utf8'), 'new content');
  assert.deepEqual([statSync(file).ino, statSync(file).uid], [ino, 77]);
  await assert.rejects(files.remove(inContainer(name, '/etc/app.conf'), false), refusal('notAFile'));
});

it('new files and directories belong to the owner of the directory that they are made in', async () => {
  const name = unique('owner');
  const root = await volume(connection, name);
  chownSync(root, 999, 998);
  await files.makeDirectory(at(name, '/made'));
  await files.write(at(name, '/made/file'), Buffer.from('x'), { create: true, overwrite: false });
  for (const path of ['made', 'made/file'])
    assert.deepEqual([statSync(join(root, path)).uid, statSync(join(root, path)).gid], [999, 998], path);
});

it('what is not so is refused and said: missing, taken, a directory, not empty, a pipe, a way out', async () => {
  const name = unique('refused');
  const root = await volume(connection, name);
  mkdirSync(join(root, 'full'));
  writeFileSync(join(root, 'full/file'), 'x');
  execFileSync('mkfifo', [join(root, 'pipe')]);
  const missing = (error: Error) => error instanceof NotFound && error.kind === 'file';
  await assert.rejects(files.read(at(name, '/none')), missing);
  await assert.rejects(files.list(at(name, '/none')), missing);
  await assert.rejects(files.list(at(name, '/full/file')), refusal('notADirectory'));
  await assert.rejects(files.read(at(name, '/full')), refusal('isADirectory'));
  await assert.rejects(files.read(at(name, '/pipe')), refusal('notAFile'));
  await assert.rejects(files.write(at(name, '/full'), Buffer.from('x'), both), refusal('isADirectory'));
  await assert.rejects(files.write(at(name, '/none/file'), Buffer.from('x'), both), missing);
  await assert.rejects(files.write(at(name, '/none'), Buffer.from('x'), { create: false, overwrite: true }), missing);
  await assert.rejects(
    files.write(at(name, '/full/file'), Buffer.from('y'), { create: true, overwrite: false }),
    refusal('exists'),
  );
  await assert.rejects(files.makeDirectory(at(name, '/full')), refusal('exists'));
  await assert.rejects(files.remove(at(name, '/full'), false), refusal('notEmpty'));
  await assert.rejects(files.remove(at(name, '/none'), true), missing);
  await assert.rejects(files.remove(at(name), true), refusal('notAFile'));
  await assert.rejects(
    files.rename(at(name, '/full'), at(name, '/full/inside'), true, job()),
    refusal('notADirectory'),
  );
  await assert.rejects(files.rename(at(name, '/pipe'), at(name, '/full'), false, job()), refusal('exists'));
  await assert.rejects(
    files.stat(at('no-such-volume')),
    (error: Error) => error instanceof NotFound && error.kind === 'volume',
  );
  assert.throws(() => at(name, '/full/../../etc'), /steps up/);
  assert.equal(readFileSync(join(root, 'full/file'), 'utf8'), 'x');
});

it('a full disk: the save fails, and the old content is there whole, with nothing beside it', async () => {
  const name = unique('tiny');
  await connection.docker.createVolume({
    Name: name,
    Labels: { 'docker-mounts.test': '1' },
    DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: 'size=2m' },
  });
  const user = unique('holds');
  await container(connection, user, { HostConfig: { Binds: [`${name}:/data`] } });
  const old = randomBytes(500_000);
  await files.write(at(name, '/file'), old, both);
  await assert.rejects(files.write(at(name, '/file'), randomBytes(3_000_000), both), /no space left/i);
  assert.deepEqual(await names(name), ['file']);
  await assert.rejects(files.read(at(name, '/none')), /There is no file "\/none"/);
  assert.ok((await files.read(at(name, '/file'))).equals(old));
  await files.release();
});

it('copied from volume to volume: a tree with links, owners and modes; moved, too', async () => {
  const [from, to] = [unique('from'), unique('to')];
  const source = await volume(connection, from);
  const target = await volume(connection, to);
  mkdirSync(join(source, 'tree/empty'), { recursive: true });
  writeFileSync(join(source, 'tree/file'), 'content');
  linkSync(join(source, 'tree/file'), join(source, 'tree/hard'));
  symlinkSync('file', join(source, 'tree/soft'));
  chownSync(join(source, 'tree/file'), 5, 6);
  chmodSync(join(source, 'tree'), 0o750);
  chownSync(join(source, 'tree'), 7, 8);
  const { entries, bytes } = await files.copy(at(from, '/tree'), at(to, '/copy'), false, job());
  assert.deepEqual([entries > 3, bytes], [true, 7]);
  assert.deepEqual(readdirSync(join(target, 'copy')).sort(), ['empty', 'file', 'hard', 'soft']);
  assert.equal(readlinkSync(join(target, 'copy/soft')), 'file');
  assert.equal(statSync(join(target, 'copy/file')).ino, statSync(join(target, 'copy/hard')).ino);
  assert.deepEqual(
    [
      statSync(join(target, 'copy/file')).uid,
      statSync(join(target, 'copy')).mode & 0o777,
      statSync(join(target, 'copy')).gid,
    ],
    [5, 0o750, 8],
  );
  await assert.rejects(files.copy(at(from, '/tree'), at(to, '/copy'), false, job()), refusal('exists'));
  await files.rename(at(from, '/tree/file'), at(to, '/moved'), false, job());
  assert.equal(readFileSync(join(target, 'moved'), 'utf8'), 'content');
  assert.equal(existsSync(join(source, 'tree/file')), false);
});

it('uploaded and downloaded: files and trees come back the same, a cancel leaves nothing', async () => {
  const name = unique('transfer');
  const root = await volume(connection, name);
  const local = join(folder, 'tree');
  mkdirSync(join(local, 'sub'), { recursive: true });
  writeFileSync(join(local, 'sub/data'), randomBytes(2_500_000));
  writeFileSync(Buffer.concat([Buffer.from(`${local}/`), RAW[0]!]), 'raw');
  writeFileSync(join(local, 'empty'), '');
  symlinkSync('sub/data', join(local, 'link'));
  chmodSync(join(local, 'sub'), 0o711);
  const counter = { entries: 0, bytes: 0 };
  await files.upload(local, at(name, '/tree'), false, counter, job());
  assert.deepEqual(counter, { entries: 6, bytes: 2_500_003 });
  execFileSync('diff', ['-r', '--no-dereference', local, join(root, 'tree')]);
  const back = join(folder, 'back');
  const down = { entries: 0, bytes: 0 };
  await files.download(at(name, '/tree'), back, down, job());
  execFileSync('diff', ['-r', '--no-dereference', local, back]);
  assert.deepEqual(
    [down.bytes, lstatSync(join(back, 'link')).isSymbolicLink(), statSync(join(back, 'sub/data')).mtimeMs],
    [2_500_003, true, Math.floor(statSync(join(local, 'sub/data')).mtimeMs / 1000) * 1000],
  );
  await assert.rejects(
    files.download(at(name, '/tree'), back, down, job()),
    (error: Error) => error instanceof FileFailure && /exists already/.test(error.message),
  );
  await assert.rejects(files.upload(local, at(name, '/tree'), false, counter, job()), refusal('exists'));

  const big = join(folder, 'big');
  writeFileSync(big, randomBytes(60_000_000));
  const cancelled = job((bytes) => bytes > 10_000_000 && cancelled.abort.abort());
  await assert.rejects(files.upload(big, at(name, '/big'), false, counter, cancelled), /cancelled/);
  assert.deepEqual(await names(name), ['tree']);
  await files.upload(big, at(name, '/big'), false, counter, job());
  const again = job((bytes) => bytes > 10_000_000 && again.abort.abort());
  await assert.rejects(files.download(at(name, '/big'), join(folder, 'big-back'), counter, again), /cancelled/);
  assert.equal(existsSync(join(folder, 'big-back')) || existsSync(join(folder, 'big-back.partial')), false);
});

it('a helper that somebody removed is made anew, and an idle one goes', async () => {
  const name = unique('helpers');
  writeFileSync(join(await volume(connection, name), 'file'), 'x');
  const inventory = new Inventory(connection);
  const short = new Files({
    connection: () => Promise.resolve(connection),
    snapshot: () => inventory.read(),
    log: job().log,
    idleMs: 300,
  });
  await files.release();
  await short.list(at(name));
  for (const { Id } of await connection.docker.listContainers({
    all: true,
    filters: { label: ['docker-mounts.helper'] },
  }))
    await connection.docker.getContainer(Id).remove({ force: true });
  assert.equal((await short.read(at(name, '/file'))).toString(), 'x');
  assert.equal((await short.list(at(name))).length, 1);
  for (const { Id } of await connection.docker.listContainers({ filters: { label: ['docker-mounts.helper'] } }))
    await connection.docker.getContainer(Id).kill();
  assert.equal((await short.list(at(name))).length, 1);
  await until('idle helpers gone', async () => (await helpersOf(connection)) === 0);
  await connection.docker.getVolume(name).remove();
  await short.dispose();
});
