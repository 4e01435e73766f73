/** A file tree with all that a file system holds, and the comparison of two trees entry by entry. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

const MIB = 1024 * 1024;

export interface TreeSize {
  readonly files: number;
  readonly bigFileMiB: number;
}

/** Names that break shells, lines, lists of options and decoders. */
const NASTY_NAMES: readonly Buffer[] = [
  Buffer.from('two\nlines'),
  Buffer.from('it\'s "quoted" `and` $(more)'),
  Buffer.from(' spaces at both ends '),
  Buffer.from('-rf'),
  Buffer.from('--checkpoint-action=exec=sh'),
  Buffer.from('back\\slash*?[x]'),
  Buffer.from('ü'.repeat(127) + 'x'),
  Buffer.from([0x6c, 0x61, 0x74, 0x69, 0x6e, 0xe4, 0xff, 0xfe]),
  Buffer.from('日本語 😀'),
];

function at(folder: string, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), name]);
}

export function buildTree(root: string, size: TreeSize): void {
  for (let index = 0; index < size.files; index += 1) {
    const folder = join(root, 'many', String(index % 50));
    if (index < 50) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `file-${index}.txt`), `number ${index}\n`.repeat(index % 40));
  }
  const block = randomBytes(MIB);
  const big = openSync(join(root, 'big.bin'), 'w');
  for (let index = 0; index < size.bigFileMiB; index += 1) {
    block.writeUInt32LE(index, 0);
    writeSync(big, block);
  }
  closeSync(big);
  mkdirSync(join(root, 'names'));
  for (const name of NASTY_NAMES) writeFileSync(at(join(root, 'names'), name), name);
  const deep = join(root, ...Array.from({ length: 12 }, (_, index) => `${'deep'.repeat(10)}${index}`));
  mkdirSync(deep, { recursive: true });
  writeFileSync(join(deep, 'bottom'), 'far down');
  mkdirSync(join(root, 'empty'));
  const links = join(root, 'links');
  mkdirSync(links);
  writeFileSync(join(links, 'original'), 'linked');
  linkSync(join(links, 'original'), join(links, 'hard'));
  symlinkSync('original', join(links, 'soft'));
  symlinkSync('/nowhere/at all', join(links, 'dangling'));
  symlinkSync('../empty', join(links, 'to-directory'));
  const modes = join(root, 'modes');
  mkdirSync(modes);
  for (const [name, mode] of [
    ['setuid', 0o4755],
    ['setgid', 0o2711],
    ['none', 0o000],
    ['all', 0o777],
  ] as const) {
    writeFileSync(join(modes, name), name);
    chownSync(join(modes, name), 12345, 54321);
    chmodSync(join(modes, name), mode);
  }
  mkdirSync(join(modes, 'sticky'));
  chmodSync(join(modes, 'sticky'), 0o1777);
  execFileSync('mkfifo', ['-m', '0640', join(root, 'fifo')]);
  execFileSync('mknod', [join(root, 'null'), 'c', '1', '3']);
  const hole = openSync(join(root, 'hole'), 'w');
  ftruncateSync(hole, 8 * MIB);
  writeSync(hole, 'after the hole', 6 * MIB);
  closeSync(hole);
  execFileSync('setfattr', ['-n', 'user.note', '-v', 'kept?', join(links, 'original')]);
  execFileSync('setfacl', ['-m', 'u:4242:r', join(modes, 'all')]);
  for (const [path, time] of [
    ['links/original', '@1234567890.123456789'],
    ['empty', '@86400'],
    ['modes/setuid', '@-86400'],
    ['modes/all', '@4500000000.5'],
  ] as const) {
    execFileSync('touch', ['-h', '-d', time, join(root, path)]);
  }
  chownSync(root, 77, 78);
  chmodSync(root, 0o2750);
  execFileSync('touch', ['-d', '@1111111111.25', root]);
}

export interface Fidelity {
  readonly nanoseconds: boolean;
  readonly attributes: boolean;
}

/** One line per entry: all that must come back. */
export function describeTree(root: string, fidelity: Fidelity): Map<string, string> {
  const entries = new Map<string, string>();
  const firstNames = new Map<string, string>();
  const walk = (path: Buffer, name: string) => {
    const facts = lstatSync(path, { bigint: true });
    const kind = facts.mode & 0o170000n;
    const time = fidelity.nanoseconds ? facts.mtimeNs : floorSeconds(facts.mtimeNs);
    let what = '';
    if (facts.isFile()) what = createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16);
    if (facts.isSymbolicLink()) what = readlinkSync(path, 'latin1');
    if (facts.isCharacterDevice()) what = String(facts.rdev);
    if (facts.nlink > 1n && !facts.isDirectory()) {
      const first = firstNames.get(String(facts.ino)) ?? name;
      firstNames.set(String(facts.ino), first);
      what += ` linked to ${first}`;
    }
    entries.set(
      name,
      `${kind.toString(8)} ${(facts.mode & 0o7777n).toString(8)} ${facts.uid}:${facts.gid} ${time} ${what}`,
    );
    if (!facts.isDirectory()) return;
    for (const child of readdirSync(path, { encoding: 'buffer' }).sort((a, b) => a.compare(b))) {
      walk(Buffer.concat([path, Buffer.from('/'), child]), `${name}/${child.toString('latin1')}`);
    }
  };
  walk(Buffer.from(root), '.');
  if (fidelity.attributes) {
    const dump = execFileSync(
      'getfattr',
      ['-R', '-h', '-d', '-m', '^(user|system.posix_acl)', '-e', 'hex', '--absolute-names', '.'],
      { cwd: root, encoding: 'latin1' },
    );
    entries.set('attributes', dump);
  }
  return entries;
}

function floorSeconds(nanoseconds: bigint): bigint {
  const seconds = nanoseconds / 1_000_000_000n;
  return nanoseconds < 0n && nanoseconds % 1_000_000_000n !== 0n ? seconds - 1n : seconds;
}

/** The same names, and for each the same facts. */
export function assertSameTree(actual: string, expected: string, fidelity: Fidelity): void {
  const found = describeTree(actual, fidelity);
  const wanted = describeTree(expected, fidelity);
  assert.deepEqual(
    [...found.keys()].filter((name) => !wanted.has(name)),
    [],
    'entries that the source has not',
  );
  assert.deepEqual(
    [...wanted.keys()].filter((name) => !found.has(name)),
    [],
    'entries that are missing',
  );
  const differing = [...wanted]
    .filter(([name, facts]) => found.get(name) !== facts)
    .map(([name, facts]) => `${name}: ${found.get(name)} instead of ${facts}`);
  assert.deepEqual(differing, []);
  assert.ok(wanted.size > 10);
}

/** GNU tar's own reading of an archive. */
export function extract(file: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const plain = `${folder}.plain`;
  const open = file.endsWith('.gz') ? ['gzip', '-dc'] : file.endsWith('.zst') ? ['zstd', '-dc'] : ['cat'];
  execFileSync('sh', ['-c', `${open.join(' ')} < "$1" > "$2"`, 'sh', file, plain]);
  execFileSync('tar', [
    '-x',
    '-p',
    '-f',
    plain,
    '-C',
    folder,
    '--numeric-owner',
    '--same-owner',
    '--xattrs',
    '--xattrs-include=*',
    '--acls',
  ]);
  rmSync(plain);
}
