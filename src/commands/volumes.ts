/** Commands on volumes, and the removal of containers: each says beforehand what will be removed. */
import * as vscode from 'vscode';
import type { Connection } from '../engine/connection.ts';
import { BadArgument } from '../engine/errors.ts';
import { type Volume } from '../engine/model.ts';
import { createVolume, prunable, prune, removeVolumes } from '../engine/volumes.ts';
import { formatBytes, labelWithSize } from '../ui/format.ts';
import { pickVolume } from '../ui/picks.ts';
import { askVolume } from '../ui/volumePrompts.ts';
import { lines, names, say } from '../ui/shown.ts';
import { showInformation } from '../ui/window.ts';
import { answered, confirmed, Dismissed, flagOf, recordOf, textOf, textsOf, type Call } from './call.ts';
import { CONFIRMED, guardMounts } from './guard.ts';
import type { CommandSpec } from './register.ts';
import type { Services } from './services.ts';

async function runRemoveVolume(call: Call, { watcher, log, files }: Services): Promise<unknown> {
  const one = textOf(call, 'volume');
  const several = textsOf(call, 'volumes');
  if (one !== undefined && several !== undefined)
    throw new BadArgument('volume', vscode.l10n.t('Give one of volume and volumes, not both.'));
  let wanted = several ?? (one === undefined ? [] : [one]);
  if (wanted.length === 0) {
    const { volumes } = await watcher.snapshot();
    wanted = call.nodes.flatMap((node) => (node.kind === 'volume' ? [node.volume.name] : []));
    if (wanted.length === 0) {
      wanted = [
        await answered(
          pickVolume(
            volumes.filter(({ dangling }) => dangling),
            say('Remove which volume? Only unused volumes are listed.'),
          ),
        ),
      ];
    }
    const chosen = volumes.filter(({ name }) => wanted.includes(name));
    // What cannot be removed is refused without a question.
    if (chosen.every(({ dangling }) => dangling)) await askVolumeRemoval(chosen);
  }
  await files.release();
  const result = await removeVolumes(await watcher.connection(), [...new Set(wanted)]);
  log.info(vscode.l10n.t('Removed volumes: {0}.', result.removed.join(', ')));
  return result;
}

/** Names every volume that will be removed. Throws Dismissed. */
async function askVolumeRemoval(volumes: readonly Volume[]): Promise<void> {
  const isOne = volumes.length === 1;
  const question = isOne
    ? say('Remove {0} for good?', names(volumes.map(labelWithSize)))
    : say('Remove {0} volumes for good?', volumes.length);
  const lost = isOne
    ? say('Its data cannot be recovered without a backup.')
    : say('Their data cannot be recovered without a backup.');
  await confirmed(
    question,
    lines([...(isOne ? [] : [lines(volumes.map(labelWithSize))]), lost], '\n\n'),
    say('Remove'),
  );
}

/** Asks which dangling volumes to remove, with the list and the bytes shown. */
async function choosePrunable(connection: Connection): Promise<readonly Volume[]> {
  const found = await prunable(connection, true);
  if (found.length === 0) {
    void showInformation(say('There are no dangling volumes to remove.'));
    throw new Dismissed();
  }
  const anonymous = found.filter((volume) => volume.anonymous);
  const bytes = (of: readonly Volume[]) => formatBytes(of.reduce((sum, { size }) => sum + (size ?? 0), 0));
  const onlyAnonymous = say('Remove {0} Anonymous ({1})', anonymous.length, bytes(anonymous));
  const every = say('Remove All {0} ({1})', found.length, bytes(found));
  const buttons = anonymous.length === 0 || anonymous.length === found.length ? [] : [onlyAnonymous];
  const chosen = await confirmed(
    say('Remove dangling volumes for good?'),
    lines(found.map(labelWithSize)),
    ...buttons,
    every,
  );
  return chosen === every ? found : anonymous;
}

async function runPrune(call: Call, { watcher, log, files }: Services): Promise<unknown> {
  const all = flagOf(call, 'all') ?? false;
  const connection = await watcher.connection();
  // A volume whose files were just looked at would count as used.
  await files.release();
  const volumes = call.byHand ? await choosePrunable(connection) : await prunable(connection, all);
  const result = await prune(connection, volumes);
  log.info(
    vscode.l10n.t(
      'Pruned {0} volumes, {1}: {2}',
      result.removed.length,
      formatBytes(result.bytes),
      result.removed.join(', ') || '-',
    ),
  );
  if (call.byHand)
    void showInformation(say('Removed {0} volumes, {1}.', result.removed.length, formatBytes(result.bytes)));
  return result;
}

async function runCreateVolume(call: Call, { watcher, log }: Services): Promise<unknown> {
  const connection = await watcher.connection();
  const wanted = call.byHand
    ? await answered(askVolume(connection, (await watcher.snapshot()).volumes))
    : {
        name: textOf(call, 'name'),
        driver: textOf(call, 'driver'),
        driverOpts: recordOf(call, 'driverOpts'),
        labels: recordOf(call, 'labels'),
      };
  // A volume that is a directory of the host gives a container the same power as a bind.
  await guardMounts(call, connection, {
    mounts: [
      {
        Type: 'volume',
        Source: '',
        ReadOnly: false,
        VolumeOptions: { DriverConfig: { Name: wanted.driver ?? 'local', Options: wanted.driverOpts } },
      },
    ],
  });
  const made = await createVolume(connection, wanted);
  log.info(vscode.l10n.t('Created volume "{0}".', made.name));
  return made;
}

/** removeContainer, createVolume, removeVolume and pruneVolumes. */
export function volumeCommands(services: Services): CommandSpec[] {
  return [
    {
      id: 'dockerMounts.createVolume',
      takes: ['name', 'driver', 'driverOpts', 'labels', CONFIRMED],
      asks: true,
      run: (call) => runCreateVolume(call, services),
    },
    {
      id: 'dockerMounts.removeVolume',
      takes: ['volume', 'volumes'],
      asks: true,
      run: (call) => runRemoveVolume(call, services),
    },
    { id: 'dockerMounts.pruneVolumes', takes: ['all'], asks: true, run: (call) => runPrune(call, services) },
  ];
}
