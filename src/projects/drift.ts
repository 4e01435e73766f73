/** Whether a container has the mounts that a file asks for. Pure functions of the file, the snapshot and the host's paths. */
import { posix } from 'node:path';
import type { Container, Mount, Snapshot } from '../engine/model.ts';
import type { ComposeProject, ComposeService, Devcontainer, FileMount, Place } from './model.ts';

/** What is at a path of this machine. */
export interface PathFact {
  readonly kind: 'file' | 'directory' | 'missing' | 'unknown';
  /** With all symbolic links followed. */
  readonly real: string;
}

/** What was found on this machine for one version of a document. */
export type HostFacts = ReadonlyMap<string, PathFact>;

export type Difference =
  /** The file asks for it, and the container does not have it. */
  | { readonly kind: 'missing'; readonly target: string; readonly wanted: FileMount }
  /** The container has it, and the file does not ask for it. */
  | { readonly kind: 'extra'; readonly target: string; readonly has: Mount }
  | { readonly kind: 'source'; readonly target: string; readonly wanted: FileMount; readonly has: Mount }
  | { readonly kind: 'rights'; readonly target: string; readonly wanted: FileMount; readonly has: Mount };

export interface Drift {
  readonly container: Container;
  readonly differences: readonly Difference[];
}

const PROJECT = 'com.docker.compose.project';
const SERVICE = 'com.docker.compose.service';
const WORKING_DIR = 'com.docker.compose.project.working_dir';
const CONFIG_FILES = 'com.docker.compose.project.config_files';
const ONE_OFF = 'com.docker.compose.oneoff';
/** Labels that the dev container command gives. */
export const LOCAL_FOLDER = 'devcontainer.local_folder';
export const CONFIG_FILE = 'devcontainer.config_file';

/** The files that a container's project was started with. */
export function configFilesOf({ labels }: Container): string[] {
  return (labels[CONFIG_FILES] ?? '').split(',').filter((file) => file !== '');
}

/** Projects whose containers name their files, each list of files once. */
export function runningProjects({ containers }: Pick<Snapshot, 'containers'>): { readonly name: string; readonly files: readonly string[] }[] {
  const found = new Map(containers.map((container) => [`${container.composeProject}\n${configFilesOf(container).join('\n')}`, container]));
  return [...found.values()].flatMap((container) => {
    const files = configFilesOf(container);
    return container.composeProject === undefined || files.length === 0 ? [] : [{ name: container.composeProject, files }];
  });
}

/** Whether a container was made from this project's directory or files, not from another's of the same name. */
function isFrom(project: ComposeProject, container: Container): boolean {
  const directory = container.labels[WORKING_DIR];
  return directory === undefined || directory === project.directory || configFilesOf(container).some((file) => project.files.includes(file));
}

/** The containers of a service; `others` come from another directory with a project of the same name. */
export function containersOf(project: ComposeProject, service: string, { containers }: Pick<Snapshot, 'containers'>): { readonly own: readonly Container[]; readonly others: readonly Container[] } {
  const named = containers.filter(({ labels }) => labels[PROJECT] === project.name && labels[SERVICE] === service && labels[ONE_OFF]?.toLowerCase() !== 'true');
  return { own: named.filter((container) => isFrom(project, container)), others: named.filter((container) => !isFrom(project, container)) };
}

/** The mounts that count. */
export function effectiveMounts({ mounts }: ComposeService): FileMount[] {
  return mounts.filter(({ replacedBy }) => replacedBy === undefined);
}

function mountsOfContainer(name: string | undefined, place: Place, { containers }: Pick<Snapshot, 'containers'>): FileMount[] {
  const found = containers.find((one) => one.name === name)?.mounts ?? [];
  return found.map(({ type, source, target, readOnly }) => ({ place, type, source, target, readOnly, unset: [] }));
}

/** What a service takes from others comes below its own mounts. */
function expectedMounts(project: ComposeProject, service: ComposeService, snapshot: Pick<Snapshot, 'containers'>, seen: ReadonlySet<string> = new Set()): FileMount[] {
  const own = effectiveMounts(service);
  const taken = service.volumesFrom.flatMap(({ place, service: name, container: containerName, readOnly }): FileMount[] => {
    const giver = project.services.find((one) => one.name === name && !seen.has(one.name));
    const given = giver === undefined ? mountsOfContainer(containerName, place, snapshot) : expectedMounts(project, giver, snapshot, new Set([...seen, service.name]));
    // A tmpfs is each container's own.
    return given.filter(({ type }) => type !== 'tmpfs').map((mount) => ({ ...mount, place, takenFrom: name ?? containerName ?? '', readOnly: readOnly || mount.readOnly }));
  });
  const targets = new Set(own.map(({ target }) => target));
  return [...own, ...taken.filter(({ target }) => !targets.has(target))];
}

/** Docker Desktop shows a path of the host below the place where its machine has it. */
function withoutDesktop(path: string): string {
  return path.replace(/^(\/host_mnt|\/run\/desktop\/mnt\/host)(?=\/)/, '');
}

function samePath(wanted: string, has: string, facts: HostFacts): boolean {
  const plain = (path: string) => posix.normalize(withoutDesktop(path)).replace(/(.)\/+$/, '$1');
  return [wanted, facts.get(wanted)?.real].some((one) => one !== undefined && plain(one) === plain(has));
}

function sameSource(wanted: FileMount, has: Mount, facts: HostFacts): boolean {
  if (wanted.type !== has.type) return false;
  if (wanted.type === 'bind') return samePath(wanted.source, has.source, facts);
  if (wanted.type !== 'volume') return true;
  return wanted.source === '' ? has.anonymous === true : wanted.source === has.source;
}

/** What differs; mounts at `ignored` targets, and anonymous volumes that an image declares, are no difference. */
export function compareMounts(wanted: readonly FileMount[], container: Container, facts: HostFacts, ignored: readonly string[] = []): Difference[] {
  const byTarget = new Map(wanted.map((mount) => [mount.target, mount]));
  const found = [...byTarget.values()].flatMap((mount): Difference[] => {
    const { target } = mount;
    const has = container.mounts.find((one) => posix.normalize(one.target).replace(/(.)\/+$/, '$1') === target);
    if (has === undefined) return [{ kind: 'missing', target, wanted: mount }];
    if (!sameSource(mount, has, facts)) return [{ kind: 'source', target, wanted: mount, has }];
    return mount.readOnly === has.readOnly ? [] : [{ kind: 'rights', target, wanted: mount, has }];
  });
  const extra = container.mounts.filter(({ target, anonymous, from }) => !byTarget.has(target) && anonymous !== true && from === undefined && !ignored.includes(target));
  return [...found, ...extra.map((has): Difference => ({ kind: 'extra', target: has.target, has }))];
}

/** For each container of a service that has other mounts than the file says, what differs. */
export function driftOf(project: ComposeProject, service: ComposeService, snapshot: Pick<Snapshot, 'containers'>, facts: HostFacts): Drift[] {
  const wanted = expectedMounts(project, service, snapshot);
  return containersOf(project, service.name, snapshot)
    .own.map((container) => ({ container, differences: compareMounts(wanted, container, facts, service.otherTargets) }))
    .filter(({ differences }) => differences.length > 0);
}

/** The containers that were made for a devcontainer.json. */
export function devcontainersOf({ file, folder }: Devcontainer, { containers }: Pick<Snapshot, 'containers'>): Container[] {
  return containers.filter(({ labels }) => labels[LOCAL_FOLDER] === folder && (labels[CONFIG_FILE] === undefined || labels[CONFIG_FILE] === file));
}
