/**
 * Which rows or files a command is about when it is chosen in a context menu; knows no `vscode` at run time, so that a
 * unit test can run it.
 */
import type { Node } from '../views/nodes.ts';

/** The commands that can act on several rows or files at once; all others act on the clicked one alone. */
const ON_MANY: ReadonlySet<string> = new Set(
  [
    'startContainer',
    'stopContainer',
    'restartContainer',
    'removeContainer',
    'removeVolume',
    'backup',
    'verifyBackup',
    'deleteBackup',
    'backUpRegularly',
    'runSchedule',
    'removeFromSchedule',
    'cancelScheduled',
    'deleteFile',
    'download',
    'copyFiles',
    'copyFilePath',
    'copyContainerPath',
  ].map((name) => `dockerMounts.${name}`),
);

/**
 * Whether a command can act on several rows or files at once.
 * @internal
 */
export function actsOnMany(command: string): boolean {
  return ON_MANY.has(command);
}

/**
 * The things that a command acts on, the clicked one first. The clicked one leads: the selection counts only where it
 * is part of it and the command can act on many, and then only those of its own kind, so that a click on a container
 * never includes a volume that happens to be selected too. An inline button, or a click outside of the selection, acts
 * on the clicked one alone.
 */
function chosen<T>(
  command: string,
  clicked: T,
  selected: readonly T[],
  isSame: (one: T, other: T) => boolean,
  isAlike: (one: T, other: T) => boolean,
): T[] {
  if (!actsOnMany(command) || !selected.some((one) => isSame(one, clicked))) return [clicked];
  return [clicked, ...selected.filter((one) => !isSame(one, clicked) && isAlike(one, clicked))];
}

/** The rows that a command acts on, the clicked one first; see `chosen`. */
export function chosenRows(command: string, clicked: Node, selected: readonly Node[]): Node[] {
  return chosen(
    command,
    clicked,
    selected,
    (one, other) => one === other,
    (one, other) => one.kind === other.kind,
  );
}

/** The files of the explorer that a command acts on, the clicked one first; alike are those of one file system. */
export function chosenUris<T extends { readonly scheme: string; toString(): string }>(
  command: string,
  clicked: T,
  selected: readonly T[],
): T[] {
  return chosen(
    command,
    clicked,
    selected,
    (one, other) => one.toString() === other.toString(),
    (one, other) => one.scheme === other.scheme,
  );
}
