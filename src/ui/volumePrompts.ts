/** What a new volume is made of, asked step by step. */
import { posix } from 'node:path';
import * as vscode from 'vscode';
import type { Connection } from '../engine/connection.ts';
import type { Volume } from '../engine/model.ts';
import { volumeDrivers, volumeNameProblem, type NewVolume } from '../engine/volumes.ts';
import { missingSources } from '../mounts/create.ts';

type Kind = 'local' | 'bind' | 'nfs' | 'tmpfs' | 'other';

const TITLE = () => vscode.l10n.t('New Volume');

function ask(prompt: string, options: Partial<vscode.InputBoxOptions> = {}): Thenable<string | undefined> {
  return vscode.window.showInputBox({ title: TITLE(), prompt, ignoreFocusOut: true, ...options });
}

const notEmpty = (value: string) => (value.trim() === '' ? vscode.l10n.t('Give a value.') : undefined);
const absolute = (value: string) => (posix.isAbsolute(value) ? undefined : vscode.l10n.t('Give an absolute path.'));

/** `a=1, b=2` as a record; undefined where it cannot be read so. */
export function parsePairs(text: string): Record<string, string> | undefined {
  const pairs = text.split(/,(?=[^,=]+=)/).map((part) => part.trim()).filter((part) => part !== '');
  const found = pairs.map((part) => [part.slice(0, part.indexOf('=')).trim(), part.slice(part.indexOf('=') + 1)] as const);
  return pairs.every((part) => part.indexOf('=') > 0) ? Object.fromEntries(found) : undefined;
}

function askPairs(prompt: string, placeHolder: string): Thenable<string | undefined> {
  return ask(prompt, { placeHolder, validateInput: (value) => (parsePairs(value) === undefined ? vscode.l10n.t('Write pairs such as {0}.', placeHolder) : undefined) });
}

/** A volume with all that it needs, or undefined where a prompt was closed. */
export async function askVolume(connection: Connection, volumes: readonly Volume[]): Promise<NewVolume | undefined> {
  const kinds: (vscode.QuickPickItem & { value: Kind })[] = [
    { label: `$(database) ${vscode.l10n.t('Local Volume')}`, description: vscode.l10n.t('on the engine’s disk'), value: 'local' },
    { label: `$(folder) ${vscode.l10n.t('Directory of the Host as a Volume')}`, description: vscode.l10n.t('a bind under a volume’s name'), value: 'bind' },
    { label: `$(remote) ${vscode.l10n.t('NFS Share')}`, description: vscode.l10n.t('mounted by the engine'), value: 'nfs' },
    { label: `$(zap) ${vscode.l10n.t('In Memory')}`, description: 'tmpfs', value: 'tmpfs' },
    { label: `$(gear) ${vscode.l10n.t('With Driver, Options and Labels…')}`, value: 'other' },
  ];
  const kind = await vscode.window.showQuickPick(kinds, { title: TITLE(), placeHolder: vscode.l10n.t('What kind of volume?') });
  if (kind === undefined) return undefined;
  const name = await ask(vscode.l10n.t('Name of the volume'), {
    validateInput: (value) => (volumes.some((volume) => volume.name === value) ? vscode.l10n.t('There is a volume "{0}" already.', value) : volumeNameProblem(value)),
  });
  if (name === undefined) return undefined;
  const rest = await askRest(kind.value, connection);
  return rest && { name, ...rest };
}

async function askRest(kind: Kind, connection: Connection): Promise<Omit<NewVolume, 'name'> | undefined> {
  switch (kind) {
    case 'local':
      return {};
    case 'bind': {
      const device = await ask(vscode.l10n.t('Directory on the engine’s host; it must exist'), {
        placeHolder: '/srv/data',
        validateInput: async (value) => {
          const problem = absolute(value);
          if (problem !== undefined) return problem;
          const missing = await missingSources(connection, [{ Type: 'bind', Source: value, Target: '/x', ReadOnly: false }]);
          return missing.length > 0 ? vscode.l10n.t('"{0}" does not exist; a volume could not be mounted from it.', value) : undefined;
        },
      });
      return device === undefined ? undefined : { driverOpts: { type: 'none', o: 'bind', device } };
    }
    case 'nfs': {
      const server = await ask(vscode.l10n.t('Host name or address of the NFS server'), { placeHolder: 'nas.local', validateInput: notEmpty });
      if (server === undefined) return undefined;
      const path = await ask(vscode.l10n.t('Path that the server exports'), { placeHolder: '/export/data', validateInput: absolute });
      if (path === undefined) return undefined;
      const options = await ask(vscode.l10n.t('Mount options'), { value: 'rw,nfsvers=4', validateInput: notEmpty });
      return options === undefined ? undefined : { driverOpts: { type: 'nfs', o: `addr=${server.trim()},${options.trim()}`, device: `:${path}` } };
    }
    case 'tmpfs': {
      const size = await ask(vscode.l10n.t('Largest size'), { value: '100m', validateInput: (value) => (/^\d+[kmg]?$/i.test(value) ? undefined : vscode.l10n.t('Give a size such as {0}.', '100m')) });
      return size === undefined ? undefined : { driverOpts: { type: 'tmpfs', device: 'tmpfs', o: `size=${size}` } };
    }
    case 'other': {
      const driver = await vscode.window.showQuickPick(await volumeDrivers(connection), { title: TITLE(), placeHolder: vscode.l10n.t('Which driver?') });
      if (driver === undefined) return undefined;
      const options = await askPairs(vscode.l10n.t('Options of the driver; empty for none'), 'type=nfs, device=:/data');
      if (options === undefined) return undefined;
      const labels = await askPairs(vscode.l10n.t('Labels; empty for none'), 'team=blue, tier=db');
      return labels === undefined ? undefined : { driver, driverOpts: parsePairs(options), labels: parsePairs(labels) };
    }
  }
}
