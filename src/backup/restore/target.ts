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

/** One mount to write to. */
export interface Slot {
  readonly type: 'bind' | 'volume';
  /** Volume name or host path. */
  readonly source: string;
  /** Directory of the archive whose contents go here, '' for its root; as Latin-1, like member paths. */
  readonly prefix: string;
}

export interface RestoreTarget {
  readonly name: string;
  /** Mounts of a container by where it sees them; one without a target for a volume or bind. */
  readonly mounts: readonly { readonly type: 'bind' | 'volume'; readonly source: string; readonly target?: string }[];
  /** The volume is yet to be made. */
  readonly makes?: NewVolume;
  /** Local images that may hold a tar, and have written to the target already. */
  readonly images: readonly string[];
}

/** Looks the target up. Throws NotFound and BadArgument. */
export async function planTarget(
  connection: Connection,
  into: Subject,
  manifest: Manifest | undefined,
): Promise<RestoreTarget> {
  switch (into.kind) {
    case 'volume':
      return planVolume(connection, into.name, manifest);
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

async function planVolume(
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
 * A volume that is gone comes back as it was made. Another name gets the labels only: options can name the place of the
 * data (an NFS share, a directory), which two volumes must not share by a restore.
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
        'Volume "{0}" was made with a password in its option "{1}", which the manifest of an archive that is not encrypted does not keep. Create the volume with its options first, then restore into it; or restore into a volume of another name.',
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
        'Container "{0}" has no volume or bind at "{1}"; it has {2}.',
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

/** The slot that a member goes into: the one that is mounted deepest around it. */
export function slotOf(slots: readonly Slot[], path: string): Slot | undefined {
  return slots.filter(({ prefix }) => isWithin(path, prefix)).sort((a, b) => b.prefix.length - a.prefix.length)[0];
}

const asBytes = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

/** What a scan of the archive found. */
export interface Found {
  /** The directory that the data seems to lie in. */
  readonly prefix: string;
  /** Whether the archive holds anything in a directory. */
  holds(prefix: string): boolean;
}

/** Which directory of the archive goes where. `strip` is the directory, or a number of leading names, to leave out. */
export function slotsOf(
  target: RestoreTarget,
  manifest: Manifest | undefined,
  found: Found,
  strip: string | number | undefined,
): Slot[] {
  const [first] = target.mounts;
  if (first?.target !== undefined && strip === undefined && (manifest === undefined || manifest.kind === 'container')) {
    const slots = target.mounts
      .map(({ type, source, target: at }) => ({ type, source, prefix: asBytes(cleanPrefix(at ?? '')) }))
      .filter(({ prefix }) => found.holds(prefix));
    if (slots.length > 0) return slots;
    const roots = manifest?.mounts.map(({ root }) => `"${root}"`).join(', ');
    if (manifest !== undefined)
      throw new BadArgument(
        'container',
        l10n.t(
          'The archive holds {0}, and "{1}" has no mount at any of them; give "strip" and one of its targets.',
          roots ?? '',
          target.name,
        ),
      );
  }
  if (target.mounts.length !== 1 || first === undefined) {
    throw new BadArgument(
      'targets',
      l10n.t(
        'The archive holds one tree, and "{0}" has {1} mounts; say by "targets" which one it goes into.',
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
          '{0} leading names cannot be left out: all that is in the archive shares {1}. Give the directory instead.',
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
        'The archive holds several mounts: {0}. Say by "strip" which one to restore, or restore into a container.',
        manifest.mounts.map(({ root }) => `"${root}"`).join(', '),
      ),
    );
  return only === undefined || only.root === '.' ? '' : asBytes(only.root);
}
