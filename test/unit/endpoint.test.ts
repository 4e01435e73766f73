import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { Connection } from '../../src/engine/connection.ts';
import { Journal } from '../../src/journal/journal.ts';
import { resolveEndpoint } from '../../src/engine/endpoint.ts';
import { EngineUnavailable } from '../../src/engine/errors.ts';
import { parseSshAddress, sshArguments } from '../../src/engine/ssh/address.ts';

let home: string;
before(() => {
  home = mkdtempSync(join(tmpdir(), 'dm-home-'));
  const id = createHash('sha256').update('far').digest('hex');
  mkdirSync(join(home, '.docker/contexts/meta', id), { recursive: true });
  mkdirSync(join(home, '.docker/contexts/tls', id, 'docker'), { recursive: true });
  writeFileSync(
    join(home, '.docker/contexts/meta', id, 'meta.json'),
    JSON.stringify({ Name: 'far', Endpoints: { docker: { Host: 'tcp://far.example:2376' } } }),
  );
  writeFileSync(join(home, '.docker/contexts/tls', id, 'docker/ca.pem'), 'authority');
  writeFileSync(join(home, '.docker/config.json'), JSON.stringify({ currentContext: 'far' }));
  mkdirSync(join(home, 'certs'));
  for (const name of ['ca', 'cert', 'key']) writeFileSync(join(home, 'certs', `${name}.pem`), name);
});
after(() => rmSync(home, { recursive: true }));

it('the setting comes before DOCKER_HOST, and that before the current context', async () => {
  const env = { DOCKER_HOST: 'unix:///env.sock' };
  assert.equal(
    (await resolveEndpoint({ host: 'unix:///setting.sock', env, home })).options.socketPath,
    '/setting.sock',
  );
  assert.equal((await resolveEndpoint({ env, home })).options.socketPath, '/env.sock');
  const context = await resolveEndpoint({ env: {}, home });
  assert.deepEqual(
    [context.context, context.options.host, context.options.protocol, String(context.options.ca)],
    ['far', 'far.example', 'https', 'authority'],
  );
});

it('DOCKER_CERT_PATH brings TLS, and a missing file of it is named', async () => {
  const secure = await resolveEndpoint({
    env: { DOCKER_HOST: 'tcp://10.0.0.1', DOCKER_CERT_PATH: join(home, 'certs') },
    home,
  });
  assert.deepEqual(
    [secure.options.protocol, secure.options.port, (secure.options.key as Buffer).toString()],
    ['https', 2376, 'key'],
  );
  const plain = await resolveEndpoint({ env: { DOCKER_HOST: 'tcp://10.0.0.1' }, home });
  assert.deepEqual([plain.options.protocol, plain.options.port], ['http', 2375]);
  await assert.rejects(
    resolveEndpoint({ env: { DOCKER_HOST: 'tcp://10.0.0.1', DOCKER_CERT_PATH: '/no/certs' }, home }),
    (error: Error) =>
      error instanceof EngineUnavailable && error.reason === 'tls' && error.message.includes('/no/certs/ca.pem'),
  );
});

it('ssh goes by the ssh program, with the arguments that the docker command gives it', () => {
  const args = (address: string) => sshArguments(parseSshAddress(address), true);
  const user = args('ssh://me@Host.example:2222');
  assert.deepEqual(user.slice(0, 4), ['-l', 'me', '-p', '2222']);
  assert.deepEqual(user.slice(-6), ['-T', '--', 'Host.example', 'docker', 'system', 'dial-stdio']);
  assert.ok(user.includes('ConnectTimeout=30'));
  assert.deepEqual(args('ssh://[::1]/').slice(-5), ['--', '::1', 'docker', 'system', 'dial-stdio']);
  assert.deepEqual(args('ssh://far/run/podman.sock').slice(-5), [
    'far',
    'docker',
    '--host=unix:///run/podman.sock',
    'system',
    'dial-stdio',
  ]);
  assert.ok(sshArguments(parseSshAddress('ssh://far'), false).includes('BatchMode=yes'));
});

for (const host of [
  'ssh://me:secret@far',
  'ssh://-oProxyCommand=x',
  'ssh://-l@far',
  'ssh://far/a%20b',
  'ssh://far/$(x)',
  'ssh://a$(x)',
  'ssh://%60x%60@far',
  'ssh://far?x',
  'ssh://far#x',
  'tcp://me:secret@far',
]) {
  it(`the address ${host} is refused, and its password is not repeated`, async () => {
    await assert.rejects(
      resolveEndpoint({ host, env: {}, home }),
      (error: Error) =>
        error instanceof EngineUnavailable &&
        error.reason === 'badAddress' &&
        !error.message.includes('secret') &&
        !error.address.includes('secret'),
    );
  });
}

it('IPv6 loses its brackets', async () => {
  assert.equal((await resolveEndpoint({ host: 'tcp://[::1]:2375', env: {}, home })).options.host, '::1');
});

it('a context that skips verification takes any certificate, and no other does', async () => {
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-subj',
      '/CN=elsewhere',
      '-days',
      '1',
      '-keyout',
      join(home, 'server.key'),
      '-out',
      join(home, 'server.pem'),
    ],
    { stdio: 'ignore' },
  );
  const server = createServer(
    { key: readFileSync(join(home, 'server.key')), cert: readFileSync(join(home, 'server.pem')) },
    (incoming, answer) =>
      answer.end(
        JSON.stringify(incoming.url?.includes('version') ? { Version: '1', ApiVersion: '1.41' } : { Name: 'secure' }),
      ),
  );
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );
  const context = (name: string, skip: boolean) => {
    const folder = join(home, '.docker/contexts/meta', createHash('sha256').update(name).digest('hex'));
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      join(folder, 'meta.json'),
      JSON.stringify({ Name: name, Endpoints: { docker: { Host: `tcp://127.0.0.1:${port}`, SkipTLSVerify: skip } } }),
    );
    return resolveEndpoint({ context: name, env: {}, home });
  };
  try {
    assert.equal((await Connection.open(await context('any', true), new Journal(home))).info.name, 'secure');
    const checking = await resolveEndpoint({ host: `https://127.0.0.1:${port}`, env: {}, home });
    await assert.rejects(
      Connection.open(checking, new Journal(home)),
      (error: Error) => error instanceof EngineUnavailable && error.reason === 'tls',
    );
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

for (const host of ['ftp://host', 'tcp://', 'http://[', 'ssh://']) {
  it(`the address ${host} is refused, and named`, async () => {
    await assert.rejects(
      resolveEndpoint({ host, env: {}, home }),
      (error: Error) =>
        error instanceof EngineUnavailable && error.reason === 'badAddress' && error.message.includes(host),
    );
  });
}

it('a context that does not exist is named', async () => {
  await assert.rejects(resolveEndpoint({ env: { DOCKER_CONTEXT: 'gone' }, home }), /"gone" does not exist/);
});
