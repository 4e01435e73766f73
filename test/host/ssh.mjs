// An ssh server of our own on a loopback port, in front of a test engine. Debian's package would start a service and
// enable it at every boot, so its program is taken out of the package and kept in the cache. It runs as root, with its
// own host keys.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureCached, locate, run, withSystemPath } from './machine.mjs';

/** Path of the server's program and of the libraries that it brings. */
async function ensureSshd() {
  if (existsSync('/usr/sbin/sshd')) return { sshd: '/usr/sbin/sshd', libraries: '' };
  const folder = await ensureCached('openssh-server', async (partial) => {
    await run('apt-get', ['-q', 'update']);
    await run('apt-get', ['-q', 'download', 'openssh-server', 'libwrap0'], { cwd: partial });
    for (const name of readdirSync(partial))
      if (name.endsWith('.deb')) await run('dpkg', ['-x', name, '.'], { cwd: partial });
  });
  const libraries = readdirSync(join(folder, 'usr/lib'))
    .map((name) => join(folder, 'usr/lib', name))
    .find((one) => readdirSync(one).some((name) => name.startsWith('libwrap')));
  return { sshd: join(folder, 'usr/sbin/sshd'), libraries: libraries ?? '' };
}

function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = Promise.all(
    servers.map(
      (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port))),
    ),
  );
  return ports.then((all) =>
    Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve)))).then(() => all),
  );
}

/** A new key pair without a passphrase, or with one. */
export function makeKey(file, passphrase = '') {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-C', 'docker-mounts test', '-f', file]);
}

/**
 * The passwd and shadow that the server sees: a machine without the package has no user for its privilege separation,
 * and root may be locked.
 */
function writeUsers(home) {
  const passwd = readFileSync('/etc/passwd', 'utf8');
  writeFileSync(
    join(home, 'passwd'),
    /^sshd:/m.test(passwd) ? passwd : `${passwd}sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n`,
  );
  writeFileSync(join(home, 'shadow'), readFileSync('/etc/shadow', 'utf8').replace(/^root:[^:]*:/m, 'root:*:'), {
    mode: 0o600,
  });
}

/**
 * Starts the server. `socket` is the engine behind it. Of its ports `engine` leads to it, `noDocker` to a machine
 * without the docker command, and `noEngine` to one whose engine does not run.
 */
export async function startSsh({ socket }) {
  if (process.getuid?.() !== 0) throw new Error('A private ssh server needs root; run as root.');
  const { sshd, libraries } = await ensureSshd();
  const home = mkdtempSync(join(tmpdir(), 'dm-ssh-'));
  const [engine, noDocker, noEngine] = await freePorts(3);
  makeKey(join(home, 'host_key'));
  makeKey(join(home, 'id'));
  makeKey(join(home, 'stranger'));
  makeKey(join(home, 'locked'), 'open sesame');
  writeFileSync(
    join(home, 'authorized_keys'),
    ['id', 'locked'].map((name) => readFileSync(join(home, `${name}.pub`), 'utf8')).join(''),
  );
  writeUsers(home);
  const docker = locate('docker');
  writeFileSync(
    join(home, 'sshd_config'),
    [
      ...[engine, noDocker, noEngine].flatMap((port) => [
        `ListenAddress 127.0.0.1:${port}`,
        `ListenAddress [::1]:${port}`,
      ]),
      `HostKey ${join(home, 'host_key')}`,
      `AuthorizedKeysFile ${join(home, 'authorized_keys')}`,
      `PidFile ${join(home, 'pid')}`,
      'UsePAM no',
      'StrictModes no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin prohibit-password',
      'AllowTcpForwarding yes',
      `Match LocalPort ${engine}`,
      `SetEnv DOCKER_HOST=unix://${socket} PATH=${docker === undefined ? '' : join(docker, '..')}:/usr/bin:/bin`,
      `Match LocalPort ${noDocker}`,
      'SetEnv PATH=/nonexistent',
      `Match LocalPort ${noEngine}`,
      `SetEnv DOCKER_HOST=unix://${join(home, 'no.sock')} PATH=${docker === undefined ? '' : join(docker, '..')}:/usr/bin:/bin`,
      '',
    ].join('\n'),
  );
  // The program takes its user's home from passwd, not from HOME: a configuration of the tests' own comes by this.
  mkdirSync(join(home, 'bin'));
  writeFileSync(join(home, 'bin/ssh'), `#!/bin/sh\nexec ${locate('ssh')} -F ${join(home, 'config')} "$@"\n`, {
    mode: 0o755,
  });
  const user = userInfo().username;
  writeFileSync(
    join(home, 'config'),
    [
      'Host far',
      '  HostName 127.0.0.1',
      `  Port ${engine}`,
      'Host jump',
      '  HostName ::1',
      `  Port ${engine}`,
      'Host behind',
      '  HostName 127.0.0.1',
      `  Port ${engine}`,
      '  ProxyJump jump',
      'Host locked',
      '  HostName 127.0.0.1',
      `  Port ${engine}`,
      `  IdentityFile ${join(home, 'locked')}`,
      'Host stranger',
      '  HostName 127.0.0.1',
      `  Port ${engine}`,
      `  IdentityFile ${join(home, 'stranger')}`,
      'Match !originalhost locked,stranger',
      `  IdentityFile ${join(home, 'id')}`,
      'Host *',
      `  User ${user}`,
      '  IdentitiesOnly yes',
      `  UserKnownHostsFile ${join(home, 'known_hosts')}`,
      '  GlobalKnownHostsFile /dev/null',
      '  StrictHostKeyChecking ask',
      '',
    ].join('\n'),
  );
  const inside =
    'mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/shadow" /etc/shadow && mount -t tmpfs tmpfs /run && mkdir -m 0755 /run/sshd && exec "$2" -D -E "$1/log" -f "$1/sshd_config"';
  const env = withSystemPath({ ...process.env, LD_LIBRARY_PATH: libraries });
  const server = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', inside, 'sh', home, sshd], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env,
  });
  const log = () => (existsSync(join(home, 'log')) ? readFileSync(join(home, 'log'), 'utf8') : '');
  for (const end = Date.now() + 20_000; !log().includes('Server listening'); await sleep(50)) {
    if (server.exitCode !== null || Date.now() > end)
      throw new Error(`sshd did not start (${server.exitCode}):\n${log()}`);
  }
  const keyOf = (file) => readFileSync(join(home, file), 'utf8').split(' ').slice(0, 2).join(' ');
  const names = [engine, noDocker, noEngine].flatMap((port) => [`[127.0.0.1]:${port}`, `[::1]:${port}`]);
  const known = (key) =>
    writeFileSync(join(home, 'known_hosts'), key === undefined ? '' : `${names.join(',')} ${keyOf(key)}\n`);
  known('host_key.pub');
  return {
    home,
    user,
    ports: { engine, noDocker, noEngine },
    /** The environment of a client that has the tests' configuration. */
    env: {
      ...process.env,
      PATH: `${join(home, 'bin')}:${process.env.PATH}`,
      SSH_AUTH_SOCK: undefined,
      DOCKER_HOST: undefined,
      DISPLAY: undefined,
    },
    fingerprint: String(
      execFileSync('ssh-keygen', ['-lf', join(home, 'host_key.pub')], { encoding: 'utf8' }).split(' ')[1],
    ),
    knowsHost: () => known('host_key.pub'),
    knowsNothing: () => known(undefined),
    knowsAnother: () => known('stranger.pub'),
    knownHosts: () => readFileSync(join(home, 'known_hosts'), 'utf8'),
    log,
    async stop() {
      const gone = new Promise((resolve) => server.once('exit', resolve));
      if (server.exitCode === null) {
        server.kill('SIGTERM');
        await gone;
      }
      rmSync(home, { recursive: true, force: true });
    },
  };
}
