/** The composition root: builds the objects and registers them. Nothing else builds anything. */
import { homedir } from 'node:os';
import * as vscode from 'vscode';
import { undoJob } from './backup/undo.ts';
import { backupCommands } from './commands/backups.ts';
import { containerCommands } from './commands/containers.ts';
import { createContainerCommands } from './commands/createContainer.ts';
import { selectContextCommand } from './commands/contexts.ts';
import { copyCommands } from './commands/copies.ts';
import { fileCommands } from './commands/files.ts';
import { dropReceiver, transferCommands } from './commands/transfers.ts';
import { inspectCommand } from './commands/inspect.ts';
import { mountCommands } from './commands/mounts.ts';
import { offerRecovery } from './commands/recovery.ts';
import { registerCommand } from './commands/register.ts';
import type { Services } from './commands/services.ts';
import { restoreCommands } from './commands/restore.ts';
import { volumeCommands } from './commands/volumes.ts';
import { MountFileSystem } from './editor/fileSystem.ts';
import { VisibleFiles } from './editor/visibleFiles.ts';
import { resolveEndpoint } from './engine/endpoint.ts';
import { removeLeftoverHelpers } from './engine/helpers.ts';
import { OriginMemory, type VolumeOrigin } from './engine/volumeOrigins.ts';
import { EngineWatcher, type EngineState } from './engine/watcher.ts';
import { Files } from './files/files.ts';
import { BackupFolder } from './ui/backupFolder.ts';
import { InspectDocuments } from './ui/inspectDocuments.ts';
import { Passphrases } from './ui/passphrases.ts';
import { readSettings } from './ui/settings.ts';
import { Verdicts } from './ui/verdicts.ts';
import { Directories } from './views/directories.ts';
import { FileDrags } from './views/dragAndDrop.ts';
import { placeOfNode, type Node } from './views/nodes.ts';
import { BackupsTree, ContainersTree, VolumesTree } from './views/trees.ts';

const CONTEXT_KEY = 'dockerContext';
const ORIGINS_KEY = 'volumeOrigins';

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Docker Mounts', { log: true });
  const chosenContext = { get: () => context.globalState.get<string>(CONTEXT_KEY), set: (name: string) => context.globalState.update(CONTEXT_KEY, name) };
  const watcher = watchEngine(context, log, chosenContext.get);
  const backupFolder = new BackupFolder(context.globalState);
  const documents = new InspectDocuments();
  const passphrases = new Passphrases(context.secrets);
  const verdicts = new Verdicts(context.globalState);
  files = openFiles(watcher, log);
  const directories = new Directories(files);
  const services: Services = { watcher, log, documents, backupFolder, passphrases, verdicts, chosenContext, files, directories };
  context.subscriptions.push(log, watcher, backupFolder, verdicts, documents, directories);
  showFiles(context, services);

  const commands = [...containerCommands(services), inspectCommand(services), ...backupCommands(services), ...restoreCommands(services), ...copyCommands(services), selectContextCommand(services), ...volumeCommands(services), ...fileCommands(services), ...transferCommands(services), ...createContainerCommands(services), ...mountCommands(services)];
  context.subscriptions.push(...commands.map((command) => registerCommand(command, log)));
  showTrees(context, services);
  context.subscriptions.push(offerRecovery(services));
  void watcher.start();
}

let files: Files | undefined;

/** VS Code waits a moment for what is returned: the helpers go with the window. */
export function deactivate(): Promise<void> | undefined {
  return files?.dispose();
}

function openFiles(watcher: EngineWatcher, log: vscode.LogOutputChannel): Files {
  return new Files({ connection: () => watcher.connection(), snapshot: () => watcher.snapshot(), toolImage: () => readSettings().backup.image, log });
}

/** Files of mounts in editors and the explorer. */
function showFiles(context: vscode.ExtensionContext, { watcher, files, log }: Services): void {
  const fileSystem = new MountFileSystem(files, log);
  const visible = new VisibleFiles(files, () => watcher.state.kind === 'connected', (changes) => fileSystem.tell(changes));
  // What an engine that went away still holds is found by its label when it is back.
  const release = watcher.onDidChange(({ kind }) => {
    if (kind !== 'connected') void files.release();
  });
  context.subscriptions.push(fileSystem, visible, release);
}

function watchEngine(context: vscode.ExtensionContext, log: vscode.LogOutputChannel, chosenContext: () => string | undefined): EngineWatcher {
  const stored = context.globalState.get<Record<string, VolumeOrigin>>(ORIGINS_KEY);
  return new EngineWatcher({
    endpoint: () => resolveEndpoint({ host: readSettings().host, context: chosenContext(), env: process.env, home: homedir() }),
    log,
    origins: new OriginMemory(stored, (all) => void context.globalState.update(ORIGINS_KEY, all)),
    onConnected: (connection) => {
      removeLeftoverHelpers(connection, log, undoJob).catch((error: unknown) => log.warn((error as Error).message));
    },
  });
}

function showTrees(context: vscode.ExtensionContext, services: Services): void {
  const { watcher, backupFolder, verdicts, log, directories } = services;
  const containers = new ContainersTree(directories);
  const volumes = new VolumesTree(directories);
  const backups = new BackupsTree(() => backupFolder.current(), verdicts, log);
  const dragAndDropController = new FileDrags(dropReceiver(services));
  const view = (id: string, treeDataProvider: vscode.TreeDataProvider<Node>, more: { dragAndDropController?: FileDrags } = {}) =>
    vscode.window.createTreeView(id, { treeDataProvider, canSelectMany: true, showCollapseAll: id !== 'dockerMounts.backups', ...more });
  const containersView = view('dockerMounts.containers', containers, { dragAndDropController });
  const volumesView = view('dockerMounts.volumes', volumes, { dragAndDropController });
  for (const { onDidExpandElement } of [containersView, volumesView]) {
    context.subscriptions.push(onDidExpandElement(({ element }) => {
      const place = element.kind === 'volume' ? undefined : placeOfNode(element);
      if (place !== undefined) directories.opened(place);
    }));
  }
  context.subscriptions.push(containers, volumes, backups, containersView, volumesView, view('dockerMounts.backups', backups));

  let measured = '';
  const measure = (state: EngineState) => {
    if (state.kind !== 'connected' || !volumesView.visible) return;
    const names = state.snapshot.volumes.map(({ name }) => name).join('\n');
    if (names === measured) return;
    measured = names;
    void watcher.loadSizes();
  };
  const show = (state: EngineState) => {
    void vscode.commands.executeCommand('setContext', 'dockerMounts.engine', state.kind === 'unavailable' ? state.error.reason : state.kind);
    containersView.description = state.kind === 'connected' ? state.connection.info.name : state.kind === 'unavailable' ? state.error.address : '';
    containers.show(state);
    volumes.show(state);
    if (state.kind === 'unavailable') measured = '';
    measure(state);
  };
  show(watcher.state);
  const follow = () => {
    void vscode.commands.executeCommand('setContext', 'dockerMounts.backupFolder', backupFolder.current() !== undefined);
    backups.follow();
  };
  follow();
  context.subscriptions.push(
    watcher.onDidChange(show),
    volumesView.onDidChangeVisibility(() => measure(watcher.state)),
    backupFolder.onDidChange(follow),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('dockerMounts.host')) void watcher.reconnect();
      if (change.affectsConfiguration('dockerMounts.backup.folder')) follow();
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void watcher.reconnect()),
  );
}
