/** Applies a change to the mounts of a container's configuration. */
import * as l10n from '@vscode/l10n';
import type { Docker } from '../engine/dockerTypes.ts';
import { BadArgument } from '../engine/errors.ts';
import { parseVolumesFrom } from '../engine/inventory.ts';
import type { Mount } from '../engine/model.ts';
import { hostConfigOf } from './create.ts';
import { splitVolume } from './specText.ts';
import { type MountSettings } from './mountSettings.ts';

export type MountChange =
  | { readonly kind: 'add'; readonly mounts: readonly MountSettings[] }
  | { readonly kind: 'volumesFrom'; readonly from: string; readonly readOnly: boolean }
  | { readonly kind: 'remove'; readonly target: string }
  | { readonly kind: 'readOnly'; readonly target: string; readonly readOnly: boolean };

export interface MountParts {
  readonly binds: readonly string[];
  readonly mounts: readonly Docker.MountSettings[];
  readonly volumesFrom: readonly string[];
  readonly tmpfs: Readonly<Record<string, string>>;
  /** Targets that the image, or `-v /target`, declared as volumes. */
  readonly declared: readonly string[];
  /** The mounts as they are. */
  readonly seen: readonly Mount[];
}

/** The path in the container of an element of HostConfig.Binds. */
export function targetOfBind(bind: string): string | undefined {
  return splitVolume(bind)[1];
}

/** Throws BadArgument for a change that is not possible. */
export function applyChange(name: string, parts: MountParts, change: MountChange): MountParts {
  switch (change.kind) {
    case 'add': {
      const taken = change.mounts.find(({ Target }) =>
        parts.seen.some(({ target, from }) => target === Target && from === undefined),
      );
      if (taken !== undefined)
        throw new BadArgument(
          'mounts',
          l10n.t('Container "{0}" already has a mount at "{1}"; remove that one first.', name, taken.Target),
        );
      const { Binds, Mounts } = hostConfigOf(change.mounts, true);
      return {
        ...parts,
        binds: [...parts.binds, ...Binds],
        mounts: [...parts.mounts, ...(Mounts as Docker.MountSettings[])],
      };
    }
    case 'volumesFrom':
      if (parts.volumesFrom.some((from) => parseVolumesFrom(from).container === change.from))
        throw new BadArgument('from', l10n.t('Container "{0}" already takes volumes from "{1}".', name, change.from));
      return { ...parts, volumesFrom: [...parts.volumesFrom, `${change.from}${change.readOnly ? ':ro' : ''}`] };
    case 'remove':
      return removeTarget(name, parts, change.target);
    case 'readOnly':
      return setRights(name, parts, change.target, change.readOnly);
  }
}

function mountAt(name: string, { seen }: MountParts, target: string): Mount {
  const found = seen.find((mount) => mount.target === target);
  if (found !== undefined) return found;
  throw new BadArgument(
    'target',
    l10n.t(
      'Container "{0}" has no mount at "{1}"; it has {2}.',
      name,
      target,
      seen.map((mount) => `"${mount.target}"`).join(', ') || 'none',
    ),
  );
}

function without(parts: MountParts, target: string): MountParts {
  return {
    ...parts,
    binds: parts.binds.filter((bind) => targetOfBind(bind) !== target),
    mounts: parts.mounts.filter(({ Target }) => Target !== target),
    tmpfs: Object.fromEntries(Object.entries(parts.tmpfs).filter(([path]) => path !== target)),
  };
}

function removeTarget(name: string, parts: MountParts, target: string): MountParts {
  const mount = mountAt(name, parts, target);
  if (mount.from !== undefined)
    throw new BadArgument(
      'target',
      l10n.t(
        'The mount "{0}" of container "{1}" comes from "{2}" by volumes-from and cannot be removed alone.',
        target,
        name,
        mount.from,
      ),
    );
  if (parts.declared.includes(target))
    throw new BadArgument(
      'target',
      l10n.t(
        'The image of container "{0}" declares a volume at "{1}", so every container from it has one; it cannot be removed.',
        name,
        target,
      ),
    );
  return without(parts, target);
}

function setRights(name: string, parts: MountParts, target: string, readOnly: boolean): MountParts {
  const mount = mountAt(name, parts, target);
  if (mount.readOnly === readOnly)
    throw new BadArgument(
      'target',
      l10n.t('The mount "{0}" of container "{1}" is already {2}.', target, name, readOnly ? 'read-only' : 'writable'),
    );
  const mode = (words: readonly string[]) =>
    [...words.filter((word) => word !== '' && word !== 'ro' && word !== 'rw'), readOnly ? 'ro' : 'rw'].join(',');
  const asMount = parts.mounts.find(({ Target }) => Target === target);
  if (asMount !== undefined)
    return { ...parts, mounts: parts.mounts.map((one) => (one === asMount ? { ...one, ReadOnly: readOnly } : one)) };
  const options = parts.tmpfs[target];
  if (options !== undefined) return { ...parts, tmpfs: { ...parts.tmpfs, [target]: mode(options.split(',')) } };
  // The container's own bind overrides what volumes-from gives.
  const old = parts.binds.find((bind) => targetOfBind(bind) === target);
  const words = old === undefined ? '' : (splitVolume(old)[2] ?? '');
  const rest = without(parts, target);
  return { ...rest, binds: [...rest.binds, `${mount.source}:${target}:${mode(words.split(','))}`] };
}
