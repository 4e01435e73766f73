/** The status bar item: where containers see the active file. */
import * as vscode from 'vscode';
import type { Container } from '../engine/model.ts';
import { lookAtHostFile } from '../mounts/hostFile.ts';
import type { LivePaths } from '../mounts/livePaths.ts';
import { viewsOfHostFile, type HostFile } from '../mounts/paths.ts';
import { activeFile, onDidChangeActiveFile } from '../ui/activeFile.ts';
import { placeText, seenIn, viewWords, type Seen } from '../ui/pathViews.ts';

const LONGEST = 48;
const MOST_LISTED = 20;

/** Looks at the file system when another file becomes active, and at nothing when the snapshot changes. */
export class MountStatus implements vscode.Disposable {
  readonly #paths: LivePaths;
  readonly #containers: () => readonly Container[];
  readonly #item: vscode.StatusBarItem;
  readonly #following: vscode.Disposable;
  #file: HostFile | undefined;

  constructor(paths: LivePaths, containers: () => readonly Container[]) {
    this.#paths = paths;
    this.#containers = containers;
    this.#item = vscode.window.createStatusBarItem('dockerMounts.mounts', vscode.StatusBarAlignment.Right, 90);
    this.#item.name = vscode.l10n.t('Docker Mounts: Places of the Active File');
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
    const seen = index === undefined || this.#file === undefined ? [] : seenIn(viewsOfHostFile(index, this.#file), this.#containers());
    const [first] = seen;
    if (first === undefined || this.#file === undefined) return this.#item.hide();
    this.#item.text = textOf(first, seen.length);
    this.#item.tooltip = tooltipOf(seen);
    this.#item.accessibilityInformation = { label: vscode.l10n.t('The active file in containers: {0}', seen.map((one) => [placeText(one.view), ...viewWords(one)].join(', ')).join('; ')) };
    this.#item.command = { command: 'dockerMounts.showMounts', title: vscode.l10n.t('Show Mounts of This File'), arguments: [vscode.Uri.file(this.#file.path)] };
    this.#item.show();
  }
}

function textOf({ view, container }: Seen, count: number): string {
  const { containerPath } = view;
  const room = LONGEST - container.name.length;
  const path = containerPath.length > room ? `…${containerPath.slice(-Math.max(room, 16))}` : containerPath;
  // A `$(` of a file's name must not become an icon.
  return `$(vm) ${`${container.name}:${path}`.replaceAll('$(', '$\u200b(')}${view.readOnly ? ' $(lock)' : ''}${count > 1 ? ` +${count - 1}` : ''}`;
}

function tooltipOf(seen: readonly Seen[]): vscode.MarkdownString {
  const markdown = new vscode.MarkdownString('', true);
  markdown.appendMarkdown(`**${vscode.l10n.t('Seen in containers as')}**\n\n`);
  for (const one of seen.slice(0, MOST_LISTED)) {
    markdown.appendMarkdown(`- $(${one.view.readOnly ? 'lock' : 'edit'}) `);
    markdown.appendText([placeText(one.view), ...viewWords(one)].join(' · '));
    markdown.appendMarkdown('\n');
  }
  if (seen.length > MOST_LISTED) markdown.appendMarkdown(`\n${vscode.l10n.t('and {0} more', seen.length - MOST_LISTED)}`);
  return markdown;
}
