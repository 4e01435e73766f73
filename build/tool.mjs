// Compiles the tool that runs in helper containers (src/engine/helper/tool/*) and writes
// src/engine/helper/tool/binaries.ts, which is committed: whoever builds or tests the extension then needs no compiler.
// The bytes are those of Debian 12's gcc; a test compiles the source again and compares.
//
// Why a program of our own: an image of somebody else must not run over a user's volumes, and no kept package brings
// one that could. npm's two busybox packages are single uploads of unknown origin for one architecture; Debian's
// busybox-static is a megabyte for each architecture, under the GPL, and only to be had on Debian.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const folder = fileURLToPath(new URL('../src/engine/helper/tool/', import.meta.url));

/** The first line of `--version` of the compilers whose output is committed: Debian 12's. */
export const COMPILER = /\(Debian 12\.2\.0-14[^)]*\) 12\.2\.0$/;

/** By the engine's name of the architecture: the compiler, and what it is told besides. */
export const ARCHITECTURES = {
  amd64: {
    compiler: process.arch === 'x64' ? 'gcc' : 'x86_64-linux-gnu-gcc',
    flags: ['-fcf-protection=none', '-march=x86-64'],
  },
  arm64: {
    compiler: 'aarch64-linux-gnu-gcc',
    flags: ['-mbranch-protection=none', '-mno-outline-atomics', '-march=armv8-a'],
  },
};

const FLAGS = [
  ...[
    '-std=c17',
    '-Os',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-nostdlib',
    '-static',
    '-no-pie',
    '-fno-pic',
    '-ffreestanding',
  ],
  // The layouts of the kernel are read through plain pointers, and sums may wrap.
  ...['-fno-strict-aliasing', '-fwrapv'],
  // Nothing that would need a C library, or differ from one machine to another.
  ...[
    '-fno-stack-protector',
    '-fno-asynchronous-unwind-tables',
    '-fno-unwind-tables',
    '-fno-ident',
    '-fno-tree-loop-distribute-patterns',
  ],
  ...['-Wl,--build-id=none', '-Wl,-z,noexecstack', '-Wl,-z,norelro', '-Wl,-z,noseparate-code', '-s'],
];

/** The SHA-256 of the source, file by file in the order of names. */
export function sourceHash() {
  const hash = createHash('sha256');
  for (const name of readdirSync(folder)
    .filter((one) => /\.[ch]$/.test(one))
    .sort())
    hash.update(`${name}\n`).update(readFileSync(join(folder, name)));
  return hash.digest('hex');
}

/**
 * Compiles the tool for one architecture; needs its compiler.
 * @param {keyof typeof ARCHITECTURES} architecture
 * @returns {Buffer} the program
 */
export function compile(architecture) {
  const { compiler, flags } = ARCHITECTURES[architecture];
  const to = mkdtempSync(join(tmpdir(), 'dm-tool-'));
  try {
    execFileSync(compiler, [...FLAGS, ...flags, '-o', join(to, 'tool'), 'tool.c'], {
      cwd: folder,
      env: { ...process.env, LC_ALL: 'C', SOURCE_DATE_EPOCH: '0' },
    });
    return readFileSync(join(to, 'tool'));
  } finally {
    rmSync(to, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const lines = Object.keys(ARCHITECTURES).map((architecture) => {
    const program = compile(architecture);
    const sha256 = createHash('sha256').update(program).digest('hex');
    console.log(`${architecture}: ${program.length} bytes, SHA-256 ${sha256}`);
    return `  ${architecture}: { sha256: '${sha256}', gzip: '${gzipSync(program, { level: 9 }).toString('base64')}' },\n`;
  });
  const head =
    "/** Made by build/tool.mjs from the C source beside it; not to be edited. By the engine's name of the architecture. */\n";
  writeFileSync(
    join(folder, 'binaries.ts'),
    `${head}/** @internal */\nexport const SOURCE_SHA256 = '${sourceHash()}';\n\nexport interface Binary {\n  /** Of the program. */\n  readonly sha256: string;\n  /** The program, compressed, in base64. */\n  readonly gzip: string;\n}\n\nexport const BINARIES: Readonly<Record<string, Binary>> = {\n${lines.join('')}};\n`,
  );
}
