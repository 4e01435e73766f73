/** Which container sees a file, where, and with which rights; a pure function of the snapshot. */
import type { Mount, Snapshot } from '../engine/model.ts';
import { ignoresCase, placeOfMount, type HostPlace } from './hostPlace.ts';
import { below, formatPath, parsePath, pathKey, within, type PathParts } from './pathText.ts';

/** One place where a container sees a file. */
export interface PathView {
  readonly container: string;
  readonly containerPath: string;
  /**
   * Path on this machine; on a remote engine, of that engine's host; absent if the files have none (tmpfs, another
   * driver).
   */
  readonly hostPath?: string;
  readonly readOnly: boolean;
  readonly mount: Mount;
}

/** A path of this machine, with what the file system says about it (see hostFile.ts). */
export interface HostFile {
  /** Absolute, as it was given. */
  readonly path: string;
  /** Without symbolic links; absent if that is not known. */
  readonly real?: string;
  /** The links on the way, and the highest directory that each leads through: `/` for an absolute one. */
  readonly links?: readonly { readonly at: string; readonly reach: string }[];
}

interface IndexedMount {
  readonly container: string;
  readonly mount: Mount;
  readonly target: PathParts;
  /** As the engine knows it, and without symbolic links; absent if the files have no path. */
  readonly source?: { readonly literal: PathParts; readonly real: PathParts };
  /** What tells files without a path apart: the volume and the part of it that is mounted. */
  readonly volume?: PathParts;
}

/** Everything that a look-up needs, made once for a snapshot. */
export interface PathIndex {
  readonly host: HostPlace;
  readonly places: readonly IndexedMount[];
  readonly byContainer: ReadonlyMap<string, readonly IndexedMount[]>;
}

/** Docker's own files, which lie over whatever is mounted around them (moby container.NetworkMounts). */
const ENGINE_FILES = ['/etc/hosts', '/etc/hostname', '/etc/resolv.conf'];

/**
 * The index of a snapshot. `real` says what the sources that are symbolic links, or behind one, lead to; others are
 * taken as they are.
 */
export function indexPaths(
  { containers, volumes }: Pick<Snapshot, 'containers' | 'volumes'>,
  host: HostPlace,
  real: ReadonlyMap<string, string> = new Map(),
): PathIndex {
  const byName = new Map(volumes.map((volume) => [volume.name, volume]));
  const places = containers.flatMap(({ name, mounts }) =>
    mounts.flatMap((mount): IndexedMount[] => {
      const target = parsePath(mount.target);
      if (target === undefined) return [];
      const literal = placeOfMount(mount, byName, host);
      const source = literal && { literal, real: parsePath(real.get(formatPath(literal)) ?? '') ?? literal };
      const volume = mount.type === 'volume' ? parsePath(`/${mount.source}/${mount.subpath ?? ''}`) : undefined;
      return [{ container: name, mount, target, source, volume }];
    }),
  );
  const byContainer = new Map<string, IndexedMount[]>(containers.map(({ name }) => [name, []]));
  for (const place of places) byContainer.get(place.container)?.push(place);
  return { host, places, byContainer };
}

/** The paths of this machine that mounts come from, for which indexPaths can use `real`. None on a remote engine. */
export function localSources({ host, places }: PathIndex): string[] {
  if (!host.local) return [];
  return [
    ...new Set(
      places.flatMap(({ mount, source }) =>
        source === undefined || (mount.type === 'volume' && mount.anonymous) ? [] : [formatPath(source.literal)],
      ),
    ),
  ];
}

/** The mount that a path of a container belongs to: the innermost. Undefined for the container's own layer. */
function innermost({ byContainer }: PathIndex, container: string, path: PathParts): IndexedMount | undefined {
  let found: IndexedMount | undefined;
  for (const place of byContainer.get(container) ?? []) {
    if (below(place.target, path, false) === undefined) continue;
    if (found === undefined || place.target.parts.length >= found.target.parts.length) found = place;
  }
  const isEngines = path.parts.length === 2 && ENGINE_FILES.includes(formatPath(path));
  return isEngines && found !== undefined && found.target.parts.length < path.parts.length ? undefined : found;
}

/** A place as a view of what is `rest` below its source; undefined if a deeper mount hides it. */
function viewAt(index: PathIndex, place: IndexedMount, rest: readonly string[]): PathView | undefined {
  const path = within(place.target, rest);
  if (innermost(index, place.container, path) !== place) return undefined;
  const { container, mount, source } = place;
  return {
    container,
    containerPath: formatPath(path),
    ...(source === undefined ? {} : { hostPath: formatPath(within(source.literal, rest)) }),
    readOnly: mount.readOnly,
    mount,
  };
}

/** A path of this machine in parts, with its real path and links. */
interface HostParts {
  readonly path: PathParts;
  readonly real?: PathParts;
  readonly links: readonly { readonly at: PathParts; readonly reach: PathParts }[];
}

/**
 * How a mount shows a file of this machine: by its own name if the links on its way stay inside the mount, since a
 * container follows them from its own root; otherwise by the name that they lead to.
 */
function hostView(index: PathIndex, place: IndexedMount, { path, real, links }: HostParts): PathView | undefined {
  if (place.source === undefined) return undefined;
  const ignoreCase = ignoresCase(index.host);
  const base = [place.source.literal, place.source.real].find(
    (source) => below(source, path, ignoreCase) !== undefined,
  );
  const asGiven = base && below(base, path, ignoreCase);
  if (real === undefined) return asGiven && viewAt(index, place, asGiven);
  const led = below(place.source.real, real, ignoreCase);
  // If the target of a link has no place here, the link has none either: another mount is there.
  const resolved = led && viewAt(index, place, led);
  if (base === undefined || asGiven === undefined || resolved === undefined) return resolved;
  const staysInside = links.every(
    ({ at, reach }) => (below(base, at, ignoreCase)?.length ?? 0) === 0 || below(base, reach, ignoreCase) !== undefined,
  );
  return (staysInside ? viewAt(index, place, asGiven) : undefined) ?? resolved;
}

/**
 * Every place where a file of this machine is seen. Nothing on a remote engine, whose paths are not of this machine.
 */
export function viewsOfHostFile(index: PathIndex, file: HostFile): PathView[] {
  const path = parsePath(file.path);
  if (!index.host.local || path === undefined) return [];
  const known = {
    path,
    real: file.real === undefined ? undefined : parsePath(file.real),
    links: (file.links ?? []).map(linkParts),
  };
  return index.places.map((place) => hostView(index, place, known)).filter((view) => view !== undefined);
}

function linkParts({ at, reach }: { readonly at: string; readonly reach: string }): {
  at: PathParts;
  reach: PathParts;
} {
  const top = { root: '/', parts: [] };
  return { at: parsePath(at) ?? top, reach: parsePath(reach) ?? top };
}

/**
 * The place of a path in a container, with its host path if it has one; undefined for the container's own layer or a
 * relative path.
 */
export function viewInContainer(index: PathIndex, container: string, containerPath: string): PathView | undefined {
  const found = mountBelow(index, container, containerPath);
  return found && viewAt(index, found.place, found.rest);
}

function mountBelow(
  index: PathIndex,
  container: string,
  containerPath: string,
): { place: IndexedMount; rest: readonly string[] } | undefined {
  const path = parsePath(containerPath);
  const place = path && innermost(index, container, path);
  const rest = place && below(place.target, path, false);
  return place && rest && { place, rest };
}

/**
 * Every place where the file at a path of a container is seen, that one first; empty if viewInContainer finds none.
 * With `file`, what the file system says of its host path, a link that stays inside of the mount is followed. A link
 * that leads out of it cannot be followed from outside the container: then only its own place is known, without a host
 * path.
 */
export function viewsOfContainerPath(
  index: PathIndex,
  container: string,
  containerPath: string,
  file?: HostFile,
): PathView[] {
  const found = mountBelow(index, container, containerPath);
  const own = found && viewAt(index, found.place, found.rest);
  if (found === undefined || own === undefined) return [];
  if (file === undefined) return [own, ...besides(own, lexicallySame(index, found.place, found.rest))];
  const views = viewsOfHostFile(index, file);
  const isSame = views.some((view) => view.container === own.container && view.containerPath === own.containerPath);
  if (isSame) return [own, ...besides(own, views)];
  const { hostPath: _unknown, ...rest } = own;
  return [rest];
}

function besides(own: PathView, views: readonly PathView[]): PathView[] {
  return views.filter((view) => view.container !== own.container || view.containerPath !== own.containerPath);
}

/** The views of what is `rest` below a place, as far as names tell. */
function lexicallySame(index: PathIndex, { source, volume }: IndexedMount, rest: readonly string[]): PathView[] {
  const ignoreCase = ignoresCase(index.host);
  const restOf = (other: IndexedMount) => {
    if (source !== undefined) return other.source && below(other.source.real, within(source.real, rest), ignoreCase);
    if (volume !== undefined) return other.volume && below(other.volume, within(volume, rest), false);
    return undefined;
  };
  return index.places.flatMap((other) => {
    const there = restOf(other);
    return (there && viewAt(index, other, there)) ?? [];
  });
}

/** The views of every path that is itself the source of a mount, by a key of `rootKey`. */
export function mountRoots(index: PathIndex): ReadonlyMap<string, readonly PathView[]> {
  const roots = new Map<string, PathView[]>();
  if (!index.host.local) return roots;
  for (const place of index.places) {
    const view = place.source && viewAt(index, place, []);
    if (place.source === undefined || view === undefined) continue;
    for (const key of new Set(
      [place.source.literal, place.source.real].map((path) => pathKey(path, ignoresCase(index.host))),
    )) {
      roots.set(key, [...(roots.get(key) ?? []), view]);
    }
  }
  return roots;
}

/** The key of a path of this machine in `mountRoots`; undefined for a relative one. */
export function rootKey({ host }: PathIndex, path: string): string | undefined {
  const parsed = parsePath(path);
  return parsed && pathKey(parsed, ignoresCase(host));
}
