/** Where a backup reads: the trees of its subject, where they are, and their names in the archive. */
import * as l10n from '@vscode/l10n';
import { basename, posix, relative, sep } from 'node:path';
import { containersWithVolume, inspectContainer, plainName } from '../../engine/containers.ts';
import type { InspectedContainer } from '../../engine/dockerTypes.ts';
import { withoutEndSlash } from '../../engine/pathEnds.ts';
import { inspectVolume } from '../../engine/volumes.ts';
import type { Connection } from '../../engine/connection.ts';
import { BadArgument } from '../../engine/errors.ts';
import type { Manifest, SavedMount } from '../archive/manifest.ts';
import type { Subject } from '../subject.ts';

/** One mount to save. */
export interface Tree extends SavedMount {
  /** Path on the engine's host where the bytes are. */
  readonly hostPath?: string;
}

/** What a subject is on this engine. */
export interface Origin {
  readonly kind: 'container' | 'volume' | 'bind';
  readonly subject: string;
  readonly trees: readonly Tree[];
  readonly container?: Manifest['container'];
  readonly leftOut: readonly { readonly target: string; readonly reason: string }[];
  /** Local images that may have GNU tar: those of containers that have run with the source. */
  readonly images: readonly string[];
  /** Those of them that could also write there. */
  readonly writers: readonly string[];
}

/** Finds the subject. Throws NotFound where it does not exist and BadArgument where it holds nothing to save. */
export async function findOrigin(connection: Connection, subject: Subject): Promise<Origin> {
  switch (subject.kind) {
    case 'container':
      return treesOfContainer(connection, subject.name, subject.targets);
    case 'volume': {
      const tree = await volumeTree(connection, subject.name);
      return {
        kind: 'volume',
        subject: tree.source,
        trees: [tree],
        leftOut: [],
        images: await imagesUsing(connection, tree.source, 'read'),
        writers: await imagesUsing(connection, tree.source, 'write'),
      };
    }
    case 'bind':
      if (!posix.isAbsolute(subject.name) && !/^[A-Za-z]:[\\/]/.test(subject.name)) {
        throw new BadArgument(
          'source',
          l10n.t(
            'The bind source "{0}" is not an absolute path on the engine\'s host; give the whole path.',
            subject.name,
          ),
        );
      }
      return {
        kind: 'bind',
        subject: subject.name,
        trees: [{ type: 'bind', source: subject.name, hostPath: subject.name }],
        leftOut: [],
        images: [],
        writers: [],
      };
  }
}

async function volumeTree(connection: Connection, name: string): Promise<Tree> {
  const volume = await inspectVolume(connection, name);
  return {
    type: 'volume',
    source: volume.Name,
    driver: volume.Driver,
    options: volume.Options ?? {},
    labels: volume.Labels ?? {},
    hostPath: volume.Mountpoint,
  };
}

/**
 * Images whose program may run on a volume, since it has already: those of containers that were started with it and, to
 * write, mount it writable. A container that was only created has run nothing.
 */
export async function imagesUsing(connection: Connection, volume: string, access: 'read' | 'write'): Promise<string[]> {
  const users = await containersWithVolume(connection, volume);
  const hadIt = ({ State, Mounts }: (typeof users)[number]) =>
    State !== 'created' && Mounts.some(({ Name, RW }) => Name === volume && (RW || access === 'read'));
  return [...new Set(users.filter(hadIt).map(({ ImageID }) => ImageID))];
}

/** The image of a container where it has run and, to write, where it can write to all chosen mounts. */
export function imageOf(
  { Image, State, Mounts }: InspectedContainer,
  access: 'read' | 'write',
  targets?: readonly string[],
): string[] {
  const chosen = Mounts.filter(({ Destination }) => targets?.includes(Destination) ?? true);
  return State.Status !== 'created' && (access === 'read' || chosen.every(({ RW }) => RW)) ? [Image] : [];
}

async function treesOfContainer(
  connection: Connection,
  reference: string,
  targets: readonly string[] | undefined,
): Promise<Origin> {
  const container = await inspectContainer(connection, reference);
  const name = plainName(container.Name);
  const wanted = targets?.map((target) => withoutEndSlash(posix.normalize(target)));
  const chosen = container.Mounts.filter((mount) => wanted === undefined || wanted.includes(mount.Destination));
  const others = new Map<string, string>();
  for (const target of Object.keys((container.HostConfig.Tmpfs as object | null | undefined) ?? {}))
    others.set(target, 'tmpfs');
  for (const mount of container.Mounts) {
    if (mount.Type !== 'bind' && mount.Type !== 'volume') others.set(mount.Destination, mount.Type);
  }
  checkTargets(
    name,
    wanted ?? [],
    container.Mounts.map((mount) => mount.Destination),
    others,
  );

  const trees: Tree[] = [];
  for (const mount of chosen) {
    const place = { target: mount.Destination, readOnly: !mount.RW };
    if (mount.Type === 'volume') trees.push({ ...(await volumeTree(connection, mount.Name ?? '')), ...place });
    else if (mount.Type === 'bind')
      trees.push({ type: 'bind', source: mount.Source, hostPath: mount.Source, ...place });
  }
  if (trees.length === 0) {
    throw new BadArgument(
      'container',
      l10n.t(
        'Container "{0}" has no volume or bind mount to back up; its own file system is not part of a backup.',
        name,
      ),
    );
  }
  trees.sort((a, b) => ((a.target ?? '') < (b.target ?? '') ? -1 : 1));
  return {
    kind: 'container',
    subject: name,
    trees,
    container: { id: container.Id, name, image: container.Config.Image, imageId: container.Image },
    leftOut: wanted === undefined ? [...others].map(([target, type]) => ({ target, reason: leftOutReason(type) })) : [],
    images: imageOf(container, 'read'),
    writers: imageOf(container, 'write', wanted),
  };
}

function checkTargets(
  name: string,
  wanted: readonly string[],
  known: readonly string[],
  others: ReadonlyMap<string, string>,
): void {
  for (const target of wanted) {
    const type = others.get(target);
    if (type !== undefined) {
      throw new BadArgument(
        'targets',
        l10n.t('The mount "{0}" of container "{1}" cannot be backed up: {2}.', target, name, leftOutReason(type)),
      );
    }
    if (!known.includes(target)) {
      throw new BadArgument(
        'targets',
        l10n.t(
          'Container "{0}" has no mount at "{1}"; it has {2}.',
          name,
          target,
          known.map((one) => `"${one}"`).join(', ') || 'none',
        ),
      );
    }
  }
}

function leftOutReason(type: string): string {
  return type === 'tmpfs'
    ? 'a tmpfs exists only in the memory of the running container'
    : `a mount of type ${type} holds no data of its own`;
}

/** The tree's root in the archive: the target without its leading slash, or '.' for entries relative to the source. */
export function rootName(tree: Tree): string {
  if (tree.target === undefined) return '.';
  return tree.target.replace(/^\/+/, '') || '.';
}

/** Refuses a destination inside a local source: the archive would contain itself. */
export function checkOutside(connection: Connection, trees: readonly Tree[], destination: string): void {
  if (!connection.info.local) return;
  for (const tree of trees) {
    if (tree.hostPath === undefined) continue;
    const inside = relative(tree.hostPath, destination);
    if (inside === '' || (inside !== '..' && !inside.startsWith(`..${sep}`) && !/^[A-Za-z]:/.test(inside))) {
      throw new BadArgument(
        'destination',
        l10n.t(
          'The destination "{0}" is inside the source "{1}" of the backup; choose a folder outside of it.',
          destination,
          tree.source,
        ),
      );
    }
  }
}

/** The subject's name in a file name. */
export function shortName(origin: Origin): string {
  return origin.kind === 'bind' ? basename(origin.subject) : origin.subject;
}
