/**
 * A Compose project: finds, reads and merges its files as `docker compose config` does, as far as mounts need it.
 * Rules: compose-spec 13-merge.md and 14-include.md, docs.docker.com on project names, and Compose 2.26.1 itself.
 */
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import {
  isFragment,
  nameIn,
  readComposeFile,
  type ReadFile,
  type ReadMount,
  type ReadService,
  type ReadVolume,
} from './composeFile.ts';
import { readDotEnv, valueIn, type Environment } from './environment.ts';
import type { Lookup } from './interpolate.ts';
import { Budget, LimitReached } from './limits.ts';
import type {
  BadEntry,
  ComposeMount,
  ComposeProject,
  ComposeService,
  ComposeVolume,
  FileSpan,
  ServiceVolumesFrom,
} from './model.ts';
import { YamlTree } from './yamlTree.ts';

/** In Compose's order of preference (compose-go, cli/options.go). */
const MAIN_NAMES = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'];
const OVERRIDE_NAMES = [
  'compose.override.yml',
  'compose.override.yaml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
];
/** A chain of services that extend one another ends here. */
const MOST_HOPS = 100;
const MOST_INCLUDES = 100;

/** A project that runs, as the labels of its containers tell. */
interface RunningProject {
  readonly name: string;
  readonly files: readonly string[];
}

export interface ProjectSource {
  /** Absolute path of the file that is looked at. */
  readonly file: string;
  /** A file's text, that of an open editor where there is one; undefined if it cannot be read. */
  read(file: string): Promise<string | undefined>;
  readonly env: Environment;
  readonly home: string;
  readonly running: readonly RunningProject[];
}

/** The project name that Compose makes from a directory's name (compose-go, NormalizeProjectName). */
function projectNameOf(directory: string): string {
  return basename(directory)
    .toLowerCase()
    .replace(/[^-_a-z0-9]/g, '')
    .replace(/^[-_]+/, '');
}

interface Draft {
  readonly services: Map<string, MergedService>;
  readonly volumes: Map<string, { readonly places: FileSpan[]; read: ReadVolume }>;
}

interface MergedService {
  readonly places: FileSpan[];
  mounts: ReadMount[];
  tmpfs: ReadMount[];
  volumesFrom: ServiceVolumesFrom[];
  otherTargets: string[];
}

class ProjectLoader {
  readonly #source: ProjectSource;
  readonly #reads = new Map<Lookup, Map<string, ReadFile>>();
  readonly #extensions = new Map<ReadService, ReadService>();
  readonly #extending = new Set<ReadService>();
  readonly #texts = new Map<string, Promise<string | undefined>>();
  readonly #budget = new Budget();
  #included = 0;
  /** The file that was read last: it is named when a limit is reached. */
  #at: string;
  readonly #trees = new Map<string, Promise<YamlTree | undefined>>();
  readonly bad: BadEntry[] = [];
  readonly read = new Set<string>();
  readonly unread = new Set<string>();

  constructor(source: ProjectSource) {
    this.#source = source;
    this.#at = source.file;
  }

  /** The whole project; if a limit is reached, a project that holds only that limit. */
  async load(): Promise<ComposeProject> {
    try {
      return await this.#load();
    } catch (error) {
      if (!(error instanceof LimitReached)) throw error;
      const { file } = this.#source;
      // Half of a project would show false differences.
      return {
        name: projectNameOf(dirname(file)),
        directory: dirname(file),
        files: [file],
        services: [],
        volumes: [],
        bad: [],
        unread: [],
        limit: { kind: error.limit, file: this.#at },
      };
    }
  }

  async #load(): Promise<ComposeProject> {
    const { file, running } = this.#source;
    const known = running.find(({ files }) => files.includes(file));
    const outer: Lookup = this.#counted((name) => valueIn(this.#source.env, name));
    const firstEnv = await this.#dotEnv([join(dirname(file), '.env')], outer);
    const files = known?.files ?? (await this.#filesAround((name) => outer(name) ?? firstEnv(name)));
    const directory = dirname(files[0] ?? file);
    const dotEnv = directory === dirname(file) ? firstEnv : await this.#dotEnv([join(directory, '.env')], outer);
    const lookup: Lookup = (name) => outer(name) ?? dotEnv(name);
    const name = known?.name ?? (await this.#name(files, directory, lookup));
    const withName: Lookup = (one) => (one === 'COMPOSE_PROJECT_NAME' ? name : lookup(one));
    const draft = await this.#together(files, directory, withName, []);
    return { name, directory, files, ...finish(draft, name), bad: this.bad, unread: [...this.unread] };
  }

  #tree(file: string): Promise<YamlTree | undefined> {
    const known = this.#trees.get(file);
    if (known !== undefined) return known;
    const tree = this.#text(file).then((text) => {
      this.#at = file;
      if (text === undefined) this.unread.add(file);
      return text === undefined ? undefined : new YamlTree(text, this.#budget);
    });
    this.#trees.set(file, tree);
    return tree;
  }

  /** A file's text, read once. */
  #text(file: string): Promise<string | undefined> {
    const known = this.#texts.get(file);
    if (known !== undefined) return known;
    this.#budget.open();
    this.#at = file;
    const text = this.#source.read(file);
    this.#texts.set(file, text);
    return text;
  }

  /** A lookup that counts its values against the budget. */
  #counted(lookup: Lookup): Lookup {
    return (name) => {
      const value = lookup(name);
      this.#budget.expand(value?.length ?? 0);
      return value;
    };
  }

  async #dotEnv(files: readonly string[], outer: Lookup): Promise<Lookup> {
    const found = new Map<string, string>();
    for (const file of files) {
      const text = (await this.#text(file)) ?? '';
      this.#at = file;
      this.#budget.read(text.length);
      for (const [name, value] of readDotEnv(text, (one) => outer(one) ?? found.get(one))) found.set(name, value);
    }
    return this.#counted((name) => found.get(name));
  }

  async #firstOf(names: readonly string[], folder: string): Promise<string | undefined> {
    for (const name of names) {
      const file = join(folder, name);
      if ((await this.#text(file)) !== undefined) return file;
    }
    return undefined;
  }

  /**
   * The files that Compose would take in this file's directory, if it is one of them; otherwise the usual use of a file
   * like it.
   */
  async #filesAround(lookup: Lookup): Promise<readonly string[]> {
    const { file } = this.#source;
    const folder = dirname(file);
    const listed = lookup('COMPOSE_FILE')
      ?.split(lookup('COMPOSE_PATH_SEPARATOR') || delimiter)
      .map((one) => resolve(folder, one));
    if (listed?.includes(file)) return listed;
    const main = await this.#firstOf(MAIN_NAMES, folder);
    const override = await this.#firstOf(OVERRIDE_NAMES, folder);
    if (main === undefined) return [file];
    if (file === main || file === override) return override === undefined ? [main] : [main, override];
    const tree = await this.#tree(file);
    const completes =
      tree !== undefined && isFragment(readComposeFile(tree, { file, base: folder, home: this.#source.home, lookup }));
    return completes ? [main, file] : [file];
  }

  /** COMPOSE_PROJECT_NAME, or else the last `name:`, or else the directory's name. */
  async #name(files: readonly string[], directory: string, lookup: Lookup): Promise<string> {
    const given = lookup('COMPOSE_PROJECT_NAME');
    if (given) return given;
    const names = await Promise.all(
      files.map(async (file) => {
        const tree = await this.#tree(file);
        return tree && nameIn(tree, lookup);
      }),
    );
    return names.findLast((name) => name) ?? projectNameOf(directory);
  }

  async #together(
    files: readonly string[],
    directory: string,
    lookup: Lookup,
    outside: readonly string[],
  ): Promise<Draft> {
    const draft: Draft = { services: new Map(), volumes: new Map() };
    const around = [...outside, ...files];
    for (const file of files) {
      const read = await this.#readFile(file, directory, lookup);
      if (read === undefined) continue;
      this.bad.push(...read.bad);
      for (const volume of read.volumes) addVolume(draft, volume, { file, span: volume.keySpan });
      for (const service of read.services)
        addService(draft, service.name, await this.#extended(read, service, file, lookup, 0), {
          file,
          span: service.keySpan,
        });
      await this.#include(draft, read, directory, lookup, around);
    }
    return draft;
  }

  /** Read once with each base and each set of variables, however many services extend one in it. */
  async #readFile(file: string, base: string, lookup: Lookup): Promise<ReadFile | undefined> {
    const known = this.#reads.get(lookup) ?? new Map<string, ReadFile>();
    this.#reads.set(lookup, known);
    const key = `${base}\n${file}`;
    const tree = await this.#tree(file);
    this.#at = file;
    const read = known.get(key) ?? (tree && readComposeFile(tree, { file, base, home: this.#source.home, lookup }));
    if (read !== undefined) known.set(key, read);
    return read;
  }

  /** A service with what it extends below it; relative binds of another file begin at that file. */
  async #extended(
    read: ReadFile,
    service: ReadService,
    file: string,
    lookup: Lookup,
    hops: number,
  ): Promise<ReadService> {
    if (service.extends === undefined || hops > MOST_HOPS || this.#extending.has(service)) return service;
    const known = this.#extensions.get(service);
    if (known !== undefined) return known;
    const otherFile = service.extends.file === undefined ? file : resolve(dirname(file), service.extends.file);
    const other = otherFile === file ? read : await this.#readFile(otherFile, dirname(otherFile), lookup);
    const wanted = other?.byName.get(service.extends.service);
    if (other === undefined || wanted === undefined || wanted === service) return service;
    this.#extending.add(service);
    const base = await this.#extended(other, wanted, otherFile, lookup, hops + 1);
    this.#extending.delete(service);
    const merged = newService();
    // In a chain, each service takes all that is below it again.
    this.#budget.step(base.mounts.length + base.volumesFrom.length + base.otherTargets.length);
    mergeService(merged, base);
    mergeService(merged, service);
    const extended = { ...service, ...merged };
    this.#extensions.set(service, extended);
    return extended;
  }

  /** Resources of included files, each read as a project of its own; what is there already stays. */
  async #include(
    draft: Draft,
    { includes }: ReadFile,
    directory: string,
    lookup: Lookup,
    outside: readonly string[],
  ): Promise<void> {
    for (const { paths, projectDirectory, envFiles } of includes) {
      // Files that each include two others would never end.
      if ((this.#included += 1) > MOST_INCLUDES) return;
      // A file that is included from within itself is a circle, which Compose refuses.
      const around = new Set(outside);
      const files = paths.map((path) => resolve(directory, path)).filter((path) => !around.has(path));
      const base =
        projectDirectory === undefined ? dirname(files[0] ?? directory) : resolve(directory, projectDirectory);
      const own = await this.#dotEnv(
        envFiles.length > 0 ? envFiles.map((one) => resolve(directory, one)) : [join(base, '.env')],
        this.#counted((name) => valueIn(this.#source.env, name)),
      );
      const included = await this.#together(files, base, (name) => lookup(name) ?? own(name), outside);
      for (const [name, service] of included.services) if (!draft.services.has(name)) draft.services.set(name, service);
      for (const [key, volume] of included.volumes) if (!draft.volumes.has(key)) draft.volumes.set(key, volume);
    }
  }
}

function newService(): MergedService {
  return { places: [], mounts: [], tmpfs: [], volumesFrom: [], otherTargets: [] };
}

/** Lists are joined; `!override` and `!reset` start again. */
function mergeService(into: MergedService, { mounts, tmpfs, volumesFrom, otherTargets, tags }: ReadService): void {
  const begins = (tag: 'volumes' | 'tmpfs') => tags.service !== undefined || tags[tag] !== undefined;
  into.mounts = [...(begins('volumes') ? [] : into.mounts), ...mounts];
  into.tmpfs = [...(begins('tmpfs') ? [] : into.tmpfs), ...tmpfs];
  into.volumesFrom = [...into.volumesFrom, ...volumesFrom];
  into.otherTargets = [...into.otherTargets, ...otherTargets];
}

function addService({ services }: Draft, name: string, service: ReadService, place: FileSpan): void {
  if (service.tags.service === 'reset') return void services.delete(name);
  const merged = services.get(name) ?? newService();
  merged.places.push(place);
  mergeService(merged, service);
  services.set(name, merged);
}

function addVolume({ volumes }: Draft, volume: ReadVolume, place: FileSpan): void {
  const known = volumes.get(volume.key);
  if (volume.tag === 'reset') volumes.delete(volume.key);
  else if (known === undefined || volume.tag === 'override')
    volumes.set(volume.key, { places: [...(known?.places ?? []), place], read: volume });
  else {
    known.places.push(place);
    known.read = {
      ...known.read,
      name: volume.name ?? known.read.name,
      external: volume.external || known.read.external,
      driver: volume.driver ?? known.read.driver,
      driverOpts: { ...known.read.driverOpts, ...volume.driverOpts },
      labels: { ...known.read.labels, ...volume.labels },
    };
  }
}

function finish({ services, volumes }: Draft, project: string): Pick<ComposeProject, 'services' | 'volumes'> {
  const all = [...volumes.values()].map(
    ({ places, read: { key, name, external, driver, driverOpts, labels } }): ComposeVolume => ({
      key,
      places,
      name: name ?? (external ? key : `${project}_${key}`),
      external,
      ...(driver === undefined ? {} : { driver }),
      driverOpts,
      labels,
    }),
  );
  const names = new Map(all.map(({ key, name }) => [key, name]));
  const nameOf = (key: string) => names.get(key) ?? `${project}_${key}`;
  return {
    volumes: all,
    services: [...services].map(([name, { places, mounts, tmpfs, volumesFrom, otherTargets }]): ComposeService => ({
      name,
      places,
      volumesFrom,
      otherTargets,
      mounts: [...once(mounts), ...tmpfs].map((mount): ComposeMount => ({
        ...mount,
        service: name,
        ...(mount.key === undefined ? {} : { source: nameOf(mount.key) }),
      })),
    })),
  };
}

/** Of several entries with one target, as written, the last counts. */
function once(mounts: readonly ReadMount[]): (ReadMount & { readonly replacedBy?: FileSpan })[] {
  const last = new Map(mounts.map((mount) => [mount.rawTarget, mount]));
  return mounts.map((mount) => {
    const counts = last.get(mount.rawTarget) ?? mount;
    return counts === mount ? mount : { ...mount, replacedBy: counts.place };
  });
}

/**
 * Loads the project that a file belongs to. Never throws because of what a file holds; a limit that it exceeds is in
 * `limit`.
 */
export async function loadProject(source: ProjectSource): Promise<ComposeProject> {
  return new ProjectLoader(source).load();
}
