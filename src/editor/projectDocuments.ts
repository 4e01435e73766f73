/**
 * What the open documents say about mounts: read once for each version; an event fires when that or the engine changes.
 */
import { homedir } from 'node:os';
import * as vscode from 'vscode';
import type { Snapshot } from '../engine/model.ts';
import type { EngineState, EngineWatcher } from '../engine/watcher.ts';
import { runningProjects, type HostFacts } from '../projects/drift.ts';
import type { ProjectReader } from '../projects/reader.ts';
import type { ComposeProject, Devcontainer, DockerfileFacts, FileMount } from '../projects/model.ts';
import type { Around } from '../projects/problems.ts';
import type { Log } from '../ui/window.ts';
import { hostFacts, readSmallFile, seesLocalPaths } from '../projects/hostFacts.ts';
import { kindOf, mattersToOthers } from './selectors.ts';

export type FileModel =
  | { readonly kind: 'compose'; readonly file: string; readonly project: ComposeProject; readonly facts: HostFacts }
  | { readonly kind: 'dockerfile'; readonly file: string; readonly dockerfile: DockerfileFacts }
  | {
      readonly kind: 'devcontainer';
      readonly file: string;
      readonly devcontainer: Devcontainer;
      readonly facts: HostFacts;
    };

interface Reading {
  readonly version: number;
  readonly model: Promise<FileModel | undefined>;
}

/** While a person types, changes follow within this time. */
const DEBOUNCE_MS = 300;

/** Owned by the composition root. */
export class ProjectDocuments implements vscode.Disposable {
  readonly #watcher: Pick<EngineWatcher, 'state' | 'onDidChange' | 'loadSizes'>;
  readonly #log: Log;
  readonly #reader: ProjectReader;
  readonly #readings = new Map<string, Reading>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #changed = new vscode.EventEmitter<vscode.TextDocument>();
  readonly #subscriptions: { dispose(): unknown }[];
  #running = '';
  #measured = '';
  /** Fires for a document when it, or the engine, says something new. */
  readonly onDidChange = this.#changed.event;

  constructor(watcher: Pick<EngineWatcher, 'state' | 'onDidChange' | 'loadSizes'>, log: Log, reader: ProjectReader) {
    this.#reader = reader;
    this.#watcher = watcher;
    this.#log = log;
    this.#subscriptions = [
      this.#changed,
      watcher.onDidChange((state) => this.#onEngine(state)),
      vscode.workspace.onDidOpenTextDocument((document) => this.#soon(document)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.#soon(document)),
      vscode.workspace.onDidCloseTextDocument((document) => this.#forget(document)),
      vscode.workspace.onDidSaveTextDocument((document) => mattersToOthers(document) && this.refresh()),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.refresh()),
      // What is on the disk may have changed.
      vscode.window.onDidChangeActiveTextEditor((editor) => editor && this.#again(editor.document)),
      vscode.window.onDidChangeWindowState(({ focused }) => focused && this.refresh()),
    ];
    for (const document of vscode.workspace.textDocuments) this.#soon(document);
  }

  /** Undefined while no engine is connected. */
  get snapshot(): Snapshot | undefined {
    return this.#watcher.state.kind === 'connected' ? this.#watcher.state.snapshot : undefined;
  }

  /** What is known around a file. */
  around(facts: HostFacts): Around {
    const { state } = this.#watcher;
    return { snapshot: this.snapshot, isLocal: state.kind === 'connected' && seesLocalPaths(state.connection), facts };
  }

  /** The model of a document as it is now; undefined for one that holds no mounts. */
  modelOf(document: vscode.TextDocument): Promise<FileModel | undefined> {
    const key = document.uri.toString();
    const known = this.#readings.get(key);
    if (known?.version === document.version) return known.model;
    const model = this.#readAndSay(document).catch((error: unknown) => {
      this.#log.warn(
        vscode.l10n.t('{0} could not be read for its mounts: {1}', document.uri.fsPath, (error as Error).message),
      );
      return undefined;
    });
    this.#readings.set(key, { version: document.version, model });
    return model;
  }

  /** Reads all open documents again: something beside them changed. */
  refresh(): void {
    this.#readings.clear();
    for (const document of vscode.workspace.textDocuments) this.#soon(document, 0);
  }

  dispose(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    for (const one of this.#subscriptions) one.dispose();
  }

  #soon(document: vscode.TextDocument, ms = DEBOUNCE_MS): void {
    if (kindOf(document) === undefined) return;
    const key = document.uri.toString();
    clearTimeout(this.#timers.get(key));
    const tell = () => {
      this.#timers.delete(key);
      void this.modelOf(document).then(() => !document.isClosed && this.#changed.fire(document));
    };
    this.#timers.set(key, setTimeout(tell, ms));
  }

  #again(document: vscode.TextDocument): void {
    this.#readings.delete(document.uri.toString());
    this.#soon(document, 0);
  }

  #forget(document: vscode.TextDocument): void {
    const key = document.uri.toString();
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
    this.#readings.delete(key);
  }

  #onEngine(state: EngineState): void {
    const running = state.kind === 'connected' ? JSON.stringify(runningProjects(state.snapshot)) : '';
    // The labels of containers tell which files a project consists of.
    if (running !== this.#running) this.#readings.clear();
    this.#running = running;
    for (const document of vscode.workspace.textDocuments) this.#soon(document, 0);
  }

  /** Sizes are asked for once for a set of volumes, as the Volumes view does. */
  #measure(): void {
    const names = (this.snapshot?.volumes ?? []).map(({ name }) => name).join('\n');
    if (names === '' || names === this.#measured) return;
    this.#measured = names;
    void this.#watcher.loadSizes();
  }

  async #readAndSay(document: vscode.TextDocument): Promise<FileModel | undefined> {
    const model = await this.#read(document);
    const limit = model === undefined ? undefined : limitIn(model);
    if (limit !== undefined)
      this.#log.warn(
        vscode.l10n.t(
          'The mounts of "{0}" are not checked: the file, or a file that it includes, is too large ({1}).',
          document.uri.fsPath,
          limit,
        ),
      );
    return model;
  }

  async #read(document: vscode.TextDocument): Promise<FileModel | undefined> {
    const file = document.uri.fsPath;
    const kind = kindOf(document);
    switch (kind) {
      case undefined:
        return undefined;
      case 'dockerfile': {
        return { kind, file, dockerfile: await this.#reader.read({ kind, file, text: document.getText() }, readText) };
      }
      case 'devcontainer': {
        const devcontainer = await this.#reader.read(
          { kind, file, text: document.getText(), env: { ...process.env }, home: homedir() },
          readText,
        );
        return { kind, file, devcontainer, facts: await hostFacts(bindSources(devcontainer.mounts).filter(mayLookAt)) };
      }
      case 'compose': {
        const running = this.snapshot === undefined ? [] : runningProjects(this.snapshot);
        const project = await this.#reader.read(
          { kind, file, env: { ...process.env }, home: homedir(), running },
          readText,
        );
        this.#measure();
        return {
          kind,
          file,
          project,
          facts: await hostFacts(bindSources(project.services.flatMap(({ mounts }) => mounts)).filter(mayLookAt)),
        };
      }
    }
  }
}

function limitIn(model: FileModel): string | undefined {
  switch (model.kind) {
    case 'compose':
      return model.project.limit?.kind;
    case 'dockerfile':
      return model.dockerfile.limit;
    case 'devcontainer':
      return model.devcontainer.limit;
  }
}

function bindSources(mounts: readonly FileMount[]): string[] {
  return mounts.flatMap(({ type, source }) => (type === 'bind' ? [source] : []));
}

/**
 * Until the workspace is trusted, only paths in it are looked at. Otherwise a file could have any path opened, for
 * example one of a network share.
 */
function mayLookAt(path: string): boolean {
  return vscode.workspace.isTrusted || vscode.workspace.getWorkspaceFolder(vscode.Uri.file(path)) !== undefined;
}

/** An open editor's text comes before what is on the disk. */
async function readText(file: string): Promise<string | undefined> {
  const open = vscode.workspace.textDocuments.find(({ uri }) => uri.scheme === 'file' && uri.fsPath === file);
  if (open !== undefined) return open.getText();
  return mayLookAt(file) ? readSmallFile(file) : undefined;
}
