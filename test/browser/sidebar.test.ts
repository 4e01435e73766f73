import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, it } from 'node:test';
import type { Browser, Locator, Page } from 'playwright-core';
import type { Connection } from '../../src/engine/connection.ts';
import { launchBrowser, startVSCode } from '../host/vscode.mjs';
import { connect, container, GNU_TAR, helpersOf, remove, removeAll, temporary, until, volume, WITH_VOLUME } from '../engine/support.ts';

const screenshots = process.env['DOCKER_MOUNTS_TEST_SCREENSHOTS'] ?? '/tmp';
let connection: Connection;
let code: Awaited<ReturnType<typeof startVSCode>>;
let browser: Browser;
let page: Page;
let folder: string;
let backups: string;
let settingsFile: string;

const row = (text: string | RegExp): Locator => page.locator('.monaco-list-row').filter({ hasText: text });
const notification = (text: RegExp): Locator => page.locator('.notification-toast').filter({ hasText: text });
async function shot(name: string): Promise<void> {
  // What fades in is to be seen as a user sees it.
  await page.waitForTimeout(400);
  await page.screenshot({ path: join(screenshots, `${name}.png`) });
}

function settings(more: object): void {
  const now = JSON.parse(readFileSync(settingsFile, 'utf8')) as object;
  writeFileSync(settingsFile, JSON.stringify({ ...now, ...more }));
}

async function palette(command: string): Promise<void> {
  await page.keyboard.press('F1');
  await page.locator('.quick-input-widget input').fill(`>${command}`);
  await page.locator('.quick-input-list .monaco-list-row').filter({ hasText: command }).first().click();
}

async function menu(on: Locator, entry: string): Promise<Locator> {
  await on.click({ button: 'right' });
  const item = page.locator('.context-view .action-item, .monaco-menu .action-item').filter({ hasText: entry }).first();
  await item.waitFor();
  // A menu takes no click in its first moment, so that the click that opened it chooses nothing.
  await page.waitForTimeout(300);
  return item;
}

async function theme(wanted: 'dark' | 'light'): Promise<void> {
  const workbench = page.locator(wanted === 'dark' ? '.monaco-workbench.vs-dark' : '.monaco-workbench.vs');
  if ((await workbench.count()) === 0) await palette('Preferences: Toggle between Light/Dark Themes');
  await workbench.waitFor();
}

async function clearNotifications(): Promise<void> {
  await palette('Notifications: Clear All Notifications');
  await page.locator('.notification-toast').first().waitFor({ state: 'detached' });
}

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
  await container(connection, 'shop-web', { Image: WITH_VOLUME, HostConfig: { Binds: [`${site}:/srv/site`, `${site}/nginx.conf:/etc/nginx.conf:ro`], Tmpfs: { '/run/cache': '' } } });
  await container(connection, 'shop-db', { Image: GNU_TAR, HostConfig: { Binds: ['shop-db:/var/lib/db'] } });
  await container(connection, 'shop-backup', { start: false, HostConfig: { VolumesFrom: ['shop-db:ro', 'shop-web'] } });

  const node = { node: process.env['DOCKER_MOUNTS_TEST_NODE'] ?? process.execPath, include: undefined };
  code = await startVSCode({
    node,
    vsix: join(process.cwd(), 'docker-mounts.vsix'),
    env: { DOCKER_HOST: process.env['DOCKER_MOUNTS_TEST_HOST'] },
    settings: { 'dockerMounts.backup.folder': backups },
  });
  settingsFile = code.machineSettings;
  browser = await launchBrowser();
  page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  page.setDefaultTimeout(20_000);
  await page.goto(`${code.url}/?folder=${encodeURIComponent(site)}`);
  await page.locator('.activitybar').getByRole('tab', { name: /^Docker Mounts/ }).click();
  await row('shop-web').first().waitFor();
  await theme('dark');
  await page.mouse.move(349, 400);
  await page.mouse.down();
  await page.mouse.move(620, 400, { steps: 5 });
  await page.mouse.up();
});
after(async () => {
  await browser?.close();
  await code?.stop();
  await removeAll(connection);
  remove(folder);
});

afterEach(async (context) => {
  if ('passed' in context && context.passed !== true) await shot(`failed-${Date.now()}`);
});

it('containers with state and image; expanded, their mounts with kind, source and rights, and the lineage', async () => {
  await row(/^shop-web/).first().locator('.monaco-tl-twistie').click();
  await row('/srv/site').waitFor();
  assert.match((await row('/srv/site').textContent()) ?? '', /bind ←.*site/);
  assert.match((await row('/etc/nginx.conf').textContent()) ?? '', /bind · read-only/);
  assert.match((await row('/var/lib/data').first().textContent()) ?? '', /anonymous volume ← shop-web:\/var\/lib\/data/);
  assert.match((await row('/run/cache').textContent()) ?? '', /tmpfs/);
  await row(/^shop-backup/).first().locator('.monaco-tl-twistie').click();
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
  const entries = (await page.locator('.monaco-menu .action-item').allTextContents()).join('|');
  assert.match(entries, /Stop.*Restart.*Inspect.*Back Up…/);
  assert.doesNotMatch(entries, /Start(\||$)/);
  await page.keyboard.press('Escape');
});

it('a backup from the palette: a pick, a notification, an archive that tar lists, its name in the log', async () => {
  await palette('Docker Mounts: Back Up…');
  await page.locator('.quick-input-list .monaco-list-row').filter({ hasText: 'shop-db' }).first().waitFor();
  await shot('backup-pick-dark');
  await page.keyboard.type('shop-db');
  await page.waitForTimeout(300);
  await page.keyboard.press('Enter');
  const done = notification(/Backed up shop-db: 200 entries/);
  await done.waitFor();
  await shot('backup-done-dark');
  const [archive] = readdirSync(backups).filter((name) => name.endsWith('.tar.zst'));
  assert.match(archive ?? '', /^shop-db-\d{8}T\d{6}Z\.tar\.zst$/);
  const listed = execFileSync('sh', ['-c', 'zstd -dc "$1" | tar tf -', 'sh', join(backups, archive ?? '')], { encoding: 'utf8' });
  assert.match(listed, /var\/lib\/db\/table-199\.dat/);
  await done.hover();
  await done.getByRole('button', { name: 'Show Log' }).click();
  await page.locator('.view-line').filter({ hasText: archive ?? 'no archive' }).first().waitFor();
  await shot('log-dark');
  await row(archive ?? '').waitFor();
  await clearNotifications();
});

it('a backup in progress shows bytes and can be cancelled: nothing is left', async () => {
  const before = readdirSync(backups);
  await (await menu(row(/^shop-large/).first(), 'Back Up…')).click();
  const progress = notification(/Backing up shop-large/);
  await progress.filter({ hasText: /MB/ }).waitFor();
  await shot('progress-dark');
  await progress.getByRole('button', { name: 'Cancel' }).click();
  await progress.waitFor({ state: 'detached' });
  await until('nothing is left', async () => readdirSync(backups).length === before.length && (await helpersOf(connection)) === 0);
});

it('verify from the Backups view; a damaged archive is called so', async () => {
  const [archive = ''] = readdirSync(backups).filter((name) => name.endsWith('.tar.zst'));
  await (await menu(row(archive), 'Verify Backup')).click();
  await notification(/is whole: 200 entries/).waitFor();
  await clearNotifications();
  const bytes = readFileSync(join(backups, archive));
  bytes[bytes.length >> 1]! ^= 0xff;
  writeFileSync(join(backups, archive), bytes);
  await (await menu(row(archive), 'Verify Backup')).click();
  await notification(/is not sound/).waitFor();
  await shot('verify-damaged-dark');
  await clearNotifications();
});

it('inspect opens a read-only JSON document', async () => {
  await (await menu(row(/^shop-web/).first(), 'Inspect')).click();
  await page.locator('.tab').filter({ hasText: 'shop-web.json' }).waitFor();
  await page.locator('.view-line').filter({ hasText: '"Id"' }).first().waitFor();
});

it('a light theme, and the tooltip with the full facts', async () => {
  await theme('light');
  await row(/^shop-web/).first().hover();
  await page.locator('.workbench-hover').filter({ hasText: 'Shares sources with' }).waitFor();
  await shot('sidebar-light');
});

it('no engine: words and a way out, and everything back with the right address', async () => {
  settings({ 'dockerMounts.host': 'unix:///nonexistent/docker.sock' });
  await page.getByText('The Docker engine is not running.').first().waitFor();
  await page.getByRole('button', { name: 'Try Again' }).first().waitFor();
  await shot('no-engine-light');
  settings({ 'dockerMounts.host': '' });
  await row(/^shop-web/).first().waitFor();
});
