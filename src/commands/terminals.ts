/** `dockerMounts.openTerminal`: a shell in a container, in the directory of a file. */
import { NotFound } from '../engine/errors.ts';
import { hasProcesses } from '../engine/model.ts';
import { viewsOfHostFile } from '../paths/paths.ts';
import { lookAtHostFile } from '../paths/hostFile.ts';
import { activeFile } from '../ui/activeFile.ts';
import { pickView, seenIn } from '../ui/pathViews.ts';
import { pickContainer } from '../ui/picks.ts';
import { say } from '../ui/shown.ts';
import { answered, textOf, type Call } from './call.ts';
import { containerOfNode } from './containers.ts';
import { openShell, type Where } from './openShell.ts';
import { fileOf, hostViews, unseen } from './paths.ts';
import type { CommandSpec } from './register.ts';
import type { Services } from './services.ts';

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
  return {
    container: await answered(
      pickContainer(containers.filter(hasProcesses), say('Open a terminal in which container?')),
    ),
    containerPath,
  };
}

async function whereFileIs(path: string, services: Services): Promise<Where> {
  const { containers } = await services.watcher.snapshot();
  const seen = seenIn(await hostViews(path, services), containers);
  const [only] = seen;
  if (only === undefined) throw new NotFound('mount', path, unseen(path));
  return seen.length === 1 ? only.view : answered(pickView(seen, say('Open Terminal in Container')));
}

/** Undefined if no file is open, or no container sees it: then any container will do. */
async function whereActiveFileIs(services: Services): Promise<Where | undefined> {
  const uri = activeFile();
  const index = await services.paths.fresh();
  if (uri === undefined || viewsOfHostFile(index, await lookAtHostFile(uri.fsPath)).length === 0) return undefined;
  return whereFileIs(uri.fsPath, services);
}

/** openTerminal. */
export function terminalCommand(services: Services): CommandSpec {
  return {
    id: 'dockerMounts.openTerminal',
    takes: ['container', 'containerPath'],
    asks: true,
    run: async (call) => openShell(await whereOf(call, services), services, { offersStart: call.byHand }),
  };
}
