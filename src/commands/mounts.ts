/** Commands that change the mounts of a container that exists. */
import * as vscode from 'vscode';
import { changedPaths, inspectContainer } from '../engine/containers.ts';
import type { Connection } from '../engine/connection.ts';
import { BadArgument } from '../engine/errors.ts';
import type { Container } from '../engine/model.ts';
import { withoutEndSlash } from '../engine/pathEnds.ts';
import { inspectVolume } from '../engine/volumes.ts';
import type { MountChange } from '../mounts/changeConfig.ts';
import type { Asked } from '../mounts/findDangers.ts';
import { changeMounts, type Replaced } from '../mounts/replace.ts';
import { parseMountSpecs } from '../mounts/spec.ts';
import { askMount, completeMount, sourceItems, type Agreed } from '../ui/mountPrompts.ts';
import { pickContainer, pickVolume } from '../ui/picks.ts';
import { localPaths } from '../ui/settings.ts';
import { joined, lines, say, sentence, shown } from '../ui/shown.ts';
import { pickOne, showInformation, withViewProgress } from '../ui/window.ts';
import { answered, confirmed, flagOf, listOf, textOf, type Call } from './call.ts';
import { containerOfNode } from './containers.ts';
import { CONFIRMED, guardMounts } from './guard.ts';
import type { CommandSpec } from './register.ts';
import type { Services } from './services.ts';

async function containerOf(call: Call, { watcher }: Services): Promise<string> {
  const [node] = call.nodes;
  const named = textOf(call, 'container') ?? (node && containerOfNode(node));
  return (
    named ??
    answered(pickContainer((await watcher.snapshot()).containers, say('Change the mounts of which container?')))
  );
}

async function find(container: string, { watcher }: Services): Promise<Container | undefined> {
  return (await watcher.snapshot()).containers.find(({ name, id }) => name === container || id.startsWith(container));
}

async function targetOf(
  call: Call,
  container: string,
  services: Services,
  wanted: (mount: Container['mounts'][number]) => boolean,
): Promise<string> {
  const given = textOf(call, 'target');
  if (given !== undefined) return withoutEndSlash(given);
  const node = call.nodes.find((one) => one.kind === 'mount');
  if (node !== undefined) return node.mount.target;
  const mounts = ((await find(container, services))?.mounts ?? []).filter(wanted);
  if (mounts.length === 0)
    throw new BadArgument(
      'target',
      vscode.l10n.t('Container "{0}" has no mount for which this is possible.', container),
    );
  const items = mounts.map((mount) => ({
    label: shown(mount.target),
    description: shown(mount.source),
    target: mount.target,
  }));
  const chosen = await answered(pickOne(items, { placeHolder: say('Which mount of {0}?', container) }));
  return chosen.target;
}

/** What else keeps a container as it is: Compose and Swarm do not know of the change. */
function managerWarning({ composeProject, labels }: Container): string {
  const service = labels['com.docker.swarm.service.name'];
  if (service !== undefined)
    return vscode.l10n.t(
      'It is a task of the Swarm service {0}, which will replace it without the change; change the service instead.',
      service,
    );
  return composeProject === undefined
    ? ''
    : vscode.l10n.t(
        'It belongs to the Compose project {0}. The Compose file does not contain the change.',
        composeProject,
      );
}

/** `web` → `web-kept:20261124-031522` */
function imageNameFor(container: string): string {
  const stamp = new Date().toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
  return `${container
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')}-kept:${stamp}`;
}

/**
 * How much a container changed outside of its mounts: the engine counts the places of mounts, and what leads to them,
 * too.
 */
async function countWritten(container: string, targets: readonly string[], { watcher }: Services): Promise<number> {
  const changed = await changedPaths(await watcher.connection(), container);
  return changed.filter((path) => !targets.some((target) => target === path || target.startsWith(`${path}/`))).length;
}

/**
 * Tells a person what a replacement loses. Returns the image in which to keep what was written outside the mounts, if
 * the person wants that.
 */
async function confirmReplacement(container: string, services: Services): Promise<string | undefined> {
  const known = await find(container, services);
  const written =
    known?.state === 'created'
      ? 0
      : await countWritten(container, known?.mounts.map(({ target }) => target) ?? [], services);
  const detail = [
    say(
      'Docker cannot change the mounts of a container. A new container with the same configuration replaces it; if that fails, the old one is put back.',
    ),
    written === 0
      ? undefined
      : say(
          'It changed {0} files or directories outside its mounts. They are lost unless you keep them in a new image.',
          written,
        ),
    known === undefined ? undefined : sentence(managerWarning(known)),
  ];
  const replace = say('Replace');
  const keep = say('Keep Them and Replace');
  // Enter takes the first button: the one that loses nothing.
  const chosen = await confirmed(
    say('Replace container "{0}"?', container),
    lines(
      detail.filter((line) => line !== undefined),
      '\n\n',
    ),
    ...(written > 0 ? [keep] : []),
    replace,
  );
  return chosen === keep ? imageNameFor(container) : undefined;
}

function spec(
  services: Services,
  id: string,
  takes: string[],
  changeOf: (call: Call, container: string, agreed: Agreed) => Promise<MountChange>,
): CommandSpec {
  const run = async (call: Call): Promise<Replaced> => {
    const container = await containerOf(call, services);
    const agreed: Agreed = new Set();
    const change = await changeOf(call, container, agreed);
    const connection = await services.watcher.connection();
    await guardMounts(call, connection, await askedOf(change, container, connection), agreed);
    const keepIn = call.byHand ? await confirmReplacement(container, services) : textOf(call, 'commit');
    const known = await find(container, services);
    if (known !== undefined && managerWarning(known) !== '')
      services.log.warn(`${container}: ${managerWarning(known)}`);
    const result = await withViewProgress('dockerMounts.containers', () =>
      changeMounts(connection, container, change, services.log, keepIn),
    );
    if (call.byHand) {
      const kept =
        result.image === undefined
          ? undefined
          : say('What it had written outside its mounts is kept in the image {0}.', result.image);
      void showInformation(joined([say('Container "{0}" has its new mounts.', result.name), kept], ' '));
    }
    return result;
  };
  return { id, takes: ['container', ...takes, 'commit', CONFIRMED], asks: true, run };
}

/** What a change gives the container in addition: nothing if it only removes. */
async function askedOf(change: MountChange, container: string, connection: Connection): Promise<Asked> {
  switch (change.kind) {
    case 'add':
      return { mounts: change.mounts };
    case 'volumesFrom':
      return { volumesFrom: [`${change.from}${change.readOnly ? ':ro' : ''}`] };
    case 'remove':
      return {};
    case 'readOnly': {
      if (change.readOnly) return {};
      const { Mounts } = await inspectContainer(connection, container);
      const mounts = Mounts.filter(({ Destination }) => Destination === change.target);
      return {
        mounts: mounts.map(({ Type, Name, Source }) => ({
          Type,
          Source: Type === 'volume' ? (Name ?? '') : Source,
          ReadOnly: false,
        })),
      };
    }
  }
}

async function addMount(call: Call, container: string, services: Services, agreed: Agreed): Promise<MountChange> {
  if (call.args['mounts'] !== undefined) {
    const mounts = listOf(call, 'mounts');
    if (mounts.length === 0)
      throw new BadArgument('mounts', vscode.l10n.t('The argument "{0}" must be a list.', 'mounts'));
    return { kind: 'add', mounts: parseMountSpecs(mounts, localPaths()) };
  }
  const connection = await services.watcher.connection();
  const { value } = await answered(
    pickOne(sourceItems(connection.info.local), {
      title: say('Add a Mount to {0}', container),
      placeHolder: say('Add which mount?'),
    }),
  );
  const mount = await answered(
    askMount(value, connection, await services.watcher.snapshot(), await targetsOf(container, services), agreed),
  );
  return { kind: 'add', mounts: [mount] };
}

async function targetsOf(container: string, services: Services): Promise<string[]> {
  return ((await find(container, services))?.mounts ?? [])
    .filter(({ from }) => from === undefined)
    .map(({ target }) => target);
}

async function attachVolume(call: Call, container: string, services: Services): Promise<MountChange> {
  const { volumes } = await services.watcher.snapshot();
  const node = call.nodes.find((one) => one.kind === 'volume');
  const volume =
    textOf(call, 'volume') ?? node?.volume.name ?? (await answered(pickVolume(volumes, say('Mount which volume?'))));
  const connection = await services.watcher.connection();
  // The engine would create a volume for an unknown name.
  await inspectVolume(connection, volume);
  const source = { Type: 'volume' as const, Source: volume };
  const target = textOf(call, 'target');
  if (target !== undefined)
    return {
      kind: 'add',
      mounts: parseMountSpecs(
        [{ ...source, Target: target, ReadOnly: flagOf(call, 'readOnly') ?? false }],
        localPaths(),
      ),
    };
  const suggestion = volumes.find(({ name }) => name === volume)?.usedBy[0]?.target ?? '/data';
  return {
    kind: 'add',
    mounts: [await answered(completeMount(source, connection, await targetsOf(container, services), suggestion))],
  };
}

async function attachVolumesFrom(call: Call, container: string, services: Services): Promise<MountChange> {
  const own = await find(container, services);
  const others = async () =>
    (await services.watcher.snapshot()).containers.filter(
      ({ name, mounts }) => name !== own?.name && mounts.length > 0,
    );
  const from =
    textOf(call, 'from') ?? (await answered(pickContainer(await others(), say('Take volumes from which container?'))));
  await inspectContainer(await services.watcher.connection(), from);
  return { kind: 'volumesFrom', from, readOnly: flagOf(call, 'readOnly') ?? false };
}

/** addMount, attachVolume, attachVolumesFrom, removeMount, setReadOnly and setReadWrite. */
export function mountCommands(services: Services): CommandSpec[] {
  const rights = (id: string, readOnly: boolean) =>
    spec(services, id, ['target'], async (call, container) => ({
      kind: 'readOnly',
      target: await targetOf(call, container, services, (mount) => mount.readOnly !== readOnly),
      readOnly,
    }));
  return [
    spec(services, 'dockerMounts.addMount', ['mounts'], (call, container, agreed) =>
      addMount(call, container, services, agreed),
    ),
    spec(services, 'dockerMounts.attachVolume', ['volume', 'target', 'readOnly'], (call, container) =>
      attachVolume(call, container, services),
    ),
    spec(services, 'dockerMounts.attachVolumesFrom', ['from', 'readOnly'], (call, container) =>
      attachVolumesFrom(call, container, services),
    ),
    spec(services, 'dockerMounts.removeMount', ['target'], async (call, container) => ({
      kind: 'remove',
      target: await targetOf(call, container, services, ({ from }) => from === undefined),
    })),
    rights('dockerMounts.setReadOnly', true),
    rights('dockerMounts.setReadWrite', false),
  ];
}
