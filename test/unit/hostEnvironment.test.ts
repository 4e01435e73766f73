import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { engineEnvironment, nestedEnvironment, withNode } from '../host/environment.mjs';

/** Name, value, and whether a nested npm or VS Code may have it. */
const VARIABLES: [string, string, boolean][] = [
  ['npm_config_user_agent', 'npm/11.0.0 node/v20.20.2 linux x64 workspaces/false', false],
  ['npm_execpath', '/usr/lib/node_modules/npm/bin/npm-cli.js', false],
  ['npm_node_execpath', '/usr/bin/node', false],
  ['npm_command', 'run-script', false],
  ['npm_lifecycle_event', 'start', false],
  ['npm_lifecycle_script', 'node start.mjs', false],
  ['npm_package_name', 'docker-mounts', false],
  ['npm_package_engines_node', '>=20', false],
  ['npm_config_loglevel', 'silent', false],
  ['npm_config_prefix', '/opt', false],
  ['npm_config_local_prefix', '/work', false],
  ['npm_config_global', 'true', false],
  ['npm_config_omit', 'dev', false],
  ['npm_config_dry_run', 'true', false],
  ['npm_config_ignore_scripts', 'true', false],
  ['npm_config_node_gyp', '/usr/lib/node_modules/npm/node-gyp.js', false],
  ['npm_config_runtime', 'electron', false],
  ['npm_config_target', '39.0.0', false],
  ['npm_config_arch', 'ia32', false],
  ['NPM_CONFIG_PRODUCTION', 'true', false],
  ['npm_config_registry', 'https://registry.example', true],
  ['NPM_CONFIG_REGISTRY', 'https://registry.example', true],
  ['npm_config_//registry.example/:_authToken', 'token', true],
  ['npm_config_@example:registry', 'https://registry.example', true],
  ['npm_config_https_proxy', 'http://proxy.example', true],
  ['npm_config_https-proxy', 'http://proxy.example', true],
  ['npm_config_noproxy', 'localhost', true],
  ['npm_config_cafile', '/etc/ca.pem', true],
  ['npm_config_nodedir', '/usr', true],
  ['npm_config_userconfig', '/root/.npmrc', true],
  ['npm_config_cache', '/var/cache/npm', true],
  ['INIT_CWD', '/work', false],
  ['NODE_OPTIONS', '--inspect-brk', false],
  ['NODE_ENV', 'production', false],
  ['NODE_PATH', '/work', false],
  ['NODE_TEST_CONTEXT', 'child-v8', false],
  ['NODE_V8_COVERAGE', '/tmp/c', false],
  ['NODE_CHANNEL_FD', '3', false],
  ['ELECTRON_RUN_AS_NODE', '1', false],
  ['ELECTRON_NO_ATTACH_CONSOLE', '1', false],
  ['VSCODE_IPC_HOOK_CLI', '/run/vscode.sock', false],
  ['VSCODE_NLS_CONFIG', '{}', false],
  ['VSCODE_INSPECTOR_OPTIONS', '{}', false],
  ['CODE_SERVER_PARENT_PID', '1', false],
  ['GIT_DIR', '.git', false],
  ['GIT_INDEX_FILE', '.git/index', false],
  ['MAKEFLAGS', '-j8 --jobserver-auth=3,4', false],
  ['NOTIFY_SOCKET', '/run/systemd/notify', false],
  ['PORT', '8080', false],
  ['NODE_EXTRA_CA_CERTS', '/etc/ca.pem', true],
  ['HTTPS_PROXY', 'http://proxy.example', true],
  ['GIT_SSL_CAINFO', '/etc/ca.pem', true],
  ['XDG_CACHE_HOME', '/var/cache/me', true],
  ['DOCKER_CONFIG', '/root/.docker', true],
  ['HOME', '/root', true],
  ['CXX', 'clang++', true],
];

for (const [name, value, isKept] of VARIABLES) {
  it(`${name} ${isKept ? 'goes on to' : 'stays out of'} a nested process`, () => {
    const env = { LANG: 'C', [name]: value };
    assert.deepEqual(nestedEnvironment(env), isKept ? env : { LANG: 'C' });
    assert.equal(env[name], value, 'the given environment is not changed');
  });
}

it('the programs of the project and of npm are not on the nested PATH', () => {
  const PATH =
    '/work/node_modules/.bin:/node_modules/.bin:/usr/lib/node_modules/npm/node_modules/@npmcli/run-script/lib/node-gyp-bin:/usr/bin:/bin';
  assert.equal(nestedEnvironment({ PATH }).PATH, '/usr/bin:/bin');
  assert.equal(withNode(nestedEnvironment({ PATH }), '/cache/bin').PATH, '/cache/bin:/usr/bin:/bin');
  assert.equal(withNode({}, '/cache/bin').PATH, '/cache/bin');
});

for (const name of [
  'DOCKER_HOST',
  'DOCKER_CONTEXT',
  'DOCKER_TLS_VERIFY',
  'DOCKER_CERT_PATH',
  'DOCKER_API_VERSION',
  'CONTAINER_HOST',
  'COMPOSE_FILE',
  'COMPOSE_PROJECT_NAME',
]) {
  it(`${name} of the user says nothing about an engine of our own`, () => {
    assert.deepEqual(engineEnvironment({ LANG: 'C', [name]: 'theirs' }, 'unix:///own.sock'), {
      LANG: 'C',
      DOCKER_HOST: 'unix:///own.sock',
    });
  });
}

it('a nested npm names its own Node as its user agent, not the one of the npm around it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dm-test-'));
  try {
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ private: true, scripts: { say: 'echo "$npm_config_user_agent"' } }),
    );
    const outer = {
      ...process.env,
      npm_config_user_agent: 'npm/1.0.0 node/v0.0.1 nowhere',
      npm_config_dry_run: 'true',
    };
    const env = withNode(nestedEnvironment(outer), join(process.execPath, '..'));
    const { stdout, stderr } = spawnSync('npm', ['run', '--silent', 'say'], { cwd: folder, env, encoding: 'utf8' });
    assert.match(stdout, new RegExp(`node/${process.version.replaceAll('.', '\\.')} `), stderr);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
