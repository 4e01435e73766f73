/** A mount as the engine's API takes it, and what is valid in it. */
import * as l10n from '@vscode/l10n';
import { posix } from 'node:path';
import { BadArgument } from '../engine/errors.ts';
import { maskedText } from '../engine/masking.ts';
import { VOLUME_NAME } from '../engine/volumeName.ts';
import { withoutEndSlash } from '../engine/pathEnds.ts';

/** One element of HostConfig.Mounts (Docker Engine API, MountPoint settings of ContainerCreate). */
export interface MountSettings {
  readonly Type: 'bind' | 'volume' | 'tmpfs';
  /** Host path or volume name; '' for a tmpfs or an anonymous volume. */
  readonly Source: string;
  readonly Target: string;
  readonly ReadOnly: boolean;
  readonly Consistency?: string;
  readonly BindOptions?: {
    readonly Propagation?: string;
    readonly NonRecursive?: boolean;
    readonly CreateMountpoint?: boolean;
    readonly ReadOnlyNonRecursive?: boolean;
    readonly ReadOnlyForceRecursive?: boolean;
  };
  readonly VolumeOptions?: {
    readonly NoCopy?: boolean;
    readonly Subpath?: string;
    readonly Labels?: Readonly<Record<string, string>>;
    readonly DriverConfig?: { readonly Name: string; readonly Options: Readonly<Record<string, string>> };
  };
  readonly TmpfsOptions?: {
    readonly SizeBytes?: number;
    readonly Mode?: number;
    readonly Options?: readonly (readonly string[])[];
  };
  /** SELinux relabelling, which only a `-v` string can ask for. */
  readonly relabel?: 'z' | 'Z';
}

export const PROPAGATIONS = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'];
export const CONSISTENCIES = ['default', 'consistent', 'cached', 'delegated'];
export const WINDOWS_PATH = /^[A-Za-z]:[\\/]/;

/** Enough of a mount to recognize it. */
const MOST_SHOWN = 500;

/** Quotes the mount without the passwords that driver options can hold. */
export function mountError(text: string, why: string): BadArgument {
  return new BadArgument(
    'mounts',
    maskedText(
      l10n.t(
        'The mount "{0}" cannot be used: {1}.',
        text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text,
        why,
      ),
    ),
  );
}

/** What a message may quote of an API object: not its labels and driver options, which may be private. */
export function quotable(spec: unknown): string {
  if (typeof spec !== 'object' || spec === null) return spec === null ? 'null' : typeof spec;
  const named = Object.entries(spec).filter(
    ([key, value]) => ['Type', 'Source', 'Target'].includes(key) && typeof value === 'string',
  );
  return Array.isArray(spec) ? '[…]' : JSON.stringify(Object.fromEntries(named));
}

/** Linux does not accept a longer path (PATH_MAX). */
const MOST_PATH_CHARACTERS = 4096;

export function checkTarget(text: string, target: string): string {
  if (target.length > MOST_PATH_CHARACTERS) throw mountError(text, l10n.t('the target is longer than a path can be'));
  if (!posix.isAbsolute(target))
    throw mountError(text, l10n.t('the target "{0}" must be an absolute path in the container', target));
  const clean = withoutEndSlash(posix.normalize(target));
  if (clean === '/') throw mountError(text, l10n.t('the target cannot be "/"'));
  return clean;
}

export function checkMount(text: string, mount: MountSettings): MountSettings {
  const { Type, Source, Consistency, BindOptions, VolumeOptions, TmpfsOptions, relabel } = mount;
  if (!['bind', 'volume', 'tmpfs'].includes(Type))
    throw mountError(text, l10n.t('the type "{0}" is not bind, volume or tmpfs', String(Type)));
  const foreign = {
    bind: VolumeOptions ?? TmpfsOptions,
    volume: BindOptions ?? TmpfsOptions,
    tmpfs: BindOptions ?? VolumeOptions,
  }[Type];
  if (foreign !== undefined) throw mountError(text, l10n.t('it has options of another type than {0}', Type));
  if (Type === 'tmpfs' && Source !== '') throw mountError(text, l10n.t('a tmpfs has no source'));
  if (Type === 'bind' && !posix.isAbsolute(Source) && !WINDOWS_PATH.test(Source))
    throw mountError(text, l10n.t('the source "{0}" of a bind must be an absolute path', Source));
  if (Type === 'volume' && Source !== '' && !VOLUME_NAME.test(Source))
    throw mountError(text, l10n.t('"{0}" cannot be a volume\'s name', Source));
  if (
    BindOptions?.Propagation !== undefined &&
    BindOptions.Propagation !== '' &&
    !PROPAGATIONS.includes(BindOptions.Propagation)
  )
    throw mountError(text, l10n.t('the propagation "{0}" is unknown', BindOptions.Propagation));
  if (Consistency !== undefined && Consistency !== '' && !CONSISTENCIES.includes(Consistency))
    throw mountError(text, l10n.t('the consistency "{0}" is unknown', Consistency));
  // With a relabelling it becomes a `-v` string, which holds neither colons in a path nor a driver's options.
  const isPlain =
    Source !== '' &&
    !(posix.isAbsolute(Source) && Source.includes(':')) &&
    !mount.Target.includes(':') &&
    (VolumeOptions === undefined || Object.keys(VolumeOptions).length === 0);
  if (relabel !== undefined && (!['z', 'Z'].includes(relabel) || !isPlain))
    throw mountError(text, l10n.t('the relabelling "{0}" is not possible for it', relabel));
  // The engine resolves ".." as text, but the kernel follows links before it: what is judged must be what is mounted.
  const flat =
    Type === 'bind' && posix.isAbsolute(Source) && CROOKED.test(Source)
      ? posix.normalize(Source).replace(/^\/+/, '/')
      : Source;
  return { ...mount, Source: flat, Target: checkTarget(text, mount.Target) };
}

/** A path that could be written more simply. */
const CROOKED = /\/\.{0,2}(?:\/|$)/;
