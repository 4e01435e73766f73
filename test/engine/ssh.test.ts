import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
  closeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { backup } from '../../src/backup/backup.ts';
import { restore } from '../../src/backup/restore/restore.ts';
import { Connection } from '../../src/engine/connection.ts';
import { resolveEndpoint } from '../../src/engine/endpoint.ts';
import { Cancelled, EngineFailure, EngineUnavailable, type UnavailableReason } from '../../src/engine/errors.ts';
import { execIn } from '../../src/engine/helper/exec.ts';
import { createCommandHelper } from '../../src/engine/helper/helper.ts';
import { Inventory } from '../../src/engine/inventory.ts';
import { sharesFiles } from '../../src/engine/helper/localPipe.ts';
import type { SshPrompts, SshQuestion } from '../../src/engine/ssh/questions.ts';
import { EngineWatcher } from '../../src/engine/watcher.ts';
import { Files } from '../../src/files/files.ts';
import { placeOf } from '../../src/files/place.ts';
import { startEngine } from '../host/engine.mjs';
import { makeImages } from '../host/images.mjs';
import { startSsh } from '../host/ssh.mjs';
import {
  BUSYBOX,
  connect,
  container,
  GNU_TAR,
  helpersOf,
  job,
  jobOn,
  journal,
  nothingLeft,
  remove,
  temporary,
  unique,
  until,
  volume,
} from './support.ts';
import { assertSameTree, buildTree } from './trees.ts';

let engine: Awaited<ReturnType<typeof startEngine>>;
let ssh: Awaited<ReturnType<typeof startSsh>>;
/** The same engine without ssh, to prepare and to look. */
let direct: Connection;
let folder: string;
before(async () => {
  engine = await startEngine();
  await makeImages(engine.host);
  direct = await connect(engine.host);
  ssh = await startSsh({ socket: engine.socket });
  folder = temporary();
});
after(async () => {
  await ssh.stop();
  await engine.stop();
  remove(folder);
});

const MIB = 1024 * 1024;
const open = async (host: string, sshPrompts: SshPrompts | undefined = undefined) =>
  Connection.open(
    await resolveEndpoint({
      host,
      env: ssh.env,
      home: '/nonexistent',
      ...(sshPrompts === undefined ? {} : { sshPrompts }),
    }),
    journal,
  );
/** The ssh programs that this process has started and that run. */
const processes = () =>
  execFileSync('sh', ['-c', `ps --ppid ${process.pid} -o pid=,comm= | awk '$2 == "ssh" { print $1 }'`], {
    encoding: 'utf8',
  })
    .split('\n')
    .filter(Boolean)
    .map(Number);
const noneLeft = () => until('no ssh process is left', () => processes().length === 0);
/** Answers by `say`, and keeps what was asked. */
function prompts(say: (question: SshQuestion) => string | undefined): SshPrompts & { asked: SshQuestion[] } {
  const asked: SshQuestion[] = [];
  return { asked, ask: (question) => Promise.resolve((asked.push(question), say(question))) };
}

describe('a connection', () => {
  const addresses: [string, () => string][] = [
    ['a host of the configuration', () => 'ssh://far'],
    ['user and port in the address', () => `ssh://${ssh.user}@127.0.0.1:${ssh.ports.engine}`],
    ['IPv6', () => `ssh://[::1]:${ssh.ports.engine}`],
    ['a jump host', () => 'ssh://behind'],
    ['a socket in the path', () => `ssh://127.0.0.1:${ssh.ports.noEngine}${engine.socket}`],
  ];
  for (const [what, address] of addresses) {
    it(`by ${what}: it answers, is not local, and leaves no process`, async () => {
      const connection = await open(address());
      assert.equal(connection.info.id, direct.info.id);
      assert.equal(connection.info.local, false);
      await connection.close();
      await noneLeft();
    });
  }

  it('a Docker context with an ssh host takes the same way', async () => {
    const home = mkdtempSync(join(folder, 'home-'));
    const id = createHash('sha256').update('away').digest('hex');
    mkdirSync(join(home, '.docker/contexts/meta', id), { recursive: true });
    writeFileSync(
      join(home, '.docker/contexts/meta', id, 'meta.json'),
      JSON.stringify({ Name: 'away', Endpoints: { docker: { Host: 'ssh://far' } } }),
    );
    const connection = await Connection.open(
      await resolveEndpoint({ context: 'away', env: { ...ssh.env, DOCKER_CONFIG: undefined }, home }),
      journal,
    );
    assert.deepEqual([connection.info.id, connection.endpoint.context], [direct.info.id, 'away']);
    await connection.close();
    await noneLeft();
  });

  it("an engine proves that it shares this machine's files; one behind ssh is not even asked", async () => {
    assert.equal(await sharesFiles(direct), true);
    assert.equal(await helpersOf(direct), 0);
    const connection = await open('ssh://far');
    assert.equal(await sharesFiles(connection), false);
    await connection.close();
  });

  it('requests one after the other share one process', async () => {
    const connection = await open('ssh://far');
    const before = processes();
    for (let times = 0; times < 20; times += 1) await connection.docker.listContainers({ all: true });
    assert.deepEqual(processes(), before);
    assert.equal(before.length, 1);
    await Promise.all(Array.from({ length: 30 }, () => connection.docker.version()));
    assert.ok(processes().length <= 3, 'requests queue for a few connections');
    await connection.close();
    await noneLeft();
  });
});

describe('failures say what to do', () => {
  afterEach(() => ssh.knowsHost());
  const port = (name: 'engine' | 'noDocker' | 'noEngine') => `ssh://127.0.0.1:${ssh.ports[name]}`;
  const table: [string, () => string, UnavailableReason, RegExp, (() => void)?][] = [
    [
      'an unknown host key',
      () => 'ssh://far',
      'hostKey',
      /The host key of far is not known\. Connect once by "ssh far"/,
      () => ssh.knowsNothing(),
    ],
    [
      'a changed host key',
      () => 'ssh://far',
      'hostKey',
      /The host key of far has changed.*ssh refused.*ssh-keygen -f ".*known_hosts" -R "\[127\.0\.0\.1\]:\d+"/,
      () => ssh.knowsAnother(),
    ],
    [
      'a key that is not accepted',
      () => 'ssh://stranger',
      'authentication',
      /stranger did not accept this user's key or password\. Try "ssh stranger"/,
    ],
    [
      'a key with a passphrase and nobody to ask',
      () => 'ssh://locked',
      'authentication',
      /add the key to the ssh agent/,
    ],
    ['no docker command', () => port('noDocker'), 'noDocker', /There is no docker command on 127\.0\.0\.1/],
    [
      'no engine',
      () => port('noEngine'),
      'notRunning',
      /127\.0\.0\.1 was reached by ssh, but the Docker engine does not run there/,
    ],
    [
      'no such name',
      () => 'ssh://no.such.host.invalid',
      'unreachable',
      /The name no\.such\.host\.invalid is not known/,
    ],
    [
      'nobody at the port',
      () => 'ssh://127.0.0.1:1',
      'unreachable',
      /127\.0\.0\.1 cannot be reached by ssh: .*Connection refused/,
    ],
  ];
  for (const [what, address, reason, message, prepare] of table) {
    it(what, async () => {
      prepare?.();
      await assert.rejects(
        open(address()),
        (error: Error) =>
          (error instanceof EngineUnavailable && error.reason === reason && message.test(error.message)) ||
          assert.fail(`${(error as EngineUnavailable).reason}: ${error.message}`),
      );
      await noneLeft();
    });
  }

  it('no ssh program', async () => {
    const endpoint = await resolveEndpoint({ host: 'ssh://far', env: { PATH: '/nonexistent' }, home: '/nonexistent' });
    await assert.rejects(
      Connection.open(endpoint, journal),
      (error: Error) =>
        error instanceof EngineUnavailable &&
        error.reason === 'noSsh' &&
        /Install the OpenSSH client/.test(error.message),
    );
  });
});

describe('questions of ssh', () => {
  beforeEach(() => ssh.knowsNothing());
  afterEach(() => ssh.knowsHost());
  const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith('docker-mounts-ssh-')).length;

  it('an unknown host key is asked about once, with its fingerprint, and kept by ssh', async () => {
    const asking = prompts(() => 'yes');
    const connection = await open('ssh://far', asking);
    assert.deepEqual(
      asking.asked.map(({ kind, address }) => [kind, address]),
      [['hostKey', 'ssh://far']],
    );
    assert.ok(asking.asked[0]!.text.includes(ssh.fingerprint), asking.asked[0]!.text);
    assert.match(ssh.knownHosts(), /ssh-ed25519/);
    await Promise.all([connection.docker.info(), connection.docker.version(), connection.docker.listContainers()]);
    assert.equal(asking.asked.length, 1);
    assert.equal(folders(), 1);
    await connection.close();
    assert.equal(folders(), 0);
    await noneLeft();
  });

  it('a no, and an answer that never comes from a person, refuse the host', async () => {
    const asking = prompts(() => undefined);
    await assert.rejects(
      open('ssh://far', asking),
      (error: Error) => error instanceof EngineUnavailable && error.reason === 'hostKey',
    );
    assert.equal(ssh.knownHosts(), '');
    assert.equal(folders(), 0);
  });

  it('a changed host key is never asked about', async () => {
    ssh.knowsAnother();
    const asking = prompts(() => 'yes');
    await assert.rejects(
      open('ssh://far', asking),
      (error: Error) => error instanceof EngineUnavailable && /host key of .* has changed/.test(error.message),
    );
    assert.deepEqual(asking.asked, []);
  });

  it('a passphrase is asked for once, and again where it was wrong', async () => {
    ssh.knowsHost();
    let times = 0;
    const asking = prompts(() => ((times += 1) === 1 ? 'wrong' : 'open sesame'));
    const connection = await open('ssh://locked', asking);
    assert.deepEqual(
      asking.asked.map(({ kind }) => kind),
      ['secret', 'secret'],
    );
    await Promise.all(Array.from({ length: 5 }, () => connection.docker.version()));
    assert.equal(asking.asked.length, 2, 'the next connections take what fitted');
    await connection.close();
    await noneLeft();
  });

  it('only who holds the token is listened to, and nobody else can enter the folder', async () => {
    let seen: number | undefined;
    const asking: SshPrompts = {
      async ask() {
        const home = readdirSync(tmpdir())
          .filter((name) => name.startsWith('docker-mounts-ssh-'))
          .map((name) => join(tmpdir(), name))[0]!;
        seen = statSync(home).mode & 0o777;
        const { connect: dial } = await import('node:net');
        const link = dial(join(home, 'ask'));
        link.write(`${JSON.stringify({ token: '0'.repeat(64), kind: '', text: 'x', ssh: 1 })}\n`);
        let answer = '';
        link.on('data', (text) => (answer += text.toString()));
        await new Promise((resolve) => link.once('close', resolve));
        assert.equal(answer, '');
        return 'yes';
      },
    };
    await (await open('ssh://far', asking)).close();
    assert.equal(seen, 0o700);
  });

  it('a person may take longer than an engine', async () => {
    let release: (() => void) | undefined;
    const slow: SshPrompts = { ask: () => new Promise((resolve) => (release = () => resolve('yes'))) };
    const endpoint = await resolveEndpoint({ host: 'ssh://far', env: ssh.env, home: '/nonexistent', sshPrompts: slow });
    const opening = Connection.open(endpoint, journal);
    await until('asked', () => release);
    assert.equal(endpoint.ssh?.isAsking, true);
    release!();
    await (await opening).close();
    assert.equal(endpoint.ssh?.isAsking, false);
  });
});

describe('work through ssh', () => {
  let connection: Connection;
  let source: string;
  let path: string;
  before(async () => {
    connection = await open('ssh://far');
    source = unique('source');
    path = await volume(direct, source);
    buildTree(path, { files: 200, bigFileMiB: 3 });
    // The archive endpoint of this engine keeps no time before 1970.
    execFileSync('touch', ['-d', '@1000000000', join(path, 'modes/setuid')]);
  });
  after(async () => {
    await connection.close();
    await noneLeft();
  });

  for (const method of ['archive', 'tar'] as const) {
    it(`backup by ${method}, and restore: what was there comes back`, async () => {
      const to = mkdtempSync(join(folder, 'to-'));
      const made = await backup(jobOn(connection), {
        subject: { kind: 'volume', name: source },
        destination: to,
        method,
        helperImage: GNU_TAR,
      });
      const target = unique('target');
      const targetPath = await volume(direct, target);
      await restore(jobOn(connection), {
        file: made.file,
        into: { kind: 'volume', name: target },
        mode: 'empty',
        method,
        helperImage: GNU_TAR,
      });
      assertSameTree(path, targetPath, { nanoseconds: method === 'tar', attributes: method === 'tar' });
      assert.equal(await helpersOf(direct), 0);
    });
  }

  it('files are listed, read, written and downloaded', async () => {
    const inventory = new Inventory(connection);
    const files = new Files({
      connection: () => Promise.resolve(connection),
      snapshot: () => inventory.read(),
      log: job().log,
    });
    await files.write(placeOf('volume', source, '/note'), Buffer.from('by ssh'), { create: true, overwrite: true });
    assert.equal(readFileSync(join(path, 'note'), 'utf8'), 'by ssh');
    assert.ok((await files.list(placeOf('volume', source, '/'))).some(({ name }) => name === 'note'));
    assert.equal((await files.read(placeOf('volume', source, '/note'))).toString(), 'by ssh');
    await files.download(placeOf('volume', source, '/'), join(folder, 'down'), { entries: 0, bytes: 0 }, job());
    assert.equal(readFileSync(join(folder, 'down/note'), 'utf8'), 'by ssh');
    await files.dispose();
  });

  it('exec, and an input that is ended while the output goes on', async () => {
    const helper = await createCommandHelper(
      connection,
      { image: BUSYBOX, command: ['sh', '-c', 'wc -c; sleep 0.3; echo after'], takesInput: true },
      [],
      job().log,
    );
    const { Readable } = await import('node:stream');
    const { output, exitCode } = await helper.runWithInput(
      Readable.from(
        Array.from({ length: 50 }, () => Buffer.alloc(MIB, 1)),
        { objectMode: false },
      ),
    );
    const said: Buffer[] = [];
    for await (const chunk of output) said.push(chunk as Buffer);
    assert.equal(await exitCode, 0);
    assert.match(Buffer.concat(said).toString('latin1'), /52428800[\s\S]*after/);
    await helper.remove();
    const running = await createCommandHelper(
      connection,
      { image: BUSYBOX, command: ['sleep', '1000'] },
      [],
      job().log,
    );
    await running.start();
    const { code, stdout } = await execIn(running, ['sh', '-c', 'echo out; exit 3']);
    assert.deepEqual([code, stdout.toString()], [3, 'out\n']);
    await running.remove();
  });

  it('a gibibyte goes through with little memory, though the reader is slow at first', async () => {
    const big = unique('big');
    const bigPath = await volume(direct, big);
    const file = openSync(join(bigPath, 'big'), 'w');
    writeSync(file, 'begin');
    closeSync(file);
    truncateSync(join(bigPath, 'big'), 1024 * MIB);
    const helper = await createCommandHelper(
      connection,
      { image: BUSYBOX, command: ['sleep', '1000'] },
      [{ type: 'volume', source: big, target: '/big', readOnly: true }],
      job().log,
    );
    const stream = await helper.readArchive('/big/big');
    await sleep(1500);
    const before = process.memoryUsage().rss;
    let most = 0;
    let bytes = 0;
    for await (const chunk of stream) {
      bytes += (chunk as Buffer).length;
      most = Math.max(most, process.memoryUsage().rss - before);
    }
    assert.ok(bytes > 1024 * MIB, String(bytes));
    assert.ok(most < 200 * MIB, `${most / MIB} MiB more`);
    await helper.remove();
  });

  it('events bring what happens, also after a silence', async () => {
    const watcher = new EngineWatcher({
      endpoint: () => resolveEndpoint({ host: 'ssh://far', env: ssh.env, home: '/nonexistent' }),
      log: job().log,
      journal,
    });
    const name = unique('seen');
    try {
      await watcher.start();
      await sleep(2000);
      await container(direct, name);
      await until(
        'the container is seen',
        () =>
          watcher.state.kind === 'connected' &&
          watcher.state.snapshot.containers.some((one) => one.name === name && one.state === 'running'),
        30_000,
      );
      for (const pid of processes()) process.kill(pid, 'SIGKILL');
      await until('lost', () => watcher.state.kind === 'unavailable', 30_000);
      await until('back by itself', () => watcher.state.kind === 'connected', 120_000);
    } finally {
      watcher.dispose();
      await direct.docker.getContainer(name).remove({ force: true });
    }
  });
});

describe('a backup that is broken off', () => {
  const name = unique('large');
  let connection: Connection;
  before(async () => {
    connection = await open('ssh://far');
    const path = await volume(direct, name);
    for (const file of ['a', 'b', 'c', 'd']) writeFileSync(join(path, file), Buffer.alloc(50 * MIB, file));
  });
  after(async () => {
    await connection.close();
    await noneLeft();
  });

  for (const method of ['archive', 'tar'] as const) {
    it(`by ${method}, cancelled: no file, no helper, and no ssh process beyond the idle ones`, async () => {
      const to = temporary();
      const work = job((bytes) => {
        if (bytes > 20 * MIB) work.abort.abort();
      });
      await assert.rejects(
        backup(jobOn(connection, work), {
          subject: { kind: 'volume', name: name },
          destination: to,
          method,
          helperImage: GNU_TAR,
          compression: 'none',
        }),
        Cancelled,
      );
      await nothingLeft(direct, to);
      remove(to);
      await connection.close();
      await noneLeft();
      connection = await open('ssh://far');
    });

    it(`by ${method}, ssh killed: a clear error, and nothing that looks whole`, async () => {
      const to = temporary();
      const work = job((bytes) => {
        if (bytes > 20 * MIB) for (const pid of processes()) process.kill(pid, 'SIGKILL');
      });
      await assert.rejects(
        backup(jobOn(connection, work), {
          subject: { kind: 'volume', name: name },
          destination: to,
          method,
          helperImage: GNU_TAR,
          compression: 'none',
        }),
        (error: Error) =>
          (error instanceof EngineUnavailable && error.reason === 'lost') ||
          (error instanceof EngineFailure && /cut the stream off/.test(error.message)) ||
          assert.fail(String(error.stack)),
      );
      assert.deepEqual(existsSync(to) ? readdirSync(to) : [], []);
      rmSync(to, { recursive: true, force: true });
    });
  }
});
