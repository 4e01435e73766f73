import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { resolveEndpoint } from '../../src/engine/endpoint.ts';
import { EngineUnavailable } from '../../src/engine/errors.ts';

let home: string;
before(() => {
  home = mkdtempSync(join(tmpdir(), 'dm-home-'));
  const id = createHash('sha256').update('far').digest('hex');
  mkdirSync(join(home, '.docker/contexts/meta', id), { recursive: true });
  mkdirSync(join(home, '.docker/contexts/tls', id, 'docker'), { recursive: true });
  writeFileSync(join(home, '.docker/contexts/meta', id, 'meta.json'), JSON.stringify({ Name: 'far', Endpoints: { docker: { Host: 'tcp://far.example:2376' } } }));
  writeFileSync(join(home, '.docker/contexts/tls', id, 'docker/ca.pem'), 'authority');
  writeFileSync(join(home, '.docker/config.json'), JSON.stringify({ currentContext: 'far' }));
  mkdirSync(join(home, 'certs'));
  for (const name of ['ca', 'cert', 'key']) writeFileSync(join(home, 'certs', `${name}.pem`), name);
});
after(() => rmSync(home, { recursive: true }));

it('the setting comes before DOCKER_HOST, and that before the current context', async () => {
  const env = { DOCKER_HOST: 'unix:///env.sock' };
  assert.equal((await resolveEndpoint({ host: 'unix:///setting.sock', env, home })).options.socketPath, '/setting.sock');
  assert.equal((await resolveEndpoint({ env, home })).options.socketPath, '/env.sock');
  const context = await resolveEndpoint({ env: {}, home });
  assert.deepEqual([context.context, context.options.host, context.options.protocol, String(context.options.ca)], ['far', 'far.example', 'https', 'authority']);
});

it('DOCKER_CERT_PATH brings TLS, and a missing file of it is named', async () => {
  const secure = await resolveEndpoint({ env: { DOCKER_HOST: 'tcp://10.0.0.1', DOCKER_CERT_PATH: join(home, 'certs') }, home });
  assert.deepEqual([secure.options.protocol, secure.options.port, (secure.options.key as Buffer).toString()], ['https', 2376, 'key']);
  const plain = await resolveEndpoint({ env: { DOCKER_HOST: 'tcp://10.0.0.1' }, home });
  assert.deepEqual([plain.options.protocol, plain.options.port], ['http', 2375]);
  await assert.rejects(resolveEndpoint({ env: { DOCKER_HOST: 'tcp://10.0.0.1', DOCKER_CERT_PATH: '/no/certs' }, home }), (error: Error) => error instanceof EngineUnavailable && error.reason === 'tls' && error.message.includes('/no/certs/ca.pem'));
});

it('ssh takes user, host and port; IPv6 loses its brackets', async () => {
  const { options } = await resolveEndpoint({ host: 'ssh://me@host.example:2222', env: {}, home });
  assert.deepEqual([options.protocol, options.username, options.host, options.port], ['ssh', 'me', 'host.example', '2222']);
  assert.equal((await resolveEndpoint({ host: 'tcp://[::1]:2375', env: {}, home })).options.host, '::1');
});

for (const host of ['ftp://host', 'tcp://', 'http://[', 'ssh://']) {
  it(`the address ${host} is refused, and named`, async () => {
    await assert.rejects(resolveEndpoint({ host, env: {}, home }), (error: Error) => error instanceof EngineUnavailable && error.reason === 'badAddress' && error.message.includes(host));
  });
}

it('a context that does not exist is named', async () => {
  await assert.rejects(resolveEndpoint({ env: { DOCKER_CONTEXT: 'gone' }, home }), /"gone" does not exist/);
});
