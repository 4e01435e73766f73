/** The three trees: where rows come from. */
import { resolve } from 'node:path';
import * as vscode from 'vscode';
import { listBackups, newestFirst, type BackupFile } from '../backup/archive/list.ts';
import type { EntryStatus } from '../schedule/runner.ts';
import type { Snapshot } from '../engine/model.ts';
import type { EngineState } from '../engine/watcher.ts';
import { uriPathOf } from '../files/place.ts';
import type { Directories } from './directories.ts';
import { childrenOf, handOut, placeOfNode, subjectsOf, type Node } from './nodes.ts';
import type { Log } from '../ui/window.ts';
import { resolveRow, rowOf } from './rows.ts';
import { ARCHIVE_EXTENSIONS } from '../backup/archive/compression.ts';

abstract class Tree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<Node | undefined>();
  readonly onDidChangeTreeData = this.#changed.event;

  abstract getChildren(node?: Node): Node[] | Promise<Node[]>;

  getTreeItem(node: Node): vscode.TreeItem {
    handOut(node);
    return rowOf(node);
  }

  resolveTreeItem(item: vscode.TreeItem, node: Node): vscode.TreeItem {
    return resolveRow(item, node);
  }

  /** The whole tree, or one row with what is below it. */
  protected changed(node?: Node): void {
    this.#changed.fire(node);
  }

  dispose(): void {
    this.#changed.dispose();
  }
}

/** A tree that shows one snapshot, and files below its mounts or volumes. */
abstract class SnapshotTree extends Tree {
  protected snapshot: Snapshot | undefined;
  readonly #directories: Directories;
  readonly #following: { dispose(): void };
  /** The row that shows a directory now. */
  readonly #rows = new Map<string, Node>();

  constructor(directories: Directories) {
    super();
    this.#directories = directories;
    this.#following = directories.onDidChange((directory) => {
      const node = directory && this.#rows.get(uriPathOf(directory));
      if (directory === undefined || node !== undefined) this.changed(node);
    });
  }

  show(state: EngineState): void {
    const snapshot = state.kind === 'connected' ? state.snapshot : undefined;
    if (snapshot === this.snapshot) return;
    this.snapshot = snapshot;
    this.changed();
  }

  /** The files below a row, if it has any. */
  protected async filesOf(node: Node): Promise<Node[]> {
    const place = placeOfNode(node);
    if (place === undefined) return [];
    this.#rows.set(uriPathOf(place), node);
    return this.#directories.rows(
      place,
      node.kind === 'mount' ? node.mount.readOnly : node.kind === 'file' && node.readOnly,
    );
  }

  override dispose(): void {
    this.#following.dispose();
    super.dispose();
  }

  /** What `TreeView.reveal` needs to open the rows around one. */
  getParent(node: Node): Node | undefined {
    return node.kind === 'mount' || node.kind === 'lineage'
      ? { kind: 'container', container: node.container }
      : undefined;
  }
}

/** Containers, and under each its lineage and mounts with their files. */
export class ContainersTree extends SnapshotTree {
  getChildren(node?: Node): Node[] | Promise<Node[]> {
    if (this.snapshot === undefined) return [];
    if (node === undefined) return this.snapshot.containers.map((container) => ({ kind: 'container', container }));
    return node.kind === 'container' ? childrenOf(node.container, this.snapshot) : this.filesOf(node);
  }
}

/** Volumes, and under each the containers that use it and its files. */
export class VolumesTree extends SnapshotTree {
  getChildren(node?: Node): Node[] | Promise<Node[]> {
    if (node === undefined) return (this.snapshot?.volumes ?? []).map((volume) => ({ kind: 'volume', volume }));
    if (node.kind !== 'volume') return this.filesOf(node);
    return [
      ...node.volume.usedBy.map((use): Node => ({ kind: 'use', volume: node.volume, use })),
      { kind: 'files', volume: node.volume },
    ];
  }
}

interface Verdict {
  readonly ok: boolean;
  readonly at: string;
}

/** Which archives were verified. */
interface VerdictSource {
  of(backup: BackupFile): Verdict | undefined;
  readonly onDidChange: vscode.Event<void>;
}

/** The schedule and the state of its entries. */
interface PlanSource {
  status(): readonly EntryStatus[];
  onDidChange(listener: () => void): vscode.Disposable;
}

/** The later of what this machine remembers and what the manifest says. */
function latest(one: Verdict | undefined, other: Verdict | undefined): Verdict | undefined {
  return one === undefined || (other !== undefined && other.at > one.at) ? other : one;
}

/** The archives of the backup folder, and of those that the schedule writes to, by subject; follows the folders. */
export class BackupsTree extends Tree {
  readonly #folder: () => string | undefined;
  readonly #log: Log;
  readonly #verdicts: VerdictSource;
  readonly #plans: PlanSource;
  readonly #following: vscode.Disposable;
  #watched = '';
  #warned = '';
  #watchers: vscode.Disposable[] = [];

  constructor(folder: () => string | undefined, verdicts: VerdictSource, plans: PlanSource, log: Log) {
    super();
    this.#folder = folder;
    this.#log = log;
    this.#verdicts = verdicts;
    this.#plans = plans;
    this.#following = vscode.Disposable.from(
      verdicts.onDidChange(() => this.changed()),
      plans.onDidChange(() => this.follow()),
    );
    this.follow();
  }

  #folders(): string[] {
    const planned = this.#plans.status().map(({ destination }) => destination);
    return [
      ...new Set(
        [this.#folder(), ...planned].filter((folder) => folder !== undefined).map((folder) => resolve(folder)),
      ),
    ];
  }

  /** Watches other folders if they changed, and shows their archives. */
  follow(): void {
    const folders = this.#folders();
    if (folders.join('\n') !== this.#watched) {
      this.#watched = folders.join('\n');
      this.#unwatch();
      this.#watchers = folders.map((folder) => this.#watch(folder));
    }
    this.changed();
  }

  #watch(folder: string): vscode.Disposable {
    const watcher = vscode.workspace.createFileSystemWatcher(
      new vscode.RelativePattern(vscode.Uri.file(folder), `*.{${[...ARCHIVE_EXTENSIONS, 'json'].join(',')}}`),
    );
    const changed = () => this.changed();
    return vscode.Disposable.from(
      watcher,
      watcher.onDidCreate(changed),
      watcher.onDidChange(changed),
      watcher.onDidDelete(changed),
    );
  }

  #unwatch(): void {
    for (const watcher of this.#watchers) watcher.dispose();
    this.#watchers = [];
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (node?.kind === 'subject')
      return node.backups.map((backup) => ({
        kind: 'backup',
        backup,
        verdict: latest(this.#verdicts.of(backup), backup.verified),
      }));
    if (node !== undefined) return [];
    const listed = await Promise.all(this.#folders().map((folder) => this.#list(folder)));
    return subjectsOf(listed.flat().sort(newestFirst), this.#plans.status());
  }

  async #list(folder: string): Promise<BackupFile[]> {
    try {
      return await listBackups(folder);
    } catch (error) {
      const { message } = error as Error;
      // It is listed every minute while something is planned.
      if (message !== this.#warned) this.#log.warn(message);
      this.#warned = message;
      return [];
    }
  }

  override dispose(): void {
    this.#unwatch();
    this.#following.dispose();
    super.dispose();
  }
}
