/** Prompts for mounts: a list that is filled one mount at a time, and what one mount needs. */
import { posix } from 'node:path';
import * as vscode from 'vscode';
import type { Snapshot, Volume } from '../engine/model.ts';
import { volumeNameProblem } from '../engine/volumes.ts';
import { missingSources } from '../mounts/create.ts';
import type { Connection } from '../engine/connection.ts';
import { parseMountSpec, type MountSettings } from '../mounts/spec.ts';
import { dangerOfMount, dangerSentence } from './danger.ts';
import { pickVolume } from './picks.ts';
import { localPaths } from './settings.ts';

/** The dangerous sources that a person has agreed to, by `agreement`, so that they are not asked twice. */
export type Agreed = Set<string>;

/** A source with its rights. */
export function agreement(source: string, readOnly: boolean): string {
  return `${readOnly ? 'ro' : 'rw'} ${source}`;
}

export type SourceKind = 'folder' | 'path' | 'volume' | 'newVolume';

type SourceItem = vscode.QuickPickItem & { readonly value: SourceKind };

/** The kinds of sources to choose from. A file picker shows this machine, so a remote engine's paths are typed. */
export function sourceItems(isLocal: boolean): SourceItem[] {
  const items: SourceItem[] = [
    { label: `$(folder) ${vscode.l10n.t('Mount a Folder or File…')}`, value: 'folder' },
    { label: `$(edit) ${vscode.l10n.t('Mount a Path on the Engine’s Host…')}`, value: 'path' },
    { label: `$(database) ${vscode.l10n.t('Mount a Volume…')}`, value: 'volume' },
    { label: `$(add) ${vscode.l10n.t('Mount a New Volume…')}`, value: 'newVolume' },
  ];
  return items.filter(({ value }) => isLocal || value !== 'folder');
}

/** A mount with all that it needs, or undefined where a prompt was closed. Asks before a dangerous one and one whose source is missing. */
export async function askMount(kind: SourceKind, connection: Connection, { volumes }: Snapshot, taken: readonly string[], agreed?: Agreed): Promise<MountSettings | undefined> {
  const source = await askSource(kind, volumes);
  return source && completeMount(source, connection, taken, targetFor(source, volumes), agreed);
}

/** Asks for target and rights of a mount of this source. */
export async function completeMount(source: Pick<MountSettings, 'Type' | 'Source'>, connection: Connection, taken: readonly string[], suggestion: string, agreed?: Agreed): Promise<MountSettings | undefined> {
  const target = await askTarget(source.Source, taken, suggestion);
  if (target === undefined) return undefined;
  const readOnly = await askReadOnly(source.Source, target);
  if (readOnly === undefined) return undefined;
  const mount = { ...source, Target: target, ReadOnly: readOnly };
  return (await mayMount(mount, agreed)) && (await mayMakeSource(mount, connection)) ? mount : undefined;
}

/** Where others see a volume; for a path, its name at the root. */
function targetFor({ Type, Source }: Pick<MountSettings, 'Type' | 'Source'>, volumes: readonly Volume[]): string {
  if (Type === 'bind') return `/${posix.basename(Source)}`;
  return volumes.find(({ name }) => name === Source)?.usedBy[0]?.target ?? '/data';
}

async function askSource(kind: SourceKind, volumes: readonly Volume[]): Promise<Pick<MountSettings, 'Type' | 'Source'> | undefined> {
  switch (kind) {
    case 'folder': {
      const options = { canSelectFolders: true, canSelectFiles: true, openLabel: vscode.l10n.t('Mount'), defaultUri: vscode.workspace.workspaceFolders?.[0]?.uri };
      const [chosen] = (await vscode.window.showOpenDialog(options)) ?? [];
      return chosen && { Type: 'bind', Source: chosen.fsPath };
    }
    case 'path': {
      const path = await vscode.window.showInputBox({
        title: vscode.l10n.t('Path on the Engine’s Host'),
        prompt: vscode.l10n.t('An absolute path, or one that begins with ~ for your home'),
        placeHolder: '/srv/data',
        validateInput: (value) => (problemOf({ Type: 'bind', Source: value, Target: '/x' }) ? vscode.l10n.t('Give an absolute path.') : undefined),
      });
      return path === undefined ? undefined : { Type: 'bind', Source: parseMountSpec({ Type: 'bind', Source: path, Target: '/x' }, localPaths()).Source };
    }
    case 'volume': {
      const name = await pickVolume(volumes, vscode.l10n.t('Mount which volume?'));
      return name === undefined ? undefined : { Type: 'volume', Source: name };
    }
    case 'newVolume': {
      const name = await vscode.window.showInputBox({
        title: vscode.l10n.t('New Volume'),
        prompt: vscode.l10n.t('Name of the volume'),
        validateInput: (value) => (volumes.some((volume) => volume.name === value) ? vscode.l10n.t('There is a volume "{0}" already.', value) : volumeNameProblem(value)),
      });
      return name === undefined ? undefined : { Type: 'volume', Source: name };
    }
  }
}

function problemOf(spec: Partial<MountSettings>): boolean {
  try {
    parseMountSpec(spec, localPaths());
    return false;
  } catch {
    return true;
  }
}

/** An absolute path in the container that no other mount has. */
export function askTarget(source: string, taken: readonly string[], suggestion: string): Thenable<string | undefined> {
  return vscode.window.showInputBox({
    title: vscode.l10n.t('Target of the Mount'),
    prompt: vscode.l10n.t('Path in the container for {0}', source),
    value: taken.includes(suggestion) ? '' : suggestion,
    placeHolder: '/data',
    validateInput: (value) => {
      if (problemOf({ Type: 'tmpfs', Target: value })) return vscode.l10n.t('Give an absolute path other than "/".');
      const { Target } = parseMountSpec({ Type: 'tmpfs', Target: value }, localPaths());
      return taken.includes(Target) ? vscode.l10n.t('There is a mount at "{0}" already.', Target) : undefined;
    },
  });
}

async function askReadOnly(source: string, target: string): Promise<boolean | undefined> {
  const readOnly = { label: `$(lock) ${vscode.l10n.t('Read-only')}`, description: vscode.l10n.t('a write in the container fails') };
  const items = [{ label: `$(edit) ${vscode.l10n.t('Read and write')}` }, readOnly];
  const chosen = await vscode.window.showQuickPick(items, { title: `${source} → ${target}`, placeHolder: vscode.l10n.t('With which rights?') });
  return chosen && chosen === readOnly;
}

/** Asks before a bind that gives power over the machine. */
export async function mayMount({ Type, Source, ReadOnly }: MountSettings, agreed?: Agreed): Promise<boolean> {
  const danger = dangerOfMount({ type: Type, source: Source, readOnly: ReadOnly });
  if (danger === undefined) return true;
  const go = vscode.l10n.t('Mount Anyway');
  const question = ReadOnly ? vscode.l10n.t('Mount "{0}"?', Source) : vscode.l10n.t('Mount "{0}" with write access?', Source);
  const isAgreed = (await vscode.window.showWarningMessage(question, { modal: true, detail: dangerSentence(danger) }, go)) === go;
  if (isAgreed) agreed?.add(agreement(Source, ReadOnly));
  return isAgreed;
}

async function mayMakeSource(mount: MountSettings, connection: Connection): Promise<boolean> {
  const [missing] = await missingSources(connection, [mount]);
  if (missing === undefined) return true;
  const make = vscode.l10n.t('Create the Directory');
  const detail = vscode.l10n.t('The engine makes an empty directory there, owned by root, when the container starts.');
  return (await vscode.window.showWarningMessage(vscode.l10n.t('"{0}" does not exist.', missing), { modal: true, detail }, make)) === make;
}

export interface Wish {
  readonly mounts: readonly MountSettings[];
  /** `name` or `name:ro`. */
  readonly volumesFrom: readonly string[];
}

export type Step =
  | { readonly kind: 'add'; readonly source: SourceKind }
  | { readonly kind: 'volumesFrom' }
  | { readonly kind: 'changed'; readonly wish: Wish }
  | { readonly kind: 'create'; readonly start: boolean };

const TOGGLE = () => ({ iconPath: new vscode.ThemeIcon('lock'), tooltip: vscode.l10n.t('Switch between read-only and writable') });
const TAKE_AWAY = () => ({ iconPath: new vscode.ThemeIcon('trash'), tooltip: vscode.l10n.t('Take it off the list') });

type Row = vscode.QuickPickItem & { readonly step?: Step; toggled?: Wish; taken?: Wish };

function rightsWord(readOnly: boolean): string {
  return readOnly ? vscode.l10n.t('read-only') : vscode.l10n.t('read and write');
}

function wishRows({ mounts, volumesFrom }: Wish): Row[] {
  const buttons = [TOGGLE(), TAKE_AWAY()];
  const ofMounts = mounts.map((mount): Row => ({
    label: `$(${mount.Type === 'bind' ? 'folder' : 'database'}) ${mount.Target}`,
    description: `${rightsWord(mount.ReadOnly)} ← ${mount.Source}`,
    buttons,
    toggled: { volumesFrom, mounts: mounts.map((one) => (one === mount ? { ...one, ReadOnly: !one.ReadOnly } : one)) },
    taken: { volumesFrom, mounts: mounts.filter((one) => one !== mount) },
  }));
  const ofContainers = volumesFrom.map((from): Row => {
    const name = from.replace(/:ro$/, '');
    return {
      label: `$(arrow-left) ${vscode.l10n.t('volumes from {0}', name)}`,
      description: rightsWord(name !== from),
      buttons,
      toggled: { mounts, volumesFrom: volumesFrom.map((one) => (one !== from ? one : name === from ? `${name}:ro` : name)) },
      taken: { mounts, volumesFrom: volumesFrom.filter((one) => one !== from) },
    };
  });
  return [...ofMounts, ...ofContainers];
}

/** Shows the mounts chosen so far with what can be done next; undefined when it is closed. A mount that is chosen changes its rights. */
export function askStep(title: string, wish: Wish, isLocal: boolean): Promise<Step | undefined> {
  const heading = (label: string): Row => ({ label, kind: vscode.QuickPickItemKind.Separator });
  const chosen = wishRows(wish);
  const rows: Row[] = [
    ...(chosen.length > 0 ? [heading(vscode.l10n.t('Mounts')), ...chosen] : []),
    heading(vscode.l10n.t('Add')),
    ...sourceItems(isLocal).map((item): Row => ({ label: item.label, step: { kind: 'add', source: item.value } })),
    { label: `$(arrow-left) ${vscode.l10n.t('Take Volumes from a Container…')}`, step: { kind: 'volumesFrom' } },
    heading(vscode.l10n.t('Finish')),
    { label: `$(play) ${vscode.l10n.t('Create and Start')}`, step: { kind: 'create', start: true } },
    { label: `$(check) ${vscode.l10n.t('Create without Starting')}`, step: { kind: 'create', start: false } },
  ];
  return new Promise((resolve) => {
    const pick = vscode.window.createQuickPick<Row>();
    pick.title = title;
    pick.placeholder = chosen.length === 0 ? vscode.l10n.t('Add mounts, then create the container') : vscode.l10n.t('Choose a mount to switch its rights, or what comes next');
    pick.items = rows;
    pick.ignoreFocusOut = true;
    const done = (step: Step | undefined) => {
      resolve(step);
      pick.dispose();
    };
    pick.onDidTriggerItemButton(({ item, button }) => {
      const next = button.tooltip === TOGGLE().tooltip ? item.toggled : item.taken;
      if (next !== undefined) done({ kind: 'changed', wish: next });
    });
    pick.onDidAccept(() => {
      const [row] = pick.selectedItems;
      if (row !== undefined) done(row.step ?? (row.toggled && { kind: 'changed', wish: row.toggled }));
    });
    pick.onDidHide(() => done(undefined));
    pick.show();
  });
}
