// Images for tests and samples, made from programs of this machine: nothing is pulled.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import Docker from 'dockerode';
import { optionsOf } from './engine.mjs';
import { locate } from './machine.mjs';

/** busybox; busybox with a GNU tar; busybox with a VOLUME that holds a file. */
export const IMAGES = {
  busybox: 'docker-mounts-test/busybox:latest',
  gnuTar: 'docker-mounts-test/tar:latest',
  volumes: 'docker-mounts-test/volumes:latest',
};

/** Dockerfile instructions that each of them has. */
function changesOf(kind) {
  return ['CMD ["sleep","1000000"]', ...(kind === 'volumes' ? ['VOLUME /var/lib/data'] : [])];
}

/**
 * Makes those that are missing. From programs of this machine nothing has to be pulled; where the engine runs other
 * programs than this machine has (Docker Desktop on macOS, an engine elsewhere), public images are pulled.
 * @param {string | Docker} engine address of an engine, or a connection to one
 */
export async function makeImages(engine) {
  const docker = typeof engine === 'string' ? new Docker(optionsOf(engine)) : engine;
  const present = await tagsOf(docker);
  const missing = Object.entries(IMAGES).filter(([, tag]) => !present.includes(tag));
  if (missing.length === 0) return;
  const { OSType, Architecture } = await docker.info();
  const runsOurs = process.platform === 'linux' && OSType === 'linux' && MACHINES[process.arch]?.includes(Architecture);
  for (const [kind, tag] of missing) await (runsOurs ? makeImage(docker, kind, tag) : deriveImage(docker, kind, tag));
}

/** How engines call what Node calls `process.arch`. */
const MACHINES = {
  x64: ['x86_64', 'amd64'],
  arm64: ['aarch64', 'arm64'],
  arm: ['armv7l', 'arm'],
  ppc64: ['ppc64le'],
  s390x: ['s390x'],
  riscv64: ['riscv64'],
};

async function tagsOf(docker) {
  return (await docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []);
}

async function makeImage(docker, kind, tag) {
  const folder = mkdtempSync(join(tmpdir(), 'dm-image-'));
  try {
    // It becomes the image's root, which every user must be able to pass.
    chmodSync(folder, 0o755);
    busyboxInto(folder);
    if (kind === 'gnuTar') programInto(folder, locate('tar'), '/bin/tar');
    if (kind === 'volumes') {
      mkdirSync(join(folder, 'var/lib/data'), { recursive: true });
      writeFileSync(join(folder, 'var/lib/data/seed.txt'), 'from the image\n');
    }
    const tar = execFileSync('tar', ['-C', folder, '--owner=0', '--group=0', '-c', '.'], {
      maxBuffer: 256 * 1024 * 1024,
    });
    const [repo, name] = tag.split(':');
    const answer = await docker.importImage(Readable.from([tar]), {
      repo,
      tag: name,
      changes: ['ENV PATH=/bin', ...changesOf(kind)],
    });
    for await (const _ of answer) void _;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** From a public image, pulled where it is not there yet. */
export async function deriveImage(docker, kind, tag) {
  const base = kind === 'gnuTar' ? 'debian:stable-slim' : 'busybox:stable';
  if (!(await tagsOf(docker)).includes(base)) {
    console.log(`Pulling ${base} for the sample containers…`);
    const progress = await docker.pull(base);
    await new Promise((resolve, reject) =>
      docker.modem.followProgress(progress, (error) => (error ? reject(error) : resolve())),
    );
  }
  const seed = kind === 'volumes' ? 'mkdir -p /var/lib/data && echo from the image > /var/lib/data/seed.txt' : 'true';
  const container = await docker.createContainer({
    Image: base,
    Cmd: ['sh', '-c', seed],
    HostConfig: { NetworkMode: 'none' },
  });
  try {
    await container.start();
    await container.wait();
    const [repo, name] = tag.split(':');
    await container.commit({ repo, tag: name, changes: changesOf(kind).join('\n') });
  } finally {
    await container.remove({ force: true });
  }
}

function busyboxInto(folder) {
  const busybox = locate('busybox');
  mkdirSync(join(folder, 'bin'), { recursive: true });
  for (const name of ['tmp', 'etc', 'proc', 'sys', 'dev']) mkdirSync(join(folder, name));
  // The package "busybox", unlike "busybox-static", needs libraries.
  programInto(folder, busybox, '/bin/busybox');
  for (const name of execFileSync(busybox, ['--list'], { encoding: 'utf8' }).split('\n')) {
    if (name !== '' && name !== 'busybox') symlinkSync('busybox', join(folder, 'bin', name));
  }
  writeFileSync(join(folder, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
}

/** A program with the libraries that it needs, if any. */
function programInto(folder, program, place) {
  rmSync(join(folder, place), { force: true });
  copyFileSync(program, join(folder, place));
  const { stdout } = spawnSync('ldd', [program], { encoding: 'utf8' });
  const libraries = stdout.match(/\/[^\s)]+/g) ?? [];
  for (const library of libraries) {
    if (!existsSync(library)) continue;
    mkdirSync(join(folder, dirname(library)), { recursive: true });
    copyFileSync(library, join(folder, library));
  }
}
