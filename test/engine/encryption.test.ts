import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { backup } from '../../src/backup/backup.ts';
import { listBackups } from '../../src/backup/archive/list.ts';
import { restore } from '../../src/backup/restore/restore.ts';
import { verifyBackup } from '../../src/backup/archive/verify.ts';
import type { Connection } from '../../src/engine/connection.ts';
import { BadArchive, BadArgument, PassphraseNeeded } from '../../src/engine/errors.ts';
import { begin, container, end, job, jobOn, LABEL, unique, volume } from './support.ts';

const PASSPHRASE = 'correct horse – Batterie, heftklammer';
let connection: Connection;
let folder: string;
before(async () => {
  ({ connection, folder } = await begin());
});
after(() => end(connection, folder));

/** The `age` command reads a passphrase from a terminal only, so it gets one. */
const IN_A_TERMINAL = `
import os, pty, sys
passphrase, *command = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)
seen = b''
answered = 0
while True:
    try:
        part = os.read(terminal, 1024)
    except OSError:
        break
    if not part:
        break
    seen += part
    if seen.lower().count(b'passphrase') > answered and seen.rstrip().endswith(b':'):
        answered = seen.lower().count(b'passphrase')
        os.write(terminal, passphrase.encode() + b'\\n')
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
if status:
    sys.stderr.write(seen.decode(errors='replace'))
sys.exit(status)
`;
function inTerminal(passphrase: string, ...command: string[]): void {
  execFileSync('python3', ['-c', IN_A_TERMINAL, passphrase, ...command], { stdio: ['ignore', 'ignore', 'pipe'] });
}

describe('an encrypted backup', () => {
  let file: string;
  let contents: Buffer;
  before(async () => {
    const name = unique('secret');
    const path = await volume(connection, name);
    contents = randomBytes(300_000);
    writeFileSync(join(path, 'a.bin'), contents);
    ({ file } = await backup(jobOn(connection), {
      subject: { kind: 'volume', name: name },
      destination: folder,
      passphrase: PASSPHRASE,
    }));
  });

  it('is opened by the age command, whose tar is the one that was made', () => {
    assert.match(file, /\.tar\.zst\.age$/);
    const plain = join(folder, 'plain.tar.zst');
    inTerminal(PASSPHRASE, 'age', '--decrypt', '--output', plain, file);
    assert.match(execFileSync('tar', ['--zstd', '-tf', plain], { encoding: 'utf8' }), /a\.bin/);
    assert.ok(execFileSync('tar', ['--zstd', '-xOf', plain, './a.bin']).equals(contents));
  });

  it('verifies and restores with its passphrase, and is listed as encrypted', async () => {
    assert.deepEqual((await verifyBackup(file, job(), PASSPHRASE)).problems, []);
    const into = unique('opened');
    await restore(jobOn(connection), {
      file,
      into: { kind: 'volume', name: into },
      mode: 'empty',
      passphrase: PASSPHRASE,
    });
    assert.ok(readFileSync(join(await volume(connection, into), 'a.bin')).equals(contents));
    const listed = (await listBackups(folder)).find((one) => one.file === file);
    assert.deepEqual([listed?.encrypted, listed?.compression], [true, 'zstd']);
  });

  it('says nothing of names, labels, options and paths beside it, and a restore brings labels and options back', async () => {
    const name = unique('sealed');
    const made = await connection.docker.createVolume({
      Name: name,
      Labels: { [LABEL]: '1', 'planted-label': 'planted-value' },
      DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: 'size=8m,uid=4711' },
    });
    assert.ok(made);
    const holder = unique('planted-container');
    await container(connection, holder, {
      HostConfig: { Mounts: [{ Type: 'volume', Source: name, Target: '/planted-target' }] },
    });
    const inside = await (
      await connection.docker
        .getContainer(holder)
        .exec({ Cmd: ['sh', '-c', 'echo planted-content > /planted-target/planted-file'] })
    ).start({});
    await new Promise((resolve) => inside.on('end', resolve).resume());
    const sealed = await backup(jobOn(connection), {
      subject: { kind: 'volume', name: name },
      destination: folder,
      name: 'a-name-of-mine',
      passphrase: PASSPHRASE,
    });
    const bytes = readFileSync(sealed.file, 'latin1') + readFileSync(sealed.manifest, 'latin1');
    // A machine's name can be so short that it stands in any random text.
    for (const secret of ['planted', name, 'uid=4711', 'tmpfs', `"${connection.info.name}"`, 'docker.sock'])
      assert.ok(!bytes.includes(secret), secret);
    await connection.docker.getContainer(holder).remove({ force: true });
    await connection.docker.getVolume(name).remove();
    await restore(jobOn(connection), {
      file: sealed.file,
      into: { kind: 'volume', name: name },
      mode: 'empty',
      passphrase: PASSPHRASE,
    });
    const { Labels, Options } = await connection.docker.getVolume(name).inspect();
    assert.deepEqual([Labels['planted-label'], Options?.['o']], ['planted-value', 'size=8m,uid=4711']);
  });

  it('asks for a passphrase where none or a wrong one is given', async () => {
    await assert.rejects(
      verifyBackup(file, job()),
      (error: PassphraseNeeded) => error instanceof PassphraseNeeded && !error.isWrong,
    );
    await assert.rejects(
      verifyBackup(file, job(), 'wrong'),
      (error: PassphraseNeeded) => error instanceof PassphraseNeeded && error.isWrong,
    );
    const request = { file, into: { kind: 'volume' as const, name: unique('closed') }, mode: 'empty' as const };
    await assert.rejects(restore(jobOn(connection), request), PassphraseNeeded);
    await assert.rejects(restore(jobOn(connection), { ...request, passphrase: 'wrong' }), PassphraseNeeded);
  });

  it('that was changed anywhere behind its header, or cut, is damaged and changes nothing', async () => {
    const whole = readFileSync(file);
    for (const at of [250, 300, 70_000, whole.length - 1]) {
      const bad = join(folder, `bad-${at}.tar.zst.age`);
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      writeFileSync(bad, bytes);
      const { ok, problems } = await verifyBackup(bad, job(), PASSPHRASE);
      assert.equal(ok, false, `byte ${at}`);
      assert.match(problems.join(), /do not match their seal/, `byte ${at}`);
    }
    const cut = join(folder, 'cut.tar.zst.age');
    copyFileSync(file, cut);
    truncateSync(cut, whole.length - 65_552);
    const name = unique('cut');
    await assert.rejects(
      restore(jobOn(connection), {
        file: cut,
        into: { kind: 'volume', name: name },
        mode: 'empty',
        passphrase: PASSPHRASE,
      }),
      BadArchive,
    );
    assert.deepEqual((await connection.docker.listVolumes({ filters: { name: [name] } })).Volumes, []);
  });

  it('refuses an empty passphrase', async () => {
    await assert.rejects(
      backup(jobOn(connection), {
        subject: { kind: 'volume', name: unique('none') },
        destination: folder,
        passphrase: '',
      }),
      BadArgument,
    );
  });
});

describe('archives that the age command made', () => {
  it('with a passphrase, around a plain tar, restore', async () => {
    const made = join(folder, 'made.tar');
    writeFileSync(join(folder, 'b.txt'), 'b');
    execFileSync('tar', ['-cf', made, '-C', folder, './b.txt']);
    inTerminal(PASSPHRASE, 'age', '--passphrase', '--output', `${made}.age`, made);
    const into = unique('made');
    await restore(jobOn(connection), {
      file: `${made}.age`,
      into: { kind: 'volume', name: into },
      mode: 'empty',
      passphrase: PASSPHRASE,
    });
    const restored = connection.docker.getVolume(into);
    assert.equal(readFileSync(join((await restored.inspect()).Mountpoint, 'b.txt'), 'utf8'), 'b');
    await restored.remove();
  });

  it('for a key, or as text, are refused with the way out', async () => {
    const key = join(folder, 'key');
    execFileSync('age-keygen', ['-o', key], { stdio: 'ignore' });
    const recipient = /age1\w+/.exec(readFileSync(key, 'utf8'))?.[0] ?? '';
    const keyed = join(folder, 'keyed.tar.age');
    execFileSync('age', ['-r', recipient, '-o', keyed, key]);
    assert.match((await verifyBackup(keyed, job(), PASSPHRASE)).problems.join(), /--identity/);
    const text = join(folder, 'text.tar.age');
    execFileSync('age', ['--armor', '-r', recipient, '-o', text, key]);
    await assert.rejects(verifyBackup(text, job(), PASSPHRASE), /age --decrypt/);
  });
});
