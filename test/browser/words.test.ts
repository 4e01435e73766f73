/** Names made of links, icons, HTML and controls stay text in every face that a user meets them in. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, it } from 'node:test';
import type { Connection } from '../../src/engine/connection.ts';
import { BUSYBOX, connect, container, LABEL, remove, removeAll, temporary, until, volume } from '../engine/support.ts';
import { Window } from './window.ts';

let connection: Connection;
let window: Window;
let folder: string;

/** A click on this, were it a link, would run a command; the icon is one that nothing of ours has. */
const NASTY = '[click](command:workbench.action.toggleZenMode) [web](https:example.org) $(rocket)';
const TARGET = `/srv/${NASTY}`;

/** Compose takes `$$` for a `$`. */
const IN_COMPOSE = NASTY.replaceAll('$', '$$$$');

const COMPOSE = `name: books
services:
  web:
    image: ${BUSYBOX}
    volumes:
      - type: bind
        source: '/nowhere/${IN_COMPOSE}'
        target: /srv/missing
      - 'orders:/var/orders'
volumes:
  orders:
    name: '$$(rocket)'
`;

/** One tar member; a hard link where `link` is given. */
function member(name: string, content = '', link = ''): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write(link === '' ? '0' : '1', 156);
  header.write(link, 157);
  header.write('ustar\x0000', 257);
  header.fill(' ', 148, 156);
  header.write(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  );
  return Buffer.concat([header, Buffer.from(content), Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

before(async () => {
  connection = await connect();
  await removeAll(connection);
  folder = temporary();
  const site = join(folder, 'site');
  const backups = join(folder, 'backups');
  mkdirSync(site);
  mkdirSync(backups);
  writeFileSync(join(site, 'index.html'), '<h1>Shop</h1>\n');
  writeFileSync(join(site, 'compose.yaml'), COMPOSE);
  const files = await volume(connection, 'names', {
    Labels: { [LABEL]: '1', note: `${NASTY} | <img src="https:example.org"> \u202egnp.exe` },
  });
  for (const name of [`${NASTY}.txt`, 'photo\u202egnp.exe', 'two\nlines', '<b>bold', '数据 👩‍👩‍👧'])
    writeFileSync(join(files, name), 'x');
  await container(connection, 'names-web', {
    HostConfig: {
      Mounts: [
        { Type: 'bind', Source: site, Target: TARGET },
        { Type: 'volume', Source: 'names', Target: '/data' },
      ],
    },
  });
  const end = Buffer.alloc(1024);
  // A sound archive, and one whose link leads out, both under a name and with members that look like markup.
  writeFileSync(
    join(backups, `whole ${NASTY.replaceAll('/', '')}.tar`),
    Buffer.concat([member(`${NASTY}.txt`, 'x'), end]),
  );
  writeFileSync(
    join(backups, `bad ${NASTY.replaceAll('/', '')}.tar`),
    Buffer.concat([member(NASTY, '', `../../${NASTY}`.slice(0, 99)), end]),
  );
  writeFileSync(
    join(backups, 'two\n2026-01-01 00:00:00.000 [info] forged.tar'),
    Buffer.concat([member('a.txt', 'x'), end]),
  );
  window = await Window.open(site, { 'dockerMounts.backup.folder': backups });
});
after(async () => {
  await window?.close();
  await removeAll(connection);
  remove(folder);
});
afterEach(async (context) => {
  if ('passed' in context && context.passed !== true) await window.shot(`failed-words-${Date.now()}`);
});

/** Nothing on the whole page is a link to the command or the site, or the icon. */
async function nothingButText(where: string): Promise<void> {
  const { page } = window;
  await page.waitForTimeout(300);
  await window.shot(`words-${where.replaceAll(' ', '-')}`);
  for (const link of ['toggleZenMode', 'example.org']) {
    for (const attribute of ['href', 'data-href', 'src'])
      assert.equal(await page.locator(`[${attribute}*="${link}"]`).count(), 0, `${where}: ${attribute} to ${link}`);
  }
  assert.equal(await page.locator('.codicon-rocket').count(), 0, `${where}: icon`);
  assert.equal((await page.locator('body').innerText()).includes('\u202e'), false, `${where}: bidirectional control`);
}

const bare = (text: string | null) => (text ?? '').replaceAll('\u200b', '').replaceAll('\u00a0', ' ');
const escape = (text: string) => new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));

it('rows: mounts, and files of a volume', async () => {
  await window.expand(/^names-web/);
  await window.row(escape(TARGET)).first().waitFor();
  await window.expand(/^names.*used by/);
  await window.expand(/^Files/);
  await window
    .row(escape(`${NASTY}.txt`))
    .first()
    .waitFor();
  await window.row('photo\\u202egnp.exe').first().waitFor();
  await window.row('two\\012lines').first().waitFor();
  await window.row('<b>bold').first().waitFor();
  await window.row('数据 👩‍👩‍👧').first().waitFor();
  await nothingButText('rows');
});

it('tooltip of a row, with labels', async () => {
  await window
    .row(/^names.*used by/)
    .first()
    .hover();
  const tooltip = window.page.locator('.monaco-hover').filter({ hasText: 'Labels' });
  await tooltip.waitFor();
  await nothingButText('tooltip');
  const text = bare(await tooltip.textContent());
  assert.ok(text.includes(NASTY) && text.includes('| <img src="https:example.org"> \\u202egnp.exe'), text);
  assert.equal(await tooltip.locator('img').count(), 0);
  await window.page.mouse.move(900, 300);
  await tooltip.waitFor({ state: 'hidden' });
});

it('notification of what is wrong with an archive: names of the file and of its members', async () => {
  await (await window.menu(window.row(/bad \[click/).first(), 'Verify')).click();
  const told = window.notification(/is not sound/);
  await told.waitFor();
  await nothingButText('notification');
  const text = bare(await told.locator('.notification-list-item-message').textContent());
  assert.ok(text.includes(`bad ${NASTY}.tar is not sound: "${NASTY}" is a hard link to`), text);
  assert.equal(await told.locator('.notification-list-item-message a').count(), 0);
  await window.clearNotifications();
});

it('log: a line break in a name begins no line', async () => {
  await (await window.menu(window.row(/two\\n2026/).first(), 'Verify')).click();
  await window.notification(/is whole/).waitFor();
  await nothingButText('notification of two lines');
  await window.clearNotifications();
  const log = await until('the log', () => (window.log().includes('forged') ? window.log() : undefined));
  assert.match(log, /\\n2026-01-01 00:00:00\.000 \[info\] forged/);
  assert.doesNotMatch(log, /^2026-01-01/m);
});

it('quick pick of the entries of an archive', async () => {
  await (await window.menu(window.row(/whole \[click/).first(), 'Restore Some')).click();
  const choice = window.page.locator('.quick-input-list .monaco-list-row').first();
  await choice.waitFor();
  await nothingButText('quick pick');
  assert.ok(bare(await choice.textContent()).includes(`${NASTY}.txt`), bare(await choice.textContent()));
  // Parts that a filter marks are looked at for icons each by itself.
  await window.page.locator('.quick-input-widget input[type="text"]').first().fill('rocket');
  await nothingButText('quick pick filtered');
  await window.page.keyboard.press('Escape');
});

it('input box with a path in its prompt, and the pick after it', async () => {
  await (await window.menu(window.row(/^names-web/).first(), 'Add Mount')).click();
  await window.choice('Mount a Path on the Engine').click();
  await window.answer('Path on the Engine’s Host', `/nowhere/${NASTY}`);
  const box = window.page.locator('.quick-input-widget').filter({ hasText: 'Path in the container for' });
  await box.waitFor();
  await nothingButText('input box');
  assert.ok(bare(await box.textContent()).includes(`/nowhere/${NASTY}`));
  await window.answer('Path in the container for', TARGET);
  const problem = window.page.locator('.quick-input-message').filter({ hasText: 'There is a mount at' });
  await problem.waitFor();
  await nothingButText('problem of an input box');
  await window.answer('There is a mount at', '/srv/other');
  await window.choice('Read-only').waitFor();
  await nothingButText('title of a quick pick');
  await window.page.keyboard.press('Escape');
});

it('modal dialog', async () => {
  await (await window.menu(window.row(escape(`${NASTY}.txt`)).first(), 'Delete')).click();
  const dialog = window.dialog('for good?');
  await dialog.waitFor();
  await nothingButText('dialog');
  assert.ok(bare(await dialog.textContent()).includes(`${NASTY}.txt`));
  await dialog.getByText('Cancel').click();
});

it('Compose file: lens, problem, hover', async () => {
  const { page } = window;
  await page.keyboard.press('Control+P');
  await page.locator('.quick-input-widget input').first().fill('compose.yaml');
  await window.choice('compose.yaml').click();
  const lens = page.locator('.codelens-decoration').filter({ hasText: 'Create Volume' });
  await lens.waitFor();
  assert.ok(bare(await lens.textContent()).includes('Create Volume $(rocket)'));
  await nothingButText('lens');
  await window.palette('Problems: Focus on Problems View');
  await window
    .row(/does not exist/)
    .first()
    .waitFor();
  await nothingButText('problems');
  const source = page.locator('.view-line').filter({ hasText: 'source:' }).first();
  const place = await source.locator('> span').boundingBox();
  assert.ok(place);
  await page.mouse.move(place.x + 160, place.y + place.height / 2, { steps: 3 });
  const hover = page.locator('.monaco-hover').filter({ hasText: 'On the host' });
  await hover.waitFor();
  assert.ok(
    bare(await hover.first().textContent()).includes(`/nowhere/${NASTY}`),
    bare(await hover.first().textContent()),
  );
  // VS Code's own hover of a problem is not ours to make.
  assert.equal(await hover.locator('a[data-href*="toggleZenMode"]').count(), 0);
  await nothingButText('hover');
  await page.mouse.move(10, 10);
});

it('status bar and its tooltip, and a terminal', async () => {
  const { page } = window;
  const item = page.locator('.statusbar-item').filter({ hasText: 'names-web' });
  await item.waitFor();
  await nothingButText('status bar');
  await item.hover();
  await page.locator('.monaco-hover').filter({ hasText: 'Seen in containers as' }).waitFor();
  await nothingButText('tooltip of the status bar');
  await page.mouse.move(10, 10);
  await (await window.menu(window.row(escape(TARGET)).first(), 'Open Terminal')).click();
  await page.locator('.terminal-wrapper .xterm').first().waitFor();
  await page.waitForTimeout(1500);
  await nothingButText('terminal');
});
