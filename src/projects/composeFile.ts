/** One Compose file by itself: its services with their mounts, and its volumes. */
import { isAbsolute, join, posix, resolve } from 'node:path';
import type { Node } from 'yaml';
import { interpolate, type Lookup } from './interpolate.ts';
import type { BadEntry, ComposeMount, ServiceVolumesFrom, Span } from './model.ts';
import { MOST_MOUNT_CHARACTERS } from './limits.ts';
import { isPath, parseShortMount } from './shortMount.ts';
import { mergeTagOf, type Entry, type MergeTag, type YamlTree } from './yamlTree.ts';
import { withoutEndSlash } from '../engine/pathEnds.ts';

/** What a file is read with. */
export interface ReadingContext {
  /** Absolute path of the file. */
  readonly file: string;
  /** What its relative binds begin at. */
  readonly base: string;
  readonly home: string;
  readonly lookup: Lookup;
}

/** A mount before the top-level volumes are known; `source` of a volume is its key there. */
export type ReadMount = Omit<ComposeMount, 'service' | 'replacedBy'>;

export interface ReadService {
  readonly name: string;
  readonly keySpan: Span;
  readonly mounts: readonly ReadMount[];
  readonly tmpfs: readonly ReadMount[];
  readonly volumesFrom: readonly ServiceVolumesFrom[];
  readonly otherTargets: readonly string[];
  readonly extends?: { readonly service: string; readonly file?: string };
  /** Neither image nor build: it completes a service of another file. */
  readonly isFragment: boolean;
  readonly tags: { readonly service?: MergeTag; readonly volumes?: MergeTag; readonly tmpfs?: MergeTag };
}

export interface ReadVolume {
  readonly key: string;
  readonly keySpan: Span;
  readonly name?: string;
  readonly external: boolean;
  readonly driver?: string;
  readonly driverOpts: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly tag?: MergeTag;
}

interface ReadInclude {
  readonly paths: readonly string[];
  readonly projectDirectory?: string;
  readonly envFiles: readonly string[];
}

export interface ReadFile {
  readonly services: readonly ReadService[];
  readonly byName: ReadonlyMap<string, ReadService>;
  readonly volumes: readonly ReadVolume[];
  readonly includes: readonly ReadInclude[];
  readonly bad: readonly BadEntry[];
}

/**
 * A target as the engine keeps it.
 * @internal
 */
export function cleanTarget(target: string): string {
  return withoutEndSlash(posix.normalize(target));
}

/** A path of this machine: `~` is the home, anything relative begins at the base. */
function hostPath(source: string, { base, home }: ReadingContext): string {
  if (source.startsWith('~')) return join(home, source.slice(1));
  return /^[A-Za-z]:[\\/]/.test(source) || isAbsolute(source) ? source : resolve(base, source);
}

const TOO_LONG = 'it is longer than any path can be';

class FileReader {
  readonly #tree: YamlTree;
  readonly #context: ReadingContext;
  readonly bad: BadEntry[] = [];

  constructor(tree: YamlTree, context: ReadingContext) {
    this.#tree = tree;
    this.#context = context;
  }

  service({ key, keySpan, value }: Entry): ReadService {
    const fields = this.#tree.entries(value);
    const volumes = fields.get('volumes')?.value;
    const tmpfs = fields.get('tmpfs')?.value;
    const at = (node: Node | undefined) => mergeTagOf(this.#tree.follow(node));
    const from = this.#extends(fields.get('extends')?.value);
    return {
      name: key,
      keySpan,
      mounts: at(volumes) === 'reset' ? [] : this.#tree.items(volumes).flatMap((item) => this.#mount(key, item) ?? []),
      tmpfs: at(tmpfs) === 'reset' ? [] : this.#tree.items(tmpfs).flatMap((item) => this.#tmpfs(key, item) ?? []),
      volumesFrom: this.#tree
        .items(fields.get('volumes_from')?.value)
        .flatMap((item) => volumesFromOf(this.#text(item), this.#place(item)) ?? []),
      otherTargets: [
        ...this.#targets(fields.get('secrets')?.value, '/run/secrets'),
        ...this.#targets(fields.get('configs')?.value, '/'),
      ],
      ...(from === undefined ? {} : { extends: from }),
      isFragment: !fields.has('image') && !fields.has('build') && from === undefined,
      tags: { service: at(value), volumes: at(volumes), tmpfs: at(tmpfs) },
    };
  }

  volume({ key, keySpan, value }: Entry): ReadVolume {
    const fields = this.#tree.entries(value);
    const text = (name: string) => this.#text(fields.get(name)?.value);
    const external = fields.get('external')?.value;
    // The older form: external: { name: … }.
    const externalName = this.#tree.isMap(external)
      ? (this.#text(this.#tree.entries(external).get('name')?.value) ?? key)
      : undefined;
    return {
      key,
      keySpan,
      name: text('name') ?? externalName,
      external: externalName !== undefined || this.#text(external) === 'true',
      driver: text('driver'),
      driverOpts: this.#record(fields.get('driver_opts')?.value),
      labels: this.#record(fields.get('labels')?.value),
      tag: mergeTagOf(this.#tree.follow(value)),
    };
  }

  include(item: Node): ReadInclude {
    const texts = (value: Node | undefined) => this.#tree.items(value).flatMap((one) => this.#text(one) ?? []);
    if (!this.#tree.isMap(item)) return { paths: texts(item), envFiles: [] };
    const fields = this.#tree.entries(item);
    const projectDirectory = this.#text(fields.get('project_directory')?.value);
    return {
      paths: texts(fields.get('path')?.value),
      ...(projectDirectory === undefined ? {} : { projectDirectory }),
      envFiles: texts(fields.get('env_file')?.value),
    };
  }

  #text(node: unknown): string | undefined {
    const text = this.#tree.text(node);
    const done = text === undefined ? undefined : interpolate(text, this.#context.lookup).text;
    return done === undefined || done.length > MOST_MOUNT_CHARACTERS ? undefined : done;
  }

  /** A map of texts, or a list of `name=value`. */
  #record(node: Node | undefined): Record<string, string> {
    if (this.#tree.isMap(node)) {
      return Object.fromEntries(
        [...this.#tree.entries(node)].map(([key, { value }]) => [key, this.#text(value) ?? '']),
      );
    }
    return Object.fromEntries(
      this.#tree.items(node).map((item) => {
        const [name = '', ...rest] = (this.#text(item) ?? '').split('=');
        return [name, rest.join('=')];
      }),
    );
  }

  #extends(node: Node | undefined): ReadService['extends'] {
    const plain = this.#text(node);
    if (plain !== undefined) return { service: plain };
    const fields = this.#tree.entries(node);
    const service = this.#text(fields.get('service')?.value);
    const file = this.#text(fields.get('file')?.value);
    return service === undefined ? undefined : { service, ...(file === undefined ? {} : { file }) };
  }

  #targets(node: Node | undefined, folder: string): string[] {
    return this.#tree.items(node).flatMap((item) => {
      const fields = this.#tree.entries(item);
      const name =
        this.#text(item) ?? this.#text(fields.get('target')?.value) ?? this.#text(fields.get('source')?.value);
      return name === undefined ? [] : [cleanTarget(posix.resolve(folder, name))];
    });
  }

  #bad(node: Node, text: string, why: string): undefined {
    this.bad.push({ place: this.#place(node), text: text.slice(0, MOST_MOUNT_CHARACTERS), why });
    return undefined;
  }

  #place(node: Node): ReadMount['place'] {
    return { file: this.#context.file, span: this.#tree.span(node) };
  }

  #mount(service: string, node: Node): ReadMount | undefined {
    return this.#tree.isMap(node) ? this.#long(service, node) : this.#short(service, node);
  }

  #short(service: string, node: Node): ReadMount | undefined {
    const written = this.#tree.text(node);
    if (written === undefined) return this.#bad(node, '', 'it is neither a text nor a map');
    const { text, unset, refused } = interpolate(written, this.#context.lookup);
    if (refused !== undefined) return this.#bad(node, written, refused);
    if (text.length > MOST_MOUNT_CHARACTERS) return this.#bad(node, written, TOO_LONG);
    const parsed = parseShortMount(text);
    if ('why' in parsed) return this.#bad(node, written, parsed.why);
    return this.#finish(service, node, { ...parsed, makesSource: true, unset }, written);
  }

  #long(service: string, node: Node): ReadMount | undefined {
    const fields = this.#tree.entries(node);
    const unset: string[] = [];
    const value = (name: string) => {
      const written = this.#tree.text(fields.get(name)?.value);
      if (written === undefined) return undefined;
      const { text, unset: without, refused } = interpolate(written, this.#context.lookup);
      unset.push(...without);
      if (refused !== undefined) this.#bad(node, written, refused);
      else if (text.length > MOST_MOUNT_CHARACTERS) this.#bad(node, written, TOO_LONG);
      else return text;
      return undefined;
    };
    const type = value('type');
    const target = value('target');
    if (type === undefined || !['bind', 'volume', 'tmpfs', 'npipe', 'cluster', 'image'].includes(type)) {
      return this.#bad(node, type ?? '', 'its "type" must be bind, volume, tmpfs, npipe, cluster or image');
    }
    if (target === undefined) return this.#bad(node, type, 'it has no "target"');
    const source = type === 'tmpfs' ? '' : (value('source') ?? '');
    if (type === 'bind' && source === '') return this.#bad(node, type, 'a bind needs a "source"');
    const bind = this.#tree.entries(fields.get('bind')?.value);
    const makes = this.#text(bind.get('create_host_path')?.value);
    // By default Compose 2.26 does not create a missing source (tried), and later versions do (compose-spec,
    // 05-services.md).
    const makesSource = makes === undefined ? undefined : makes === 'true';
    return this.#finish(
      service,
      node,
      { type: type as ReadMount['type'], source, target, readOnly: value('read_only') === 'true', makesSource, unset },
      target,
    );
  }

  #tmpfs(service: string, node: Node): ReadMount | undefined {
    const text = this.#text(node);
    const [target = '', options = ''] = (text ?? '').split(':');
    return target === ''
      ? undefined
      : this.#finish(
          service,
          node,
          {
            type: 'tmpfs',
            source: '',
            target,
            readOnly: options.split(',').includes('ro'),
            makesSource: false,
            unset: [],
          },
          target,
        );
  }

  #finish(
    service: string,
    node: Node,
    mount: Pick<ReadMount, 'type' | 'source' | 'target' | 'readOnly' | 'makesSource' | 'unset'>,
    written: string,
  ): ReadMount | undefined {
    if (!posix.isAbsolute(mount.target) && !/^[A-Za-z]:|^\\\\/.test(mount.target))
      return this.#bad(node, written, `the target "${mount.target}" must be an absolute path in the container`);
    const isKey = mount.type === 'volume' && mount.source !== '' && !isPath(mount.source);
    return {
      ...mount,
      place: this.#place(node),
      source: mount.type === 'bind' ? hostPath(mount.source, this.#context) : mount.source,
      target: cleanTarget(mount.target),
      rawTarget: mount.target,
      writtenIn: service,
      ...(isKey ? { key: mount.source } : {}),
    };
  }
}

/** `service`, `service:ro`, `container:NAME`, `container:NAME:ro`. */
function volumesFromOf(text: string | undefined, place: ServiceVolumesFrom['place']): ServiceVolumesFrom | undefined {
  if (text === undefined || text === '') return undefined;
  const parts = text.split(':');
  const isContainer = parts[0] === 'container' && parts.length > 1;
  const [name = '', mode = ''] = isContainer ? parts.slice(1) : parts;
  return { place, ...(isContainer ? { container: name } : { service: name }), readOnly: mode === 'ro' };
}

/** The name that the file gives the project. */
export function nameIn(tree: YamlTree, lookup: Lookup): string | undefined {
  const text = tree.text(tree.entries(tree.root).get('name')?.value);
  const name = text === undefined ? '' : interpolate(text, lookup).text;
  return name === '' || name.length > MOST_MOUNT_CHARACTERS ? undefined : name;
}

/** Whether the file only completes another: no service of it has an image or a build. */
export function isFragment({ services }: ReadFile): boolean {
  return services.length > 0 && services.every((service) => service.isFragment);
}

/** Reads one file. Throws only LimitReached, of the tree's budget or of the lookup. */
export function readComposeFile(tree: YamlTree, context: ReadingContext): ReadFile {
  const reader = new FileReader(tree, context);
  const top = tree.entries(tree.root);
  const services = [...tree.entries(top.get('services')?.value).values()].map((entry) => reader.service(entry));
  const volumes = [...tree.entries(top.get('volumes')?.value).values()].map((entry) => reader.volume(entry));
  return {
    services,
    byName: new Map(services.map((service) => [service.name, service])),
    volumes,
    includes: tree.items(top.get('include')?.value).map((item) => reader.include(item)),
    bad: reader.bad,
  };
}
