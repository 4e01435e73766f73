/** Commands that change the mounts of a container that exists. */
import { homedir } from 'node:os';
import * as vscode from 'vscode';
import { inspectContainer } from '../engine/actions.ts';
import { BadArgument } from '../engine/errors.ts';
import type { MountChange } from '../mounts/change.ts';
import { changeMounts, type Replaced } from '../mounts/replace.ts';
import { parseMountSpecs } from '../mounts/spec.ts';
import { pickContainer } from '../ui/picks.ts';
import { answered, confirmed, flagOf, listOf, textOf, type Call } from './call.ts';
import { containerOfNode } from './containers.ts';
import { askMount } from './createContainer.ts';
import type { CommandSpec } from './register.ts';
import type { Services } from './services.ts';

async function containerOf(call: Call, { watcher }: Services): Promise<string> {
  const [node] = call.nodes;
  const named = textOf(call, 'container') ?? (node && containerOfNode(node));
  return named ?? answered(pickContainer((await watcher.snapshot()).containers, vscode.l10n.t('Change the mounts of which container?')));
}

async function targetOf(call: Call, container: string, { watcher }: Services): Promise<string> {
  const given = textOf(call, 'target');
  if (given !== undefined) return given.replace(/(.)\/+$/, '$1');
  const node = call.nodes.find((one) => one.kind === 'mount');
  if (node !== undefined) return node.mount.target;
  const mounts = (await watcher.snapshot()).containers.find(({ name }) => name === container)?.mounts ?? [];
  const items = mounts.map((mount) => ({ label: mount.target, description: mount.source }));
  const chosen = await answered(vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t('Which mount of {0}?', container) }));
  return chosen.label;
}

/** Says by hand what a replacement costs: what was written outside of the mounts stays behind. */
async function confirmReplacement(container: string, { watcher }: Services): Promise<void> {
  const { docker } = await watcher.connection();
  const changes = ((await docker.getContainer(container).changes()) as unknown[] | null) ?? [];
  const { composeProject } = (await watcher.snapshot()).containers.find(({ name }) => name === container) ?? {};
  const detail = [
    vscode.l10n.t('Docker cannot change the mounts of a container. A new one with the same configuration takes its place; it is put back if that fails.'),
    changes.length === 0 ? '' : vscode.l10n.t('{0} files and directories changed outside of its mounts are lost. Commit it to an image first to keep them.', changes.length),
    composeProject === undefined ? '' : vscode.l10n.t('It belongs to the Compose project {0}, whose file does not know of the change.', composeProject),
  ];
  await confirmed(vscode.l10n.t('Replace container "{0}"?', container), detail.filter((line) => line !== '').join('\n\n'), vscode.l10n.t('Replace'));
}

function spec(services: Services, id: string, takes: string[], changeOf: (call: Call, container: string) => Promise<MountChange>): CommandSpec {
  const run = async (call: Call): Promise<Replaced> => {
    const container = await containerOf(call, services);
    const change = await changeOf(call, container);
    const connection = await services.watcher.connection();
    if (call.byHand) await confirmReplacement(container, services);
    const result = await vscode.window.withProgress({ location: { viewId: 'dockerMounts.containers' } }, () => changeMounts(connection, container, change, services.log));
    if (call.byHand) void vscode.window.showInformationMessage(vscode.l10n.t('Container "{0}" has its new mounts.', result.name));
    return result;
  };
  return { id, takes, asks: true, run };
}

/** addMount, attachVolumesFrom, removeMount, setReadOnly and setReadWrite. */
export function mountCommands(services: Services): CommandSpec[] {
  const rights = (id: string, readOnly: boolean) =>
    spec(services, id, ['container', 'target'], async (call, container) => ({ kind: 'readOnly', target: await targetOf(call, container, services), readOnly }));
  return [
    spec(services, 'dockerMounts.addMount', ['container', 'mounts'], async (call) => {
      if (call.args['mounts'] === undefined) return { kind: 'add', mounts: [await askMount(services)] };
      const mounts = listOf(call, 'mounts');
      if (mounts.length === 0) throw new BadArgument('mounts', vscode.l10n.t('The argument "{0}" must be a list.', 'mounts'));
      return { kind: 'add', mounts: parseMountSpecs(mounts, homedir()) };
    }),
    spec(services, 'dockerMounts.attachVolumesFrom', ['container', 'from', 'readOnly'], async (call, container) => {
      const others = async () => (await services.watcher.snapshot()).containers.filter(({ name }) => name !== container);
      const from = textOf(call, 'from') ?? (await answered(pickContainer(await others(), vscode.l10n.t('Take volumes from which container?'))));
      await inspectContainer(await services.watcher.connection(), from);
      return { kind: 'volumesFrom', from, readOnly: flagOf(call, 'readOnly') ?? false };
    }),
    spec(services, 'dockerMounts.removeMount', ['container', 'target'], async (call, container) => ({ kind: 'remove', target: await targetOf(call, container, services) })),
    rights('dockerMounts.setReadOnly', true),
    rights('dockerMounts.setReadWrite', false),
  ];
}
