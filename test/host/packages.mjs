// Programs of the system that the scripts need, and how each system calls their packages.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { step } from './ending.mjs';
import { has } from './machine.mjs';

/**
 * Where a program or file shows that a package is there (any of them), and the package's name for apt, dnf and brew.
 * Names with `|` are tried in turn: Debian 13 has the `docker` command in a package of its own, Debian 12 has not.
 */
const PACKAGES = {
  engine: [
    [['dockerd'], 'docker.io', 'moby-engine'],
    [['runc'], 'runc', 'runc'],
    [['containerd'], 'containerd', 'containerd'],
    [['iptables'], 'iptables', 'iptables-nft'],
    [['ip', 'ifconfig'], 'iproute2', 'iproute'],
  ],
  images: [[['busybox'], 'busybox-static', 'busybox']],
  fixtures: [
    [['setfattr'], 'attr', 'attr'],
    [['setfacl'], 'acl', 'acl'],
    [['zstd'], 'zstd', 'zstd', 'zstd'],
    [['age'], 'age', 'age', 'age'],
    [['docker'], 'docker-cli|docker.io', 'docker-cli', 'docker'],
    [['ssh'], 'openssh-client', 'openssh-clients'],
    [['docker-compose'], 'docker-compose', 'docker-compose', 'docker-compose'],
    [['python3'], 'python3', 'python3', 'python'],
    // They compile the helper program anew, to compare it with what is committed.
    [['gcc'], 'gcc', 'gcc', 'gcc'],
    [['aarch64-linux-gnu-gcc'], 'gcc-aarch64-linux-gnu', 'gcc-aarch64-linux-gnu'],
  ],
  git: [[['git'], 'git', 'git', 'git']],
  browser: [
    [
      ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
      'chromium',
      'chromium',
      '--cask chromium',
    ],
  ],
  server: [
    [['python3'], 'python3', 'python3', 'python'],
    [['make'], 'make', 'make', 'make'],
    [['g++', 'clang++'], 'g++', 'gcc-c++', 'gcc'],
    // macOS has it as a framework.
    ...(process.platform === 'darwin'
      ? []
      : [[['/usr/include/krb5.h', '/usr/include/krb5/krb5.h'], 'libkrb5-dev', 'krb5-devel']]),
  ],
};

/** @typedef {keyof typeof PACKAGES} Group */

/** What is missing of the named groups: the programs, and their packages for apt, dnf and brew. */
function missingOf(groups) {
  const isThere = (marks) => marks.some((mark) => (mark.startsWith('/') ? existsSync(mark) : has(mark)));
  const missing = groups.flatMap((group) => PACKAGES[group]).filter(([marks]) => !isThere(marks));
  const names = (index) => [...new Set(missing.map((entry) => entry[index]).filter((name) => name !== undefined))];
  return {
    programs: [...new Set(missing.map(([marks]) => marks.join(' or ')))],
    apt: names(1),
    dnf: names(2),
    brew: names(3),
  };
}

/** The command by which a person installs them on this system, or undefined where it is not known. */
function commandFor({ apt, dnf, brew }) {
  if (has('apt-get'))
    return `sudo apt-get install --no-install-recommends ${apt.map((name) => name.split('|').at(-1)).join(' ')}`;
  if (has('dnf')) return `sudo dnf install ${dnf.join(' ')}`;
  if (process.platform === 'darwin') return brew.length > 0 ? `brew install ${brew.join(' ')}` : undefined;
  return undefined;
}

/**
 * Installs the Debian packages of the named groups that are missing: as root at once, else with sudo after asking.
 * On another system it throws an error that says what to install.
 * @param {Group[]} groups
 */
export async function ensurePackages(groups) {
  const missing = missingOf(groups);
  if (missing.programs.length === 0) return;
  const command = commandFor(missing);
  const needed = `Missing on this machine: ${missing.programs.join(', ')}.`;
  const wayOut =
    command === undefined
      ? 'Install them with the package manager of your system, and try again.'
      : `Install them, and try again:\n  ${command}`;
  const isRoot = process.getuid?.() === 0;
  if (!has('apt-get')) throw new Error(`${needed} ${wayOut}`);
  if (!isRoot) {
    if (!process.stdin.isTTY || !has('sudo')) throw new Error(`${needed} ${wayOut}`);
    const prompt = createInterface({ input: process.stdin, output: process.stdout });
    const giveUp = new AbortController();
    prompt.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    const question = prompt.question(`${needed}\nInstall with sudo: ${missing.apt.join(' ')}? [y/N] `, {
      signal: giveUp.signal,
    });
    const answer = await step(question, () => giveUp.abort()).finally(() => prompt.close());
    if (!/^y/i.test(answer)) throw new Error(`${needed} ${wayOut}`);
  }
  const hint =
    'Packages come from the servers of the distribution: is this machine online, and does "apt-get update" work?';
  await apt(isRoot, ['update'], hint);
  const names = [];
  for (const choice of missing.apt) names.push(await candidate(choice.split('|')));
  // Recommended packages are left out: a desktop would come with some of them.
  await apt(isRoot, ['install', '--no-install-recommends', ...names], hint);
  const still = missingOf(groups);
  if (still.programs.length > 0)
    throw new Error(
      `Missing after the installation of ${names.join(', ')}: ${still.programs.join(', ')}. Install what provides it, and try again.`,
    );
}

/** The first of some packages that this distribution has. */
async function candidate(choices) {
  for (const name of choices.slice(0, -1)) {
    const code = await new Promise((resolve) =>
      spawn('apt-cache', ['show', name], { stdio: 'ignore' })
        .on('close', resolve)
        .on('error', () => resolve(1)),
    );
    if (code === 0) return name;
  }
  return choices.at(-1);
}

/**
 * Runs apt-get to its end also when the script is to end: cut short, it would leave packages that are half installed.
 * With sudo it stays in the terminal's own group, where sudo may ask for the password.
 */
async function apt(isRoot, args, hint) {
  const words = [
    'env',
    'DEBIAN_FRONTEND=noninteractive',
    'apt-get',
    '-q',
    '-y',
    '-o',
    'DPkg::Lock::Timeout=120',
    ...args,
  ];
  const [program, ...rest] = isRoot ? words : ['sudo', ...words];
  const ended = new Promise((resolve, reject) => {
    spawn(program, rest, { stdio: 'inherit', detached: isRoot }).on('error', reject).on('close', resolve);
  });
  const code = await step(ended, () => console.log('Waiting for apt-get to finish.'));
  if (code !== 0) throw new Error(`apt-get ${args.join(' ')} ended with code ${code}. ${hint}`);
}
