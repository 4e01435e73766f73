import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, it } from 'node:test';
import type { Connection } from '../../src/engine/connection.ts';
import { connect, container, remove, removeAll, temporary, until } from '../engine/support.ts';
import { Window } from './window.ts';

let connection: Connection;
let window: Window;
let folder: string;

const file = (name: string) =>
  window.page.locator('.explorer-folders-view .monaco-list-row').filter({ hasText: name }).first();
const item = () => window.page.locator('.statusbar-item[id="docker-mounts.docker-mounts.dockerMounts.mounts"]');
const clipboard = () => window.page.evaluate<string>('navigator.clipboard.readText()');
/** What the stylesheet writes behind a name: badges are no text of the page. */
const badge = (name: string) =>
  file(name).evaluate((row) => {
    const page = globalThis as unknown as { getComputedStyle(part: unknown, pseudo: string): { content: string } };
    const parts = (row as unknown as { querySelectorAll(selector: string): Iterable<unknown> }).querySelectorAll('*');
    return [...parts].map((part) => page.getComputedStyle(part, '::after').content).join(' ');
  });

before(async () => {
  connection = await connect();
  await removeAll(connection);
  folder = realpathSync(temporary());
  mkdirSync(join(folder, 'shop/site/css'), { recursive: true });
  mkdirSync(join(folder, 'shop/docs'));
  writeFileSync(join(folder, 'shop/site/app.py'), 'import shop\n\nshop.open()\n');
  writeFileSync(join(folder, 'shop/config.yml'), 'port: 80\n');
  writeFileSync(join(folder, 'shop/notes.txt'), 'see /srv/app.py:3 for more\n');
  symlinkSync(join(folder, 'shop'), join(folder, 'workspace'));
  await container(connection, 'shop-web', {
    HostConfig: { Binds: [`${folder}/shop/site:/srv`, `${folder}/shop/config.yml:/etc/shop/config.yml:ro`] },
  });
  await container(connection, 'shop-worker', { HostConfig: { Binds: [`${folder}/shop/config.yml:/config.yml:ro`] } });
  await container(connection, 'shop-old', { start: false, HostConfig: { Binds: [`${folder}/shop/site/css:/css`] } });
  window = await Window.open(join(folder, 'workspace'), {});
  await window.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await window.page
    .locator('.activitybar')
    .getByRole('tab', { name: /^Explorer/ })
    .click();
  await file('config.yml').waitFor();
});
after(async () => {
  await window?.close();
  await removeAll(connection);
  remove(folder);
});
afterEach(async (context) => {
  if ('passed' in context && context.passed !== true) await window.shot(`failed-paths-${Date.now()}`);
});

it('in the explorer, what containers mount has a badge, also in a symlinked workspace; the rest has none', async () => {
  await until(
    'the badges',
    async () => (await badge('config.yml')).includes('⇄') && (await badge('site')).includes('⇄'),
  );
  assert.ok(!(await badge('docs')).includes('⇄'));
  assert.ok(!(await badge('notes.txt')).includes('⇄'));
  await file('config.yml').hover();
  await window.page
    .locator('.workbench-hover')
    .filter({ hasText: /shop-web:\/etc\/shop\/config\.yml \(read-only\), shop-worker:\/config\.yml/ })
    .waitFor();
  await window.shot('paths-explorer-dark');
});

it('the status bar says where the open file is seen, and lists all places', async () => {
  await file('config.yml').dblclick();
  await item().filter({ hasText: 'shop-web:/etc/shop/config.yml' }).filter({ hasText: '+1' }).waitFor();
  await item().hover();
  await window.page.locator('.workbench-hover').filter({ hasText: 'shop-worker:/config.yml' }).waitFor();
  await window.shot('paths-status-dark');
  await file('notes.txt').dblclick();
  await item().waitFor({ state: 'detached' });
  await file('config.yml').dblclick();
  await item().waitFor();
});

it('a click on it shows the places, with what can be done in each: reveal the mount', async () => {
  await item().click();
  await window.choice('shop-worker:/config.yml').waitFor();
  await window.shot('paths-pick-dark');
  await window.choice('shop-worker:/config.yml').click();
  await window.choice('Reveal in Containers View').waitFor();
  await window.shot('paths-actions-dark');
  await window.choice('Reveal in Containers View').click();
  const row = window.page.locator('.monaco-list-row.selected').filter({ hasText: '/config.yml' });
  await row.filter({ hasText: 'read-only' }).waitFor();
  await window.page
    .locator('.activitybar')
    .getByRole('tab', { name: /^Explorer/ })
    .click();
});

it('Copy Path in Container from the explorer', async () => {
  const entry = await window.menu(file('docs'), 'Copy Path in Container…');
  await window.shot('paths-menu-dark');
  await entry.click();
  await window.notification(/No container sees .*docs/).waitFor();
  await window.clearNotifications();
  await (await window.menu(file('config.yml'), 'Copy Path in Container…')).click();
  await window.choice('shop-web:/etc/shop/config.yml').click();
  await until('it is on the clipboard', async () => (await clipboard()) === '/etc/shop/config.yml');
});

it('Open Terminal in Container Here from the explorer: a shell in the mapped directory, and its paths are links', async () => {
  await (await window.menu(file('site'), 'Open Terminal in Container Here')).click();
  await window.page
    .locator('.terminal-tabs-entry, .single-terminal-tab')
    .filter({ hasText: 'shop-web: /srv' })
    .first()
    .waitFor();
  await window.page.waitForTimeout(1500);
  await window.page.keyboard.type('pwd > here; ls /srv/app.py /bin/sh\n');
  await until('what was typed ran there', () => existsSync(join(folder, 'shop/site/here')));
  assert.equal(readFileSync(join(folder, 'shop/site/here'), 'utf8'), '/srv\n');
  await window.shot('paths-terminal-dark');
});

it('a path in that terminal is a link to the host file, at its line', async () => {
  // The terminal paints: the path is brought to the top left corner.
  await window.page.keyboard.type('printf "\\033c/srv/app.py:3\\n"\n');
  await window.page.waitForTimeout(1500);
  const box = await window.page.locator('.terminal-wrapper.active .xterm-screen').first().boundingBox();
  assert.ok(box);
  const at = { x: box.x + 40, y: box.y + 9 };
  await window.page.mouse.move(at.x, at.y);
  await window.page.keyboard.down('Control');
  await window.page.mouse.move(at.x - 2, at.y);
  await window.page.waitForTimeout(1000);
  await window.page.mouse.click(at.x, at.y);
  await window.page.keyboard.up('Control');
  await window.page.locator('.tab.active').filter({ hasText: 'app.py' }).waitFor();
  await window.page.locator('.statusbar-item').filter({ hasText: 'Ln 3, Col 1' }).waitFor();
});

it('a stopped container: a word, and a button that starts it and goes on', async () => {
  // The explorer opens the folder of a file that is shown, a moment later; a click then would close it.
  await until(
    'css is there',
    async () => {
      if (await file('css').first().isVisible()) return true;
      await file('site').click();
      return file('css')
        .first()
        .waitFor({ timeout: 2000 })
        .then(
          () => true,
          () => false,
        );
    },
    30_000,
  );
  await (await window.menu(file('css'), 'Open Terminal in Container Here')).click();
  await window.choice('shop-old:/css').click();
  const offer = window.notification(/"shop-old" is not running/);
  await offer.waitFor();
  await window.shot('paths-start-dark');
  await offer.getByRole('button', { name: 'Start' }).click();
  await window.page.locator('.terminal-tabs-entry').filter({ hasText: 'shop-old: /css' }).first().waitFor();
});

it('Open Host File: a container path that is selected in an editor opens the file at its line', async () => {
  await file('notes.txt').dblclick();
  await window.page.locator('.view-line').filter({ hasText: 'see /srv/app.py:3' }).first().waitFor();
  await window.page.keyboard.press('Control+Home');
  for (let moved = 0; moved < 4; moved += 1) await window.page.keyboard.press('ArrowRight');
  await window.palette('Docker Mounts: Open Host File');
  await window.page.locator('.tab.active').filter({ hasText: 'app.py' }).waitFor();
  await window.page.locator('.statusbar-item').filter({ hasText: 'Ln 3, Col 1' }).waitFor();
});

it('a light theme; whole trees with a badge when wanted, and none when not', async () => {
  await window.theme('light');
  window.settings({ 'dockerMounts.decorations': 'all' });
  await until('the badge of a file inside', async () => (await badge('app.py')).includes('·'));
  await window.shot('paths-light');
  window.settings({ 'dockerMounts.decorations': 'off' });
  await until('no badges', async () => !(await badge('config.yml')).includes('⇄'));
});
