/** Asks step by step what a new volume needs. */
import { posix } from 'node:path';
import type { Connection } from '../engine/connection.ts';
import type { Volume } from '../engine/model.ts';
import { volumeDrivers, volumeNameProblem, type NewVolume } from '../engine/volumes.ts';
import { missingSources } from '../mounts/create.ts';
import { say, sentence, shown, type Shown } from './shown.ts';
import { askText, pickOne, type Choice, type Question } from './window.ts';

type Kind = 'local' | 'bind' | 'nfs' | 'tmpfs' | 'other';

const TITLE = () => say('New Volume');

function ask(prompt: Shown, options: Question = {}): Thenable<string | undefined> {
  return askText({ title: TITLE(), prompt, ignoreFocusOut: true, ...options });
}

/** Why a text cannot be the name of a volume. */
export function problemOfVolumeName(name: string): Shown | undefined {
  const problem = volumeNameProblem(name);
  return problem === undefined ? undefined : sentence(problem);
}

const notEmpty = (value: string) => (value.trim() === '' ? say('Give a value.') : undefined);
const absolute = (value: string) => (posix.isAbsolute(value) ? undefined : say('Give an absolute path.'));

/** `a=1, b=2` as a record; undefined if the text has another form. */
function parsePairs(text: string): Record<string, string> | undefined {
  const pairs = text
    .split(/,(?=[^,=]+=)/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const found = pairs.map(
    (part) => [part.slice(0, part.indexOf('=')).trim(), part.slice(part.indexOf('=') + 1)] as const,
  );
  return pairs.every((part) => part.indexOf('=') > 0) ? Object.fromEntries(found) : undefined;
}

function askPairs(prompt: Shown, placeHolder: string): Thenable<string | undefined> {
  return ask(prompt, {
    placeHolder,
    validateInput: (value) =>
      parsePairs(value) === undefined ? say('Write pairs such as {0}.', placeHolder) : undefined,
  });
}

/** A volume with all that it needs, or undefined if a prompt was closed. */
export async function askVolume(connection: Connection, volumes: readonly Volume[]): Promise<NewVolume | undefined> {
  const kinds: (Choice & { value: Kind })[] = [
    { icon: 'database', label: say('Local Volume'), description: say('on the engine’s disk'), value: 'local' },
    {
      icon: 'folder',
      label: say('Directory of the Host as a Volume'),
      description: say('a bind under a volume’s name'),
      value: 'bind',
    },
    { icon: 'remote', label: say('NFS Share'), description: say('mounted by the engine'), value: 'nfs' },
    { icon: 'zap', label: say('In Memory'), description: shown('tmpfs'), value: 'tmpfs' },
    { icon: 'gear', label: say('With Driver, Options and Labels…'), value: 'other' },
  ];
  const kind = await pickOne(kinds, { title: TITLE(), placeHolder: say('What kind of volume?') });
  if (kind === undefined) return undefined;
  const name = await ask(say('Name of the volume'), {
    validateInput: (value) =>
      volumes.some((volume) => volume.name === value)
        ? say('There is a volume "{0}" already.', value)
        : problemOfVolumeName(value),
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
      const device = await ask(say('Directory on the engine’s host; it must exist'), {
        placeHolder: '/srv/data',
        validateInput: async (value) => {
          const problem = absolute(value);
          if (problem !== undefined) return problem;
          const missing = await missingSources(connection, [
            { Type: 'bind', Source: value, Target: '/x', ReadOnly: false },
          ]);
          return missing.length > 0
            ? say('"{0}" does not exist; a volume could not be mounted from it.', value)
            : undefined;
        },
      });
      return device === undefined ? undefined : { driverOpts: { type: 'none', o: 'bind', device } };
    }
    case 'nfs': {
      const server = await ask(say('Host name or address of the NFS server'), {
        placeHolder: 'nas.local',
        validateInput: notEmpty,
      });
      if (server === undefined) return undefined;
      const path = await ask(say('Path that the server exports'), {
        placeHolder: '/export/data',
        validateInput: absolute,
      });
      if (path === undefined) return undefined;
      const options = await ask(say('Mount options'), { value: 'rw,nfsvers=4', validateInput: notEmpty });
      return options === undefined
        ? undefined
        : { driverOpts: { type: 'nfs', o: `addr=${server.trim()},${options.trim()}`, device: `:${path}` } };
    }
    case 'tmpfs': {
      const size = await ask(say('Maximum size'), {
        value: '100m',
        validateInput: (value) => (/^\d+[kmg]?$/i.test(value) ? undefined : say('Give a size such as {0}.', '100m')),
      });
      return size === undefined ? undefined : { driverOpts: { type: 'tmpfs', device: 'tmpfs', o: `size=${size}` } };
    }
    case 'other': {
      const drivers = await volumeDrivers(connection);
      const chosen = await pickOne(
        drivers.map((driver) => ({ label: shown(driver), driver })),
        { title: TITLE(), placeHolder: say('Which driver?') },
      );
      if (chosen === undefined) return undefined;
      const options = await askPairs(say('Options of the driver; empty for none'), 'type=nfs, device=:/data');
      if (options === undefined) return undefined;
      const labels = await askPairs(say('Labels; empty for none'), 'team=blue, tier=db');
      return labels === undefined
        ? undefined
        : { driver: chosen.driver, driverOpts: parsePairs(options), labels: parsePairs(labels) };
    }
  }
}
