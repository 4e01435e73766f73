import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, it } from 'node:test';
import type { Connection } from '../../src/engine/connection.ts';
import { connect, container, remove, removeAll, temporary, until, volume } from '../engine/support.ts';
import { Window } from './window.ts';

let connection: Connection;
let window: Window;
let folder: string;
let root: string;

async function inside(name: string, ...command: string[]): Promise<string> {
  const exec = await connection.docker
    .getContainer(name)
    .exec({ Cmd: command, AttachStdout: true, AttachStderr: true });
  let said = '';
  for await (const chunk of await exec.start({})) said += (chunk as Buffer).subarray(8).toString('utf8');
  return said;
}

before(async () => {
  connection = await connect();
  await removeAll(connection);
  folder = temporary();
  root = await volume(connection, 'notes-data');
  mkdirSync(join(root, 'conf'));
  writeFileSync(join(root, 'conf/app.conf'), 'listen 8080\n');
  writeFileSync(join(root, 'readme.md'), '# Notes\n');
  for (let i = 0; i < 10_000; i += 1) writeFileSync(join(await volume(connection, 'notes-many'), `entry-${i}.txt`), '');
  await volume(connection, 'notes-empty');
  await container(connection, 'notes-web', { HostConfig: { Binds: ['notes-data:/data'] } });
  await container(connection, 'notes-reader', { HostConfig: { Binds: ['notes-data:/input:ro'] } });
  window = await Window.open(folder, {});
});
after(async () => {
  await window?.close();
  await removeAll(connection);
  remove(folder);
});
afterEach(async (context) => {
  if ('passed' in context && context.passed !== true) await window.shot(`failed-files-${Date.now()}`);
});

const editor = () => window.page.locator('.editor-instance .monaco-editor .view-lines').last();

it('a volume expanded down to a file, opened, edited and saved: the container sees it', async () => {
  await window.expand('notes-data');
  await window.expand(/^Files/);
  await window.expand(/^conf/);
  await window.row('app.conf').first().waitFor();
  await window.shot('files-tree-dark');
  await window.row('app.conf').first().click();
  await editor().filter({ hasText: 'listen' }).waitFor();
  await editor().click();
  await window.page.keyboard.press('Control+End');
  await window.page.keyboard.type('workers 4');
  await window.page.keyboard.press('Control+s');
  await until('saved', () => readFileSync(join(root, 'conf/app.conf'), 'utf8').includes('workers 4'));
  assert.match(await inside('notes-web', 'cat', '/data/conf/app.conf'), /listen 8080\nworkers 4/);
  await window.shot('files-saved-dark');
});

it('what the container writes meanwhile shows up in the open editor', async () => {
  await inside('notes-web', 'sh', '-c', 'echo "# by the container" >> /data/conf/app.conf');
  await editor().filter({ hasText: 'by the container' }).waitFor();
});

it('a file made, renamed and deleted from its row', async () => {
  await (await window.menu(window.row(/^conf/).first(), 'New File…')).click();
  await window.answer('New File', 'extra.yml');
  await window.row('extra.yml').first().waitFor();
  assert.ok(existsSync(join(root, 'conf/extra.yml')));
  await (await window.menu(window.row('extra.yml').first(), 'Rename…')).click();
  await window.answer('New Name of extra.yml', 'renamed.yml');
  await window.row('renamed.yml').first().waitFor();
  assert.ok(existsSync(join(root, 'conf/renamed.yml')));
  const entry = await window.menu(window.row('renamed.yml').first(), 'Delete…');
  await window.shot('files-menu-dark');
  await entry.click();
  await window.dialog('for good?').getByRole('button', { name: 'Delete', exact: true }).click();
  await window.row('renamed.yml').first().waitFor({ state: 'detached' });
  assert.equal(existsSync(join(root, 'conf/renamed.yml')), false);
});

it('a file dragged from one volume onto another is copied; one of the desktop dropped on a volume is uploaded', async () => {
  const { Mountpoint: there } = await connection.docker.getVolume('notes-empty').inspect();
  await window
    .row('app.conf')
    .first()
    .dragTo(window.row(/^notes-empty/).first());
  await until('copied', () => existsSync(join(there, 'app.conf')));
  assert.equal(readFileSync(join(there, 'app.conf'), 'utf8'), readFileSync(join(root, 'conf/app.conf'), 'utf8'));
  assert.ok(existsSync(join(root, 'conf/app.conf')), 'it is a copy');
  const target = window.row(/^notes-empty/).first();
  // As a text: these types are the browser's, not Node's.
  const dataTransfer = await window.page.evaluateHandle(
    "(() => { const data = new DataTransfer(); data.items.add(new File(['from the desktop'], 'dropped.txt', { type: 'text/plain' })); return data; })()",
  );
  for (const event of ['dragenter', 'dragover', 'drop']) await target.dispatchEvent(event, { dataTransfer });
  await until('uploaded', () => existsSync(join(there, 'dropped.txt')));
  assert.equal(readFileSync(join(there, 'dropped.txt'), 'utf8'), 'from the desktop');
  for (const name of ['app.conf', 'dropped.txt']) unlinkSync(join(there, name));
});

it('a mount that is read-only opens read-only', async () => {
  await window.expand('notes-reader');
  await window.expand(/^\/input/);
  const file = window.row('readme.md').filter({ hasText: 'read-only' }).first();
  await file.click();
  await editor().filter({ hasText: 'Notes' }).waitFor();
  await editor().click();
  await window.page.keyboard.type('x');
  await window.page
    .locator('.monaco-editor-overlaymessage')
    .filter({ hasText: /read-only/ })
    .waitFor();
  await window.shot('files-readonly-dark');
  assert.equal(readFileSync(join(root, 'readme.md'), 'utf8'), '# Notes\n');
});

it('10,000 entries: the first thousand at once, the rest on demand; an empty volume says so', async () => {
  await window.theme('light');
  await window.expand(/^notes-data/);
  await window.expand('notes-empty');
  await window.expand(/^Files/);
  await window
    .row(/^empty$/)
    .first()
    .waitFor();
  await window.expand('notes-empty');
  const start = Date.now();
  await window.expand('notes-many');
  await window.expand(/^Files/);
  await window.row('entry-0.txt').first().waitFor();
  console.log(`10,000 entries: first rows after ${Date.now() - start} ms`);
  await window.shot('files-many-light');
  const list = window.page.locator('.pane').filter({ hasText: 'Volumes' }).locator('.monaco-list').first();
  await list.focus();
  await window.page.keyboard.press('End');
  const more = window.row('Show more').filter({ hasText: '9,000' }).first();
  await more.click();
  await window.row('entry-1000.txt').first().waitFor();
});
