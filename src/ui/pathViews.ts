/** Places where a file is seen, in words and as a quick pick. */
import * as vscode from 'vscode';
import { hasProcesses, type Container } from '../engine/model.ts';
import type { PathView } from '../mounts/paths.ts';

/** A view with the container that it belongs to, running ones first. */
export interface Seen {
  readonly view: PathView;
  readonly container: Container;
}

/** Views with their containers; those of running containers first, then writable ones. */
export function seenIn(views: readonly PathView[], containers: readonly Container[]): Seen[] {
  const found = views.flatMap((view): Seen[] => {
    const container = containers.find(({ name }) => name === view.container);
    return container === undefined ? [] : [{ view, container }];
  });
  const rank = ({ view, container }: Seen) => (hasProcesses(container) ? 0 : 2) + (view.readOnly ? 1 : 0);
  return found.sort((a, b) => rank(a) - rank(b));
}

/** `web:/app/config.yml` */
export function placeText({ container, containerPath }: PathView): string {
  return `${container}:${containerPath}`;
}

/** What else there is to say: rights and a state that is not running. */
export function viewWords({ view, container }: Seen): string[] {
  return [view.readOnly ? vscode.l10n.t('read-only') : '', hasProcesses(container) ? '' : vscode.l10n.t('not running')].filter((word) => word !== '');
}

/** How a mount came to show the file. */
function originOf({ mount }: PathView): string {
  const from = mount.from === undefined ? '' : ` · ${vscode.l10n.t('from {0}', mount.from)}`;
  return `${mount.type}${mount.source === '' ? '' : ` ${mount.source}`} → ${mount.target}${from}`;
}

export interface ViewAction {
  readonly icon: string;
  readonly label: string;
  run(view: PathView): unknown;
}

interface Row extends vscode.QuickPickItem {
  readonly seen: Seen;
}

function rowOf(seen: Seen, actions: readonly ViewAction[]): Row {
  return {
    seen,
    label: `$(${seen.view.readOnly ? 'lock' : hasProcesses(seen.container) ? 'vm-running' : 'vm-outline'}) ${placeText(seen.view)}`,
    description: viewWords(seen).join(' · '),
    detail: originOf(seen.view),
    buttons: actions.map(({ icon, label }) => ({ iconPath: new vscode.ThemeIcon(icon), tooltip: label })),
  };
}

/** One of several views; undefined when dismissed. */
export async function pickView(seen: readonly Seen[], title: string): Promise<PathView | undefined> {
  const chosen = await vscode.window.showQuickPick(seen.map((one) => rowOf(one, [])), { title, placeHolder: vscode.l10n.t('In which container?'), matchOnDescription: true, matchOnDetail: true });
  return chosen?.seen.view;
}

/** Shows views with what can be done with each: by its buttons, or chosen, from a second list. Ends when something was done or the list was closed. */
export async function showViews(seen: readonly Seen[], title: string, actions: readonly ViewAction[]): Promise<void> {
  const done = await new Promise<{ view: PathView; action?: ViewAction } | undefined>((resolve) => {
    const pick = vscode.window.createQuickPick<Row>();
    pick.title = title;
    pick.placeholder = vscode.l10n.t('Choose a place for what can be done there');
    pick.matchOnDescription = true;
    pick.matchOnDetail = true;
    pick.items = seen.map((one) => rowOf(one, actions));
    pick.onDidTriggerItemButton(({ item, button }) => {
      const action = actions.find(({ label }) => label === button.tooltip);
      resolve(action && { view: item.seen.view, action });
      pick.dispose();
    });
    pick.onDidAccept(() => {
      const [row] = pick.selectedItems;
      resolve(row && { view: row.seen.view });
      pick.dispose();
    });
    pick.onDidHide(() => {
      resolve(undefined);
      pick.dispose();
    });
    pick.show();
  });
  if (done === undefined) return;
  const choose = async () => (await vscode.window.showQuickPick(actions.map((action) => ({ label: `$(${action.icon}) ${action.label}`, action })), { title: placeText(done.view) }))?.action;
  await (done.action ?? (await choose()))?.run(done.view);
}
