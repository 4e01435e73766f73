/** Writes a mount as a `--mount` string, so that what is parsed can be written and parsed again. */
import type { MountSettings } from '../src/mounts/mountSettings.ts';

function quoted(field: string): string {
  return /[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

/** A mount as a `--mount` string; what only `-v` can say (`z`, `Z`) is not in it. */
export function printMount({
  Type,
  Source,
  Target,
  ReadOnly,
  Consistency,
  BindOptions,
  VolumeOptions,
  TmpfsOptions,
}: MountSettings): string {
  const fields = [`type=${Type}`];
  const add = (key: string, value: string | number | undefined) =>
    value !== undefined && value !== '' && fields.push(`${key}=${value}`);
  add('src', Source);
  add('dst', Target);
  if (ReadOnly) fields.push('readonly');
  add('consistency', Consistency);
  add('bind-propagation', BindOptions?.Propagation);
  if (BindOptions?.NonRecursive) fields.push('bind-nonrecursive');
  if (BindOptions?.CreateMountpoint) fields.push('bind-create-src');
  if (VolumeOptions?.NoCopy) fields.push('volume-nocopy');
  add('volume-subpath', VolumeOptions?.Subpath);
  add('volume-driver', VolumeOptions?.DriverConfig?.Name);
  for (const [key, value] of Object.entries(VolumeOptions?.Labels ?? {})) fields.push(`volume-label=${key}=${value}`);
  for (const [key, value] of Object.entries(VolumeOptions?.DriverConfig?.Options ?? {}))
    fields.push(`volume-opt=${key}=${value}`);
  add('tmpfs-size', TmpfsOptions?.SizeBytes);
  add('tmpfs-mode', TmpfsOptions?.Mode?.toString(8));
  return fields.map(quoted).join(',');
}
