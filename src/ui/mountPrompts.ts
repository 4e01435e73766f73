/** Prompts for mounts: a list that is filled one mount at a time, and what one mount needs. */
import { posix } from 'node:path';
import * as vscode from 'vscode';
import type { Snapshot, Volume } from '../engine/model.ts';
import { missingSources } from '../mounts/create.ts';
import type { Connection } from '../engine/connection.ts';
import { parseMountSpec } from '../mounts/spec.ts';
import { type MountSettings } from '../mounts/mountSettings.ts';
import { dangerOfMount, dangerSentence } from './danger.ts';
import { pickVolume } from './picks.ts';
import { localPaths } from './settings.ts';
import { joined, say, shown, type Shown } from './shown.ts';
import { problemOfVolumeName } from './volumePrompts.ts';
import { askInDialog, askText, chooseFiles, pickOne, pickOrPress, type Choice, type Heading } from './window.ts';

/** The dangerous sources that a person has agreed to, by `agreement`, so that they are not asked twice. */
export type Agreed = Set<string>;

/** A source with its rights. */
export function agreement(source: string, readOnly: boolean): string {
  return `${readOnly ? 'ro' : 'rw'} ${source}`;
}

export type SourceKind = 'folder' | 'path' | 'volume' | 'newVolume';

type SourceItem = Choice & { readonly value: SourceKind };

/** The kinds of sources to choose from. A file picker shows this machine, so a remote engine's paths are typed. */
export function sourceItems(isLocal: boolean): SourceItem[] {
  const items: SourceItem[] = [
    { icon: 'folder', label: say('Mount a Folder or File…'), value: 'folder' },
    { icon: 'edit', label: say('Mount a Path on the Engine’s Host…'), value: 'path' },
    { icon: 'database', label: say('Mount a Volume…'), value: 'volume' },
    { icon: 'add', label: say('Mount a New Volume…'), value: 'newVolume' },
  ];
  return items.filter(({ value }) => isLocal || value !== 'folder');
}

/**
 * A mount with all that it needs, or undefined if a prompt was closed. Asks first if the mount is dangerous or its
 * source is missing.
 */
export async function askMount(
  kind: SourceKind,
  connection: Connection,
  { volumes }: Snapshot,
  taken: readonly string[],
  agreed?: Agreed,
): Promise<MountSettings | undefined> {
  const source = await askSource(kind, volumes);
  return source && completeMount(source, connection, taken, targetFor(source, volumes), agreed);
}

/** Asks for target and rights of a mount of this source. */
export async function completeMount(
  source: Pick<MountSettings, 'Type' | 'Source'>,
  connection: Connection,
  taken: readonly string[],
  suggestion: string,
  agreed?: Agreed,
): Promise<MountSettings | undefined> {
  const target = await askTarget(source.Source, taken, suggestion);
  if (target === undefined) return undefined;
  const readOnly = await askReadOnly(source.Source, target);
  if (readOnly === undefined) return undefined;
  const mount = { ...source, Target: target, ReadOnly: readOnly };
  return (await mayMount(mount, agreed)) && (await mayMakeSource(mount, connection)) ? mount : undefined;
}

/** The suggested target: where other containers mount the volume; for a path, its name at the root. */
function targetFor({ Type, Source }: Pick<MountSettings, 'Type' | 'Source'>, volumes: readonly Volume[]): string {
  if (Type === 'bind') return `/${posix.basename(Source)}`;
  return volumes.find(({ name }) => name === Source)?.usedBy[0]?.target ?? '/data';
}

async function askSource(
  kind: SourceKind,
  volumes: readonly Volume[],
): Promise<Pick<MountSettings, 'Type' | 'Source'> | undefined> {
  switch (kind) {
    case 'folder': {
      const first = vscode.workspace.workspaceFolders?.[0];
      const options = {
        canSelectFolders: true,
        canSelectFiles: true,
        openLabel: say('Mount'),
        ...(first === undefined ? {} : { defaultUri: first.uri }),
      };
      const [chosen] = (await chooseFiles(options)) ?? [];
      return chosen && { Type: 'bind', Source: chosen.fsPath };
    }
    case 'path': {
      const path = await askText({
        title: say('Path on the Engine’s Host'),
        prompt: say('An absolute path, or one that begins with ~ for your home'),
        placeHolder: '/srv/data',
        validateInput: (value) =>
          problemOf({ Type: 'bind', Source: value, Target: '/x' }) ? say('Give an absolute path.') : undefined,
      });
      return path === undefined
        ? undefined
        : { Type: 'bind', Source: parseMountSpec({ Type: 'bind', Source: path, Target: '/x' }, localPaths()).Source };
    }
    case 'volume': {
      const name = await pickVolume(volumes, say('Mount which volume?'));
      return name === undefined ? undefined : { Type: 'volume', Source: name };
    }
    case 'newVolume': {
      const name = await askText({
        title: say('New Volume'),
        prompt: say('Name of the volume'),
        validateInput: (value) =>
          volumes.some((volume) => volume.name === value)
            ? say('There is a volume "{0}" already.', value)
            : problemOfVolumeName(value),
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
function askTarget(source: string, taken: readonly string[], suggestion: string): Thenable<string | undefined> {
  return askText({
    title: say('Target of the Mount'),
    prompt: say('Path in the container for {0}', source),
    value: taken.includes(suggestion) ? '' : suggestion,
    placeHolder: '/data',
    validateInput: (value) => {
      if (problemOf({ Type: 'tmpfs', Target: value })) return say('Give an absolute path other than "/".');
      const { Target } = parseMountSpec({ Type: 'tmpfs', Target: value }, localPaths());
      return taken.includes(Target) ? say('There is a mount at "{0}" already.', Target) : undefined;
    },
  });
}

async function askReadOnly(source: string, target: string): Promise<boolean | undefined> {
  const readOnly = { icon: 'lock', label: say('Read-only'), description: say('writes in the container fail') };
  const items = [{ icon: 'edit', label: say('Read and write') }, readOnly];
  const chosen = await pickOne(items, {
    title: joined([source, target], ' → '),
    placeHolder: say('With which rights?'),
  });
  return chosen && chosen === readOnly;
}

/** Asks before a bind that gives power over the machine. */
async function mayMount({ Type, Source, ReadOnly }: MountSettings, agreed?: Agreed): Promise<boolean> {
  const danger = dangerOfMount({ type: Type, source: Source, readOnly: ReadOnly });
  if (danger === undefined) return true;
  const go = say('Mount Anyway');
  const question = ReadOnly ? say('Mount "{0}"?', Source) : say('Mount "{0}" with write access?', Source);
  const isAgreed = (await askInDialog('Warning', question, dangerSentence(danger), go)) === go;
  if (isAgreed) agreed?.add(agreement(Source, ReadOnly));
  return isAgreed;
}

async function mayMakeSource(mount: MountSettings, connection: Connection): Promise<boolean> {
  const [missing] = await missingSources(connection, [mount]);
  if (missing === undefined) return true;
  const make = say('Create the Directory');
  const detail = say('The engine creates an empty directory there, owned by root, when the container starts.');
  return (await askInDialog('Warning', say('"{0}" does not exist.', missing), detail, make)) === make;
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

const TOGGLE = () => ({
  icon: 'lock',
  does: 'toggled' as const,
  tooltip: say('Switch between read-only and writable'),
});
const TAKE_AWAY = () => ({ icon: 'trash', does: 'taken' as const, tooltip: say('Remove from the list') });

type Button = ReturnType<typeof TOGGLE> | ReturnType<typeof TAKE_AWAY>;
type Row = Choice & {
  readonly buttons?: readonly Button[];
  readonly step?: Step;
  readonly toggled?: Wish;
  readonly taken?: Wish;
};

function rightsWord(readOnly: boolean): Shown {
  return readOnly ? say('read-only') : say('read and write');
}

function wishRows({ mounts, volumesFrom }: Wish): Row[] {
  const buttons = [TOGGLE(), TAKE_AWAY()];
  const ofMounts = mounts.map((mount): Row => ({
    icon: mount.Type === 'bind' ? 'folder' : 'database',
    label: shown(mount.Target),
    description: joined([rightsWord(mount.ReadOnly), mount.Source], ' ← '),
    buttons,
    toggled: { volumesFrom, mounts: mounts.map((one) => (one === mount ? { ...one, ReadOnly: !one.ReadOnly } : one)) },
    taken: { volumesFrom, mounts: mounts.filter((one) => one !== mount) },
  }));
  const ofContainers = volumesFrom.map((from): Row => {
    const name = from.replace(/:ro$/, '');
    return {
      icon: 'arrow-left',
      label: say('volumes from {0}', name),
      description: rightsWord(name !== from),
      buttons,
      toggled: {
        mounts,
        volumesFrom: volumesFrom.map((one) => (one !== from ? one : name === from ? `${name}:ro` : name)),
      },
      taken: { mounts, volumesFrom: volumesFrom.filter((one) => one !== from) },
    };
  });
  return [...ofMounts, ...ofContainers];
}

/**
 * Shows the mounts chosen so far with what can be done next; undefined when it is closed. A mount that is chosen
 * changes its rights.
 */
export async function askStep(title: Shown, wish: Wish, isLocal: boolean): Promise<Step | undefined> {
  const heading = (text: Shown): Heading => ({ heading: text });
  const chosen = wishRows(wish);
  const rows: (Row | Heading)[] = [
    ...(chosen.length > 0 ? [heading(say('Mounts')), ...chosen] : []),
    heading(say('Add')),
    ...sourceItems(isLocal).map((item): Row => ({ ...item, step: { kind: 'add', source: item.value } })),
    { icon: 'arrow-left', label: say('Take Volumes from a Container…'), step: { kind: 'volumesFrom' } },
    heading(say('Finish')),
    { icon: 'play', label: say('Create and Start'), step: { kind: 'create', start: true } },
    { icon: 'check', label: say('Create without Starting'), step: { kind: 'create', start: false } },
  ];
  const placeHolder =
    chosen.length === 0
      ? say('Add mounts, then create the container')
      : say('Choose a mount to switch its rights, or choose the next step');
  const done = await pickOrPress<Row, Button>(rows, { title, placeHolder, ignoreFocusOut: true });
  if (done === undefined) return undefined;
  const { choice, button } = done;
  const wanted = choice[button?.does ?? 'toggled'];
  return choice.step ?? (wanted && { kind: 'changed', wish: wanted });
}
