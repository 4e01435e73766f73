/** Places where a file is seen, in words and as a quick pick. */
import { hasProcesses, type Container } from '../engine/model.ts';
import type { PathView } from '../paths/paths.ts';
import { joined, say, shown, type Shown } from './shown.ts';
import { pickOne, pickOrPress, type Choice, type RowButton } from './window.ts';

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
export function viewWords({ view, container }: Seen): Shown[] {
  return [
    view.readOnly ? say('read-only') : undefined,
    hasProcesses(container) ? undefined : say('not running'),
  ].filter((word) => word !== undefined);
}

/** How a mount came to show the file. */
function originWords({ mount }: PathView): Shown {
  const way = joined([joined([mount.type, mount.source], ' '), mount.target], ' → ');
  return joined([way, mount.from === undefined ? undefined : say('from {0}', mount.from)], ' · ');
}

export interface ViewAction {
  readonly icon: string;
  readonly label: Shown;
  run(view: PathView): unknown;
}

interface ActionButton extends RowButton {
  readonly action: ViewAction;
}

interface Row extends Choice {
  readonly buttons: readonly ActionButton[];
  readonly seen: Seen;
}

function rowOf(seen: Seen, actions: readonly ViewAction[]): Row {
  return {
    seen,
    icon: seen.view.readOnly ? 'lock' : hasProcesses(seen.container) ? 'vm-running' : 'vm-outline',
    label: shown(placeText(seen.view)),
    description: joined(viewWords(seen), ' · '),
    detail: originWords(seen.view),
    buttons: actions.map((action) => ({ icon: action.icon, tooltip: action.label, action })),
  };
}

/** One of several views; undefined when dismissed. */
export async function pickView(seen: readonly Seen[], title: Shown): Promise<PathView | undefined> {
  const chosen = await pickOne(
    seen.map((one) => rowOf(one, [])),
    { title, placeHolder: say('In which container?'), matchOnDescription: true, matchOnDetail: true },
  );
  return chosen?.seen.view;
}

/**
 * Shows views with the actions for each: as buttons, or in a second list once a view is chosen. Ends after an action,
 * or when the list is closed.
 */
export async function showViews(seen: readonly Seen[], title: Shown, actions: readonly ViewAction[]): Promise<void> {
  const placeHolder = say('Choose a place to see its actions');
  const done = await pickOrPress<Row, ActionButton>(
    seen.map((one) => rowOf(one, actions)),
    { title, placeHolder, matchOnDescription: true, matchOnDetail: true },
  );
  if (done === undefined) return;
  const { view } = done.choice.seen;
  const choose = () =>
    pickOne(
      actions.map((action) => ({ icon: action.icon, label: action.label, action })),
      { title: shown(placeText(view)) },
    );
  await (done.button ?? (await choose()))?.action.run(view);
}
