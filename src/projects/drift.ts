/**
 * Whether a container has the mounts that a file asks for. Pure functions of the file, the snapshot and the host's
 * paths.
 */
import { posix } from 'node:path';
import type { Container, Mount, Snapshot } from '../engine/model.ts';
import { withoutEndSlash } from '../engine/pathEnds.ts';
import type { ComposeProject, ComposeService, Devcontainer, FileMount, FileSpan } from './model.ts';

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

/** A label with more files than these was not written by Compose. */
const MOST_CONFIG_FILES = 200;
const MOST_LABEL_CHARACTERS = 200_000;

/** The files that a container's project was started with. */
function configFilesOf({ labels }: Container): string[] {
  const files = (labels[CONFIG_FILES] ?? '').slice(0, MOST_LABEL_CHARACTERS).split(',', MOST_CONFIG_FILES);
  return files.filter((file) => file !== '');
}

/** Projects with containers that name their files, each list of files once. */
export function runningProjects({
  containers,
}: Pick<Snapshot, 'containers'>): { readonly name: string; readonly files: readonly string[] }[] {
  const found = new Map(
    containers.map((container) => [`${container.composeProject}\n${configFilesOf(container).join('\n')}`, container]),
  );
  return [...found.values()].flatMap((container) => {
    const files = configFilesOf(container);
    return container.composeProject === undefined || files.length === 0
      ? []
      : [{ name: container.composeProject, files }];
  });
}

type Containers = Pick<Snapshot, 'containers'>['containers'];

interface ContainerIndex {
  readonly byService: ReadonlyMap<string, readonly Container[]>;
  readonly byName: ReadonlyMap<string, Container>;
}

/** One index for each list of containers: a project with many services asks for each of them. */
const indexes = new WeakMap<Containers, ContainerIndex>();

const serviceKey = (project: string, service: string) => JSON.stringify([project, service]);

function indexOf(containers: Containers): ContainerIndex {
  const known = indexes.get(containers);
  if (known !== undefined) return known;
  const byService = new Map<string, Container[]>();
  for (const container of containers) {
    const { [PROJECT]: project, [SERVICE]: service, [ONE_OFF]: oneOff } = container.labels;
    if (project === undefined || service === undefined || oneOff?.toLowerCase() === 'true') continue;
    const key = serviceKey(project, service);
    const those = byService.get(key);
    if (those === undefined) byService.set(key, [container]);
    else those.push(container);
  }
  const made = { byService, byName: new Map(containers.toReversed().map((container) => [container.name, container])) };
  indexes.set(containers, made);
  return made;
}

/** Whether a container was created from this project's directory or files, not from another's of the same name. */
function isFrom(project: ComposeProject, container: Container): boolean {
  const directory = container.labels[WORKING_DIR];
  return (
    directory === undefined ||
    directory === project.directory ||
    configFilesOf(container).some((file) => project.files.includes(file))
  );
}

/** The containers of a service; `others` come from another directory with a project of the same name. */
export function containersOf(
  project: ComposeProject,
  service: string,
  { containers }: Pick<Snapshot, 'containers'>,
): { readonly own: readonly Container[]; readonly others: readonly Container[] } {
  const named = indexOf(containers).byService.get(serviceKey(project.name, service)) ?? [];
  return {
    own: named.filter((container) => isFrom(project, container)),
    others: named.filter((container) => !isFrom(project, container)),
  };
}

/**
 * The mounts that count.
 * @internal
 */
export function effectiveMounts({ mounts }: ComposeService): FileMount[] {
  return mounts.filter(({ replacedBy }) => replacedBy === undefined);
}

function mountsOfContainer(name: string, place: FileSpan, containers: Containers): FileMount[] {
  const found = indexOf(containers).byName.get(name)?.mounts ?? [];
  return found.map(({ type, source, target, readOnly }) => ({ place, type, source, target, readOnly, unset: [] }));
}

/**
 * The most mounts that all services of a project take from others; in a chain, each service takes those below it again.
 */
const MOST_TAKEN = 100_000;

/** A service's mounts, and those that others get from it. */
interface Expected {
  readonly all: readonly FileMount[];
  /** A tmpfs is each container's own. */
  readonly given: readonly FileMount[];
}

/** The expected mounts of a project's services, each computed once for a list of containers. */
class Expectations {
  readonly #services: ReadonlyMap<string, ComposeService>;
  readonly #containers: Containers;
  readonly #known = new Map<string, Expected>();
  #left = MOST_TAKEN;

  constructor(project: ComposeProject, containers: Containers) {
    this.#services = new Map(project.services.map((service) => [service.name, service]));
    this.#containers = containers;
  }

  /**
   * A service's own mounts win over those that it takes from others. Undefined if the whole project takes too many. A
   * circle, which Compose refuses, adds nothing where it closes.
   */
  of(wanted: ComposeService): readonly FileMount[] | undefined {
    // Not recursive: a chain may have thousands of services. Those in progress wait in the path.
    const path: ComposeService[] = [wanted];
    const under = new Set<string>([wanted.name]);
    for (let service = path.at(-1); service !== undefined && !this.#known.has(wanted.name); service = path.at(-1)) {
      const next = this.#nextGiver(service, under);
      if (next !== undefined) {
        path.push(next);
        under.add(next.name);
        continue;
      }
      const found = this.#put(service);
      if (found === undefined) return undefined;
      this.#known.set(service.name, found);
      path.pop();
      under.delete(service.name);
      this.#looked.delete(service.name);
    }
    return this.#known.get(wanted.name)?.all;
  }

  /** How many givers of a service were looked at. */
  readonly #looked = new Map<string, number>();

  #nextGiver(service: ComposeService, under: ReadonlySet<string>): ComposeService | undefined {
    for (let index = this.#looked.get(service.name) ?? 0; index < service.volumesFrom.length; index += 1) {
      this.#looked.set(service.name, index + 1);
      const name = service.volumesFrom[index]?.service;
      const giver =
        name === undefined || this.#known.has(name) || under.has(name) ? undefined : this.#services.get(name);
      if (giver !== undefined) return giver;
    }
    return undefined;
  }

  #put(service: ComposeService): Expected | undefined {
    const own = effectiveMounts(service);
    const targets = new Set(own.map(({ target }) => target));
    // Of two that give the same target, the engine takes the later (moby, registerMountPoints).
    const taken = new Map<string, FileMount>();
    for (const { place, service: name, container, readOnly } of service.volumesFrom) {
      const given =
        name === undefined
          ? mountsOfContainer(container ?? '', place, this.#containers).filter(({ type }) => type !== 'tmpfs')
          : (this.#known.get(name)?.given ?? []);
      this.#left -= 1 + given.length;
      if (this.#left < 0) return undefined;
      for (const mount of given) {
        if (!targets.has(mount.target))
          taken.set(mount.target, {
            ...mount,
            place,
            takenFrom: name ?? container ?? '',
            readOnly: readOnly || mount.readOnly,
          });
      }
    }
    const all = [...own, ...taken.values()];
    return { all, given: all.filter(({ type }) => type !== 'tmpfs') };
  }
}

const expectations = new WeakMap<ComposeProject, { readonly containers: Containers; readonly of: Expectations }>();

function expectedMounts(
  project: ComposeProject,
  service: ComposeService,
  { containers }: Pick<Snapshot, 'containers'>,
): readonly FileMount[] | undefined {
  const known = expectations.get(project);
  const made = known?.containers === containers ? known : { containers, of: new Expectations(project, containers) };
  expectations.set(project, made);
  return made.of.of(service);
}

/** Docker Desktop shows a path of the host below a prefix of its virtual machine. */
function withoutDesktop(path: string): string {
  return path.replace(/^(\/host_mnt|\/run\/desktop\/mnt\/host)(?=\/)/, '');
}

function samePath(wanted: string, has: string, facts: HostFacts): boolean {
  const plain = (path: string) => withoutEndSlash(posix.normalize(withoutDesktop(path)));
  return [wanted, facts.get(wanted)?.real].some((one) => one !== undefined && plain(one) === plain(has));
}

function sameSource(wanted: FileMount, has: Mount, facts: HostFacts): boolean {
  if (wanted.type !== has.type) return false;
  if (wanted.type === 'bind') return samePath(wanted.source, has.source, facts);
  if (wanted.type !== 'volume') return true;
  return wanted.source === '' ? has.anonymous === true : wanted.source === has.source;
}

/** What differs; mounts at `ignored` targets, and anonymous volumes that an image declares, do not count. */
export function compareMounts(
  wanted: readonly FileMount[],
  container: Container,
  facts: HostFacts,
  ignored: readonly string[] = [],
): Difference[] {
  const byTarget = new Map(wanted.map((mount) => [mount.target, mount]));
  const there = new Map(
    container.mounts.toReversed().map((mount) => [withoutEndSlash(posix.normalize(mount.target)), mount]),
  );
  const passedOver = new Set(ignored);
  const found = [...byTarget.values()].flatMap((mount): Difference[] => {
    const { target } = mount;
    const has = there.get(target);
    if (has === undefined) return [{ kind: 'missing', target, wanted: mount }];
    if (!sameSource(mount, has, facts)) return [{ kind: 'source', target, wanted: mount, has }];
    return mount.readOnly === has.readOnly ? [] : [{ kind: 'rights', target, wanted: mount, has }];
  });
  const extra = container.mounts.filter(
    ({ target, anonymous, from }) =>
      !byTarget.has(target) && anonymous !== true && from === undefined && !passedOver.has(target),
  );
  return [...found, ...extra.map((has): Difference => ({ kind: 'extra', target: has.target, has }))];
}

/** For each container of a service that has other mounts than the file says, what differs. */
export function driftOf(
  project: ComposeProject,
  service: ComposeService,
  snapshot: Pick<Snapshot, 'containers'>,
  facts: HostFacts,
): Drift[] {
  const { own } = containersOf(project, service.name, snapshot);
  const wanted = own.length === 0 ? undefined : expectedMounts(project, service, snapshot);
  if (wanted === undefined) return [];
  return own
    .map((container) => ({ container, differences: compareMounts(wanted, container, facts, service.otherTargets) }))
    .filter(({ differences }) => differences.length > 0);
}

/** The containers that were created for a devcontainer.json. */
export function devcontainersOf(
  { file, folder }: Devcontainer,
  { containers }: Pick<Snapshot, 'containers'>,
): Container[] {
  return containers.filter(
    ({ labels }) =>
      labels[LOCAL_FOLDER] === folder && (labels[CONFIG_FILE] === undefined || labels[CONFIG_FILE] === file),
  );
}
