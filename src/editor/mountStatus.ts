/** The status bar item: where containers see the active file. */
import * as vscode from 'vscode';
import type { Container } from '../engine/model.ts';
import { lookAtHostFile } from '../paths/hostFile.ts';
import type { LivePaths } from '../paths/livePaths.ts';
import { viewsOfHostFile, type HostFile } from '../paths/paths.ts';
import { activeFile, onDidChangeActiveFile } from '../ui/activeFile.ts';
import { iconList, type Markdown } from '../ui/markdown.ts';
import { placeText, seenIn, viewWords, type Seen } from '../ui/pathViews.ts';
import { joined, say, shown, type Shown } from '../ui/shown.ts';
import { StatusItem } from '../ui/window.ts';

const LONGEST = 48;
const MOST_LISTED = 20;

/** Looks at the file system when another file becomes active, and at nothing when the snapshot changes. */
export class MountStatus implements vscode.Disposable {
  readonly #paths: LivePaths;
  readonly #containers: () => readonly Container[];
  readonly #item: StatusItem;
  readonly #following: vscode.Disposable;
  #file: HostFile | undefined;

  constructor(paths: LivePaths, containers: () => readonly Container[]) {
    this.#paths = paths;
    this.#containers = containers;
    this.#item = new StatusItem('dockerMounts.mounts', say('Docker Mounts: Places of the Active File'), 90);
    this.#following = vscode.Disposable.from(
      onDidChangeActiveFile(() => void this.#follow()),
      paths.onDidChange(() => this.#show()),
    );
    void this.#follow();
  }

  dispose(): void {
    this.#following.dispose();
    this.#item.dispose();
  }

  async #follow(): Promise<void> {
    const path = activeFile()?.fsPath;
    if (path === this.#file?.path) return;
    const file = path === undefined ? undefined : await lookAtHostFile(path);
    if (path !== activeFile()?.fsPath) return;
    this.#file = file;
    this.#show();
  }

  #show(): void {
    const { index } = this.#paths;
    const seen =
      index === undefined || this.#file === undefined
        ? []
        : seenIn(viewsOfHostFile(index, this.#file), this.#containers());
    const [first] = seen;
    if (first === undefined || this.#file === undefined) return this.#item.hide();
    this.#item.show(partsOf(first, seen.length), {
      tooltip: tooltipOf(seen),
      spoken: say(
        'The active file in containers: {0}',
        joined(
          seen.slice(0, MOST_LISTED).map((one) => joined([placeText(one.view), ...viewWords(one)], ', ')),
          '; ',
        ),
      ),
      command: 'dockerMounts.showMounts',
      title: say('Show Mounts of This File'),
      arguments: [vscode.Uri.file(this.#file.path)],
    });
  }
}

function partsOf({ view, container }: Seen, count: number): ({ readonly icon: string } | Shown)[] {
  const { containerPath } = view;
  const room = LONGEST - container.name.length;
  const path = containerPath.length > room ? `…${containerPath.slice(-Math.max(room, 16))}` : containerPath;
  return [
    { icon: 'vm' },
    shown(`${container.name}:${path}`),
    ...(view.readOnly ? [{ icon: 'lock' }] : []),
    ...(count > 1 ? [shown(`+${count - 1}`)] : []),
  ];
}

function tooltipOf(seen: readonly Seen[]): Markdown {
  const items = seen.slice(0, MOST_LISTED).map((one) => ({
    icon: one.view.readOnly ? 'lock' : 'edit',
    text: joined([placeText(one.view), ...viewWords(one)], ' · '),
  }));
  return iconList(
    say('Seen in containers as'),
    items,
    seen.length > MOST_LISTED ? say('and {0} more', seen.length - MOST_LISTED) : undefined,
  );
}
