/** `dockerMounts.createContainer`: by arguments, or step by step. */
import { homedir } from 'node:os';
import * as vscode from 'vscode';
import { BadArgument } from '../engine/errors.ts';
import { createContainer, type Created, type NewContainer } from '../mounts/create.ts';
import { dangerOf } from '../mounts/danger.ts';
import { parseMountSpec, parseMountSpecs, printMount, type MountSettings } from '../mounts/spec.ts';
import { pickContainer, pickVolume } from '../ui/picks.ts';
import { answered, Dismissed, flagOf, listOf, textOf, textsOf, type Call } from './call.ts';
import type { CommandSpec } from './register.ts';
import type { Services } from './services.ts';

function fromArguments(call: Call, image: string): NewContainer {
  const command = call.args['command'];
  return {
    image,
    name: textOf(call, 'name'),
    command: typeof command === 'string' ? command.split(/\s+/).filter((word) => word !== '') : textsOf(call, 'command'),
    mounts: parseMountSpecs(listOf(call, 'mounts'), homedir()),
    volumesFrom: listOf(call, 'volumesFrom').map((from) => {
      if (typeof from !== 'string' || from === '') throw new BadArgument('volumesFrom', vscode.l10n.t('"volumesFrom" holds names of containers, such as {0}.', '"data:ro"'));
      return from;
    }),
    env: environmentOf(call),
    start: flagOf(call, 'start') ?? true,
    createSource: flagOf(call, 'createSource') ?? true,
  };
}

/** A list of NAME=value, or an object. */
function environmentOf(call: Call): string[] {
  const { env } = call.args;
  if (env !== null && typeof env === 'object' && !Array.isArray(env)) return Object.entries(env).map(([name, value]) => `${name}=${String(value)}`);
  return textsOf(call, 'env') ?? [];
}

const TITLE = () => vscode.l10n.t('Create a Container');

async function pickImage({ watcher }: Services): Promise<string> {
  const { docker } = await watcher.connection();
  const images = (await docker.listImages()).flatMap(({ RepoTags, Id }) => (RepoTags ?? []).filter((tag) => tag !== '<none>:<none>').map((label) => ({ label, description: Id.slice(7, 19) })));
  if (images.length === 0) throw new BadArgument('image', vscode.l10n.t('This engine has no images; pull or build one first.'));
  return (await answered(vscode.window.showQuickPick(images, { title: TITLE(), placeHolder: vscode.l10n.t('From which image? Nothing is pulled.') }))).label;
}

async function askTarget(source: string): Promise<{ target: string; readOnly: boolean }> {
  const target = await answered(
    vscode.window.showInputBox({
      title: TITLE(),
      prompt: vscode.l10n.t('Path in the container for {0}', source),
      placeHolder: '/data',
      validateInput: (value) => {
        try {
          parseMountSpec({ Type: 'tmpfs', Target: value }, '');
          return undefined;
        } catch {
          return vscode.l10n.t('Give an absolute path other than "/".');
        }
      },
    }),
  );
  const readOnly = { label: vscode.l10n.t('Read-only') };
  const chosen = await answered(vscode.window.showQuickPick([{ label: vscode.l10n.t('Read and write') }, readOnly], { title: TITLE(), placeHolder: vscode.l10n.t('With which rights?') }));
  return { target, readOnly: chosen === readOnly };
}

/** Mounts one at a time, until the user is done. */
async function askMounts({ watcher }: Services): Promise<{ mounts: MountSettings[]; volumesFrom: string[]; start: boolean }> {
  const mounts: MountSettings[] = [];
  const volumesFrom: string[] = [];
  for (;;) {
    const { containers, volumes } = await watcher.snapshot();
    const sources = sourceItems();
    const start = { label: `$(play) ${vscode.l10n.t('Create and Start')}` };
    const create = { label: `$(check) ${vscode.l10n.t('Create without Starting')}` };
    const from = { label: `$(arrow-left) ${vscode.l10n.t('Take Volumes from a Container…')}` };
    const placeHolder = [...mounts.map(printMount), ...volumesFrom.map((name) => `volumes-from ${name}`)].join('  ') || vscode.l10n.t('No mounts yet');
    const chosen = await answered(vscode.window.showQuickPick<vscode.QuickPickItem & { readonly value?: SourceKind }>([...sources, from, start, create], { title: TITLE(), placeHolder }));
    if (chosen === start || chosen === create) return { mounts, volumesFrom, start: chosen === start };
    if (chosen.value === undefined) {
      const name = await pickContainer(containers, vscode.l10n.t('Take volumes from which container?'));
      if (name !== undefined) volumesFrom.push(name);
      continue;
    }
    const mount = await askOne(chosen.value, volumes);
    if (mount === undefined) continue;
    mounts.push(parseMountSpecs([...mounts, mount], homedir()).at(-1) ?? mount);
  }
}

type SourceKind = 'folder' | 'volume' | 'new';

function sourceItems(): (vscode.QuickPickItem & { readonly value: SourceKind })[] {
  return [
    { label: `$(folder) ${vscode.l10n.t('Mount a Folder or File…')}`, value: 'folder' },
    { label: `$(database) ${vscode.l10n.t('Mount a Volume…')}`, value: 'volume' },
    { label: `$(add) ${vscode.l10n.t('Mount a New Volume…')}`, value: 'new' },
  ];
}

async function askOne(kind: SourceKind, volumes: Parameters<typeof pickVolume>[0]): Promise<MountSettings | undefined> {
  const source = await askSource(kind, volumes);
  if (source === undefined) return undefined;
  const { target, readOnly } = await askTarget(source.Source);
  const mount = { ...source, Target: target, ReadOnly: readOnly };
  return (await mayMount(mount)) ? mount : undefined;
}

/** One mount for a container that exists. */
export async function askMount({ watcher }: Services): Promise<MountSettings> {
  const { value } = await answered(vscode.window.showQuickPick(sourceItems(), { placeHolder: vscode.l10n.t('Add which mount?') }));
  const mount = await askOne(value, (await watcher.snapshot()).volumes);
  if (mount === undefined) throw new Dismissed();
  return mount;
}

async function askSource(kind: SourceKind, volumes: Parameters<typeof pickVolume>[0]): Promise<Pick<MountSettings, 'Type' | 'Source'> | undefined> {
  if (kind === 'folder') {
    const [chosen] = (await vscode.window.showOpenDialog({ canSelectFolders: true, canSelectFiles: true, openLabel: vscode.l10n.t('Mount'), defaultUri: vscode.workspace.workspaceFolders?.[0]?.uri })) ?? [];
    return chosen && { Type: 'bind', Source: chosen.fsPath };
  }
  const name = kind === 'volume' ? await pickVolume(volumes, vscode.l10n.t('Mount which volume?')) : await vscode.window.showInputBox({ title: TITLE(), prompt: vscode.l10n.t('Name of the new volume') });
  return name === undefined || name === '' ? undefined : { Type: 'volume', Source: name };
}

async function mayMount(mount: MountSettings): Promise<boolean> {
  const danger = dangerOf(mount, { home: homedir(), workspaces: vscode.workspace.workspaceFolders?.map(({ uri }) => uri.fsPath) ?? [] });
  if (danger === undefined) return true;
  const detail = {
    socket: vscode.l10n.t('Whoever holds the engine’s socket rules this machine.'),
    system: vscode.l10n.t('The container could change the system itself.'),
    home: vscode.l10n.t('It is the home of another user.'),
    aboveWorkspace: vscode.l10n.t('It lies above the workspace, so the container could change all that is in there.'),
  }[danger];
  const go = vscode.l10n.t('Mount Anyway');
  return (await vscode.window.showWarningMessage(vscode.l10n.t('Mount "{0}" with write access?', mount.Source), { modal: true, detail }, go)) === go;
}

async function run(call: Call, services: Services): Promise<Created> {
  const given = textOf(call, 'image');
  const image = given ?? (await pickImage(services));
  let wanted = fromArguments(call, image);
  if (call.byHand) {
    const name = await answered(vscode.window.showInputBox({ title: TITLE(), prompt: vscode.l10n.t('Name of the container; empty for one that the engine makes up') }));
    wanted = { ...wanted, ...(name === '' ? {} : { name }), ...(await askMounts(services)) };
  }
  const made = await createContainer(await services.watcher.connection(), wanted, services.log);
  services.log.info(vscode.l10n.t('Created container "{0}" from {1}.', made.name, image));
  if (call.byHand) void vscode.window.showInformationMessage([vscode.l10n.t('Created container "{0}".', made.name), ...made.warnings].join(' '));
  return made;
}

export function createContainerCommand(services: Services): CommandSpec {
  const takes = ['image', 'name', 'command', 'mounts', 'volumesFrom', 'env', 'start', 'createSource'];
  return { id: 'dockerMounts.createContainer', takes, asks: true, run: (call) => run(call, services) };
}
