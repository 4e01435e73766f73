/** Our own tool against the programs of the system, on trees of this machine: needs root, and no engine. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { BINARIES } from '../../src/engine/helper/tool/binaries.ts';
import { EXIT } from '../../src/engine/helper/tools.ts';

/** How many of the ready-made pipes, devices and sockets are used up. */
let odd = 0;
const ODD = 3000;
let folder: string;
/** The program, and an emulator before it where one is named. */
let command: readonly string[];
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'dm-test-'));
  const [architecture = '', emulator] = process.env['DOCKER_MOUNTS_TEST_TOOL']?.split(' ') ?? [
    process.arch === 'arm64' ? 'arm64' : 'amd64',
  ];
  const program = join(folder, 'tool');
  writeFileSync(program, gunzipSync(Buffer.from(BINARIES[architecture]!.gzip, 'base64')), { mode: 0o755 });
  command = emulator === undefined ? [program] : [emulator, program];
  const make =
    "import os, socket, stat, sys\nos.chdir(sys.argv[1])\nfor kind in ('fifo', 'device', 'socket'): os.mkdir(kind)\nfor i in range(1, int(sys.argv[2]) + 1):\n  os.mkfifo(f'fifo/{i}')\n  os.mknod(f'device/{i}', stat.S_IFBLK | 0o640, os.makedev(7, 200))\n  with socket.socket(socket.AF_UNIX) as one: one.bind(f'socket/{i}')\n";
  execFileSync('python3', ['-c', make, folder, String(ODD)]);
});
after(() => rmSync(folder, { recursive: true, force: true }));

const hex = (name: string | Buffer) => Buffer.from(name).toString('hex');

function tool(verb: string, root: string, ...args: string[]): { code: number; stdout: Buffer; stderr: string } {
  const [program = '', ...rest] = [...command, verb, root, ...args];
  const { status, stdout, stderr } = spawnSync(program, rest, { maxBuffer: 256 * 1024 * 1024 });
  return { code: status ?? -1, stdout, stderr: stderr.toString() };
}

function runs(verb: string, root: string, ...args: string[]): Buffer {
  const { code, stdout, stderr } = tool(verb, root, ...args);
  assert.equal(code, 0, `${verb}: ${stderr}`);
  return stdout;
}

/** A directory of its own in `folder`. */
function fresh(): string {
  return mkdtempSync(join(folder, 'tree-'));
}

const sorted = (text: Buffer) => text.toString('latin1').split('\0').sort();

/** What a tree holds, by GNU find. Times of directories change with what is done in them. */
function seen(root: string): string[] {
  const print = [
    '(',
    '-type',
    'd',
    '-printf',
    '%P|%y|%m|%U:%G\\0',
    ')',
    '-o',
    '-printf',
    '%P|%y|%m|%U:%G|%s|%T@|%l|%n\\0',
  ];
  return sorted(execFileSync('find', [root, '-mindepth', '1', ...print], { maxBuffer: 256 * 1024 * 1024 }));
}

type Made = {
  readonly kind: 'file' | 'directory' | 'link' | 'hard' | 'fifo' | 'device' | 'socket';
  readonly name: Buffer;
  readonly where: number;
  readonly size: number;
};
const names = fc
  .oneof(
    fc
      .constantFrom(
        '-rf',
        '--',
        ' ',
        '\n',
        '*',
        '...',
        '.hidden',
        '\\0101',
        '%s',
        "'",
        'a'.repeat(255),
        'ü'.repeat(127),
        '.docker-mounts-x',
      )
      .map((name) => Buffer.from(name)),
    fc.uint8Array({ minLength: 1, maxLength: 255, min: 1 }).map((bytes) => Buffer.from(bytes)),
  )
  .map((name) => Buffer.from(name.map((byte) => (byte === 0x2f ? 0x2e : byte))))
  .filter((name) => !['.', '..'].includes(name.toString('latin1')));
const trees = fc.array(
  fc.record({
    kind: fc.constantFrom<Made['kind']>(
      'file',
      'file',
      'directory',
      'directory',
      'directory',
      'link',
      'hard',
      'fifo',
      'device',
      'socket',
    ),
    name: names,
    where: fc.nat(),
    size: fc.nat(5000),
  }),
  { minLength: 1, maxLength: 30 },
);

/** Makes a tree, and returns its directories and all else by path. */
function grow(root: string, parts: readonly Made[]): { directories: Buffer[]; all: Buffer[] } {
  const directories = [Buffer.from(root)];
  const all: Buffer[] = [];
  const files: Buffer[] = [];
  for (const { kind, name, where, size } of parts) {
    const path = Buffer.concat([directories[where % directories.length]!, Buffer.from('/'), name]);
    if (path.length > 3000 || lstatSync(path, { throwIfNoEntry: false }) !== undefined) continue;
    switch (kind) {
      case 'directory':
        mkdirSync(path);
        directories.push(path);
        break;
      case 'link':
        symlinkSync(['/', '..', 'nowhere', '/etc/passwd', '.'][size % 5]!, path);
        break;
      case 'hard':
        if (files.length > 0) linkSync(files[where % files.length]!, path);
        else writeFileSync(path, '');
        break;
      case 'fifo':
      case 'device':
      case 'socket':
        odd += 1;
        renameSync(join(folder, kind, String(odd)), path);
        break;
      case 'file':
        writeFileSync(path, Buffer.alloc(size, 7));
        chownSync(path, size, 42);
        chmodSync(path, size % 0o10000);
        utimesSync(path, size, -size);
        files.push(path);
    }
    all.push(path);
  }
  return { directories, all };
}

const copyOf = (root: string): string => {
  const copy = join(fresh(), 'copy');
  execFileSync('cp', ['-a', root, copy]);
  return copy;
};

/** Below the root, as the tool takes it. */
const below = (root: string, path: Buffer) => path.subarray(Buffer.byteLength(root)).toString('hex');
const split = (path: Buffer): [Buffer, Buffer] => [
  path.subarray(0, path.lastIndexOf(0x2f)),
  path.subarray(path.lastIndexOf(0x2f) + 1),
];
const RUNS = { numRuns: 20, endOnFailure: true };

it('lists as find and stat do, whatever the names and kinds', () => {
  fc.assert(
    fc.property(trees, (parts) => {
      const root = fresh();
      const { directories } = grow(root, parts);
      assert.deepEqual(
        sorted(runs('find', root)),
        sorted(execFileSync('find', ['.', '-mindepth', '1', '!', '-type', 's', '-printf', '%P\\0'], { cwd: root })),
      );
      for (const directory of directories) {
        const expected = readdirSync(directory, { encoding: 'buffer' as never }).map((name) => {
          const facts = lstatSync(Buffer.concat([directory, Buffer.from('/'), name as unknown as Buffer]), {
            bigint: true,
          });
          const seconds =
            facts.mtimeNs >= 0n ? facts.mtimeNs / 1_000_000_000n : -((-facts.mtimeNs + 999_999_999n) / 1_000_000_000n);
          return `${(name as unknown as Buffer).toString('latin1')}/${facts.mode.toString(16)}/${facts.size}/${seconds}`;
        });
        const fields = runs('list', root, below(root, directory)).toString('latin1').split('/');
        assert.equal(fields.pop(), '');
        assert.deepEqual(
          Array.from({ length: fields.length / 4 }, (_, index) =>
            fields.slice(index * 4, index * 4 + 4).join('/'),
          ).sort(),
          expected.sort(),
        );
      }
      rmSync(root, { recursive: true });
    }),
    RUNS,
  );
});

it('removes as rm does, and nothing beside', () => {
  fc.assert(
    fc.property(trees, fc.nat(), fc.boolean(), (parts, which, recursive) => {
      const root = fresh();
      const { all } = grow(root, parts);
      const [directory, name] = split(all[which % all.length]!);
      const copy = copyOf(root);
      const before = seen(root);
      const path = all[which % all.length]!;
      const isFull = lstatSync(path).isDirectory() && readdirSync(path).length > 0;
      const { code } = tool('remove', root, below(root, directory), name.toString('hex'), recursive ? '1' : '0');
      if (!recursive && isFull) {
        assert.equal(code, EXIT.notEmpty);
        assert.deepEqual(seen(root), before);
      } else {
        assert.equal(code, 0);
        rmSync(Buffer.concat([Buffer.from(copy), path.subarray(Buffer.byteLength(root))]), { recursive: true });
        assert.deepEqual(seen(root), seen(copy));
      }
      for (const one of [root, copy]) rmSync(one, { recursive: true });
    }),
    RUNS,
  );
});

it('moves as mv does; what is in the way goes only where that is wished, and nothing is lost where it cannot be', () => {
  fc.assert(
    fc.property(
      trees,
      fc.nat(),
      fc.nat(),
      fc.option(names, { nil: undefined }),
      fc.boolean(),
      (parts, from, to, name, overwrite) => {
        const root = fresh();
        const { all, directories } = grow(root, parts);
        const source = all[from % all.length]!;
        const target =
          name === undefined
            ? all[to % all.length]!
            : Buffer.concat([directories[to % directories.length]!, Buffer.from('/'), name]);
        const copy = copyOf(root);
        const before = seen(root);
        const isThere = lstatSync(target, { throwIfNoEntry: false }) !== undefined;
        const inside = (one: Buffer, other: Buffer) =>
          one.length > other.length &&
          one.subarray(0, other.length + 1).equals(Buffer.concat([other, Buffer.from('/')]));
        const { code } = tool(
          'move',
          root,
          below(root, split(source)[0]),
          split(source)[1].toString('hex'),
          below(root, split(target)[0]),
          split(target)[1].toString('hex'),
          overwrite ? '1' : '0',
        );
        if (source.equals(target)) assert.equal(code, 0);
        else if (isThere && !overwrite) assert.equal(code, EXIT.exists);
        else if (inside(target, source) || inside(source, target)) assert.equal(code, 1);
        else {
          assert.equal(code, 0);
          const there = (path: Buffer) => Buffer.concat([Buffer.from(copy), path.subarray(Buffer.byteLength(root))]);
          rmSync(there(target), { recursive: true, force: true });
          renameSync(there(source), there(target));
        }
        assert.deepEqual(seen(root), code === 0 ? seen(copy) : before);
        for (const one of [root, copy]) rmSync(one, { recursive: true });
      },
    ),
    { ...RUNS, numRuns: 40 },
  );
});

it("the safety copy of a restore: put aside, back and given up, with the root's own owner, mode and time", () => {
  fc.assert(
    fc.property(trees, trees, fc.boolean(), (old, next, isKept) => {
      const root = fresh();
      const id = hex('.docker-mounts-0123abcd-');
      grow(root, old);
      const before = seen(root);
      const facts = ['12:34', '2751', '-1000.25'];
      runs('aside', root, id, '');
      assert.deepEqual(readdirSync(root), ['.docker-mounts-0123abcd-before']);
      grow(root, next);
      const written = seen(root).filter((line) => !line.startsWith('.docker-mounts-0123abcd-'));
      if (isKept) {
        runs('done', root, id);
        assert.deepEqual(seen(root), written);
      } else {
        runs('back', root, id, '', ...facts);
        assert.deepEqual(seen(root), before);
        const { uid, gid, mode, mtimeMs } = statSync(root);
        assert.deepEqual([uid, gid, mode & 0o7777, mtimeMs], [12, 34, 0o2751, -1_000_250]);
      }
      runs('back', root, id, '', ...facts);
      runs('clear', root, ...facts);
      assert.deepEqual([readdirSync(root), statSync(root).gid], [[], 34]);
      rmSync(root, { recursive: true });
    }),
    RUNS,
  );
  const root = fresh();
  for (const name of ['one', 'other']) writeFileSync(join(root, name), name);
  runs('aside', root, hex('.id-'), hex('one'));
  assert.deepEqual(readdirSync(root).sort(), ['.id-before', 'other']);
  writeFileSync(join(root, 'one'), 'new');
  runs('back', root, hex('.id-'), hex('one'), '', '', '');
  assert.deepEqual([readdirSync(root).sort(), readFileSync(join(root, 'one'), 'utf8')], [['one', 'other'], 'one']);
});

it('a path far longer than the system takes at once is listed and removed', () => {
  const root = fresh();
  const dig =
    "import os, sys\nos.chdir(sys.argv[1])\nfor i in range(400):\n  os.mkdir('d' * 200)\n  os.mkdir('e')\n  os.mkdir('e/full')\n  os.chdir('d' * 200)\n  open('f', 'w').close()\n";
  execFileSync('python3', ['-c', dig, root]);
  assert.equal(sorted(runs('find', root)).length - 1, 400 * 4);
  assert.equal(
    tool('list', root, Array.from({ length: 40 }, () => `${'64'.repeat(200)}2f`).join(''))
      .stdout.toString()
      .split('/').length,
    3 * 4 + 1,
  );
  runs('remove', root, '', hex('d'.repeat(200)), '1');
  assert.deepEqual(readdirSync(root), ['e']);
  rmSync(root, { recursive: true });
});

it('what is mounted in a tree is not removed with it, and nothing of the tree is', () => {
  const root = fresh();
  const other = fresh();
  mkdirSync(join(root, 'tree/a/mounted'), { recursive: true });
  mkdirSync(join(root, 'tree/z'));
  for (const file of ['tree/a/file', 'tree/z/file', 'tree/z/onto']) writeFileSync(join(root, file), 'x');
  writeFileSync(join(other, 'precious'), 'x');
  const at = join(root, 'tree/a/mounted');
  // The same file system under another name is another mount too, and so is a single file.
  for (const [place, args] of [
    [at, ['-t', 'tmpfs', 'tmpfs']],
    [at, ['--bind', other]],
    [join(root, 'tree/z/onto'), ['--bind', join(other, 'precious')]],
  ] as const) {
    execFileSync('mount', [...args, place]);
    try {
      const before = seen(root);
      const { code, stderr } = tool('remove', root, '', hex('tree'), '1');
      assert.deepEqual([code, stderr], [EXIT.mounted, place.slice(join(root, 'tree/').length)]);
      assert.deepEqual(seen(root), before);
      assert.notEqual(tool('clear', root, '', '', '').code, 0);
      assert.deepEqual(seen(root), before);
      // A mount itself can be neither moved nor put aside; what is in it can be listed.
      assert.notEqual(tool('aside', join(root, 'tree', place === at ? 'a' : 'z'), hex('.id-'), '').code, 0);
      runs('back', join(root, 'tree', place === at ? 'a' : 'z'), hex('.id-'), '', '', '', '');
      assert.deepEqual(seen(root), before);
      if (place === at)
        assert.equal(
          tool('move', root, hex('tree/z'), hex('file'), hex('tree/a/mounted'), hex('file'), '1').code,
          EXIT.otherMount,
        );
    } finally {
      execFileSync('umount', [place]);
    }
  }
  assert.ok(existsSync(join(other, 'precious')));
});

it('links: relative ones in a path are followed inside, none out of the mount, and none is followed at the end', () => {
  const root = fresh();
  const outside = fresh();
  writeFileSync(join(outside, 'secret'), 'secret');
  mkdirSync(join(root, 'a/b'), { recursive: true });
  writeFileSync(join(root, 'a/b/file'), 'x');
  const links = {
    in: 'a/b',
    up: 'a/../a/b',
    twice: 'in',
    loop: 'loop',
    absolute: outside,
    climbs: `../${outside.split('/').at(-1)}`,
    dangling: 'nowhere',
    file: 'a/b/file',
  };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(root, name));
  symlinkSync('../..', join(root, 'a/b/top'));
  const listed = (path: string) => {
    const { code, stdout } = tool('list', root, hex(path));
    return code === 0
      ? stdout
          .toString()
          .split('/')
          .filter((_, index) => index % 4 === 0)
          .slice(0, -1)
          .sort()
          .join()
      : code;
  };
  const table: readonly (readonly [string, string | number])[] = [
    ['in', 'file,top'],
    ['up', 'file,top'],
    ['twice', 'file,top'],
    ['in/top/a', 'b'],
    ['a/b/../b', 'file,top'],
    ['loop', EXIT.outside],
    ['absolute', EXIT.outside],
    ['climbs', EXIT.outside],
    ['in/top/..', EXIT.outside],
    ['dangling', EXIT.missing],
    ['file', EXIT.notADirectory],
    ['a/b/file', EXIT.notADirectory],
    ['x'.repeat(300), EXIT.missing],
  ];
  for (const [path, expected] of table) assert.equal(listed(path), expected, path);
  assert.equal(tool('read', root, '', hex('file')).code, EXIT.missing);
  for (const name of ['absolute', 'climbs'])
    assert.equal(tool('read', root, hex(name), hex('secret')).code, EXIT.outside);
  runs('remove', root, '', hex('absolute'), '1');
  assert.deepEqual(readdirSync(outside), ['secret']);
  for (const name of ['', '.', '..', 'a/b', '\0'])
    assert.equal(tool('remove', root, '', hex(name), '1').code, 2, JSON.stringify(name));
});

it('a directory that is swapped for a link while it is removed or listed: nothing outside is touched or seen', async () => {
  const root = fresh();
  const outside = fresh();
  for (let index = 0; index < 50; index += 1) writeFileSync(join(outside, `precious-${index}`), 'x');
  const swap =
    "import os, sys\nos.chdir(sys.argv[1])\nwhile True:\n  for a, b in (('tree/d', 'real'), ('link', 'tree/d'), ('tree/d', 'link'), ('real', 'tree/d')):\n    try: os.rename(a, b)\n    except OSError: pass\n";
  mkdirSync(join(root, 'tree'));
  symlinkSync(outside, join(root, 'link'));
  const swapper = spawn('python3', ['-c', swap, root], { stdio: 'ignore' });
  try {
    for (let round = 0; round < 30; round += 1) {
      // Where it loses against the swapper, the round has less to remove.
      spawnSync('sh', ['-c', 'mkdir -p "$1/real/x"; for i in $(seq 100); do : > "$1/real/x/$i"; done', 'sh', root]);
      const { stdout } = tool('find', root);
      assert.equal(stdout.includes('precious'), false);
      tool('remove', root, '', hex('tree'), '1');
      mkdirSync(join(root, 'tree'), { recursive: true });
    }
  } finally {
    swapper.kill('SIGKILL');
    await new Promise((resolve) => swapper.once('exit', resolve));
  }
  assert.equal(readdirSync(outside).length, 50);
});

it('commit: one rename, with the time of now; forgotten ones of other sessions go, what only looks like them stays', () => {
  const root = fresh();
  const [mine, file, directory, young, user] = [
    '.docker-mounts-save-00112233aabb',
    '.docker-mounts-save-000000000000',
    '.docker-mounts-save-111111111111',
    '.docker-mounts-save-222222222222',
    '.docker-mounts-save-notes',
  ] as const;
  for (const name of [mine, file, young, user]) writeFileSync(join(root, name), name);
  mkdirSync(join(root, directory));
  const ago = (seconds: number) => Date.now() / 1000 - seconds;
  for (const name of [mine, file, directory, user]) utimesSync(join(root, name), ago(7200), ago(7200));
  writeFileSync(join(root, 'target'), 'old');
  assert.equal(tool('commit', root, '', hex(mine), hex('target'), '0').code, EXIT.exists);
  assert.equal(tool('commit', root, '', hex(mine), hex(directory), '1').code, EXIT.isADirectory);
  runs('commit', root, '', hex(mine), hex('target'), '1');
  assert.equal(readFileSync(join(root, 'target'), 'utf8'), mine);
  assert.ok(statSync(join(root, 'target')).mtimeMs > Date.now() - 60_000);
  assert.deepEqual(readdirSync(root).sort(), [directory, young, user, 'target'].sort());
});

it('a file that is a mount is written in place; where the disk is full it keeps its old content', () => {
  const root = fresh();
  const disk = join(root, 'disk');
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
  try {
    const file = join(disk, 'file');
    const old = Buffer.alloc(600_000, 1);
    writeFileSync(file, old);
    const inode = statSync(file).ino;
    for (const [size, fits] of [
      [2_000_000, false],
      [900_000, true],
      [10, true],
      [0, true],
      [700_000, true],
    ] as const) {
      const before = readFileSync(file);
      writeFileSync(join(root, 'new'), Buffer.alloc(size, 2));
      const { code, stderr } = tool('overwrite', file, join(root, 'new'), join(root, 'old'));
      assert.equal(code, fits ? 0 : 1, stderr);
      if (!fits) assert.match(stderr, /^ENOSPC: No space left on device/);
      assert.deepEqual(readFileSync(file), fits ? Buffer.alloc(size, 2) : before);
      assert.equal(statSync(file).ino, inode);
    }
    truncateSync(file, 0);
  } finally {
    execFileSync('umount', [disk]);
  }
});

it('idle stays until it is told to end', async () => {
  const [program = '', ...rest] = [...command, 'idle'];
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const child = spawn(program, rest, { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await new Promise((resolve) => child.once('spawn', resolve));
    // Its mask is set at its first step; a signal before that ends it as well.
    child.kill(signal);
    await ended;
    assert.ok(child.exitCode === 0 || child.signalCode === signal);
  }
});
