/**
 * Containers to look at: a bind, a named volume, an anonymous one, and one with volumes-from, all with real data.
 * A program of its own that makes them, prints "ready", and removes them when it gets SIGTERM.
 * Its argument is JSON: `folder`, which belongs to this `npm start` alone, and `owner`, its process. Beside that folder
 * are those of others.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type Docker from 'dockerode';
import { Connection } from '../../src/engine/connection.ts';
import { resolveEndpoint } from '../../src/engine/endpoint.ts';
import { Journal } from '../../src/journal/journal.ts';
import { HELPER_LABEL } from '../../src/engine/model.ts';
import { IMAGES, makeImages } from './images.mjs';
import { isAlive } from './lock.mjs';

/** Its value is the id of the `npm start` that made the object. */
const LABEL = 'docker-mounts.sample';
/** Sets of names that are tried, for windows that show one engine at the same time. */
const MOST_WINDOWS = 50;

/** A name that another has. */
class Taken extends Error {}

interface Order {
  readonly folder: string;
  readonly owner: number;
}

const { folder, owner } = JSON.parse(process.argv[2] ?? '{}') as Order;
const id = basename(folder);
const workspace = join(folder, 'sample-workspace');
const { docker, info } = await Connection.open(
  await resolveEndpoint({ env: process.env, home: homedir() }),
  new Journal(folder),
);

const asked = new Promise<void>((resolve) => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => resolve());
});
try {
  mkdirSync(workspace, { recursive: true });
  writeFileSync(join(folder, 'owner'), String(owner));
  await removeLeftovers();
  await makeImages(docker);
  process.stdout.write(`ready ${await make()}\n`);
  await Promise.race([asked, new Promise(() => setInterval(() => undefined, 1e9))]);
} finally {
  await remove(id);
}
process.exit(0);

/** Makes them under the first set of names that is free; returns what to say about them. */
async function make(): Promise<string> {
  const site = join(workspace, 'site');
  mkdirSync(site, { recursive: true });
  writeFileSync(join(site, 'index.html'), '<h1>Sample shop</h1>\n');
  writeFileSync(join(workspace, 'app.conf'), 'listen 8080\n');
  for (let set = 1; set <= MOST_WINDOWS; set += 1) {
    try {
      return await makeSet(set === 1 ? '' : `-${set}`, site);
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode !== 409 && !(error instanceof Taken)) throw error;
      await remove(id);
    }
  }
  throw new Error(
    'The names of the sample containers, from sample-web to sample-web-50, are all taken on this engine. Remove some of them, and try again.',
  );
}

async function makeSet(suffix: string, site: string): Promise<string> {
  const [orders, web, reader] = [`sample-orders${suffix}`, `sample-web${suffix}`, `sample-reader${suffix}`];
  const Labels = { [LABEL]: id };
  // For a name that is taken, the engine answers with the volume that is there.
  await docker.createVolume({ Name: orders, Labels });
  if ((await docker.getVolume(orders).inspect()).Labels?.[LABEL] !== id) throw new Taken();
  const start = async (name: string, Image: string, Cmd: string[], HostConfig: Docker.HostConfig) => {
    const container = await docker.createContainer({
      name,
      Image,
      Cmd,
      Labels,
      StopTimeout: 0,
      HostConfig: { NetworkMode: 'none', ...HostConfig },
    });
    await container.start();
  };
  const fill =
    'i=0; while [ $i -lt 200 ]; do echo "order $i" > /var/lib/orders/$i.txt; i=$((i+1)); done; exec sleep 1000000';
  await start(orders, IMAGES.gnuTar, ['sh', '-c', fill], { Binds: [`${orders}:/var/lib/orders`] });
  // On an engine of another machine, these would be folders of that machine, made where nobody asked for them.
  const binds = info.local ? { Binds: [`${site}:/srv/site`, `${join(workspace, 'app.conf')}:/etc/app.conf:ro`] } : {};
  await start(web, IMAGES.volumes, ['sleep', '1000000'], binds);
  await start(reader, IMAGES.busybox, ['sleep', '1000000'], { VolumesFrom: [web, `${orders}:ro`] });
  return `${orders}, ${web}, ${reader}${info.local ? '' : ' (without binds, because the engine may be on another machine)'}`;
}

/** Removes what an `npm start` made, and nothing else: its id is known from a folder of this machine. */
async function remove(whose: string): Promise<void> {
  const filters = { label: [`${LABEL}=${whose}`] };
  try {
    const { Volumes } = await docker.listVolumes({ filters });
    const names = (Volumes ?? []).map(({ Name }) => Name);
    // The window ended; what its extension kept to look into our volumes goes as well.
    const helpers =
      names.length === 0
        ? []
        : await docker.listContainers({ all: true, filters: { volume: names, label: [HELPER_LABEL] } });
    const containers = await docker.listContainers({ all: true, filters });
    for (const { Id } of [...helpers, ...containers]) await docker.getContainer(Id).remove({ force: true, v: true });
    for (const name of names) await docker.getVolume(name).remove();
  } catch (error) {
    process.stderr.write(`Not all sample containers and volumes could be removed: ${(error as Error).message}\n`);
  }
}

/** What is left of an `npm start` that was killed together with its keeper, or by a power cut. */
async function removeLeftovers(): Promise<void> {
  const cache = dirname(folder);
  for (const other of readdirSync(cache)) {
    if (other === id || !other.startsWith('window-')) continue;
    let pid: number;
    try {
      pid = Number(readFileSync(join(cache, other, 'owner'), 'utf8'));
    } catch {
      // It begins or ends just now.
      continue;
    }
    if (isAlive(pid)) continue;
    await remove(other);
    rmSync(join(cache, other), { recursive: true, force: true });
  }
}
