/** The composition root: builds the objects and registers them. Nothing else builds anything. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import * as vscode from 'vscode';
import { ScheduleRunner } from './schedule/runner.ts';
import { undoJob } from './backup/recovery.ts';
import { backupCommands } from './commands/backups.ts';
import { containerCommands } from './commands/containers.ts';
import { createContainerCommands } from './commands/createContainer.ts';
import { selectContextCommand } from './commands/contexts.ts';
import { copyCommands } from './commands/volumeCopies.ts';
import { fileCommands } from './commands/files.ts';
import { dropReceiver, transferCommands } from './commands/fileTransfers.ts';
import { inspectCommand } from './commands/inspect.ts';
import { mountCommands } from './commands/mounts.ts';
import { openHostFileCommand } from './commands/openHostFile.ts';
import { pathCommands } from './commands/paths.ts';
import { offerRecovery } from './commands/recovery.ts';
import { registerCommand, type CommandSpec } from './commands/register.ts';
import { scheduleCommands } from './commands/schedule.ts';
import { projectFileCommands } from './commands/projectFiles.ts';
import type { Services } from './commands/services.ts';
import { restoreCommands } from './commands/restore.ts';
import { terminalCommand } from './commands/terminals.ts';
import { volumeCommands } from './commands/volumes.ts';
import { MountDecorations } from './editor/mountDecorations.ts';
import { MountStatus } from './editor/mountStatus.ts';
import { registerTerminalLinks } from './editor/terminalLinks.ts';
import { ProjectDocuments } from './editor/projectDocuments.ts';
import { showInProjectFiles } from './editor/projectFiles.ts';
import { MountFileSystem } from './editor/fileSystem.ts';
import { VisibleFiles } from './editor/visibleFiles.ts';
import { ProjectReader } from './projects/reader.ts';
import { resolveEndpoint } from './engine/endpoint.ts';
import { recoverJobs } from './engine/helper/records.ts';
import { OriginMemory, type VolumeOrigin } from './engine/volumeOrigins.ts';
import { EngineWatcher, type EngineState } from './engine/watcher.ts';
import { Journal } from './journal/journal.ts';
import { LivePaths } from './paths/livePaths.ts';
import { Files } from './files/files.ts';
import { BackupFolder } from './ui/backupFolder.ts';
import { ContainerTerminals } from './ui/containerTerminals.ts';
import { InspectDocuments } from './ui/inspectDocuments.ts';
import { Passphrases } from './ui/passphrases.ts';
import { SshQuestions } from './ui/sshQuestions.ts';
import { followSchedule, runnerOptions, type ScheduleParts } from './ui/schedule.ts';
import { readSettings } from './ui/settings.ts';
import { shown } from './ui/shown.ts';
import { Verdicts } from './ui/verdicts.ts';
import { openLog, showTree, type Log } from './ui/window.ts';
import { Directories } from './views/directories.ts';
import { FileDrags } from './views/dragAndDrop.ts';
import { placeOfNode, type Node } from './views/nodes.ts';
import { BackupsTree, ContainersTree, VolumesTree } from './views/trees.ts';

const CONTEXT_KEY = 'dockerContext';
const ORIGINS_KEY = 'volumeOrigins';

export function activate(context: vscode.ExtensionContext): void {
  // The floors that know no `vscode` say their failures by the same bundle.
  if (vscode.l10n.bundle !== undefined) l10n.config({ contents: vscode.l10n.bundle });
  const log = openLog('Docker Mounts');
  const chosenContext = {
    get: () => context.globalState.get<string>(CONTEXT_KEY),
    set: (name: string) => context.globalState.update(CONTEXT_KEY, name),
  };
  const journal = new Journal(join(context.globalStorageUri.fsPath, 'journal'));
  openedJournal = journal;
  const sshPrompts = new SshQuestions(context.globalStorageUri.fsPath);
  const watcher = watchEngine(context, log, journal, chosenContext.get, sshPrompts);
  const backupFolder = new BackupFolder(context.globalState);
  const documents = new InspectDocuments();
  const passphrases = new Passphrases(context.secrets);
  const verdicts = new Verdicts(context.globalState);
  const schedule = startSchedule(context, {
    watcher,
    log,
    backupFolder,
    passphrases,
    records: join(context.globalStorageUri.fsPath, 'schedule'),
  });
  const paths = new LivePaths(watcher);
  const terminals = new ContainerTerminals(log);
  const projectReader = new ProjectReader(join(context.extensionPath, 'dist', 'projectWorker.cjs'), {
    bundle: vscode.l10n.bundle,
  });
  const projects = new ProjectDocuments(watcher, log, projectReader);
  const files = openFiles(watcher, log);
  const directories = new Directories(files);
  const reveal = async (node: Node) => {
    // A view that was hidden loads its rows again when it is opened, and would lose sight of the row.
    await vscode.commands.executeCommand('dockerMounts.containers.focus');
    await containersView.reveal(node, { select: true, focus: true, expand: true });
  };
  const services: Services = {
    watcher,
    log,
    documents,
    backupFolder,
    passphrases,
    verdicts,
    schedule,
    chosenContext,
    paths,
    terminals,
    projects,
    files,
    directories,
    reveal,
    sshPrompts,
  };
  context.subscriptions.push(
    log,
    watcher,
    backupFolder,
    verdicts,
    documents,
    paths,
    terminals,
    projects,
    projectReader,
    directories,
  );

  context.subscriptions.push(...commandsOf(services).map((command) => registerCommand(command, log)));
  const containersView = showTrees(context, services);
  showPaths(context, services);
  showFiles(context, services);
  context.subscriptions.push(showInProjectFiles(projects));
  context.subscriptions.push(offerRecovery(services));
  void watcher.start();
}

function commandsOf(services: Services): CommandSpec[] {
  return [
    ...containerCommands(services),
    inspectCommand(services),
    ...volumeCommands(services),
    ...createContainerCommands(services),
    ...mountCommands(services),
    ...backupCommands(services),
    ...restoreCommands(services),
    ...copyCommands(services),
    ...scheduleCommands(services),
    ...fileCommands(services),
    ...transferCommands(services),
    ...pathCommands(services),
    ...projectFileCommands(services),
    terminalCommand(services),
    openHostFileCommand(services),
    selectContextCommand(services),
  ];
}

let runningSchedule: ScheduleRunner | undefined;
let openedFiles: Files | undefined;
let openedJournal: Journal | undefined;

/**
 * VS Code waits a moment for what is returned: what the schedule paused resumes, nothing half written stays, the
 * helpers go.
 */
export async function deactivate(): Promise<void> {
  await Promise.all([runningSchedule?.stop(), openedFiles?.dispose()]);
  await openedJournal?.dispose();
}

function startSchedule(context: vscode.ExtensionContext, parts: ScheduleParts): ScheduleRunner {
  const runner = new ScheduleRunner(runnerOptions(parts));
  runningSchedule = runner;
  context.subscriptions.push(runner, followSchedule(runner, parts, context.secrets));
  runner.start();
  return runner;
}

function openFiles(watcher: EngineWatcher, log: Log): Files {
  openedFiles = new Files({ connection: () => watcher.connection(), snapshot: () => watcher.snapshot(), log });
  return openedFiles;
}

/** Files of mounts in editors and the explorer. */
function showFiles(context: vscode.ExtensionContext, { watcher, files, log }: Services): void {
  const fileSystem = new MountFileSystem(files, log);
  const visible = new VisibleFiles(
    files,
    () => watcher.state.kind === 'connected',
    (changes) => fileSystem.tell(changes),
  );
  // What an engine that went away still holds is found by its record when it is back.
  const release = watcher.onDidChange(({ kind }) => {
    if (kind !== 'connected') void files.release();
  });
  context.subscriptions.push(fileSystem, visible, release);
}

function watchEngine(
  context: vscode.ExtensionContext,
  log: Log,
  journal: Journal,
  chosenContext: () => string | undefined,
  sshPrompts: SshQuestions,
): EngineWatcher {
  const stored = context.globalState.get<Record<string, VolumeOrigin>>(ORIGINS_KEY);
  return new EngineWatcher({
    endpoint: () =>
      resolveEndpoint({
        host: readSettings().host,
        context: chosenContext(),
        env: process.env,
        home: homedir(),
        sshPrompts,
      }),
    onAsked: () => sshPrompts.invite(),
    log,
    journal,
    origins: new OriginMemory(stored, (all) => void context.globalState.update(ORIGINS_KEY, all)),
    onConnected: (connection) => {
      recoverJobs(connection, log, undoJob).catch((error: unknown) => log.warn((error as Error).message));
    },
  });
}

function showPaths(context: vscode.ExtensionContext, { watcher, paths, terminals }: Services): void {
  const containers = () => (watcher.state.kind === 'connected' ? watcher.state.snapshot.containers : []);
  context.subscriptions.push(
    new MountStatus(paths, containers),
    new MountDecorations(paths),
    registerTerminalLinks(paths, terminals),
  );
}

function showTrees(context: vscode.ExtensionContext, services: Services): Pick<vscode.TreeView<Node>, 'reveal'> {
  const { watcher, backupFolder, verdicts, schedule, log, directories } = services;
  const containers = new ContainersTree(directories);
  const volumes = new VolumesTree(directories);
  const backups = new BackupsTree(() => backupFolder.current(), verdicts, schedule, log);
  const dragAndDropController = new FileDrags(dropReceiver(services));
  const view = (
    id: string,
    treeDataProvider: vscode.TreeDataProvider<Node>,
    more: { dragAndDropController?: FileDrags } = {},
  ) => showTree(id, { treeDataProvider, canSelectMany: true, showCollapseAll: id !== 'dockerMounts.backups', ...more });
  const { view: containersView, describe } = view('dockerMounts.containers', containers, { dragAndDropController });
  const { view: volumesView } = view('dockerMounts.volumes', volumes, { dragAndDropController });
  for (const { onDidExpandElement } of [containersView, volumesView]) {
    context.subscriptions.push(
      onDidExpandElement(({ element }) => {
        const place = element.kind === 'volume' ? undefined : placeOfNode(element);
        if (place !== undefined) directories.opened(place);
      }),
    );
  }
  context.subscriptions.push(
    containers,
    volumes,
    backups,
    containersView,
    volumesView,
    view('dockerMounts.backups', backups).view,
  );

  let measured = '';
  const measure = (state: EngineState) => {
    if (state.kind !== 'connected' || !volumesView.visible) return;
    const names = state.snapshot.volumes.map(({ name }) => name).join('\n');
    if (names === measured) return;
    measured = names;
    void watcher.loadSizes();
  };
  const show = (state: EngineState) => {
    void vscode.commands.executeCommand(
      'setContext',
      'dockerMounts.engine',
      state.kind === 'unavailable' ? state.error.reason : state.kind,
    );
    describe(
      state.kind === 'connected'
        ? shown(state.connection.info.name)
        : state.kind === 'unavailable'
          ? shown(state.error.address)
          : undefined,
    );
    containers.show(state);
    volumes.show(state);
    if (state.kind === 'unavailable') measured = '';
    measure(state);
  };
  show(watcher.state);
  const follow = () => {
    void vscode.commands.executeCommand(
      'setContext',
      'dockerMounts.backupFolder',
      backupFolder.current() !== undefined,
    );
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
  return containersView;
}
