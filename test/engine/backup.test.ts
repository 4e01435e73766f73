import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { backup, type BackupRequest } from '../../src/backup/backup.ts';
import { listBackups } from '../../src/backup/archive/list.ts';
import type { Manifest } from '../../src/backup/archive/manifest.ts';
import { verifyBackup } from '../../src/backup/archive/verify.ts';
import type { Connection } from '../../src/engine/connection.ts';
import { BadArgument, NotFound } from '../../src/engine/errors.ts';
import {
  begin,
  BUSYBOX,
  container,
  end,
  GNU_TAR,
  job,
  jobOn,
  nothingLeft,
  remove,
  unique,
  volume,
  WITH_VOLUME,
} from './support.ts';
import { assertSameTree, buildTree, describeTree, extract } from './trees.ts';

let connection: Connection;
let folder: string;

before(async () => {
  ({ connection, folder } = await begin());
});
after(async () => {
  await end(connection, folder);
});

function destination(): string {
  const path = join(folder, unique('to'));
  mkdirSync(path);
  return path;
}

describe('backup of a volume with all that a file system holds', () => {
  const name = unique('all');
  let source: string;
  let members: number;

  before(async () => {
    source = await volume(connection, name);
    buildTree(source, { files: 5000, bigFileMiB: 300 });
    members = describeTree(source, { nanoseconds: false, attributes: false }).size - 1;
  });

  for (const method of ['archive', 'tar'] as const) {
    for (const compression of ['none', 'gzip', 'zstd'] as const) {
      it(`by ${method} with ${compression}: GNU tar extracts what was there`, async () => {
        const to = destination();
        const work = job();
        const result = await backup(jobOn(connection, work), {
          subject: { kind: 'volume', name: name },
          destination: to,
          method,
          compression,
          helperImage: GNU_TAR,
        });
        const suffix = { none: '.tar', gzip: '.tar.gz', zstd: '.tar.zst' }[compression];
        assert.match(result.file, new RegExp(`/${name}-\\d{8}T\\d{6}Z${suffix.replaceAll('.', '\\.')}$`));
        assert.deepEqual(
          readdirSync(to).sort(),
          [result.file, result.manifest].map((file) => file.slice(to.length + 1)).sort(),
        );
        assert.equal(result.entries, members);
        assert.equal(result.archiveBytes, statSync(result.file).size);
        assert.equal(result.sha256, createHash('sha256').update(readFileSync(result.file)).digest('hex'));
        const manifest = JSON.parse(readFileSync(result.manifest, 'utf8')) as Manifest;
        assert.equal(manifest.method, method);
        assert.equal(manifest.sha256, result.sha256);
        assert.equal(manifest.mounts[0]?.entries, members);
        assert.equal(manifest.notKept.includes('ACLs'), method === 'archive');
        assert.deepEqual(await verifyBackup(result.file, job()), {
          ok: true,
          entries: members,
          bytes: result.bytes,
          problems: [],
        });
        assert.equal(
          work.lines.filter((line) => line.startsWith('debug ') && line.includes('file-4999.txt')).length,
          1,
        );

        const back = join(to, 'back');
        extract(result.file, back);
        const isWhole = method === 'tar';
        assertSameTree(back, source, { nanoseconds: isWhole, attributes: isWhole });
        const blocks = statSync(join(back, 'hole')).blocks;
        assert.equal(blocks < 1000, isWhole, `the hole takes ${blocks} blocks`);
        remove(to);
      });
    }
  }
});

it('backup of a container holds one tree per mount, under its target: tar -C / puts them back', async () => {
  const name = unique('web');
  const bind = join(folder, unique('bind'));
  mkdirSync(join(bind, 'inner'), { recursive: true });
  chmodSync(bind, 0o751);
  writeFileSync(join(bind, 'bound'), 'bind');
  const file = join(folder, 'single.conf');
  writeFileSync(file, 'one file');
  const inner = unique('inner');
  writeFileSync(join(await volume(connection, inner), 'deeper'), 'volume');
  await container(connection, name, {
    HostConfig: {
      Binds: [`${bind}:/srv/app:ro`, `${inner}:/srv/app/inner`, `${file}:/etc/single.conf`],
      Tmpfs: { '/scratch': '' },
    },
  });
  for (const method of ['archive', 'tar'] as const) {
    const to = destination();
    const result = await backup(jobOn(connection), {
      subject: { kind: 'container', name: name },
      destination: to,
      method,
      helperImage: GNU_TAR,
    });
    const back = join(to, 'back');
    extract(result.file, back);
    assert.equal(readFileSync(join(back, 'srv/app/bound'), 'utf8'), 'bind');
    assert.equal(statSync(join(back, 'srv/app')).mode & 0o7777, 0o751);
    assert.equal(readFileSync(join(back, 'srv/app/inner/deeper'), 'utf8'), 'volume');
    assert.equal(readFileSync(join(back, 'etc/single.conf'), 'utf8'), 'one file');
    const manifest = JSON.parse(readFileSync(result.manifest, 'utf8')) as Manifest;
    assert.deepEqual(
      manifest.mounts.map(({ type, target, readOnly }) => [type, target, readOnly]),
      [
        ['bind', '/etc/single.conf', false],
        ['bind', '/srv/app', true],
        ['volume', '/srv/app/inner', false],
      ],
    );
    assert.deepEqual(
      manifest.leftOut.map(({ target }) => target),
      ['/scratch'],
    );
    assert.deepEqual((await verifyBackup(result.file, job())).problems, []);
  }
});

it('backup of one mount of a container leaves the others out', async () => {
  const name = unique('one');
  const other = unique('other');
  await volume(connection, other);
  await container(connection, name, { Image: WITH_VOLUME, HostConfig: { Binds: [`${other}:/other`] } });
  const to = destination();
  const result = await backup(jobOn(connection), {
    subject: { kind: 'container', name: name, targets: ['/var/lib/data/'] },
    destination: to,
  });
  const back = join(to, 'back');
  extract(result.file, back);
  assert.deepEqual(readdirSync(join(back, 'var/lib')), ['data']);
  assert.equal(readFileSync(join(back, 'var/lib/data/seed.txt'), 'utf8'), 'from the image\n');
  assert.equal(existsSync(join(back, 'other')), false);
});

it('backup of a bind: a directory, a single file, and a source that is a symbolic link', async () => {
  const source = join(folder, unique('source'));
  mkdirSync(source);
  writeFileSync(join(source, 'a'), 'A');
  symlinkSync(source, `${source}-link`);
  for (const method of ['archive', 'tar'] as const) {
    for (const [path, read] of [
      [source, 'a'],
      [`${source}-link`, 'a'],
      [join(source, 'a'), 'root'],
    ] as const) {
      const to = destination();
      const result = await backup(jobOn(connection), {
        subject: { kind: 'bind', name: path },
        destination: to,
        method,
        helperImage: GNU_TAR,
      });
      extract(result.file, join(to, 'back'));
      assert.equal(readFileSync(join(to, 'back', read), 'utf8'), 'A', `${method} ${path}`);
    }
  }
});

it('method auto takes the container’s own GNU tar, else the archive endpoint', async () => {
  for (const [image, expected] of [
    [GNU_TAR, 'tar'],
    [BUSYBOX, 'archive'],
  ] as const) {
    const name = unique('auto');
    const data = unique('data');
    writeFileSync(join(await volume(connection, data), 'x'), 'x');
    await container(connection, name, { Image: image, HostConfig: { Binds: [`${data}:/data`] } });
    const result = await backup(jobOn(connection), {
      subject: { kind: 'container', name: name },
      destination: destination(),
    });
    assert.equal((JSON.parse(readFileSync(result.manifest, 'utf8')) as Manifest).method, expected);
  }
});

it('busybox tar serves too, and the manifest says what it does not keep', async () => {
  const data = unique('busy');
  writeFileSync(join(await volume(connection, data), 'x'), 'x');
  const result = await backup(jobOn(connection), {
    subject: { kind: 'volume', name: data },
    destination: destination(),
    method: 'tar',
    helperImage: BUSYBOX,
  });
  assert.ok((JSON.parse(readFileSync(result.manifest, 'utf8')) as Manifest).notKept.includes('extended attributes'));
  assert.deepEqual(await verifyBackup(result.file, job()), { ok: true, entries: 1, bytes: 1, problems: [] });
});

it('a socket among the files or as a mount is left out, and said', async () => {
  const path = join(folder, 'listening.sock');
  const server = createServer().listen(path);
  try {
    const name = unique('sock');
    const data = unique('data');
    await volume(connection, data);
    await container(connection, name, { HostConfig: { Binds: [`${path}:/run/other.sock`, `${data}:/data`] } });
    const result = await backup(jobOn(connection), {
      subject: { kind: 'container', name: name },
      destination: destination(),
    });
    assert.match(result.warnings.join(), /listening\.sock.*left out/);
  } finally {
    server.close();
  }
});

it('two backups in one second have two names, and a chosen name is never overwritten', async () => {
  const data = unique('twice');
  writeFileSync(join(await volume(connection, data), 'x'), 'x');
  const to = destination();
  const request: BackupRequest = { subject: { kind: 'volume', name: data }, destination: to, compression: 'none' };
  const both = await Promise.all([backup(jobOn(connection), request), backup(jobOn(connection), request)]);
  assert.notEqual(both[0].file, both[1].file);
  const named = await backup(jobOn(connection), { ...request, name: 'mine' });
  assert.equal(named.file, join(to, 'mine.tar'));
  const before = readFileSync(named.file);
  await assert.rejects(
    backup(jobOn(connection), { ...request, name: 'mine.tar' }),
    (error: Error) => error instanceof BadArgument && /mine\.tar.*never overwritten/.test(error.message),
  );
  assert.deepEqual(readFileSync(named.file), before);
  assert.equal((await listBackups(to)).length, 3);
});

it('a backup that is much smaller than the last one is said to be', async () => {
  const data = unique('shrunk');
  const source = await volume(connection, data);
  writeFileSync(join(source, 'large'), Buffer.alloc(100_000));
  const to = destination();
  await backup(jobOn(connection), { subject: { kind: 'volume', name: data }, destination: to });
  writeFileSync(join(source, 'large'), 'small');
  const second = await backup(jobOn(connection), { subject: { kind: 'volume', name: data }, destination: to });
  assert.match(second.warnings.join(), /5 bytes.*100000/);
});

describe('arguments that cannot be carried out are named, and leave nothing', () => {
  const data = unique('args');
  let source: string;
  before(async () => {
    source = await volume(connection, data);
    writeFileSync(join(source, 'x'), 'x');
  });
  const cases: [string, (to: string) => Partial<BackupRequest>, RegExp, typeof NotFound | typeof BadArgument][] = [
    [
      'unknown container',
      () => ({ subject: { kind: 'container', name: 'no such one' } }),
      /no container "no such one"/,
      NotFound,
    ],
    [
      'unknown volume',
      () => ({ subject: { kind: 'volume', name: 'no-such-volume' } }),
      /no volume "no-such-volume"/,
      NotFound,
    ],
    ['missing destination', (to) => ({ destination: join(to, 'missing') }), /missing" does not exist/, NotFound],
    [
      'relative bind source',
      () => ({ subject: { kind: 'bind', name: 'relative/path' } }),
      /relative\/path.*absolute/,
      BadArgument,
    ],
    ['name with a slash', () => ({ name: '../escape' }), /escape.*file name/, BadArgument],
    ['unknown compression', () => ({ compression: 'brotli' as 'gzip' }), /brotli/, BadArgument],
    ['level out of range', () => ({ level: 99 }), /99/, BadArgument],
    [
      'image without tar',
      () => ({ method: 'tar', helperImage: 'docker-mounts/helper' }),
      /tar.*image|image.*tar/i,
      NotFound,
    ],
    ['destination inside the source', () => ({ destination: source }), /inside the source/, BadArgument],
  ];
  for (const [what, change, message, kind] of cases) {
    it(what, async () => {
      const to = destination();
      const request = { subject: { kind: 'volume', name: data } as const, destination: to, ...change(to) };
      await assert.rejects(backup(jobOn(connection), request), (error: Error) => {
        assert.match(error.message, message);
        assert.ok(error instanceof kind, `${error.name} instead of ${kind.name}`);
        return true;
      });
      await nothingLeft(connection, to);
      const { Volumes } = await connection.docker.listVolumes();
      assert.equal(
        Volumes.some(({ Name }) => Name === 'no-such-volume'),
        false,
        'asking for a volume must not make it',
      );
      assert.deepEqual(readdirSync(source), ['x']);
    });
  }

  it('a missing bind source', async () => {
    const to = destination();
    await assert.rejects(
      backup(jobOn(connection), { subject: { kind: 'bind', name: join(folder, 'not there') }, destination: to }),
      /not there/,
    );
    assert.equal(existsSync(join(folder, 'not there')), false);
    await nothingLeft(connection, to);
  });
});

it('a damaged, cut or lengthened archive is found out', async () => {
  const data = unique('damage');
  const source = await volume(connection, data);
  for (let index = 0; index < 50; index += 1) writeFileSync(join(source, `file${index}`), `content ${index}`);
  const to = destination();
  const { file } = await backup(jobOn(connection), {
    subject: { kind: 'volume', name: data },
    destination: to,
    compression: 'none',
  });
  const whole = readFileSync(file);
  const flipped = Buffer.from(whole);
  flipped[1024 * 5 + 3]! ^= 1;
  for (const damaged of [
    flipped,
    whole.subarray(0, whole.length / 2),
    Buffer.concat([whole, Buffer.from('tail')]),
    Buffer.alloc(0),
  ]) {
    writeFileSync(file, damaged);
    const { ok, problems } = await verifyBackup(file, job());
    assert.equal(ok, false);
    assert.ok(problems.length > 0);
  }
  execFileSync('rm', [`${file}.json`]);
  writeFileSync(file, whole.subarray(0, 1024 * 9));
  assert.match((await verifyBackup(file, job())).problems.join(), /stops/);
  await assert.rejects(verifyBackup(join(to, 'absent.tar'), job()), NotFound);
});

it('a helper that shares no files with us sends the archive over the engine’s stream instead', async () => {
  const data = unique('remote');
  writeFileSync(join(await volume(connection, data), 'x'), randomBytes(300_000));
  const pipes = () => readdirSync(tmpdir()).filter((name) => name.startsWith('docker-mounts-'));
  const before = pipes();
  const far = Object.assign(Object.create(Object.getPrototypeOf(connection) as object) as Connection, connection, {
    info: { ...connection.info, local: false },
  });
  const result = await backup(jobOn(far), {
    subject: { kind: 'volume', name: data },
    destination: destination(),
    method: 'tar',
    helperImage: GNU_TAR,
  });
  assert.deepEqual(await verifyBackup(result.file, job()), { ok: true, entries: 1, bytes: 300_000, problems: [] });
  assert.deepEqual(pipes(), before, 'no pipe is left');
});
