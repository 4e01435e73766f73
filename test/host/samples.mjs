// Containers to look at: a bind, a named volume, an anonymous one, and one with volumes-from, all with real data.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Docker from 'dockerode';
import { optionsOf } from './engine.mjs';
import { IMAGES, makeImages } from './images.mjs';

const LABEL = 'docker-mounts.sample';

/** Makes the samples and returns what removes them. */
export async function makeSamples(host, workspace) {
  const docker = new Docker(optionsOf(host));
  await makeImages(host);
  await removeSamples(docker);
  const site = join(workspace, 'site');
  mkdirSync(site, { recursive: true });
  writeFileSync(join(site, 'index.html'), '<h1>Sample shop</h1>\n');
  writeFileSync(join(workspace, 'app.conf'), 'listen 8080\n');
  const Labels = { [LABEL]: '1' };
  await docker.createVolume({ Name: 'sample-orders', Labels });
  const start = async (name, Image, Cmd, HostConfig) => {
    const container = await docker.createContainer({ name, Image, Cmd, Labels, StopTimeout: 0, HostConfig: { NetworkMode: 'none', ...HostConfig } });
    await container.start();
  };
  const fill = 'i=0; while [ $i -lt 200 ]; do echo "order $i" > /var/lib/orders/$i.txt; i=$((i+1)); done; exec sleep 1000000';
  await start('sample-orders', IMAGES.gnuTar, ['sh', '-c', fill], { Binds: ['sample-orders:/var/lib/orders'] });
  await start('sample-web', IMAGES.volumes, ['sleep', '1000000'], { Binds: [`${site}:/srv/site`, `${join(workspace, 'app.conf')}:/etc/app.conf:ro`] });
  await start('sample-reader', IMAGES.busybox, ['sleep', '1000000'], { VolumesFrom: ['sample-web', 'sample-orders:ro'] });
  return () => removeSamples(docker);
}

async function removeSamples(docker) {
  const filters = { label: [LABEL] };
  for (const { Id } of await docker.listContainers({ all: true, filters })) await docker.getContainer(Id).remove({ force: true, v: true });
  const { Volumes } = await docker.listVolumes({ filters });
  for (const { Name } of Volumes ?? []) await docker.getVolume(Name).remove();
}
