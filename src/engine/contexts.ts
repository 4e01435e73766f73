/**
 * Docker contexts as the docker command stores them: `meta.json` and TLS files under the SHA-256 of the name
 * (docker/cli, cli/context/store). No maintained npm library reads them without the docker command.
 */
import * as l10n from '@vscode/l10n';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineUnavailable } from './errors.ts';

/** PEM files of a client and of the CA that it trusts. */
export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  /**
   * Whether any certificate of the engine is accepted, for any name (docker context create --docker
   * skip-tls-verify=true).
   */
  readonly skipVerify?: boolean;
}

export interface ContextPlace {
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
}

function configFolder({ env, home }: ContextPlace): string {
  return env['DOCKER_CONFIG'] || join(home, '.docker');
}

async function readOptional(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
}

/**
 * The name in config.json's currentContext; undefined where none is set. Throws EngineUnavailable for a broken file.
 */
export async function currentContextName(place: ContextPlace): Promise<string | undefined> {
  const file = join(configFolder(place), 'config.json');
  try {
    const text = await readOptional(file);
    if (text === undefined) return undefined;
    const { currentContext } = JSON.parse(text.toString('utf8')) as { currentContext?: string };
    return currentContext;
  } catch (error) {
    throw new EngineUnavailable(
      'badAddress',
      '',
      l10n.t(
        '"{0}" cannot be read: {1}. Fix it, or name the engine in the setting "dockerMounts.host".',
        file,
        (error as Error).message,
      ),
      { cause: error },
    );
  }
}

/** The names of all contexts, `default` first. */
export async function contextNames(place: ContextPlace): Promise<string[]> {
  const folder = join(configFolder(place), 'contexts/meta');
  const ids = await readdir(folder).catch(() => [] as string[]);
  const names = await Promise.all(
    ids.map(async (id) => {
      const text = await readOptional(join(folder, id, 'meta.json'));
      try {
        return (JSON.parse(text?.toString('utf8') ?? '{}') as { Name?: string }).Name;
      } catch {
        return undefined;
      }
    }),
  );
  return ['default', ...names.filter((name) => name !== undefined && name !== 'default').sort()] as string[];
}

/** Address and TLS files of a context. Throws EngineUnavailable (badAddress) for one that does not exist. */
export async function readContext(
  name: string,
  place: ContextPlace,
): Promise<{ host: string; tls: TlsMaterial | undefined }> {
  const folder = join(configFolder(place), 'contexts');
  const id = createHash('sha256').update(name).digest('hex');
  const text = await readOptional(join(folder, 'meta', id, 'meta.json'));
  const contextError = (message: string) => new EngineUnavailable('badAddress', '', message);
  if (text === undefined)
    throw contextError(l10n.t('The Docker context "{0}" does not exist; see "docker context ls".', name));
  let endpoint: { Host?: string; SkipTLSVerify?: boolean } | undefined;
  try {
    endpoint = (
      JSON.parse(text.toString('utf8')) as { Endpoints?: { docker?: { Host?: string; SkipTLSVerify?: boolean } } }
    ).Endpoints?.docker;
  } catch {
    throw contextError(l10n.t('The Docker context "{0}" cannot be read; see "docker context ls".', name));
  }
  if (!endpoint?.Host)
    throw contextError(l10n.t('The Docker context "{0}" names no Docker engine; see "docker context ls".', name));
  const tlsFolder = join(folder, 'tls', id, 'docker');
  const [ca, cert, key] = await Promise.all(
    ['ca.pem', 'cert.pem', 'key.pem'].map((file) => readOptional(join(tlsFolder, file))),
  );
  const tls =
    ca || cert || endpoint.SkipTLSVerify ? { ca, cert, key, skipVerify: endpoint.SkipTLSVerify === true } : undefined;
  return { host: endpoint.Host, tls };
}
