/** The three trees: where rows come from. */
import * as vscode from 'vscode';
import { listBackups, type BackupFile } from '../backup/list.ts';
import type { Snapshot } from '../engine/model.ts';
import type { EngineState } from '../engine/watcher.ts';
import { uriPathOf } from '../files/place.ts';
import type { Directories } from './directories.ts';
import { childrenOf, placeOfNode, subjectsOf, type Node } from './nodes.ts';
import { resolveRow, rowOf } from './rows.ts';

abstract class Tree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<Node | undefined>();
  readonly onDidChangeTreeData = this.#changed.event;

  abstract getChildren(node?: Node): Node[] | Promise<Node[]>;

  getTreeItem(node: Node): vscode.TreeItem {
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

  /** The files below a row; none where it has none. */
  protected async filesOf(node: Node): Promise<Node[]> {
    const place = placeOfNode(node);
    if (place === undefined) return [];
    this.#rows.set(uriPathOf(place), node);
    return this.#directories.rows(place, node.kind === 'mount' ? node.mount.readOnly : node.kind === 'file' && node.readOnly);
  }

  override dispose(): void {
    this.#following.dispose();
    super.dispose();
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
    return [...node.volume.usedBy.map((use): Node => ({ kind: 'use', volume: node.volume, use })), { kind: 'files', volume: node.volume }];
  }
}

/** Which archives were verified. */
interface VerdictSource {
  of(backup: BackupFile): { readonly ok: boolean; readonly at: string } | undefined;
  readonly onDidChange: vscode.Event<void>;
}

/** The archives of the backup folder by subject; follows the folder. */
export class BackupsTree extends Tree {
  readonly #folder: () => string | undefined;
  readonly #log: vscode.LogOutputChannel;
  readonly #verdicts: VerdictSource;
  readonly #following: vscode.Disposable;
  #watcher: vscode.FileSystemWatcher | undefined;

  constructor(folder: () => string | undefined, verdicts: VerdictSource, log: vscode.LogOutputChannel) {
    super();
    this.#folder = folder;
    this.#log = log;
    this.#verdicts = verdicts;
    this.#following = verdicts.onDidChange(() => this.changed());
    this.follow();
  }

  /** Watches the folder anew, after the setting or the remembered folder changed. */
  follow(): void {
    this.#watcher?.dispose();
    this.#watcher = undefined;
    const folder = this.#folder();
    if (folder !== undefined) {
      this.#watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(vscode.Uri.file(folder), '*.{tar,gz,tgz,zst,tzst,bz2,tbz2,xz,txz,age,gpg,json}'));
      const changed = () => this.changed();
      this.#watcher.onDidCreate(changed);
      this.#watcher.onDidChange(changed);
      this.#watcher.onDidDelete(changed);
    }
    this.changed();
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (node?.kind === 'subject') return node.backups.map((backup) => ({ kind: 'backup', backup, verdict: this.#verdicts.of(backup) }));
    const folder = this.#folder();
    if (node !== undefined || folder === undefined) return [];
    try {
      return subjectsOf(await listBackups(folder));
    } catch (error) {
      this.#log.warn((error as Error).message);
      return [];
    }
  }

  override dispose(): void {
    this.#watcher?.dispose();
    this.#following.dispose();
    super.dispose();
  }
}
