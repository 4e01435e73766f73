/** The three trees: where rows come from. */
import * as vscode from 'vscode';
import { listBackups, type BackupFile } from '../backup/list.ts';
import type { EngineState } from '../engine/watcher.ts';
import type { Snapshot } from '../engine/model.ts';
import { childrenOf, subjectsOf, type Node } from './nodes.ts';
import { resolveRow, rowOf } from './rows.ts';

abstract class Tree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.#changed.event;

  abstract getChildren(node?: Node): Node[] | Promise<Node[]>;

  getTreeItem(node: Node): vscode.TreeItem {
    return rowOf(node);
  }

  resolveTreeItem(item: vscode.TreeItem, node: Node): vscode.TreeItem {
    return resolveRow(item, node);
  }

  protected changed(): void {
    this.#changed.fire();
  }

  dispose(): void {
    this.#changed.dispose();
  }
}

/** A tree that shows one snapshot. */
abstract class SnapshotTree extends Tree {
  protected snapshot: Snapshot | undefined;

  show(state: EngineState): void {
    const snapshot = state.kind === 'connected' ? state.snapshot : undefined;
    if (snapshot === this.snapshot) return;
    this.snapshot = snapshot;
    this.changed();
  }
}

/** Containers, and under each its lineage and mounts. */
export class ContainersTree extends SnapshotTree {
  getChildren(node?: Node): Node[] {
    if (this.snapshot === undefined) return [];
    if (node === undefined) return this.snapshot.containers.map((container) => ({ kind: 'container', container }));
    return node.kind === 'container' ? childrenOf(node.container, this.snapshot) : [];
  }

  /** What `TreeView.reveal` needs to open the rows around one. */
  getParent(node: Node): Node | undefined {
    return node.kind === 'mount' || node.kind === 'lineage' ? { kind: 'container', container: node.container } : undefined;
  }
}

/** Volumes, and under each the containers that use it. */
export class VolumesTree extends SnapshotTree {
  getChildren(node?: Node): Node[] {
    if (node === undefined) return (this.snapshot?.volumes ?? []).map((volume) => ({ kind: 'volume', volume }));
    return node.kind === 'volume' ? node.volume.usedBy.map((use) => ({ kind: 'use', volume: node.volume, use })) : [];
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
