/** Commands on containers, and the lists. */
import * as vscode from 'vscode';
import { restartContainer, startContainer, stopContainer } from '../engine/containers.ts';
import type { Connection } from '../engine/connection.ts';
import { hasProcesses, type Container, type Volume } from '../engine/model.ts';
import { pickContainer } from '../ui/picks.ts';
import { names, lines, say, type Shown } from '../ui/shown.ts';
import { withViewProgress } from '../ui/window.ts';
import type { Node } from '../views/nodes.ts';
import { answered, confirmed, flagOf, textOf, type Call } from './call.ts';
import { eachOne } from './each.ts';
import type { CommandSpec } from './register.ts';
import type { Services } from './services.ts';
import { type VolumeFates, volumeFates, removeContainer } from '../mounts/removal.ts';
import { containerNamed } from './paths.ts';
import { labelWithSize } from '../ui/format.ts';

/** The container that a row belongs to. */
export function containerOfNode(node: Node): string | undefined {
  switch (node.kind) {
    case 'container':
    case 'mount':
      return node.container.name;
    case 'lineage':
      return node.other.container;
    case 'use':
      return node.use.container;
    case 'volume':
    case 'backup':
    case 'subject':
    case 'files':
    case 'file':
    case 'more':
    case 'notice':
      return undefined;
  }
}

async function containersOf(
  call: Call,
  { watcher }: Services,
  wanted: (container: Container) => boolean,
  question: Shown,
): Promise<string[]> {
  const named = textOf(call, 'container');
  if (named !== undefined) return [named];
  const fromRows = call.nodes.map(containerOfNode).filter((name) => name !== undefined);
  if (fromRows.length > 0) return [...new Set(fromRows)];
  const { containers } = await watcher.snapshot();
  return [await answered(pickContainer(containers.filter(wanted), question))];
}

function action(
  services: Services,
  id: string,
  act: (connection: Connection, container: string) => Promise<void>,
  wanted: (container: Container) => boolean,
  words: { question: Shown; done: (name: string) => string },
): CommandSpec {
  const run = async (call: Call) => {
    const names = await containersOf(call, services, wanted, words.question);
    const connection = await services.watcher.connection();
    await withViewProgress('dockerMounts.containers', () =>
      eachOne(names, (name) => act(connection, name).then(() => services.log.info(words.done(name))), { atOnce: true }),
    );
  };
  return { id, takes: ['container'], asks: true, run };
}

/** start, stop, restart, listContainers, listVolumes and refresh. */
export function containerCommands(services: Services): CommandSpec[] {
  const { watcher, log } = services;
  return [
    action(services, 'dockerMounts.startContainer', startContainer, (one) => !hasProcesses(one), {
      question: say('Start which container?'),
      done: (name) => vscode.l10n.t('Started container "{0}".', name),
    }),
    action(services, 'dockerMounts.stopContainer', stopContainer, hasProcesses, {
      question: say('Stop which container?'),
      done: (name) => vscode.l10n.t('Stopped container "{0}".', name),
    }),
    action(services, 'dockerMounts.restartContainer', restartContainer, () => true, {
      question: say('Restart which container?'),
      done: (name) => vscode.l10n.t('Restarted container "{0}".', name),
    }),
    {
      id: 'dockerMounts.removeContainer',
      takes: ['container', 'removeVolumes', 'force'],
      asks: true,
      run: (call) => runRemoveContainer(call, services),
    },
    {
      id: 'dockerMounts.refresh',
      takes: [],
      asks: false,
      run: async () => {
        await watcher.refresh();
        services.files.refresh();
        void watcher.loadSizes();
      },
    },
    {
      id: 'dockerMounts.listContainers',
      takes: ['all'],
      asks: false,
      run: async (call) => {
        const all = flagOf(call, 'all') ?? true;
        await watcher.refresh();
        const containers = (await watcher.snapshot()).containers.filter((container) => all || hasProcesses(container));
        log.list(vscode.l10n.t('{0} containers', containers.length), containers.flatMap(containerLines));
        if (call.byHand) log.show(true);
        return containers;
      },
    },
    {
      id: 'dockerMounts.listVolumes',
      takes: ['sizes'],
      asks: false,
      run: async (call) => {
        const sizes = flagOf(call, 'sizes') ?? false;
        await watcher.refresh();
        if (sizes) await watcher.loadSizes();
        const { volumes } = await watcher.snapshot();
        log.list(vscode.l10n.t('{0} volumes', volumes.length), volumes.map(volumeLine));
        if (call.byHand) log.show(true);
        return volumes;
      },
    },
  ];
}

function containerLines(container: Container): string[] {
  const mounts = container.mounts.map(
    ({ type, source, target, readOnly }) =>
      `  ${type} ${source === '' ? '' : `${source} -> `}${target}${readOnly ? ' (read-only)' : ''}`,
  );
  return [`${container.name} (${container.state}, ${container.image})`, ...mounts];
}

function volumeLine({ name, label, driver, usedBy }: Volume): string {
  return `${name}${label === name ? '' : ` (${label})`} ${driver} ${usedBy.length === 0 ? 'dangling' : usedBy.map(({ container, target }) => `${container}:${target}`).join(' ')}`;
}

function fateOfVolumes({ goes, stays }: VolumeFates): Shown[] {
  const gone = goes.map((volume) =>
    say(
      '{0}: anonymous, not used by another container; it stays as a dangling volume unless you remove it too',
      labelWithSize(volume),
    ),
  );
  const kept = stays.map(({ volume, reason, users }) =>
    reason === 'named'
      ? say('{0} stays: it has a name', labelWithSize(volume))
      : say('{0} stays: used by {1}', labelWithSize(volume), names(users)),
  );
  return [...gone, ...kept];
}

async function runRemoveContainer(call: Call, { watcher, log, files }: Services): Promise<unknown> {
  const named = textOf(call, 'container');
  let names = named === undefined ? [] : [named];
  let running: ReadonlySet<string> = new Set();
  let removeVolumes = flagOf(call, 'removeVolumes') ?? false;
  const force = flagOf(call, 'force') ?? false;
  if (named === undefined) {
    const snapshot = await watcher.snapshot();
    const fromRows = call.nodes.map(containerOfNode).filter((one) => one !== undefined);
    names =
      fromRows.length > 0
        ? [...new Set(fromRows)]
        : [await answered(pickContainer(snapshot.containers, say('Remove which container?')))];
    const containers = names.map((name) => containerNamed(snapshot.containers, name));
    running = new Set(containers.filter(hasProcesses).map(({ name }) => name));
    removeVolumes = await askRemoval(containers, volumeFates(snapshot, ...containers), running);
  }
  await files.release();
  const connection = await watcher.connection();
  const removals = await eachOne(names, async (name) => {
    const removal = await removeContainer(connection, name, { removeVolumes, force: force || running.has(name) });
    const { volumesRemoved, volumesKept } = removal;
    log.info(
      vscode.l10n.t(
        'Removed container "{0}"; volumes removed: {1}; volumes kept: {2}.',
        removal.removed,
        volumesRemoved.join(', ') || '-',
        volumesKept.join(', ') || '-',
      ),
    );
    return removal;
  });
  return removals.length === 1 ? removals[0] : removals;
}

/**
 * Names every container that will be removed, and which volumes are removed or kept. Resolves to whether anonymous
 * volumes are removed too. Throws Dismissed.
 */
async function askRemoval(
  containers: readonly Container[],
  fates: VolumeFates,
  running: ReadonlySet<string>,
): Promise<boolean> {
  const only = say('Remove');
  const withVolumes = say('Remove with Anonymous Volumes');
  const [first] = containers;
  const name = first?.name ?? '';
  const single =
    running.size > 0 ? say('Stop and remove container "{0}"?', name) : say('Remove container "{0}"?', name);
  const several =
    running.size > 0
      ? say('Stop and remove {0} containers?', containers.length)
      : say('Remove {0} containers?', containers.length);
  const list = containers.map((one) => (running.has(one.name) ? say('{0} (running)', one.name) : one.name));
  const lost =
    containers.length === 1
      ? say('What it wrote outside its mounts is lost.')
      : say('What they wrote outside their mounts is lost.');
  const detail = lines([...(containers.length === 1 ? [] : [lines(list)]), lost, lines(fateOfVolumes(fates))], '\n\n');
  return (
    (await confirmed(
      containers.length === 1 ? single : several,
      detail,
      only,
      ...(fates.goes.length > 0 ? [withVolumes] : []),
    )) === withVolumes
  );
}
