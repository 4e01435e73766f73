/** Copies of volumes: on this engine, on another, and to and from directories of the host. */
import { homedir } from 'node:os';
import * as vscode from 'vscode';
import { cloneVolume, copyData, copyVolumeToEngine } from '../backup/copy.ts';
import { Connection } from '../engine/connection.ts';
import { contextNames } from '../engine/contexts.ts';
import { resolveEndpoint } from '../engine/endpoint.ts';
import { BadArgument } from '../engine/errors.ts';
import { formatBytes } from '../ui/format.ts';
import { withJob } from '../ui/jobs.ts';
import { pickVolume } from '../ui/picks.ts';
import { expandHome, readSettings } from '../ui/settings.ts';
import { problemOfVolumeName } from '../ui/volumePrompts.ts';
import { say, shown, type Shown } from '../ui/shown.ts';
import { askText, pickOne, showInformation } from '../ui/window.ts';
import { answered, textOf, type Call } from './call.ts';
import { CONFIRMED, guardWrites } from './guard.ts';
import type { CommandSpec } from './register.ts';
import type { Services } from './services.ts';
import type { MountSource } from '../engine/helper/helper.ts';

const place = () => ({ env: process.env, home: homedir() });

async function volumeOf(call: Call, { watcher }: Services): Promise<string> {
  const node = call.nodes.find((one) => one.kind === 'volume');
  const given = textOf(call, 'volume') ?? node?.volume.name;
  return given ?? answered(pickVolume((await watcher.snapshot()).volumes, say('Copy which volume?')));
}

async function askName(suggestion: string, { watcher }: Services): Promise<string> {
  const { volumes } = await watcher.snapshot();
  return answered(
    askText({
      title: say('Name of the Copy'),
      value: suggestion,
      validateInput: (value) =>
        volumes.some(({ name }) => name === value)
          ? say('There is a volume "{0}" already.', value)
          : problemOfVolumeName(value),
    }),
  );
}

/** The 64 digits of an anonymous volume are not a useful start for a name. */
function readableName(volume: string): string {
  return /^[0-9a-f]{64}$/.test(volume) ? `volume-${volume.slice(0, 12)}` : volume;
}

function announce(call: Call, text: Shown): void {
  if (call.byHand) void showInformation(text);
}

const options = () => ({ helperImage: readSettings().backup.image });

async function runClone(call: Call, services: Services): Promise<unknown> {
  const volume = await volumeOf(call, services);
  const name = textOf(call, 'name') ?? (await askName(`${readableName(volume)}-copy`, services));
  const connection = await services.watcher.connection();
  const result = await withJob(say('Cloning {0}', volume), { connection, log: services.log }, (job) =>
    cloneVolume(job, volume, name, options()),
  );
  announce(call, say('Cloned {0} as {1}: {2} entries, {3}.', volume, name, result.entries, formatBytes(result.bytes)));
  return result;
}

async function runCopyToContext(call: Call, services: Services): Promise<unknown> {
  const volume = await volumeOf(call, services);
  const pick = async () =>
    answered(
      pickOne(
        (await contextNames(place())).map((name) => ({ label: shown(name), name })),
        { title: say('Copy {0} to Another Engine', volume), placeHolder: say('Which Docker context?') },
      ),
    );
  const context = textOf(call, 'context') ?? (await pick()).name;
  const name =
    textOf(call, 'name') ??
    (call.byHand
      ? await answered(
          askText({ title: say('Name of the Copy'), value: readableName(volume), validateInput: problemOfVolumeName }),
        )
      : volume);
  const connection = await services.watcher.connection();
  services.sshPrompts.invite();
  const other = await Connection.open(
    await resolveEndpoint({ ...place(), context, sshPrompts: services.sshPrompts }),
    connection.journal,
  );
  const on = { connection, log: services.log };
  const result = await withJob(say('Copying {0} to {1}', volume, context), on, (job) =>
    copyVolumeToEngine(job, volume, other, name, options()),
  ).finally(() => other.close());
  announce(
    call,
    say(
      'Copied {0} to {1} as {2}: {3} entries, {4}.',
      volume,
      context,
      name,
      result.entries,
      formatBytes(result.bytes),
    ),
  );
  return { context, ...result };
}

function refOf(call: Call, volumeKey: string, sourceKey: string): MountSource | undefined {
  const volume = textOf(call, volumeKey);
  const source = textOf(call, sourceKey);
  if (volume !== undefined && source !== undefined)
    throw new BadArgument(volumeKey, vscode.l10n.t('Give one of {0} and {1}, not both.', volumeKey, sourceKey));
  if (volume !== undefined) return { type: 'volume', source: volume };
  return source === undefined ? undefined : { type: 'bind', source: expandHome(source) };
}

async function runCopyData(call: Call, services: Services): Promise<unknown> {
  const { volumes } = await services.watcher.snapshot();
  const node = call.nodes[0];
  const fromRow = (): MountSource | undefined => {
    if (node?.kind === 'volume') return { type: 'volume', source: node.volume.name };
    return node?.kind === 'mount' && (node.mount.type === 'volume' || node.mount.type === 'bind')
      ? { type: node.mount.type, source: node.mount.source }
      : undefined;
  };
  const from = refOf(call, 'volume', 'source') ??
    fromRow() ?? { type: 'volume', source: await answered(pickVolume(volumes, say('Copy which volume?'))) };
  const to = refOf(call, 'toVolume', 'toSource') ?? (await askTarget(from, services));
  const connection = await services.watcher.connection();
  await guardWrites(call, connection, [{ Type: to.type, Source: to.source, ReadOnly: false }]);
  const result = await withJob(say('Copying {0}', from.source), { connection, log: services.log }, (job) =>
    copyData(job, from, to, options()),
  );
  announce(
    call,
    say('Copied {0} to {1}: {2} entries, {3}.', from.source, to.source, result.entries, formatBytes(result.bytes)),
  );
  return result;
}

async function askTarget(from: MountSource, services: Services): Promise<MountSource> {
  const toVolume = { icon: 'database', label: say('A New Volume…') };
  const toFolder = {
    icon: 'folder',
    label: say('A Directory of the Engine’s Host…'),
    description: say('it must exist and be empty'),
  };
  const chosen = await answered(
    pickOne([toVolume, toFolder], { title: say('Copy {0}', from.source), placeHolder: say('Into what?') }),
  );
  if (chosen === toVolume) return { type: 'volume', source: await askName('', services) };
  const path = await answered(askText({ title: say('Directory on the Engine’s Host'), placeHolder: '/srv/data' }));
  return { type: 'bind', source: expandHome(path) };
}

/** cloneVolume, copyVolumeToContext and copyData. */
export function copyCommands(services: Services): CommandSpec[] {
  return [
    { id: 'dockerMounts.cloneVolume', takes: ['volume', 'name'], asks: true, run: (call) => runClone(call, services) },
    {
      id: 'dockerMounts.copyVolumeToContext',
      takes: ['volume', 'context', 'name'],
      asks: true,
      run: (call) => runCopyToContext(call, services),
    },
    {
      id: 'dockerMounts.copyData',
      takes: ['volume', 'source', 'toVolume', 'toSource', CONFIRMED],
      asks: true,
      run: (call) => runCopyData(call, services),
    },
  ];
}
