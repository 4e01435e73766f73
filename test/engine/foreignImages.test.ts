/** No image of anybody else is run over a volume: an image whose every program leaves a mark wherever it can write. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, it } from 'node:test';
import { backup } from '../../src/backup/backup.ts';
import { findOrigin } from '../../src/backup/source/trees.ts';
import { restore } from '../../src/backup/restore/restore.ts';
import { targetOf } from '../../src/backup/restore/target.ts';
import { cloneVolume } from '../../src/backup/copy.ts';
import { verifyBackup } from '../../src/backup/archive/verify.ts';
import type { Connection } from '../../src/engine/connection.ts';
import { Inventory } from '../../src/engine/inventory.ts';
import { HELPER_LABEL } from '../../src/engine/model.ts';
import { toolTar } from '../../src/engine/helper/toolImage.ts';
import { createTool } from '../../src/engine/helper/tools.ts';
import { Files } from '../../src/files/files.ts';
import { placeOf } from '../../src/files/place.ts';
import { begin, BUSYBOX, connect, container, end, job, jobOn, unique, until, volume } from './support.ts';

const HOSTILE = 'docker-mounts-test/hostile';
const MARK = 'was-here';
let connection: Connection;
let folder: string;
let hostile: string;
before(async () => {
  ({ connection, folder } = await begin());
  hostile = await importHostile();
});
after(async () => {
  await end(connection, folder);
  await connection.docker.getImage(hostile).remove({ force: true });
});

/** Each program marks every directory that is mounted, and then does what its name says. */
async function importHostile(): Promise<string> {
  const root = join(folder, 'image');
  mkdirSync(join(root, 'bin'), { recursive: true });
  chmodSync(root, 0o755);
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
  const script = `#!/bin/busybox sh\nwhile read -r _ place _; do [ -d "$place" ] && /bin/busybox touch "$place/${MARK}" 2> /dev/null; done < /proc/mounts\nexec /bin/busybox "\${0##*/}" "$@"\n`;
  for (const name of [
    'sh',
    'ash',
    'find',
    'mv',
    'rm',
    'rmdir',
    'mkdir',
    'chown',
    'chmod',
    'touch',
    'stat',
    'sleep',
    'tar',
    'cat',
    'ls',
  ])
    writeFileSync(join(root, 'bin', name), script, { mode: 0o755 });
  writeFileSync(join(root, 'docker-mounts-tool'), script.replace('"${0##*/}"', 'sleep'), { mode: 0o755 });
  const tar = execFileSync('tar', ['-C', root, '--owner=0', '--group=0', '-c', '.'], { maxBuffer: 64 * 1024 * 1024 });
  const answer = (await connection.docker.importImage(Readable.from([tar]), {
    repo: HOSTILE,
    tag: 'latest',
    changes: ['CMD ["sleep","1000000"]', 'ENV PATH=/bin', `LABEL ${HELPER_LABEL}=1`],
  })) as Readable;
  for await (const _ of answer) void _;
  return (await connection.docker.getImage(`${HOSTILE}:latest`).inspect()).Id;
}

const tagOf = (architecture: string) => createHash('sha256').update(toolTar(architecture)!).digest('hex').slice(0, 12);

/** The images of what was started or made since then. */
async function imagesOf(event: 'create' | 'start', since: number): Promise<Map<string, string>> {
  const filters = JSON.stringify({ type: ['container'], event: [event] });
  const stream = (await connection.docker.getEvents({
    since,
    until: Math.ceil(Date.now() / 1000) + 1,
    filters,
  })) as Readable;
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  const found = new Map<string, string>();
  for (const line of text.split('\n').filter((one) => one.trim() !== '')) {
    const { Actor } = JSON.parse(line) as { Actor: { ID: string; Attributes: { image: string } } };
    found.set(Actor.ID, Actor.Attributes.image);
  }
  return found;
}

it('a hostile image on the engine, also under the name of ours, is run by nothing that is done to a volume', async () => {
  const since = Math.floor(Date.now() / 1000);
  const { Arch } = await connection.docker.version();
  const tag = tagOf(Arch);
  await connection.docker.getImage(hostile).tag({ repo: 'docker-mounts/tools', tag });
  // A new connection: what is known of an image is known for one.
  connection = await connect();
  const data = unique('data');
  const path = await volume(connection, data);
  writeFileSync(join(path, 'file'), 'content');
  mkdirSync(join(path, 'sub'));
  // One that was only created has never had the volume; the one that runs has.
  const created = await container(connection, unique('created'), {
    Image: hostile,
    start: false,
    HostConfig: { Binds: [`${data}:/data`] },
  });
  const running = await container(connection, unique('running'), {
    Image: BUSYBOX,
    HostConfig: { Binds: [`${data}:/data`] },
  });
  const inventory = new Inventory(connection);
  const work = job();
  const files = new Files({
    connection: () => Promise.resolve(connection),
    snapshot: () => inventory.read(),
    log: work.log,
  });
  const at = (one: string) => placeOf('volume', data, one);
  const helpers = async () =>
    Promise.all(
      (await connection.docker.listContainers({ all: true, filters: { label: [HELPER_LABEL] } }))
        .filter(({ Id }) => Id !== created)
        .map(({ Id }) => connection.docker.getContainer(Id).inspect()),
    );

  assert.deepEqual(
    (await files.list(at('/'))).map(({ name }) => name),
    ['file', 'sub'],
  );
  assert.equal((await files.read(at('/file'))).toString(), 'content');
  const looking = await helpers();
  assert.ok(looking.length > 0);
  for (const { Mounts, HostConfig, State } of looking) {
    assert.deepEqual(
      Mounts.map(({ RW }) => RW),
      [false],
    );
    if (!State.Running) continue;
    assert.deepEqual(
      [HostConfig.NetworkMode, HostConfig.ReadonlyRootfs, HostConfig.CapDrop, HostConfig.Privileged],
      ['none', true, ['ALL'], false],
    );
    assert.deepEqual(
      [...(HostConfig.CapAdd as string[])].map((one) => one.replace(/^CAP_/, '')),
      ['DAC_OVERRIDE'],
    );
    assert.ok((HostConfig.SecurityOpt as string[]).includes('no-new-privileges'));
  }
  await files.write(at('/file'), Buffer.from('changed'), { create: true, overwrite: true });
  await files.rename(at('/file'), at('/sub/other'), false, work);
  await files.remove(at('/sub'), true);
  await files.write(at('/file'), Buffer.from('again'), { create: true, overwrite: true });
  await files.dispose();
  const { file } = await backup(jobOn(connection, work), {
    subject: { kind: 'volume', name: data },
    destination: folder,
  });
  assert.equal((await verifyBackup(file, work)).ok, true);
  await restore(jobOn(connection, work), { file, into: { kind: 'volume', name: data }, mode: 'replace' });
  const copy = unique('copy');
  await cloneVolume(jobOn(connection, work), data, copy, {});
  const copied = (await connection.docker.getVolume(copy).inspect()).Mountpoint;
  for (const one of [path, copied]) assert.deepEqual(readdirSync(one), ['file']);
  assert.ok(work.lines.some((line) => line.includes(`own program has read-only access to "${data}"`)));

  const ours = (await connection.docker.getImage(`docker-mounts/tools:${tag}`).inspect()).Id;
  assert.notEqual(ours, hostile);
  const started = await imagesOf('start', since);
  started.delete(running);
  // The image of the container that runs with the volume is asked for its tar, with nothing mounted.
  const busybox = (await connection.docker.getImage(BUSYBOX).inspect()).Id;
  for (const image of started.values()) assert.ok([ours, busybox, BUSYBOX].includes(image), image);
  const made = await imagesOf('create', since);
  made.delete(created);
  for (const image of made.values()) assert.ok(![hostile, `${HOSTILE}:latest`, HOSTILE].includes(image), image);

  // The mark would have been seen.
  await connection.docker.getContainer(created).start();
  await until('the mark of the hostile image', () => existsSync(join(path, MARK)));
  await connection.docker.getVolume(copy).remove();
});

it('whose tar may run: of containers that ran with the source, and, to write, that could write there', async () => {
  const data = unique('data');
  await volume(connection, data);
  const images = async () => {
    const plan = await findOrigin(connection, { kind: 'volume', name: data });
    return [plan.images, plan.writers, (await targetOf(connection, { kind: 'volume', name: data }, undefined)).images];
  };
  const busybox = (await connection.docker.getImage(BUSYBOX).inspect()).Id;
  await container(connection, unique('created'), {
    Image: hostile,
    start: false,
    HostConfig: { Binds: [`${data}:/data`] },
  });
  assert.deepEqual(await images(), [[], [], []]);
  const reader = unique('reader');
  await container(connection, reader, { HostConfig: { Binds: [`${data}:/data:ro`] } });
  assert.deepEqual(await images(), [[busybox], [], []]);
  assert.deepEqual((await targetOf(connection, { kind: 'container', name: reader }, undefined)).images, []);
  const writer = unique('writer');
  await container(connection, writer, { HostConfig: { Binds: [`${data}:/data`] } });
  await connection.docker.getContainer(writer).kill();
  assert.deepEqual(await images(), [[busybox], [busybox], [busybox]]);
  assert.deepEqual((await targetOf(connection, { kind: 'container', name: writer }, undefined)).images, [busybox]);
});

it('the image of the tool is made anew when somebody removes it', async () => {
  const data = unique('data');
  await volume(connection, data);
  for (let round = 0; round < 2; round += 1) {
    const helper = await createTool(
      connection,
      ['idle'],
      { type: 'volume', source: data, target: '/docker-mounts/files', readOnly: true },
      job().log,
    );
    const { Image } = await helper.container.inspect();
    await helper.remove();
    await connection.docker.getImage(Image).remove({ force: true });
  }
});
