/** Commands on where a file is seen: resolvePath, showMounts and copyContainerPath. */
import * as vscode from 'vscode';
import { BadArgument, NotFound } from '../engine/errors.ts';
import type { Container } from '../engine/model.ts';
import { lookAtHostFile } from '../paths/hostFile.ts';
import { parsePath } from '../paths/pathText.ts';
import {
  viewInContainer,
  viewsOfContainerPath,
  viewsOfHostFile,
  type PathIndex,
  type PathView,
} from '../paths/paths.ts';
import { activeFile } from '../ui/activeFile.ts';
import { pickView, placeText, seenIn, showViews, type ViewAction } from '../ui/pathViews.ts';
import { expandHome } from '../ui/settings.ts';
import { say, sentence, shown } from '../ui/shown.ts';
import { askText, showBriefly, showInformation } from '../ui/window.ts';
import { answered, textOf, type Call } from './call.ts';
import { openShell } from './openShell.ts';
import type { CommandSpec } from './register.ts';
import type { Services } from './services.ts';

const SAID_MS = 5000;

/** A container of the snapshot by its name, id, or the beginning of its id. Throws NotFound. */
export function containerNamed(containers: readonly Container[], text: string): Container {
  const found =
    containers.find(({ name, id }) => name === text || id === text) ??
    containers.find(({ id }) => text.length >= 12 && id.startsWith(text));
  if (found === undefined)
    throw new NotFound(
      'container',
      text,
      vscode.l10n.t('There is no container "{0}" on this engine. Refresh the view and check the name.', text),
    );
  return found;
}

/** The views of a path of this machine. Throws BadArgument if it cannot be one that the engine knows. */
export async function hostViews(hostPath: string, { paths, watcher }: Services): Promise<PathView[]> {
  const index = await paths.fresh();
  const path = expandHome(hostPath);
  if (parsePath(path) === undefined)
    throw new BadArgument(
      'hostPath',
      vscode.l10n.t('"{0}" is not an absolute path; write it from the root.', hostPath),
    );
  if (!index.host.local) {
    const { endpoint } = await watcher.connection();
    throw new BadArgument(
      'hostPath',
      vscode.l10n.t(
        'The engine at {0} is on another machine, so none of its containers has "{1}" of this machine: they bind paths of that host. Use container and containerPath instead.',
        endpoint.address,
        hostPath,
      ),
    );
  }
  return viewsOfHostFile(index, await lookAtHostFile(path));
}

/** The views of a path in a container, that one first; empty for its own layer. Throws NotFound or BadArgument. */
async function containerViews(
  container: string,
  containerPath: string,
  { paths, watcher }: Services,
): Promise<PathView[]> {
  const index = await paths.fresh();
  const { name } = containerNamed((await watcher.snapshot()).containers, container);
  if (parsePath(containerPath) === undefined)
    throw new BadArgument(
      'containerPath',
      vscode.l10n.t('"{0}" is not an absolute path; write it from the root of the container.', containerPath),
    );
  return viewsAt(index, name, containerPath);
}

/** The views of a path in a container, with the links of this machine's file system looked at. */
export async function viewsAt(index: PathIndex, container: string, containerPath: string): Promise<PathView[]> {
  const hostPath = index.host.local ? viewInContainer(index, container, containerPath)?.hostPath : undefined;
  return viewsOfContainerPath(
    index,
    container,
    containerPath,
    hostPath === undefined ? undefined : await lookAtHostFile(hostPath),
  );
}

/** The paths of this machine that a call is about: given, chosen in the explorer, or the active file. */
async function hostPathsOf(call: Call): Promise<string[]> {
  const given = textOf(call, 'hostPath');
  if (given !== undefined) return [given];
  if (call.uris.length > 0) return call.uris.map(fileOf);
  const active = activeFile();
  if (active !== undefined) return [active.fsPath];
  return [await answered(askText({ title: say('Path on This Machine'), placeHolder: '/home/me/project/config.yml' }))];
}

/**
 * The path of a file that was chosen in an explorer or editor. Throws BadArgument for one that is not on this machine.
 */
export function fileOf(uri: vscode.Uri): string {
  if (uri.scheme === 'file') return uri.fsPath;
  throw new BadArgument(
    'hostPath',
    vscode.l10n.t(
      '{0} is not a file of the machine that the extension runs on, so no container mounts it.',
      uri.toString(true),
    ),
  );
}

/** What a command says when no container sees a path. */
export function unseen(path: string): string {
  return vscode.l10n.t(
    'No container sees "{0}": it is not in a mount of this engine, or a deeper mount hides it.',
    path,
  );
}

function actionsOn(services: Services): ViewAction[] {
  return [
    { icon: 'copy', label: say('Copy Path in Container'), run: (view) => copy([view]) },
    {
      icon: 'terminal',
      label: say('Open Terminal Here'),
      run: (view) => openShell(view, services, { offersStart: true }),
    },
    { icon: 'list-tree', label: say('Reveal in Containers View'), run: (view) => revealMount(view, services) },
  ];
}

async function revealMount({ container, mount }: PathView, { watcher, reveal }: Services): Promise<void> {
  const found = containerNamed((await watcher.snapshot()).containers, container);
  await reveal({ kind: 'mount', container: found, mount, others: [] });
}

async function copy(views: readonly PathView[]): Promise<void> {
  await vscode.env.clipboard.writeText(views.map(({ containerPath }) => containerPath).join('\n'));
  const [first] = views;
  if (first !== undefined)
    showBriefly(
      'check',
      views.length === 1
        ? say('Copied {0}', placeText(first))
        : say('Copied {0} paths in {1}', views.length, first.container),
      SAID_MS,
    );
}

async function present(views: readonly PathView[], title: string, services: Services): Promise<void> {
  const { containers } = await services.watcher.snapshot();
  if (views.length === 0) void showInformation(sentence(unseen(title)));
  else await showViews(seenIn(views, containers), shown(title), actionsOn(services));
}

async function showMounts(call: Call, services: Services): Promise<PathView[]> {
  const [path = ''] = await hostPathsOf(call);
  const views = await hostViews(path, services);
  if (call.byHand) await present(views, path, services);
  return views;
}

/** `web:/app/config.yml` is a path of a container, everything else one of this machine. */
function typedPath(text: string): { container: string; containerPath: string } | { hostPath: string } {
  const colon = text.indexOf(':');
  const isContainer = colon > 0 && parsePath(text) === undefined && parsePath(text.slice(colon + 1)) !== undefined;
  return isContainer ? { container: text.slice(0, colon), containerPath: text.slice(colon + 1) } : { hostPath: text };
}

async function askPath(): Promise<ReturnType<typeof typedPath>> {
  const text = await answered(
    askText({
      title: say('Where Is a Path Seen?'),
      prompt: say('A path on this machine, or CONTAINER:PATH'),
      value: activeFile()?.fsPath ?? '',
    }),
  );
  return typedPath(text.trim());
}

async function resolvePath(call: Call, services: Services): Promise<PathView[]> {
  const [hostPath, container, containerPath] = [
    textOf(call, 'hostPath'),
    textOf(call, 'container'),
    textOf(call, 'containerPath'),
  ];
  if (hostPath !== undefined && (container ?? containerPath) !== undefined)
    throw new BadArgument('hostPath', vscode.l10n.t('Give either hostPath, or container and containerPath.'));
  if ((container === undefined) !== (containerPath === undefined))
    throw new BadArgument('containerPath', vscode.l10n.t('Give container and containerPath together.'));
  const given =
    hostPath !== undefined
      ? { hostPath }
      : container !== undefined && containerPath !== undefined
        ? { container, containerPath }
        : undefined;
  const asked = given ?? (await askPath());
  const views = await ('hostPath' in asked
    ? hostViews(asked.hostPath, services)
    : containerViews(asked.container, asked.containerPath, services));
  const title = 'hostPath' in asked ? asked.hostPath : `${asked.container}:${asked.containerPath}`;
  services.log.list(
    title,
    views.map(
      (view) =>
        `${placeText(view)}${view.readOnly ? ' (read-only)' : ''}${view.hostPath === undefined ? '' : ` <- ${view.hostPath}`}`,
    ),
  );
  if (given === undefined) await present(views, title, services);
  return views;
}

/**
 * One view of each path, all of one container; the one that may be written first. Throws NotFound if there is none.
 */
async function viewsToCopy(call: Call, services: Services): Promise<PathView[]> {
  const wanted = textOf(call, 'container');
  const hostPaths = await hostPathsOf(call);
  const { containers } = await services.watcher.snapshot();
  const name = wanted === undefined ? undefined : containerNamed(containers, wanted).name;
  const all = await Promise.all(
    hostPaths.map(async (path) =>
      seenIn(await hostViews(path, services), containers).filter(
        ({ view }) => name === undefined || view.container === name,
      ),
    ),
  );
  const none = all.findIndex((seen) => seen.length === 0);
  if (none >= 0)
    throw new NotFound(
      'mount',
      hostPaths[none] ?? '',
      name === undefined
        ? unseen(hostPaths[none] ?? '')
        : vscode.l10n.t('Container "{0}" does not see "{1}".', name, hostPaths[none] ?? ''),
    );
  const [first = [], ...rest] = all;
  const everywhere = first.filter(({ view }) =>
    rest.every((seen) => seen.some((other) => other.view.container === view.container)),
  );
  if (everywhere.length === 0)
    throw new NotFound(
      'mount',
      hostPaths.join(', '),
      vscode.l10n.t('No container sees all of the {0} chosen paths; choose fewer.', hostPaths.length),
    );
  const [only] = everywhere;
  const isClear = everywhere.length === 1 || (name !== undefined && !call.byHand);
  const chosen =
    isClear && only !== undefined ? only.view : await answered(pickView(everywhere, say('Copy Path in Container')));
  return [chosen, ...rest.flatMap((seen) => seen.find(({ view }) => view.container === chosen.container)?.view ?? [])];
}

/** resolvePath, showMounts and copyContainerPath. */
export function pathCommands(services: Services): CommandSpec[] {
  return [
    {
      id: 'dockerMounts.resolvePath',
      takes: ['hostPath', 'container', 'containerPath'],
      asks: true,
      run: (call) => resolvePath(call, services),
    },
    { id: 'dockerMounts.showMounts', takes: ['hostPath'], asks: true, run: (call) => showMounts(call, services) },
    {
      id: 'dockerMounts.copyContainerPath',
      takes: ['hostPath', 'container'],
      asks: true,
      run: async (call) => {
        const views = await viewsToCopy(call, services);
        await copy(views);
        return {
          container: views[0]?.container,
          containerPath: views.map(({ containerPath }) => containerPath).join('\n'),
        };
      },
    },
  ];
}
