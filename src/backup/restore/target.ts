/** What a restore will write to: which part of an archive goes into which mount. */
import * as l10n from '@vscode/l10n';
import { posix } from 'node:path';
import { inspectContainer, plainName } from '../../engine/containers.ts';
import type { InspectedContainer } from '../../engine/dockerTypes.ts';
import type { Connection } from '../../engine/connection.ts';
import { BadArgument, NotFound } from '../../engine/errors.ts';
import { withoutEndSlash } from '../../engine/pathEnds.ts';
import { inspectVolume, volumeNameProblem, type NewVolume } from '../../engine/volumes.ts';
import { cleanPrefix, isWithin } from '../archive/prefix.ts';
import type { Manifest } from '../archive/manifest.ts';
import { imageOf, imagesUsing } from '../source/trees.ts';
import type { Subject } from '../subject.ts';
import type { MountSource } from '../../engine/helper/helper.ts';

/** Which part of an archive goes into which mount. */
export interface Placement extends MountSource {
  /** Directory of the archive whose contents go here, '' for its root; as Latin-1, like member paths. */
  readonly prefix: string;
}

export interface RestoreTarget {
  readonly name: string;
  /** Mounts of a container with their targets; one mount without a target for a volume or bind mount. */
  readonly mounts: readonly { readonly type: 'bind' | 'volume'; readonly source: string; readonly target?: string }[];
  /** The volume must be created first. */
  readonly makes?: NewVolume;
  /** Local images that may hold a tar and have already written to the target. */
  readonly images: readonly string[];
}

/** Finds the target. Throws NotFound and BadArgument. */
export async function targetOf(
  connection: Connection,
  into: Subject,
  manifest: Manifest | undefined,
): Promise<RestoreTarget> {
  switch (into.kind) {
    case 'volume':
      return targetVolume(connection, into.name, manifest);
    case 'bind':
      if (!posix.isAbsolute(into.name) && !/^[A-Za-z]:[\\/]/.test(into.name)) {
        throw new BadArgument(
          'source',
          l10n.t('"{0}" is not an absolute path on the engine\'s host; give the whole path.', into.name),
        );
      }
      return { name: into.name, mounts: [{ type: 'bind', source: into.name }], images: [] };
    case 'container': {
      const container = await inspectContainer(connection, into.name);
      const mounts = mountsOf(container, into.targets);
      return {
        name: plainName(container.Name),
        mounts,
        images: imageOf(
          container,
          'write',
          mounts.map(({ target }) => target ?? ''),
        ),
      };
    }
  }
}

async function targetVolume(
  connection: Connection,
  name: string,
  manifest: Manifest | undefined,
): Promise<RestoreTarget> {
  try {
    const { Name } = await inspectVolume(connection, name);
    return { name, mounts: [{ type: 'volume', source: Name }], images: await imagesUsing(connection, Name, 'write') };
  } catch (error) {
    if (!(error instanceof NotFound)) throw error;
    const problem = volumeNameProblem(name);
    if (problem !== undefined) throw new BadArgument('volume', problem, { cause: error });
    return {
      name,
      mounts: [{ type: 'volume', source: name }],
      makes: { name, ...madeLike(name, manifest) },
      images: [],
    };
  }
}

/**
 * A volume that no longer exists is created as it was before. A volume of another name gets only the labels: options
 * can say where the data is (an NFS share, a directory), and a restore must not make two volumes share it.
 */
function madeLike(name: string, manifest: Manifest | undefined): Omit<NewVolume, 'name'> {
  const [only, ...more] = manifest?.mounts ?? [];
  if (only?.type !== 'volume' || more.length > 0) return {};
  const labels = Object.fromEntries(
    Object.entries(only.labels ?? {}).filter(([key]) => key !== 'com.docker.volume.anonymous'),
  );
  if (only.source !== name) return { labels };
  const [masked] = only.maskedOptions ?? [];
  if (masked !== undefined) {
    throw new BadArgument(
      'volume',
      l10n.t(
        'Volume "{0}" was created with a password in its option "{1}", which the manifest of an unencrypted archive does not keep. Create the volume with its options first, then restore into it, or restore into a volume of another name.',
        name,
        masked,
      ),
    );
  }
  return { driver: only.driver, driverOpts: only.options, labels };
}

function mountsOf(container: InspectedContainer, targets: readonly string[] | undefined): RestoreTarget['mounts'] {
  const name = plainName(container.Name);
  const usable = container.Mounts.filter(({ Type }) => Type === 'volume' || Type === 'bind').map((mount) => ({
    type: mount.Type as 'volume' | 'bind',
    source: mount.Type === 'volume' ? (mount.Name ?? '') : mount.Source,
    target: mount.Destination,
  }));
  const wanted = targets?.map((target) => withoutEndSlash(posix.normalize(target)));
  const missing = wanted?.find((target) => !usable.some((mount) => mount.target === target));
  if (missing !== undefined) {
    throw new BadArgument(
      'targets',
      l10n.t(
        'Container "{0}" has no volume or bind mount at "{1}"; it has {2}.',
        name,
        missing,
        usable.map(({ target }) => `"${target}"`).join(', ') || 'none',
      ),
    );
  }
  const chosen = usable.filter(({ target }) => wanted?.includes(target) ?? true);
  if (chosen.length === 0)
    throw new BadArgument('container', l10n.t('Container "{0}" has no volume or bind mount to restore into.', name));
  return chosen.sort((a, b) => (a.target < b.target ? -1 : 1));
}

/** The placement that a member goes into: the innermost mount that contains it. */
export function placementOf(placements: readonly Placement[], path: string): Placement | undefined {
  return placements.filter(({ prefix }) => isWithin(path, prefix)).sort((a, b) => b.prefix.length - a.prefix.length)[0];
}

const asBytes = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

/** What a scan of the archive found. */
export interface Found {
  /** The directory that seems to hold the data. */
  readonly prefix: string;
  /** Whether the archive holds anything in a directory. */
  holds(prefix: string): boolean;
}

/** Which directory of the archive goes where. `strip` is the directory to leave out, or a number of leading names. */
export function placementsOf(
  target: RestoreTarget,
  manifest: Manifest | undefined,
  found: Found,
  strip: string | number | undefined,
): Placement[] {
  const [first] = target.mounts;
  if (first?.target !== undefined && strip === undefined && (manifest === undefined || manifest.kind === 'container')) {
    const placements = target.mounts
      .map(({ type, source, target: at }) => ({ type, source, prefix: asBytes(cleanPrefix(at ?? '')) }))
      .filter(({ prefix }) => found.holds(prefix));
    if (placements.length > 0) return placements;
    const roots = manifest?.mounts.map(({ root }) => `"${root}"`).join(', ');
    if (manifest !== undefined)
      throw new BadArgument(
        'container',
        l10n.t(
          'The archive holds {0}, but "{1}" has no mount at any of them; give "strip" and one of its targets.',
          roots ?? '',
          target.name,
        ),
      );
  }
  if (target.mounts.length !== 1 || first === undefined) {
    throw new BadArgument(
      'targets',
      l10n.t(
        'The archive holds one tree, but "{0}" has {1} mounts; name the one to restore into with "targets".',
        target.name,
        target.mounts.length,
      ),
    );
  }
  return [{ type: first.type, source: first.source, prefix: prefixOf(manifest, found, strip) }];
}

function prefixOf(manifest: Manifest | undefined, found: Found, strip: string | number | undefined): string {
  if (typeof strip === 'string') {
    const prefix = asBytes(cleanPrefix(strip));
    if (!found.holds(prefix)) throw new BadArgument('strip', l10n.t('The archive holds nothing in "{0}".', strip));
    return prefix;
  }
  if (typeof strip === 'number') {
    const names = found.prefix === '' ? [] : found.prefix.split('/');
    if (!Number.isInteger(strip) || strip < 0 || strip > names.length) {
      throw new BadArgument(
        'strip',
        l10n.t(
          '{0} leading names cannot be left out, because all entries of the archive share only {1}. Give the directory instead.',
          strip,
          names.length === 0 ? 'none' : `"${found.prefix}"`,
        ),
      );
    }
    return names.slice(0, strip).join('/');
  }
  if (manifest === undefined) return found.prefix;
  const [only, ...more] = manifest.mounts;
  if (more.length > 0)
    throw new BadArgument(
      'strip',
      l10n.t(
        'The archive holds several mounts: {0}. Choose one with "strip", or restore into a container.',
        manifest.mounts.map(({ root }) => `"${root}"`).join(', '),
      ),
    );
  return only === undefined || only.root === '.' ? '' : asBytes(only.root);
}
