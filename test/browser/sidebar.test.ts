import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, it } from 'node:test';
import type { Locator } from 'playwright-core';
import type { Connection } from '../../src/engine/connection.ts';
import {
  connect,
  container,
  GNU_TAR,
  helpersOf,
  remove,
  removeAll,
  temporary,
  until,
  volume,
  WITH_VOLUME,
} from '../engine/support.ts';
import { Window } from './window.ts';

let connection: Connection;
let window: Window;
let folder: string;
let backups: string;

const row = (text: string | RegExp) => window.row(text);
const notification = (text: RegExp) => window.notification(text);
const menu = (on: Locator, entry: string) => window.menu(on, entry);
const palette = (command: string) => window.palette(command);
const shot = (name: string) => window.shot(name);

before(async () => {
  connection = await connect();
  await removeAll(connection);
  folder = temporary();
  backups = join(folder, 'backups');
  const site = join(folder, 'site');
  mkdirSync(site);
  mkdirSync(backups);
  writeFileSync(join(site, 'index.html'), '<h1>Shop</h1>\n');
  writeFileSync(join(site, 'nginx.conf'), 'listen 80;\n');
  const rows = await volume(connection, 'shop-db');
  for (let index = 0; index < 200; index += 1) writeFileSync(join(rows, `table-${index}.dat`), randomBytes(2000));
  writeFileSync(join(await volume(connection, 'shop-large'), 'dump.bin'), randomBytes(400 * 1024 * 1024));
  await volume(connection, 'old-cache');
  await container(connection, 'shop-web', {
    Image: WITH_VOLUME,
    HostConfig: { Binds: [`${site}:/srv/site`, `${site}/nginx.conf:/etc/nginx.conf:ro`], Tmpfs: { '/run/cache': '' } },
  });
  await container(connection, 'shop-db', { Image: GNU_TAR, HostConfig: { Binds: ['shop-db:/var/lib/db'] } });
  await container(connection, 'shop-backup', { start: false, HostConfig: { VolumesFrom: ['shop-db:ro', 'shop-web'] } });

  window = await Window.open(site, { 'dockerMounts.backup.folder': backups });
});
after(async () => {
  await window?.close();
  await removeAll(connection);
  remove(folder);
});

afterEach(async (context) => {
  if ('passed' in context && context.passed !== true) await shot(`failed-${Date.now()}`);
});

it('containers with state and image; expanded, their mounts with kind, source and rights, and the lineage', async () => {
  await row(/^shop-web/)
    .first()
    .locator('.monaco-tl-twistie')
    .click();
  await row('/srv/site').waitFor();
  assert.match((await row('/srv/site').textContent()) ?? '', /bind ←.*site/);
  assert.match((await row('/etc/nginx.conf').textContent()) ?? '', /bind · read-only/);
  assert.match(
    (await row('/var/lib/data').first().textContent()) ?? '',
    /anonymous volume ← shop-web:\/var\/lib\/data/,
  );
  assert.match((await row('/run/cache').textContent()) ?? '', /tmpfs/);
  await row(/^shop-backup/)
    .first()
    .locator('.monaco-tl-twistie')
    .click();
  await row(/takes volumes from shop-db/).waitFor();
  assert.match((await row(/takes volumes from shop-db/).textContent()) ?? '', /read-only/);
  await row('old-cache').filter({ hasText: 'dangling' }).waitFor();
  await shot('sidebar-dark');
});

it('a container made elsewhere appears by itself', async () => {
  await container(connection, 'just-made', { start: false });
  await row('just-made').waitFor({ timeout: 2000 });
  await connection.docker.getContainer('just-made').remove();
  await row('just-made').waitFor({ state: 'detached', timeout: 2000 });
});

it('the context menu of a container offers what fits its state', async () => {
  await (await menu(row(/^shop-db.*docker-mounts-test/).first(), 'Back Up…')).waitFor();
  await shot('context-menu-dark');
  const entries = (await window.page.locator('.monaco-menu .action-item').allTextContents()).join('|');
  assert.match(entries, /Stop.*Restart.*Inspect.*Back Up…/);
  assert.doesNotMatch(entries, /Start(\||$)/);
  await window.page.keyboard.press('Escape');
});

it('a backup from the palette: a pick, a notification, an archive that tar lists, its name in the log', async () => {
  await palette('Docker Mounts: Back Up…');
  await window.page.locator('.quick-input-list .monaco-list-row').filter({ hasText: 'shop-db' }).first().waitFor();
  await shot('backup-pick-dark');
  await window.page.keyboard.type('shop-db');
  await window.page.waitForTimeout(300);
  await window.page.keyboard.press('Enter');
  await window.choice('Pause').waitFor();
  await shot('consistency-dark');
  await window.choice('Pause').click();
  const done = notification(/Backed up shop-db: 200 entries/);
  await done.waitFor();
  await shot('backup-done-dark');
  const [archive] = readdirSync(backups).filter((name) => name.endsWith('.tar.zst'));
  assert.match(archive ?? '', /^shop-db-\d{8}T\d{6}Z\.tar\.zst$/);
  const listed = execFileSync('sh', ['-c', 'zstd -dc "$1" | tar tf -', 'sh', join(backups, archive ?? '')], {
    encoding: 'utf8',
  });
  assert.match(listed, /var\/lib\/db\/table-199\.dat/);
  await done.hover();
  await done.getByRole('button', { name: 'Show Log' }).click();
  await window.page
    .locator('.view-line')
    .filter({ hasText: archive ?? 'no archive' })
    .first()
    .waitFor();
  await shot('log-dark');
  await row(archive ?? '').waitFor();
  await window.clearNotifications();
});

it('a backup in progress shows bytes and can be cancelled: nothing is left', async () => {
  const before = readdirSync(backups);
  await (await menu(row(/^shop-large/).first(), 'Back Up…')).click();
  const progress = notification(/Backing up shop-large/);
  await progress.filter({ hasText: /MB/ }).waitFor();
  await shot('progress-dark');
  await progress.getByRole('button', { name: 'Cancel' }).click();
  await progress.waitFor({ state: 'detached' });
  await until(
    'nothing is left',
    async () => readdirSync(backups).length === before.length && (await helpersOf(connection)) === 0,
  );
});

it('verify from the Backups view; a damaged archive is called so', async () => {
  const [archive = ''] = readdirSync(backups).filter((name) => name.endsWith('.tar.zst'));
  await (await menu(row(archive), 'Verify Backup')).click();
  await notification(/is whole: 200 entries/).waitFor();
  await window.clearNotifications();
  const bytes = readFileSync(join(backups, archive));
  bytes[bytes.length >> 1]! ^= 0xff;
  writeFileSync(join(backups, archive), bytes);
  await (await menu(row(archive), 'Verify Backup')).click();
  await notification(/is not sound/).waitFor();
  await shot('verify-damaged-dark');
  await window.clearNotifications();
});

it('restore from the Backups view: what would change is shown, then all is replaced', async () => {
  await (await menu(row(/^old-cache/).first(), 'Back Up…')).click();
  await notification(/Backed up old-cache/).waitFor();
  await window.clearNotifications();
  const { Mountpoint } = await connection.docker.getVolume('old-cache').inspect();
  writeFileSync(join(Mountpoint, 'stray.txt'), 'stray');
  const [archive = ''] = readdirSync(backups).filter((name) => name.startsWith('old-cache') && !name.endsWith('.json'));
  await (await menu(row(archive), 'Restore…')).click();
  await window.choice('Where It Came From').waitFor();
  await shot('restore-into-dark');
  await window.choice('Where It Came From').click();
  const dialog = window.dialog(/Restore old-cache-.* into old-cache\?/);
  await dialog.filter({ hasText: 'holds data' }).waitFor();
  await shot('restore-mode-dark');
  await dialog.getByRole('button', { name: 'Show What Would Change' }).click();
  await window.page.locator('.view-line').filter({ hasText: 'stray.txt' }).first().waitFor();
  await shot('restore-dry-run-dark');
  await notification(/what replacing "old-cache" would change/)
    .getByRole('button', { name: 'Continue…' })
    .click();
  await dialog.getByRole('button', { name: 'Replace All' }).click();
  await notification(/Restored 0 entries/).waitFor();
  assert.deepEqual(readdirSync(Mountpoint), []);
  await window.clearNotifications();
});

it('inspect opens a read-only JSON document', async () => {
  await (await menu(row(/^shop-web/).first(), 'Inspect')).click();
  await window.page.locator('.tab').filter({ hasText: 'shop-web.json' }).waitFor();
  await window.page.locator('.view-line').filter({ hasText: '"Id"' }).first().waitFor();
});

it('a light theme, and the tooltip with the full facts', async () => {
  await window.theme('light');
  await row(/^shop-web/)
    .first()
    .hover();
  await window.page.locator('.workbench-hover').filter({ hasText: 'Shares sources with' }).waitFor();
  await shot('sidebar-light');
});

it('no engine: words and a way out, and everything back with the right address', async () => {
  window.settings({ 'dockerMounts.host': 'unix:///nonexistent/docker.sock' });
  await window.page.getByText('The Docker engine is not running.').first().waitFor();
  await window.page.getByRole('button', { name: 'Try Again' }).first().waitFor();
  await shot('no-engine-light');
  window.settings({ 'dockerMounts.host': '' });
  await row(/^shop-web/)
    .first()
    .waitFor();
});
