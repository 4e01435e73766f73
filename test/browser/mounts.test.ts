import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, it } from 'node:test';
import type { Connection } from '../../src/engine/connection.ts';
import { connect, container, remove, removeAll, temporary, until, volume, WITH_VOLUME } from '../engine/support.ts';
import { Window } from './window.ts';

let connection: Connection;
let window: Window;
let folder: string;

const inspect = (name: string) => connection.docker.getContainer(name).inspect();
const mountOf = async (name: string, target: string) =>
  (await inspect(name)).Mounts.find(({ Destination }) => Destination === target);

before(async () => {
  connection = await connect();
  await removeAll(connection);
  folder = temporary();
  mkdirSync(join(folder, 'site/css'), { recursive: true });
  writeFileSync(join(folder, 'site/index.html'), '<h1>Shop</h1>\n');
  await volume(connection, 'shop-media');
  await container(connection, 'shop-web', {
    Cmd: ['sh', '-c', 'echo note > /note; exec sleep 1000000'],
    HostConfig: { Binds: [`${folder}/site/css:/css`] },
  });
  await container(connection, 'shop-store', { Image: WITH_VOLUME, start: false });
  await container(connection, 'shop-worker', { HostConfig: { VolumesFrom: ['shop-store'] } });
  await container(connection, 'shop-admin', {
    HostConfig: { Binds: [`${connection.endpoint.options.socketPath}:/var/run/docker.sock`, `${folder}/site:/srv`] },
  });
  window = await Window.open(join(folder, 'site'), {});
});
after(async () => {
  await window?.close();
  for (const name of ['shop-new', 'shop-folder'])
    await connection.docker
      .getContainer(name)
      .remove({ force: true, v: true })
      .catch(() => undefined);
  await removeAll(connection);
  await connection.docker
    .getVolume('shop-nfs')
    .remove()
    .catch(() => undefined);
  for (const image of await connection.docker.listImages({ filters: { reference: ['shop-web-kept'] } }))
    await connection.docker.getImage(image.Id).remove({ force: true });
  remove(folder);
});
afterEach(async (context) => {
  if ('passed' in context && context.passed !== true) await window.shot(`failed-mounts-${Date.now()}`);
});

it('data containers and dangerous mounts are marked, and who shares a directory inside of another is said', async () => {
  assert.match(
    (await window
      .row(/^shop-store/)
      .first()
      .textContent()) ?? '',
    /data container/,
  );
  await window.expand(/^shop-admin/);
  const socket = window.row('/var/run/docker.sock').first();
  assert.match((await socket.textContent()) ?? '', /dangerous/);
  await socket.hover();
  await window.page.locator('.workbench-hover').filter({ hasText: 'can control this machine' }).waitFor();
  await window.shot('danger-dark');
  await window.row('/srv').first().hover();
  await window.page.locator('.workbench-hover').filter({ hasText: 'shop-web:/css' }).waitFor();
});

it('right-click a volume, attach it to a container: the warning says what is lost, and what it wrote can be kept', async () => {
  await (await window.menu(window.row('shop-media').first(), 'Attach to Container…')).click();
  await window.choice('shop-web').click();
  await window.answer('Path in the container for shop-media', '/media');
  await window.choice('Read-only').waitFor();
  await window.shot('rights-dark');
  await window.choice('Read-only').click();
  const dialog = window.dialog('Replace container "shop-web"?');
  await dialog.filter({ hasText: /It changed \d+ files or directories/ }).waitFor();
  await window.shot('replace-dark');
  await dialog.getByRole('button', { name: 'Keep Them and Replace' }).click();
  await window.notification(/has its new mounts.*kept in the image shop-web-kept/).waitFor();
  await window.shot('replaced-dark');
  assert.equal((await mountOf('shop-web', '/media'))?.RW, false);
  assert.match((await inspect('shop-web')).Config.Image, /^shop-web-kept:/);
  await window.clearNotifications();
});

it('right-click a container, add a bind mount by the folder picker', async () => {
  await (await window.menu(window.row(/^shop-web/).first(), 'Add Mount…')).click();
  await window.choice('Mount a Folder or File…').waitFor();
  await window.shot('add-mount-dark');
  await window.choice('Mount a Folder or File…').click();
  await window.page.locator('.quick-input-widget').filter({ hasText: 'Mount' }).waitFor();
  await window.page.locator('.quick-input-widget input').first().fill(`${folder}/site/`);
  await window.page.waitForTimeout(500);
  await window.shot('folder-picker-dark');
  await window.page.locator('.quick-input-action').getByText('Mount', { exact: true }).click();
  await window.answer(/Path in the container for/, '/srv/site');
  await window.choice('Read and write').click();
  await window.dialog('Replace container').getByRole('button', { name: 'Replace', exact: true }).click();
  await window.notification(/has its new mounts/).waitFor();
  const added = await mountOf('shop-web', '/srv/site');
  assert.deepEqual([added?.Source, added?.RW], [join(folder, 'site'), true]);
  await window.clearNotifications();
});

it('the mount made read-only from its row', async () => {
  await window.expand(/^shop-web/);
  await (await window.menu(window.row('/srv/site').first(), 'Make Read-Only…')).click();
  await window.dialog('Replace container').getByRole('button', { name: 'Replace', exact: true }).click();
  await window.notification(/has its new mounts/).waitFor();
  assert.equal((await mountOf('shop-web', '/srv/site'))?.RW, false);
  await window.row('/srv/site').filter({ hasText: 'read-only' }).first().waitFor();
  await window.clearNotifications();
});

it('a container created step by step: image with what it declares, a dangerous bind asked about, rights switched in the list', async () => {
  await window.theme('light');
  await window.palette('Docker Mounts: Create Container…');
  await window
    .choice(/docker-mounts-test\/volumes/)
    .filter({ hasText: 'declares volumes: /var/lib/data' })
    .waitFor();
  await window.shot('image-pick-light');
  await window.choice(/docker-mounts-test\/volumes/).click();
  await window.answer('Name of the container', 'shop-new');
  await window.choice('Mount a Path on the Engine’s Host…').click();
  await window.answer('Path on the Engine’s Host', '/etc');
  await window.answer('Path in the container for /etc', '/host-etc');
  await window.choice('Read and write').click();
  await window.dialog('Mount "/etc" with write access?').waitFor();
  await window.shot('danger-question-light');
  await window.page.keyboard.press('Escape');
  await window.choice('Mount a Path on the Engine’s Host…').click();
  await window.answer('Path on the Engine’s Host', join(folder, 'made'));
  await window.answer(/Path in the container for/, '/made');
  await window.choice('Read and write').click();
  await window.dialog('does not exist').getByRole('button', { name: 'Create the Directory' }).click();
  await window.choice('Take Volumes from a Container…').click();
  await window.choice('shop-worker').click();
  await window.choice('volumes from shop-worker').waitFor();
  await window.choice('/made').click();
  await window.choice('/made').filter({ hasText: 'read-only' }).waitFor();
  await window.shot('create-list-light');
  await window.choice('Create and Start').click();
  await window.notification(/Created and started container "shop-new"/).waitFor();
  assert.equal((await mountOf('shop-new', '/made'))?.RW, false);
  assert.ok(existsSync(join(folder, 'made')));
  assert.deepEqual((await inspect('shop-new')).HostConfig.VolumesFrom, ['shop-worker']);
  await window.clearNotifications();
});

it('a folder of the explorer is run with a container', async () => {
  await window.page
    .locator('.activitybar')
    .getByRole('tab', { name: /^Explorer/ })
    .click();
  await (await window.menu(window.row(/^css$/).first(), 'Run a Container with This Folder Mounted…')).click();
  await window.choice(/docker-mounts-test\/busybox/).click();
  await window.answer(/Path in the container for/, '/work');
  await window.choice('Read-only').click();
  await window.notification(/Created and started container/).waitFor();
  const found = await until('the container', async () =>
    (await connection.docker.listContainers({ all: true })).find(({ Mounts }) =>
      Mounts.some(
        ({ Source, Destination, RW }) => Source === join(folder, 'site/css') && Destination === '/work' && !RW,
      ),
    ),
  );
  await connection.docker.getContainer(found.Id).remove({ force: true });
  await window.clearNotifications();
  await window.showSidebar();
});

it('a volume that is an NFS share', async () => {
  await window.palette('Docker Mounts: Create Volume…');
  await window.choice('NFS Share').waitFor();
  await window.shot('volume-kind-light');
  await window.choice('NFS Share').click();
  await window.answer('Name of the volume', 'shop-nfs');
  await window.answer('Host name or address', 'nas.local');
  await window.answer('Path that the server exports', '/export/shop');
  await window.answer('Mount options', 'rw,nfsvers=4');
  await window.row('shop-nfs').first().waitFor();
  const { Options } = (await connection.docker.getVolume('shop-nfs').inspect()) as { Options: unknown };
  assert.deepEqual(Options, { type: 'nfs', o: 'addr=nas.local,rw,nfsvers=4', device: ':/export/shop' });
});

it('a container removed: beforehand it says by name what goes and what stays, and why', async () => {
  const anonymous =
    (await inspect('shop-new')).Mounts.find(({ Destination }) => Destination === '/var/lib/data')?.Name ?? '';
  await (await window.menu(window.row(/^shop-worker/).first(), 'Remove Container…')).click();
  const dialog = window.dialog('Stop and remove container "shop-worker"?');
  await dialog.filter({ hasText: /stays: used by shop-new, shop-store|stays: used by shop-store, shop-new/ }).waitFor();
  await window.shot('remove-light');
  await dialog.getByRole('button', { name: 'Remove', exact: true }).click();
  await window
    .row(/^shop-worker/)
    .first()
    .waitFor({ state: 'detached' });
  await connection.docker.getVolume(anonymous).inspect();
});
