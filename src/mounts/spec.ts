/**
 * Mounts as people type them: `-v` and `--mount` strings, and Docker's own API objects, as one list of API objects.
 * The rules are those of docker/cli (opts/mount.go) and moby (volume/mounts).
 */
import * as l10n from '@vscode/l10n';
import { BadArgument } from '../engine/errors.ts';
import { copied, isObject, MOUNT, type Copied } from './apiMount.ts';
import { mountError, checkMount, quotable, type MountSettings } from './mountSettings.ts';
import { expand, parseMount, parseVolume, type LocalPaths } from './specText.ts';

/** Longer than any path: `posix.normalize` takes time that grows with the square of a long path's length. */
const MOST_CHARACTERS = 65_536;
/** One mount from a `-v` string, a `--mount` string or an API object. Throws BadArgument that says what is wrong. */
export function parseMountSpec(spec: unknown, local: LocalPaths): MountSettings {
  if (typeof spec === 'string' && spec.length > MOST_CHARACTERS)
    throw mountError(spec, l10n.t('it is too long for a mount'));
  if (typeof spec === 'string')
    return /^[a-z-]+(=|,)/i.test(spec) && spec.includes('=') ? parseMount(spec, local) : parseVolume(spec, local);
  if (!isObject(spec)) throw mountError(quotable(spec), l10n.t('it is neither a text nor an object'));
  // Read once: so what is checked and quoted is what is sent, even if an accessor returns another value later.
  const once = { ...spec };
  const text = quotable(once);
  const { ImageOptions, ClusterOptions, ...mount } = copied(text, '', once, MOUNT) as Copied;
  if (mount.Target === undefined) throw mountError(text, l10n.t('it has no Target'));
  const Type = mount.Type ?? 'volume';
  if (ImageOptions !== undefined || ClusterOptions !== undefined)
    throw mountError(text, l10n.t('it has options of another type than {0}', Type));
  const config = mount.VolumeOptions?.DriverConfig as
    { Name?: string; Options?: Readonly<Record<string, string>> } | undefined;
  const VolumeOptions =
    config === undefined
      ? mount.VolumeOptions
      : { ...mount.VolumeOptions, DriverConfig: { Name: config.Name ?? '', Options: config.Options ?? {} } };
  return checkMount(text, {
    ...mount,
    ...(VolumeOptions === undefined ? {} : { VolumeOptions }),
    Type,
    Source: expand(text, mount.Source ?? '', local),
    Target: mount.Target,
    ReadOnly: mount.ReadOnly === true,
  });
}

/** Several mounts. Throws BadArgument where two have the same target. */
export function parseMountSpecs(specs: readonly unknown[], local: LocalPaths): MountSettings[] {
  const mounts = specs.map((spec) => parseMountSpec(spec, local));
  const targets = new Set<string>();
  for (const { Target } of mounts) {
    if (targets.has(Target))
      throw new BadArgument(
        'mounts',
        l10n.t('The target "{0}" is given twice; each path in a container can be mounted once.', Target),
      );
    targets.add(Target);
  }
  return mounts;
}
