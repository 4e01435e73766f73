import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import type { Locator } from 'playwright-core';
import type { Connection } from '../../src/engine/connection.ts';
import { BUSYBOX, connect, container, remove, removeAll, temporary, volume, WITH_VOLUME } from '../engine/support.ts';
import { Window } from './window.ts';

let connection: Connection;
let window: Window;
let folder: string;

const COMPOSE = `name: bookshop
services:
  web:
    image: ${BUSYBOX}
    volumes:
      - ./site:/srv/site
      - orders:/var/orders:ro
      - ./certs:/etc/certs:ro
  db:
    image: ${BUSYBOX}
    volumes:
      - orders:/var/lib/orders
      - indexes:/var/lib/indexes
    tmpfs: /run

volumes:
  orders:
  uploads:
`;

const labels = (service: string) => ({
  'docker-mounts.test': '1',
  'com.docker.compose.project': 'bookshop',
  'com.docker.compose.service': service,
  'com.docker.compose.oneoff': 'False',
  'com.docker.compose.project.working_dir': folder,
});

before(async () => {
  connection = await connect();
  await removeAll(connection);
  folder = temporary();
  mkdirSync(join(folder, 'site'));
  writeFileSync(join(folder, 'compose.yaml'), COMPOSE);
  writeFileSync(join(folder, 'Dockerfile'), 'FROM debian:12\nVOLUME ["/var/lib/data"]\nCOPY seed.sql /var/lib/data/\n');
  writeFileSync(join(await volume(connection, 'bookshop_orders'), 'rows'), 'x'.repeat(48_000));
  await container(connection, 'bookshop-web-1', {
    Image: WITH_VOLUME,
    Labels: labels('web'),
    HostConfig: { Binds: [`${folder}/site:/srv/site`, 'bookshop_orders:/var/orders'] },
  });
  await container(connection, 'bookshop-db-1', {
    Labels: labels('db'),
    HostConfig: { Binds: ['bookshop_orders:/var/lib/orders'], Tmpfs: { '/run': '' } },
  });
  window = await Window.open(folder, {});
});
after(async () => {
  await window?.close();
  await connection.docker
    .getVolume('bookshop_uploads')
    .remove()
    .catch(() => undefined);
  await removeAll(connection);
  remove(folder);
});

async function open(name: string): Promise<void> {
  await window.page.keyboard.press('Control+P');
  await window.page.locator('.quick-input-widget input').fill(name);
  await window.choice(name).click();
  await window.page.locator('.tab').filter({ hasText: name }).waitFor();
}

const line = (text: string): Locator => window.page.locator('.view-line').filter({ hasText: text }).first();
const lens = (text: string): Locator => window.page.locator('.codelens-decoration').filter({ hasText: text });
const tooltip = (text: string): Locator => window.page.locator('.monaco-hover').filter({ hasText: text });

/** Points at the middle of a text; the editor's font has one width. */
async function hoverOver(text: string): Promise<void> {
  await window.page.mouse.move(10, 10);
  const whole = line(text).locator('> span');
  const [box, written] = await Promise.all([whole.boundingBox(), whole.textContent()]);
  assert.ok(box && written, text);
  const middle = written.replaceAll('\u00a0', ' ').indexOf(text) + text.length / 2;
  await window.page.mouse.move(box.x + (box.width * middle) / written.length, box.y + box.height / 2, { steps: 3 });
}

it('a Compose file: what runs differs, said above the service; what can be done with a volume, above the volume', async () => {
  await open('compose.yaml');
  await lens('bookshop-web-1 differs: Show Difference').waitFor();
  await lens('used by bookshop-db-1, bookshop-web-1').waitFor();
  await lens('Create Volume bookshop_uploads').waitFor();
  await window.shot('compose-lenses-dark');
});

it('a hover shows the live state of an entry', async () => {
  await hoverOver('orders:/var/orders:ro');
  await tooltip('differs: /var/orders is read and write').waitFor();
  assert.match((await tooltip('differs').first().textContent()) ?? '', /bookshop_orders/);
  await window.shot('compose-hover-dark');
  // It lies over the lenses below.
  await window.page.mouse.move(10, 10);
  await tooltip('differs').first().waitFor({ state: 'hidden' });
});

it('Create makes the volume, and its lens follows', async () => {
  await lens('Create Volume bookshop_uploads')
    .getByRole('button')
    .or(lens('Create Volume bookshop_uploads').locator('a'))
    .first()
    .click();
  await lens('not used by a container').waitFor();
  const { Labels } = await connection.docker.getVolume('bookshop_uploads').inspect();
  assert.equal(Labels?.['com.docker.compose.volume'], 'uploads');
});

it('Show Difference lists both sides', async () => {
  await lens('bookshop-web-1 differs').locator('a').first().click();
  await line('+ /var/orders').waitFor();
  await window.shot('compose-difference-dark');
});

it('problems, in a light theme, with what mends them', async () => {
  await window.theme('light');
  await open('compose.yaml');
  await window.palette('Problems: Focus on Problems View');
  await window
    .row(/"indexes" is not declared/)
    .first()
    .waitFor();
  await window
    .row(/certs" does not exist/)
    .first()
    .waitFor();
  await window.shot('compose-problems-light');
  await hoverOver('./certs:/etc/certs:ro');
  await tooltip('On the host').waitFor();
  await window.shot('compose-hover-light');
});

it('a Dockerfile: images and volumes that come from a VOLUME', async () => {
  await open('Dockerfile');
  await window
    .row(/after it was declared a volume/)
    .first()
    .waitFor();
  await hoverOver('/var/lib/data"');
  await tooltip('Images with it').waitFor();
  await window.shot('dockerfile-hover-light');
});
