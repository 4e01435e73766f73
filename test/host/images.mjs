// Images for tests and samples, made from programs of this machine: nothing is pulled.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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

/** @param {string | Docker} engine address of an engine, or a connection to one */
export async function makeImages(engine) {
  const docker = typeof engine === 'string' ? new Docker(optionsOf(engine)) : engine;
  const present = (await docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []);
  const missing = Object.entries(IMAGES).filter(([, tag]) => !present.includes(tag));
  for (const [kind, tag] of missing) await makeImage(docker, kind, tag);
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
    const tar = execFileSync('tar', ['-C', folder, '--owner=0', '--group=0', '-c', '.'], { maxBuffer: 256 * 1024 * 1024 });
    const [repo, name] = tag.split(':');
    const changes = ['CMD ["sleep","1000000"]', 'ENV PATH=/bin', ...(kind === 'volumes' ? ['VOLUME /var/lib/data'] : [])];
    const answer = await docker.importImage(Readable.from([tar]), { repo, tag: name, changes });
    for await (const _ of answer) void _;
  } finally {
    rmSync(folder, { recursive: true, force: true });
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
