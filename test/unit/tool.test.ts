import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { BINARIES, SOURCE_SHA256 } from '../../src/engine/helper/tool/binaries.ts';
import { toolTar } from '../../src/engine/helper/toolImage.ts';
import { ARCHITECTURES, COMPILER, compile, sourceHash } from '../../build/tool.mjs';

const programOf = (architecture: string) => gunzipSync(Buffer.from(BINARIES[architecture]!.gzip, 'base64'));
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
/** ELF's numbers (elf.h). */
const MACHINES: Readonly<Record<string, number>> = { amd64: 62, arm64: 183 };
const [LOAD, INTERPRETER, STACK] = [1, 3, 0x6474e551];
const [EXECUTABLE, WRITABLE] = [1, 2];

it('the committed programs are those of the committed source: node build/tool.mjs makes them anew', () => {
  assert.equal(SOURCE_SHA256, sourceHash());
  assert.deepEqual(Object.keys(BINARIES), Object.keys(ARCHITECTURES));
  for (const [architecture, { compiler }] of Object.entries(ARCHITECTURES)) {
    assert.equal(sha256(programOf(architecture)), BINARIES[architecture]!.sha256);
    const made = compile(architecture as keyof typeof ARCHITECTURES);
    // Another compiler makes other bytes, and must take the source without a warning all the same.
    const version = execFileSync(compiler, ['--version'], { encoding: 'utf8' }).split('\n')[0]!;
    if (COMPILER.test(version)) assert.equal(sha256(made), BINARIES[architecture]!.sha256, architecture);
    else assert.ok(made.length > 4096);
  }
});

it('each is a static program for its machine, of a few kilobytes, with no memory that is writable and executable', () => {
  for (const [architecture, machine] of Object.entries(MACHINES)) {
    const program = programOf(architecture);
    assert.ok(program.length < 32_768, String(program.length));
    assert.equal(program.subarray(0, 6).toString('latin1'), '\x7fELF\x02\x01');
    assert.equal(program.readUInt16LE(18), machine);
    const [start, size, count] = [
      Number(program.readBigUInt64LE(32)),
      program.readUInt16LE(54),
      program.readUInt16LE(56),
    ];
    const parts = Array.from({ length: count }, (_, index) => program.subarray(start + index * size)).map((part) => ({
      type: part.readUInt32LE(0),
      flags: part.readUInt32LE(4),
    }));
    assert.ok(parts.some(({ type }) => type === LOAD));
    assert.equal(
      parts.some(({ type }) => type === INTERPRETER),
      false,
    );
    assert.ok(parts.some(({ type }) => type === STACK));
    assert.deepEqual(
      parts.filter(({ flags }) => (flags & EXECUTABLE) !== 0 && (flags & WRITABLE) !== 0),
      [],
    );
  }
});

it('the image is a tar with that one file, the same bytes every time; there is none for other architectures', () => {
  for (const architecture of Object.keys(BINARIES)) {
    const tar = toolTar(architecture)!;
    assert.deepEqual(tar, toolTar(architecture));
    const listed = execFileSync('tar', ['tvf', '-', '--numeric-owner'], {
      input: tar,
      encoding: 'utf8',
      env: { ...process.env, TZ: 'UTC' },
    });
    assert.match(
      listed,
      new RegExp(`^-rwxr-xr-x 0/0\\s+${programOf(architecture).length} 1970-01-01 00:00 docker-mounts-tool\\n$`),
    );
    assert.deepEqual(execFileSync('tar', ['xOf', '-', 'docker-mounts-tool'], { input: tar }), programOf(architecture));
  }
  for (const other of ['s390x', 'arm', 'toString', '']) assert.equal(toolTar(other), undefined);
});
