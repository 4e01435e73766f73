/** `dockerMounts.openTerminal`: a shell in a container, in the directory of a file. */
import * as vscode from 'vscode';
import { startContainer } from '../engine/actions.ts';
import { hasProcesses } from '../engine/model.ts';
import { planShell, stateOf } from '../engine/shell.ts';
import { viewsOfHostFile } from '../mounts/paths.ts';
import { lookAtHostFile } from '../mounts/hostFile.ts';
import { activeFile } from '../ui/activeFile.ts';
import { pickView, seenIn } from '../ui/pathViews.ts';
import { pickContainer } from '../ui/picks.ts';
import { answered, Dismissed, textOf, type Call } from './call.ts';
import { containerOfNode } from './containers.ts';
import { fileOf, hostViews, unseen } from './paths.ts';
import type { CommandSpec } from './register.ts';
import type { Services } from './services.ts';
import { NotFound } from '../engine/errors.ts';

interface Where {
  readonly container: string;
  readonly containerPath?: string;
}

async function whereOf(call: Call, services: Services): Promise<Where> {
  const container = textOf(call, 'container');
  const containerPath = textOf(call, 'containerPath');
  if (container !== undefined) return { container, containerPath };
  const [node] = call.nodes;
  if (node?.kind === 'mount') return { container: node.container.name, containerPath: node.mount.target };
  const named = node && containerOfNode(node);
  if (named !== undefined) return { container: named };
  const [uri] = call.uris;
  if (uri !== undefined) return whereFileIs(fileOf(uri), services);
  const ofActive = containerPath === undefined ? await whereActiveFileIs(services) : undefined;
  if (ofActive !== undefined) return ofActive;
  const { containers } = await services.watcher.snapshot();
  return { container: await answered(pickContainer(containers.filter(hasProcesses), vscode.l10n.t('Open a terminal in which container?'))), containerPath };
}

async function whereFileIs(path: string, services: Services): Promise<Where> {
  const { containers } = await services.watcher.snapshot();
  const seen = seenIn(await hostViews(path, services), containers);
  const [only] = seen;
  if (only === undefined) throw new NotFound('mount', path, unseen(path));
  return seen.length === 1 ? only.view : answered(pickView(seen, vscode.l10n.t('Open Terminal in Container')));
}

/** Undefined where no file is open, or no container sees it: then any container will do. */
async function whereActiveFileIs(services: Services): Promise<Where | undefined> {
  const uri = activeFile();
  const index = await services.paths.fresh();
  if (uri === undefined || viewsOfHostFile(index, await lookAtHostFile(uri.fsPath)).length === 0) return undefined;
  return whereFileIs(uri.fsPath, services);
}

/** Offers a person to start a container that does not run; code is told by planShell. */
async function offerStart(container: string, services: Services): Promise<void> {
  const connection = await services.watcher.connection();
  const state = await stateOf(connection, container);
  if (state !== 'created' && state !== 'exited') return;
  const start = vscode.l10n.t('Start');
  const chosen = await vscode.window.showWarningMessage(vscode.l10n.t('Container "{0}" is not running, and a terminal needs one that runs.', container), start);
  if (chosen !== start) throw new Dismissed();
  await startContainer(connection, container);
}

/** openTerminal. */
export function terminalCommand(services: Services): CommandSpec {
  const run = async (call: Call) => {
    const { container, containerPath } = await whereOf(call, services);
    if (call.byHand) await offerStart(container, services);
    const connection = await services.watcher.connection();
    const plan = await planShell(connection, container, containerPath);
    services.terminals.open(connection, plan);
    return { container, cwd: plan.cwd, shell: plan.shell };
  };
  return { id: 'dockerMounts.openTerminal', takes: ['container', 'containerPath'], asks: true, run };
}
