import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';

const packages = JSON.stringify(join(import.meta.dirname, '../host/packages.mjs'));

/** What a machine with only these programs says about packages that it needs. */
function onMachineWith(programs: string[], groups: string[]): string {
  const bin = mkdtempSync(join(tmpdir(), 'dm-test-'));
  try {
    for (const name of programs) writeFileSync(join(bin, name), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const script = `import { ensurePackages } from ${packages}; await ensurePackages(${JSON.stringify(groups)}).catch((error) => console.log(error.message));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      env: { PATH: bin },
      encoding: 'utf8',
    });
    assert.equal(stderr, '');
    return stdout;
  } finally {
    rmSync(bin, { recursive: true, force: true });
  }
}

it('with dnf: what is missing, and the command that installs it', () => {
  const said = onMachineWith(
    ['dnf', 'zstd', 'setfattr', 'setfacl', 'docker', 'python3', 'ssh', 'gcc', 'aarch64-linux-gnu-gcc'],
    ['fixtures', 'browser', 'git'],
  );
  assert.match(
    said,
    /^Missing on this machine: age, docker-compose, chromium or [^\n]*, git\. Install them, and try again:\n {2}sudo dnf install age docker-compose chromium git\n$/,
  );
});

it('without a package manager that is known: what is missing', () => {
  assert.match(
    onMachineWith([], ['git']),
    /^Missing on this machine: git\. Install them with the package manager of your system, and try again\.\n$/,
  );
});

it('nothing is missing: nothing is said', () => {
  assert.equal(onMachineWith(['git'], ['git']), '');
});

it('apt-get that fails, as without a network: the command and what to look at', () => {
  if (process.getuid?.() === 0)
    assert.match(
      onMachineWith(['apt-get', 'env'], ['git']),
      /apt-get update ended with code \d+\. .*is this machine online/,
    );
  else assert.match(onMachineWith(['apt-get'], ['git']), /sudo apt-get install --no-install-recommends git/);
});
