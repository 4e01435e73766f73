// What a nested process may know of the process that started it. Only pure functions here, for their unit test.
import { delimiter } from 'node:path';

/**
 * The npm settings that go on to a nested npm: where packages come from, and how a build finds its tools.
 * npm hands every setting of its own run down as npm_config_*: its user agent, from which the VS Code server reads
 * a Node version; --silent, --prefix, --omit, --dry-run and --ignore-scripts, which are meant for the outer run alone.
 * What stands in an .npmrc is read again by the nested npm, and needs no variable.
 */
const NPM_SETTINGS = new Set(
  [
    'registry',
    'proxy',
    'https_proxy',
    'http_proxy',
    'noproxy',
    'no_proxy',
    'ca',
    'cafile',
    'cert',
    'key',
    'strict_ssl',
    'local_address',
    'maxsockets',
    'fetch_retries',
    'fetch_retry_factor',
    'fetch_retry_mintimeout',
    'fetch_retry_maxtimeout',
    'fetch_timeout',
    'offline',
    'prefer_offline',
    'cache',
    'userconfig',
    'globalconfig',
    'nodedir',
    'python',
  ].map((name) => `npm_config_${name}`),
);

/** Names that only the outer process means. They change what a nested npm, Node, Electron, git or make does. */
const OF_THE_OUTER_PROCESS = [
  /^npm_(?!config_)/,
  /^INIT_CWD$/,
  /^NODE_(OPTIONS|ENV|PATH|V8_COVERAGE|TEST_CONTEXT|TEST_WORKER_ID|CHANNEL_FD|CHANNEL_SERIALIZATION_MODE|UNIQUE_ID|RUN_SCRIPT_NAME|RUN_PACKAGE_JSON_PATH|COMPILE_CACHE|PENDING_DEPRECATION|REDIRECT_WARNINGS)$/,
  /^ELECTRON_/,
  // A terminal of VS Code tells its programs which window they belong to.
  /^VSCODE_/,
  /^CODE_SERVER/,
  // A git hook tells which repository it runs for.
  /^GIT_(DIR|WORK_TREE|INDEX_FILE|PREFIX|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|NAMESPACE|CONFIG_PARAMETERS|QUARANTINE_PATH)$/,
  /^(MAKEFLAGS|MFLAGS|MAKELEVEL|MAKEOVERRIDES)$/,
  /^(NOTIFY_SOCKET|LISTEN_FDS|LISTEN_PID|LISTEN_FDNAMES|MAINPID)$/,
  // It is the port of the window, and no business of what runs in it.
  /^PORT$/,
];

/** Names by which docker, docker-compose and this extension find an engine, or read a project. */
const OF_ANOTHER_ENGINE =
  /^(DOCKER_(HOST|CONTEXT|TLS|TLS_VERIFY|CERT_PATH|API_VERSION|TMPDIR|RAMDISK|DEFAULT_PLATFORM|CONTENT_TRUST.*)|CONTAINER_HOST|COMPOSE_.*)$/;

/**
 * Whether npm reads a variable as a setting that a nested npm may have too: also names and secrets of a registry or a
 * scope.
 */
function isNpmSetting(name) {
  const plain = name
    .toLowerCase()
    .replace(/^(npm_config_)(.*)$/, (_, start, rest) => start + rest.replaceAll('-', '_'));
  return NPM_SETTINGS.has(plain) || /^npm_config_(\/\/|@.*:registry$)/.test(plain);
}

/**
 * The environment for a nested npm, Node, VS Code or engine: the user's own, without what the outer process set for
 * itself.
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv} a copy
 */
export function nestedEnvironment(env) {
  const kept = Object.entries(env).filter(([name, value]) => {
    if (value === undefined) return false;
    if (/^npm_config_/i.test(name)) return isNpmSetting(name);
    return !OF_THE_OUTER_PROCESS.some((pattern) => pattern.test(name));
  });
  const nested = Object.fromEntries(kept);
  // npm puts the project's own programs first; another package's install script must not take them for the system's.
  const isOfNpm = (folder) => /[\\/]node_modules[\\/]\.bin[\\/]?$|[\\/]node-gyp-bin[\\/]?$/.test(folder);
  if (nested.PATH !== undefined)
    nested.PATH = nested.PATH.split(delimiter)
      .filter((folder) => !isOfNpm(folder))
      .join(delimiter);
  return nested;
}

/**
 * The same, for work on one engine only: nothing that names another is left.
 * @param {NodeJS.ProcessEnv} env
 * @param {string} host address of the engine, e.g. `unix:///path`
 */
export function engineEnvironment(env, host) {
  const kept = Object.entries(nestedEnvironment(env)).filter(([name]) => !OF_ANOTHER_ENGINE.test(name));
  return { ...Object.fromEntries(kept), DOCKER_HOST: host };
}

/**
 * With a Node first on PATH, so that every `#!/usr/bin/env node` below it is that one.
 * @param {NodeJS.ProcessEnv} env
 * @param {string} folder that holds the `node` program
 */
export function withNode(env, folder) {
  return { ...env, PATH: [folder, ...(env.PATH ? [env.PATH] : [])].join(delimiter) };
}
