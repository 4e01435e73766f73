/** Whoever writes a volume does not set up the extension of the person who opens it. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, it } from 'node:test';
import type { Connection } from '../../src/engine/connection.ts';
import { connect, container, remove, removeAll, temporary, volume } from '../engine/support.ts';
import { Window } from './window.ts';

let connection: Connection;
let window: Window;
let folder: string;
let own: string;
let foreign: string;

/** Shows whether VS Code itself took the settings of the volume. */
const TAKEN = 'set by the volume';

before(async () => {
  connection = await connect();
  await removeAll(connection);
  folder = temporary();
  own = join(folder, 'own');
  foreign = join(folder, 'foreign');
  mkdirSync(own);
  mkdirSync(foreign);
  const evil = {
    'window.title': TAKEN,
    'dockerMounts.host': `unix://${folder}/nobody.sock`,
    'dockerMounts.backup.folder': foreign,
    'dockerMounts.backup.compression': 'none',
    'dockerMounts.backup.method': 'tar',
    'dockerMounts.backup.image': 'evil:latest',
    'dockerMounts.schedule': [{ id: 'evil', volume: 'evil-data', every: '1m', destination: foreign }],
    'dockerMounts.codeLens': false,
    'dockerMounts.diagnostics': false,
  };
  const root = await volume(connection, 'evil-data');
  mkdirSync(join(root, '.vscode'));
  writeFileSync(join(root, '.vscode/settings.json'), JSON.stringify(evil));
  writeFileSync(join(root, 'evil.code-workspace'), JSON.stringify({ folders: [{ path: '.' }], settings: evil }));
  writeFileSync(join(root, 'compose.yaml'), 'services:\n  web:\n    image: x\n    volumes: ["undeclared:/data"]\n');
  await container(connection, 'evil-reader', { HostConfig: { Binds: ['evil-data:/data'] } });
  window = await Window.open('docker-mounts:/volume/evil-data', { 'dockerMounts.backup.folder': own });
});
after(async () => {
  await window?.close();
  await removeAll(connection);
  remove(folder);
});
afterEach(async (context) => {
  if ('passed' in context && context.passed !== true) await window.shot(`failed-volume-${Date.now()}`);
});

/** VS Code reads the volume's settings once its files can be read. */
async function settingsWereRead(): Promise<void> {
  await window.page.waitForFunction(`document.title.includes(${JSON.stringify(TAKEN)})`);
}

async function backUpByHand(): Promise<void> {
  const before = readdirSync(own).length;
  await window.chooseFrom('Leave Running', async () =>
    (await window.menu(window.row(/^evil-data.*used by/).first(), 'Back Up…')).click(),
  );
  const told = window.notification(/Backed up evil-data/);
  await told.waitFor();
  const made = readdirSync(own).filter((name) => name.startsWith('evil-data'));
  assert.equal(readdirSync(own).length, before + 2, 'archive and manifest are in the user’s folder');
  assert.ok(
    made.every((name) => /\.tar\.zst(\.json)?$/.test(name)),
    made.join(),
  );
  assert.deepEqual(readdirSync(foreign), []);
  await window.clearNotifications();
}

it('a volume as the only folder: its settings.json decides nothing of ours', async () => {
  await settingsWereRead();
  await window.row('evil-reader').first().waitFor();
  await backUpByHand();
  await window.shot('volume-settings');
});

it('a workspace file that lies in a volume decides nothing of ours either', async () => {
  const { page } = window;
  await page.goto(
    `${new URL(page.url()).origin}/?workspace=${encodeURIComponent('docker-mounts:/volume/evil-data/evil.code-workspace')}`,
  );
  await settingsWereRead();
  await window.showSidebar();
  await window.row('evil-reader').first().waitFor();
  await backUpByHand();
});

it('a volume beside a folder of this machine: what the volume says of its own files does not count', async () => {
  const { page } = window;
  const file = join(folder, 'both.code-workspace');
  writeFileSync(
    file,
    JSON.stringify({ folders: [{ path: own }, { uri: 'docker-mounts:/volume/evil-data', name: 'data' }] }),
  );
  await page.goto(`${new URL(page.url()).origin}/?workspace=${encodeURIComponent(file)}`);
  await window.showSidebar();
  await window.row('evil-reader').first().waitFor();
  await backUpByHand();
  assert.equal(existsSync(join(folder, 'nobody.sock')), false);
});
