import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, it } from 'node:test';
import type { Locator } from 'playwright-core';
import type { Connection } from '../../src/engine/connection.ts';
import { connect, container, remove, removeAll, temporary, until, volume } from '../engine/support.ts';
import { Window } from './window.ts';

let connection: Connection;
let window: Window;
let folder: string;
let backups: string;

before(async () => {
  connection = await connect();
  await removeAll(connection);
  folder = temporary();
  for (const name of ['cache-1', 'cache-2', 'cache-3', 'db-1', 'mailer-2'])
    await container(connection, name, { start: false, HostConfig: { Binds: [`${name}-data:/data`] } });
  for (const name of ['spare-1', 'spare-2', 'spare-3']) await volume(connection, name);
  writeFileSync(join(folder, 'notes.md'), 'notes\n');
  backups = join(folder, 'backups');
  mkdirSync(backups);
  // A click selects a row and leaves the rows below where they are.
  window = await Window.open(folder, {
    'workbench.tree.expandMode': 'doubleClick',
    'dockerMounts.backup.folder': backups,
  });
});
after(async () => {
  await window?.close();
  await removeAll(connection);
  for (const name of ['cache-1', 'cache-2', 'cache-3', 'db-1', 'mailer-2'])
    await connection.docker
      .getVolume(`${name}-data`)
      .remove()
      .catch(() => undefined);
  remove(folder);
});
afterEach(async (context) => {
  if ('passed' in context && context.passed !== true) await window.shot(`failed-rows-${Date.now()}`);
});

const row = (name: string): Locator => window.row(new RegExp(`^${name}`)).first();
const dialog = () => window.page.locator('.monaco-dialog-box');
const exists = (name: string) =>
  connection.docker
    .getContainer(name)
    .inspect()
    .then(
      () => true,
      () => false,
    );
const hasVolume = (name: string) =>
  connection.docker
    .getVolume(name)
    .inspect()
    .then(
      () => true,
      () => false,
    );

async function select(...rows: readonly Locator[]): Promise<void> {
  for (const [index, one] of rows.entries()) await one.click(index === 0 ? {} : { modifiers: ['ControlOrMeta'] });
}

async function cancel(): Promise<void> {
  await window.page.keyboard.press('Escape');
  await dialog().waitFor({ state: 'detached' });
}

it('a right-click outside of the selection is about that row alone', async () => {
  await select(row('cache-1'), row('cache-2'));
  await (await window.menu(row('cache-3'), 'Remove Container…')).click();
  await dialog().filter({ hasText: 'Remove container "cache-3"?' }).waitFor();
  assert.doesNotMatch((await dialog().textContent()) ?? '', /cache-[12]/);
  await cancel();
});

it('Add Mount… on one of two selected is about the clicked one', async () => {
  await select(row('db-1'), row('mailer-2'));
  await (await window.menu(row('mailer-2'), 'Add Mount…')).click();
  await window.page.locator('.quick-input-widget').filter({ hasText: 'Add a Mount to mailer-2' }).waitFor();
  await window.page.keyboard.press('Escape');
});

it('a container and a mount selected: only what is of the clicked kind', async () => {
  await window.expand(/^db-1/);
  await select(window.row('/data').first(), row('cache-2'));
  // VS Code offers only what all selected rows have in common.
  await (await window.menu(row('cache-2'), 'Back Up…')).click();
  await window.notification(/Backed up cache-2/).waitFor();
  const archives = readdirSync(backups).filter((name) => !name.endsWith('.json'));
  assert.equal(archives.length, 1, archives.join(' '));
  assert.match(archives[0] ?? '', /^cache-2-/);
  await window.clearNotifications();
});

it('two selected containers are named, and both go, their volumes stay', async () => {
  await select(row('cache-1'), row('cache-2'));
  await (await window.menu(row('cache-2'), 'Remove Container…')).click();
  await dialog().filter({ hasText: 'Remove 2 containers?' }).waitFor();
  const text = (await dialog().textContent()) ?? '';
  // The size stands behind the name once it is known.
  for (const part of [
    /cache-2cache-1/,
    /cache-1-data( \(0 B\))? stays: it has a name/,
    /cache-2-data( \(0 B\))? stays: it has a name/,
  ])
    assert.match(text, part);
  await window.shot('remove-several');
  await dialog().getByRole('button', { name: 'Remove', exact: true }).click();
  await until('both to go', async () => !(await exists('cache-1')) && !(await exists('cache-2')));
  assert.deepEqual(
    [await exists('cache-3'), await exists('db-1'), await hasVolume('cache-1-data')],
    [true, true, true],
  );
});

it('two selected volumes are named, and both go; an inline or unselected one alone', async () => {
  await select(row('spare-1'), row('spare-2'));
  await (await window.menu(row('spare-3'), 'Remove Volume…')).click();
  await dialog().filter({ hasText: 'Remove spare-3' }).waitFor();
  await cancel();
  await select(row('spare-1'), row('spare-2'));
  await (await window.menu(row('spare-2'), 'Remove Volume…')).click();
  await dialog().filter({ hasText: 'Remove 2 volumes for good?' }).waitFor();
  await dialog().getByRole('button', { name: 'Remove', exact: true }).click();
  await until('both to go', async () => !(await hasVolume('spare-1')) && !(await hasVolume('spare-2')));
  assert.equal(await hasVolume('spare-3'), true);
});
