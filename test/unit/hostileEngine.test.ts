import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { Connection } from '../../src/engine/connection.ts';
import { Journal } from '../../src/journal/journal.ts';
import { resolveEndpoint } from '../../src/engine/endpoint.ts';
import { EngineFailure, EngineUnavailable, FileFailure } from '../../src/engine/errors.ts';
import { Inventory } from '../../src/engine/inventory.ts';
import { sharesFiles } from '../../src/engine/helper/localPipe.ts';
import { Files } from '../../src/files/files.ts';
import { localNameProblem, staysInside } from '../../src/files/localTree.ts';
import { placeOf } from '../../src/files/place.ts';
import { entryBlocks, paddingOf, TAR_END } from '../../src/tar/single.ts';

/** An engine that answers as it likes. */
let server: Server;
let folder: string;
let archive: () => Iterable<Buffer> | Buffer;
let stat: object;
let more: (path: string, answer: ServerResponse, incoming: IncomingMessage) => boolean;
const lines: string[] = [];
const log = {
  debug: () => undefined,
  info: () => undefined,
  warn: (line: string) => void lines.push(line),
  error: () => undefined,
};
const job = () => ({ signal: new AbortController().signal, progress: () => undefined, log });
const json = (answer: ServerResponse, value: unknown, code = 200) => {
  answer.writeHead(code, { 'content-type': 'application/json' });
  answer.end(JSON.stringify(value));
};
const DIRECTORY = { name: 'x', size: 0, mode: 2 ** 31 + 0o755, mtime: '2026-01-01T00:00:00Z', linkTarget: '' };

async function* send(parts: Iterable<Buffer>): AsyncGenerator<Buffer> {
  for (const part of parts) {
    await Promise.resolve();
    yield part;
  }
}

async function reply(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
  const path = (incoming.url ?? '').replace(/^\/v[\d.]+/, '');
  answer.on('error', () => undefined);
  if (more(path, answer, incoming)) return;
  if (path.startsWith('/version')) return json(answer, { Version: '99', ApiVersion: '1.41' });
  if (path.startsWith('/info')) return json(answer, { Name: hostname(), ID: 'fake' });
  if (path.startsWith('/images/create')) return json(answer, { status: `sha256:${'0'.repeat(64)}` });
  if (path.startsWith('/images/')) return json(answer, { Id: 'sha256:0' });
  if (path.startsWith('/containers/create')) return json(answer, { Id: 'f'.repeat(64) }, 201);
  if (path.startsWith('/containers/json')) return json(answer, []);
  if (path.startsWith('/volumes'))
    return json(answer, { Volumes: [{ Name: 'data', Driver: 'local', Mountpoint: '/x' }] });
  if (!path.includes('/archive')) return void answer.writeHead(204).end();
  answer.writeHead(200, {
    'content-type': 'application/x-tar',
    'x-docker-container-path-stat': Buffer.from(JSON.stringify(stat)).toString('base64'),
  });
  if (incoming.method === 'HEAD') return void answer.end();
  const parts = archive();
  for await (const part of send(Buffer.isBuffer(parts) ? [parts] : parts)) {
    if (answer.destroyed) return;
    if (!answer.write(part))
      await new Promise((resolve) => (answer.once('drain', resolve), answer.once('close', resolve)));
  }
  answer.end();
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dm-hostile-'));
  server = createServer((incoming, answer) => void reply(incoming, answer));
  await new Promise<void>((resolve) => server.listen(join(folder, 'engine.sock'), resolve));
});
after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  lines.length = 0;
  stat = DIRECTORY;
  more = () => false;
  archive = () => TAR_END;
});

const connect = async () =>
  Connection.open(
    await resolveEndpoint({ host: `unix://${join(folder, 'engine.sock')}`, env: {}, home: '/nonexistent' }),
    new Journal(join(folder, 'journal')),
  );
type Kind = '0' | '1' | '2' | '5';
const entry = (name: string, type: Kind, link = '', mode = 0o644) =>
  entryBlocks({
    name: Buffer.from(name),
    type,
    mode,
    uid: 0,
    gid: 0,
    mtime: 0,
    ...(link === '' ? {} : { link: Buffer.from(link) }),
  });
const file = (name: string, content: string, mode = 0o644) =>
  Buffer.concat([
    entryBlocks({ name: Buffer.from(name), type: '0', mode, uid: 4321, gid: 4321, mtime: 0, size: content.length }),
    Buffer.from(content),
    paddingOf(content.length),
  ]);
const tar = (...entries: Buffer[]) => Buffer.concat([...entries, TAR_END]);

/** Downloads what the engine sends into `to`, beside which a victim lies. */
async function download(): Promise<{ home: string; to: string; failure: unknown }> {
  const home = mkdtempSync(join(folder, 'case-'));
  mkdirSync(join(home, 'victim'));
  writeFileSync(join(home, 'victim/file'), 'untouched');
  mkdirSync(join(home, 'into'));
  const to = join(home, 'into/tree');
  const connection = await connect();
  const inventory = new Inventory(connection);
  const files = new Files({ connection: () => Promise.resolve(connection), snapshot: () => inventory.read(), log });
  const failure = await files.download(placeOf('volume', 'data', '/'), to, { entries: 0, bytes: 0 }, job()).then(
    () => undefined,
    (error: unknown) => error,
  );
  await files.dispose();
  assert.deepEqual(readdirSync(join(home, 'victim')), ['file']);
  assert.equal(readFileSync(join(home, 'victim/file'), 'utf8'), 'untouched');
  assert.equal(statSync(join(home, 'victim/file')).nlink, 1);
  if (failure !== undefined) assert.deepEqual(readdirSync(join(home, 'into')), [], 'what was half written is gone');
  return { home, to, failure };
}

describe('a download stays in its folder', () => {
  const OUT = '../../victim';
  const cases: [string, () => Buffer, 'refused' | 'kept'][] = [
    ['a file behind a link that leads out', () => tar(entry('./a', '2', OUT), file('./a/evil', 'x')), 'kept'],
    [
      'a file behind a link that stays inside',
      () => tar(entry('./in', '5'), entry('./a', '2', 'in'), file('./a/evil', 'x')),
      'refused',
    ],
    [
      'a hard link behind a link',
      () => tar(file('./f', 'x'), entry('./a', '2', OUT), entry('./a/evil', '1', './f')),
      'kept',
    ],
    [
      'a link behind a link',
      () => tar(entry('./in', '5'), entry('./a', '2', 'in'), entry('./a/evil', '2', 'x')),
      'refused',
    ],
    [
      'a hard link to what lies behind a link',
      () => tar(entry('./a', '2', OUT), entry('./evil', '1', './a/file')),
      'refused',
    ],
    ['a hard link out of the folder', () => tar(entry('./evil', '1', `${OUT}/file`)), 'refused'],
    ['a name with ..', () => tar(file(`./x/../${OUT}/evil`, 'x')), 'refused'],
    ['an absolute name', () => tar(file('/victim/evil', 'x')), 'kept'],
    [
      'a directory that becomes a link',
      () => tar(entry('./d', '5'), entry('./d', '2', OUT), file('./d/evil', 'x')),
      'kept',
    ],
    [
      'a directory that becomes a link inside',
      () => tar(entry('./in', '5'), entry('./d', '5'), entry('./d', '2', 'in')),
      'refused',
    ],
    [
      'a chain of links',
      () =>
        tar(
          entry('./p', '5'),
          entry('./p/q', '5'),
          entry('./p/q/up', '2', '../..'),
          entry('./evil', '2', 'p/q/up/../../victim'),
        ),
      'kept',
    ],
    ['a file twice', () => tar(file('./f', 'x'), file('./f', 'y')), 'refused'],
    [
      'a name with NUL',
      () =>
        tar(
          Buffer.concat([
            entryBlocks({
              name: Buffer.from('./'.padEnd(120, 'n') + '\0evil'),
              type: '0',
              mode: 0o644,
              uid: 0,
              gid: 0,
              mtime: 0,
            }),
          ]),
        ),
      'refused',
    ],
    ['a link to the folder itself', () => tar(entry('./evil', '1', './')), 'refused'],
    ['too deep a tree', () => tar(file('d/'.repeat(3000) + 'f', 'x')), 'refused'],
  ];
  for (const [what, content, expected] of cases) {
    it(`${what}: ${expected}, and nothing outside is touched`, async () => {
      archive = content;
      const { failure, to } = await download();
      if (expected === 'refused') assert.ok(failure instanceof FileFailure, String(failure));
      else assert.equal(failure, undefined);
      if (expected === 'kept') assert.ok(existsSync(to));
    });
  }

  it('links that stay inside are kept, those that lead out are left out and said', async () => {
    archive = () =>
      tar(
        entry('./sub', '5'),
        file('./sub/f', 'x'),
        entry('./sub/good', '2', '../sub/f'),
        entry('./root', '2', '.'),
        entry('./out', '2', OUT),
        entry('./absolute', '2', '/etc/passwd'),
        entry('./second', '1', './sub/good'),
      );
    const { failure, to } = await download();
    assert.equal(failure, undefined);
    assert.deepEqual(readdirSync(to).sort(), ['root', 'sub']);
    assert.equal(readlinkSync(join(to, 'sub/good')), '../sub/f');
    assert.equal(lines.filter((line) => /leads? /.test(line)).length, 4, lines.join('\n'));
  });

  it('no set-user-id, and no owner but this user', async () => {
    archive = () => tar(file('./f', 'x', 0o6755));
    const { to } = await download();
    const { mode, uid } = lstatSync(join(to, 'f'));
    assert.deepEqual([mode & 0o7000, uid], [0, process.getuid?.()]);
  });

  it('a file of 8 EiB is refused before it is written', async () => {
    const header = entryBlocks({
      name: Buffer.from('./huge'),
      type: '0',
      mode: 0o644,
      uid: 0,
      gid: 0,
      mtime: 0,
      size: 2 ** 52,
    });
    archive = () => [header, Buffer.alloc(1024 * 1024)];
    assert.match(String((await download()).failure), /only \d+ are free/);
  });

  it('an archive that breaks off leaves nothing', async () => {
    archive = () => [
      file('./f', 'x'),
      entryBlocks({ name: Buffer.from('./g'), type: '0', mode: 0o644, uid: 0, gid: 0, mtime: 0, size: 100 }),
    ];
    assert.ok((await download()).failure instanceof EngineUnavailable);
  });

  it('a folder with a name like that of the unfinished one stays', async () => {
    archive = () => tar(file('./f', 'x'));
    const home = mkdtempSync(join(folder, 'mine-'));
    mkdirSync(join(home, 'tree.partial'));
    symlinkSync('/nonexistent', join(home, 'tree.partial/mine'));
    const connection = await connect();
    const inventory = new Inventory(connection);
    const files = new Files({ connection: () => Promise.resolve(connection), snapshot: () => inventory.read(), log });
    await files.download(placeOf('volume', 'data', '/'), join(home, 'tree'), { entries: 0, bytes: 0 }, job());
    assert.deepEqual(readdirSync(home).sort(), ['tree', 'tree.partial']);
    await files.dispose();
  });
});

describe('names and links', () => {
  for (const name of ['CON', 'nul.txt', 'com1', 'LPT9.log', 'a:b', 'a\\b', 'a|b', 'end.', 'end ', 'q?'])
    it(`Windows cannot have ${JSON.stringify(name)}`, () => assert.ok(localNameProblem(name, 'win32')));
  for (const name of ['console', 'a.b', '.hidden', 'com', 'ü'])
    it(`Windows can have ${name}`, () => assert.equal(localNameProblem(name, 'win32'), undefined));
  for (const name of ['', '.', '..', 'a/b', 'a\0b'])
    it(`nobody can have ${JSON.stringify(name)}`, () => assert.ok(localNameProblem(name, 'linux')));
  const links: [string, string, boolean][] = [
    ['', 'a', true],
    ['', '..', false],
    ['a', '..', true],
    ['a', '../..', false],
    ['a/b', '../../c', true],
    ['a', 'b/../../..', false],
    ['', '/a', false],
    ['', '', false],
    ['a', './../b', true],
  ];
  for (const [parent, target, expected] of links)
    it(`a link in "${parent}" to "${target}" ${expected ? 'stays' : 'leads out'}`, () =>
      assert.equal(staysInside(parent, target), expected));
});

describe('answers that no engine gives', () => {
  it('a redirect is not followed', async () => {
    let asked = 0;
    const other = createServer((_incoming, answer) => {
      asked += 1;
      json(answer, { Version: '99', ApiVersion: '1.41' });
    });
    const port = await new Promise<number>((resolve) =>
      other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port)),
    );
    for (const location of [`http://127.0.0.1:${port}/`, 'file:///etc/passwd', 'nonsense:']) {
      more = (_path, answer) => (answer.writeHead(302, { location }).end(), true);
      await assert.rejects(connect(), EngineUnavailable);
    }
    assert.equal(asked, 0);
    other.close();
  });

  it('an answer without end is not collected', async () => {
    const connection = await connect();
    more = (path, answer) => {
      if (!path.startsWith('/containers/json')) return false;
      answer.writeHead(200, { 'content-type': 'application/json' });
      const chunk = Buffer.alloc(1024 * 1024, ' ');
      const go = () => {
        while (!answer.destroyed && answer.write(chunk));
      };
      answer.on('drain', go);
      go();
      return true;
    };
    await assert.rejects(
      new Inventory(connection).read(),
      (error: Error) => error instanceof EngineFailure && /more than 128 MiB/.test(error.message),
    );
  });

  it('an answer that is cut fails, and is not waited for', async () => {
    const connection = await connect();
    more = (path, answer) => {
      if (!path.startsWith('/containers/json')) return false;
      answer.writeHead(200, { 'content-length': '1000' });
      answer.write('[');
      setTimeout(() => answer.destroy(), 20);
      return true;
    };
    await assert.rejects(
      new Inventory(connection).read(),
      (error: Error) => error instanceof EngineUnavailable && error.reason === 'lost',
    );
  });

  for (const shape of [{}, 'text', [null], [{ Id: 1 }], [[]]]) {
    it(`a list of containers that is ${JSON.stringify(shape)} says that this is no engine`, async () => {
      const connection = await connect();
      more = (path, answer) => path.startsWith('/containers/json') && (json(answer, shape), true);
      await assert.rejects(
        new Inventory(connection).read(),
        (error: Error) => error instanceof EngineFailure && /does not answer like a Docker engine/.test(error.message),
      );
    });
  }

  for (const lie of [
    { ...DIRECTORY, size: -1, mode: 0o644 },
    { ...DIRECTORY, size: 1e300 },
    { ...DIRECTORY, mode: '1' },
    null,
    [],
  ]) {
    it(`a file that is said to be ${JSON.stringify(lie)} is not read`, async () => {
      stat = lie as object;
      const connection = await connect();
      const inventory = new Inventory(connection);
      const files = new Files({ connection: () => Promise.resolve(connection), snapshot: () => inventory.read(), log });
      await assert.rejects(
        files.read(placeOf('volume', 'data', '/f')),
        (error: Error) => error instanceof EngineFailure && /impossible facts about a file/.test(error.message),
      );
      await files.dispose();
    });
  }

  it('names that step out of a directory are not listed', async () => {
    archive = () => tar(file('./good', 'x'), entry('./..', '5'), entry('..', '5'));
    more = (path, answer) => path.startsWith('/images/json') && (json(answer, []), true);
    const connection = await connect();
    const inventory = new Inventory(connection);
    const files = new Files({ connection: () => Promise.resolve(connection), snapshot: () => inventory.read(), log });
    assert.deepEqual(
      (await files.list(placeOf('volume', 'data', '/'))).map(({ name }) => name),
      ['good'],
    );
    await files.dispose();
  });

  it('the name of this machine does not prove that its files are shared', async () => {
    archive = () => tar(file('archive', 'a guess'));
    assert.equal(await sharesFiles(await connect()), false);
  });
});
