import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, it } from 'node:test';
import type { Connection } from '../../src/engine/connection.ts';
import { connect, container, GNU_TAR, remove, removeAll, temporary, until, volume } from '../engine/support.ts';
import { Window } from './window.ts';

let connection: Connection;
let window: Window;
let folder: string;
let backups: string;

before(async () => {
  connection = await connect();
  await removeAll(connection);
  folder = temporary();
  backups = join(folder, 'backups');
  const project = join(folder, 'project');
  mkdirSync(backups);
  mkdirSync(project);
  const rows = await volume(connection, 'shop-db');
  for (let index = 0; index < 50; index += 1) writeFileSync(join(rows, `table-${index}.dat`), 'x'.repeat(5000));
  await volume(connection, 'shop-media');
  await container(connection, 'shop-db', { Image: GNU_TAR, HostConfig: { Binds: ['shop-db:/var/lib/db'] } });
  window = await Window.open(project, { 'dockerMounts.backup.folder': backups });
});
after(async () => {
  await window?.close();
  await removeAll(connection);
  remove(folder);
});
afterEach(async (context) => {
  if ('passed' in context && context.passed !== true) await window.shot(`failed-schedule-${Date.now()}`);
});

const archives = () => readdirSync(backups).filter((name) => name.includes('.tar') && !name.endsWith('.json'));
const inBackups = (text: string | RegExp) => window.row(text).last();

it('Back Up Regularly… from a volume: how often, how many, meanwhile, where, a summary; then it runs by itself', async () => {
  await (await window.menu(window.row(/^shop-db.*used by/).first(), 'Back Up Regularly…')).click();
  await window.choice('Every Day').waitFor();
  await window.shot('schedule-when-dark');
  await window.choice('Every 6 Hours').click();
  await window.choice('7 daily, 4 weekly, 12 monthly').waitFor();
  await window.shot('schedule-keep-dark');
  await window.choice('7 daily, 4 weekly, 12 monthly').click();
  await window.choice('Pause').click();
  await window.choice(backups).waitFor();
  await window.shot('schedule-where-dark');
  await window.choice(backups).click();
  const dialog = window.dialog(/Back up shop-db every 6 hours\?/);
  await dialog.filter({ hasText: '7 daily, 4 weekly, 12 monthly' }).waitFor();
  await window.shot('schedule-summary-dark');
  await dialog.getByRole('button', { name: 'Back Up Regularly' }).click();
  await window.notification(/shop-db is backed up every 6 hours from now on/).waitFor();
  await until('an archive', () => archives().length === 1, 20_000);
  await inBackups(/shop-db.*1 backup.*next in 6 h/).waitFor();
  await window.row(/verified.*shop-db-/).waitFor();
  await window.shot('schedule-done-dark');
  await window.clearNotifications();
});

it('at a time of day from the palette: nothing runs before its time, and the row says when', async () => {
  await window.palette('Docker Mounts: Back Up Regularly…');
  await window.choice('shop-media').waitFor();
  await window.shot('schedule-subject-dark');
  await window.choice('shop-media').click();
  await window.choice('At a Time of Day…').click();
  await window.answer('At what time of day?', '25:00');
  await window.page.getByText('Times from 00:00 to 23:59').waitFor();
  await window.answer('Times from 00:00', '03:00, 15:00');
  await window.choice('the last 7').click();
  await window.choice(backups).click();
  await window
    .dialog(/Back up shop-media every day at 03:00, 15:00\?/)
    .getByRole('button', { name: 'Back Up Regularly' })
    .click();
  await inBackups(/shop-media.*no backups yet.*next in/).waitFor();
  assert.equal(archives().filter((name) => name.startsWith('shop-media')).length, 0);
  await window
    .notification(/shop-media is backed up every day at/)
    .getByRole('button', { name: 'Back Up Now' })
    .click();
  await inBackups(/shop-media.*1 backup.*next in/).waitFor();
  await window.clearNotifications();
});

it('the folder vanishes: one notification with Retry, the row says what failed; back again, Retry succeeds', async () => {
  const away = `${backups}.away`;
  renameSync(backups, away);
  await window.clearNotifications();
  window.settings({ 'dockerMounts.schedule': [{ id: 'nightly', volume: 'shop-media', every: '1d' }] });
  const failed = window.notification(/The scheduled backup of shop-media failed: The folder .* does not exist/);
  await failed.waitFor();
  await inBackups(/shop-media.*last failed: The folder/).waitFor();
  await window.shot('schedule-failed-dark');
  await window.theme('light');
  await window.shot('schedule-failed-light');
  renameSync(away, backups);
  await failed.hover();
  await failed.getByRole('button', { name: 'Retry' }).click();
  await inBackups(/shop-media.*2 backups.*next in 24 h/).waitFor();
  await window.clearNotifications();
  await inBackups(/^shop-media/).hover();
  await window.page.locator('.workbench-hover').filter({ hasText: 'Schedule' }).waitFor();
  await window.shot('schedule-light');
});

it('removed from the schedule: asked first, and the archives stay', async () => {
  const before = archives();
  await (await window.menu(window.row(/^shop-media.*2 backups/).first(), 'Remove from Schedule…')).click();
  const dialog = window.dialog(/Remove nightly from the schedule\?/);
  await dialog.waitFor();
  await window.shot('schedule-remove-light');
  await dialog.getByRole('button', { name: 'Remove from Schedule' }).click();
  await until(
    'the row is without a plan',
    async () => !/next/.test((await window.row(/^shop-media.*2 backups/).textContent()) ?? 'next'),
  );
  assert.deepEqual(archives(), before);
  assert.ok(before.every((name) => existsSync(join(backups, name))));
});

it('a wrong entry is named with its field and the way out', async () => {
  window.settings({ 'dockerMounts.schedule': [{ volume: 'shop-db', evry: '6h' }] });
  await window.notification(/Entry 1 of the setting "dockerMounts.schedule" is left out: "evry" is unknown/).waitFor();
  await window.shot('schedule-wrong-entry-light');
});
