/** Commands on containers, and the lists. */
import * as vscode from 'vscode';
import { restartContainer, startContainer, stopContainer } from '../engine/actions.ts';
import type { Connection } from '../engine/connection.ts';
import { hasProcesses, type Container, type Volume } from '../engine/model.ts';
import { pickContainer } from '../ui/picks.ts';
import { say, type Shown } from '../ui/shown.ts';
import { withViewProgress } from '../ui/window.ts';
import type { Node } from '../views/nodes.ts';
import { answered, flagOf, textOf, type Call } from './call.ts';
import { eachOne } from './each.ts';
import type { CommandSpec } from './register.ts';
import type { Services } from './services.ts';

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
