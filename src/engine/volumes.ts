/** Looks up, creates and removes volumes. */
import * as l10n from '@vscode/l10n';
import { answerOf, engineError, type Connection, type FailureContext } from './connection.ts';
import type { InspectedVolume } from './dockerTypes.ts';
import { BadArgument, EngineFailure, ifThere, InUse, NotFound } from './errors.ts';
import { Inventory } from './inventory.ts';
import type { Volume } from './model.ts';
import { withoutSecrets } from './masking.ts';
import { VOLUME_NAME } from './volumeName.ts';

export interface NewVolume {
  /** Without a name the engine gives 64 hexadecimal digits. */
  readonly name?: string;
  readonly driver?: string;
  readonly driverOpts?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Why a volume cannot have this name, or undefined. */
export function volumeNameProblem(name: string): string | undefined {
  return VOLUME_NAME.test(name)
    ? undefined
    : `"${name}" cannot be a volume's name; use at least two letters, digits, dots, dashes or underscores, the first a letter or digit.`;
}

/** GET /volumes/{name}. Throws NotFound, EngineFailure or EngineUnavailable. */
export function inspectVolume({ docker }: Connection, volume: string): Promise<InspectedVolume> {
  const failed = (why: string) => l10n.t('Volume "{0}" could not be looked up: {1}', volume, why);
  return answerOf({ kind: 'volume', object: volume, failed }, () =>
    docker.getVolume(encodeURIComponent(volume)).inspect(),
  );
}

/** The same, and undefined where there is no such volume. Throws EngineFailure or EngineUnavailable. */
export function volumeIfThere(connection: Connection, volume: string): Promise<InspectedVolume | undefined> {
  return ifThere(inspectVolume(connection, volume));
}

/** Removes one volume. Throws NotFound, EngineFailure for one that is in use, or EngineUnavailable. */
export async function deleteVolume(
  { docker }: Connection,
  volume: string,
  failed: FailureContext['failed'] = (why) => l10n.t('Volume "{0}" could not be removed: {1}', volume, why),
): Promise<void> {
  await answerOf({ kind: 'volume', object: volume, failed }, () =>
    docker.getVolume(encodeURIComponent(volume)).remove(),
  );
}

/** The names of all volumes. Throws EngineFailure or EngineUnavailable. */
export async function volumeNames({ docker, endpoint }: Connection): Promise<ReadonlySet<string>> {
  const failed = (why: string) => l10n.t('The volumes at {0} could not be listed: {1}', endpoint.address, why);
  const { Volumes } = await answerOf({ kind: 'volume', object: endpoint.address, failed }, () => docker.listVolumes());
  // The engine says null where there are none.
  return new Set(((Volumes as { Name: string }[] | null) ?? []).map(({ Name }) => Name));
}

/** The volume drivers that the engine has, `local` first. */
export async function volumeDrivers({ docker }: Connection): Promise<string[]> {
  const { Plugins } = (await docker.info()) as { Plugins?: { Volume?: string[] | null } };
  return [...new Set(['local', ...(Plugins?.Volume ?? [])])];
}

/** Creates a volume. Throws BadArgument for a taken name: the engine would return the old volume as the new one. */
export async function createVolume(connection: Connection, volume: NewVolume): Promise<{ name: string }> {
  const { name, driver, driverOpts, labels } = volume;
  if (name !== undefined) {
    const problem = volumeNameProblem(name);
    if (problem !== undefined) throw new BadArgument('name', problem);
    if ((await volumeIfThere(connection, name)) !== undefined)
      throw new BadArgument(
        'name',
        l10n.t('There is a volume "{0}" already; choose another name, or remove that one first.', name),
      );
  }
  try {
    const made = (await connection.docker.createVolume({
      Name: name ?? '',
      Driver: driver ?? 'local',
      DriverOpts: { ...driverOpts },
      Labels: { ...labels },
    })) as unknown as { name?: string; Name?: string };
    return { name: made.Name ?? made.name ?? name ?? '' };
  } catch (error) {
    throw withoutSecretsOf(
      engineError(error, {
        kind: 'volume',
        object: name ?? '',
        failed: (why) =>
          name === undefined
            ? l10n.t('A volume without a name could not be created: {0}', why)
            : l10n.t('Volume "{0}" could not be created: {1}', name, why),
      }),
      driverOpts ?? {},
    );
  }
}

/** The engine, or a driver, may quote the options in its own way. */
function withoutSecretsOf(error: Error, options: Readonly<Record<string, string>>): Error {
  error.message = withoutSecrets(error.message, options);
  return error;
}

/** Removes all given volumes, or none where one is missing or in use. Throws NotFound or InUse. */
export async function removeVolumes(connection: Connection, names: readonly string[]): Promise<{ removed: string[] }> {
  const { volumes } = await new Inventory(connection).read();
  for (const name of names) {
    const found = volumes.find((volume) => volume.name === name);
    if (found === undefined)
      throw new NotFound(
        'volume',
        name,
        l10n.t(
          'There is no volume "{0}" on this engine; nothing was removed. Refresh the view and check the name.',
          name,
        ),
      );
    const users = [...new Set(found.usedBy.map(({ container }) => container))];
    if (users.length > 0) {
      throw new InUse(
        'volume',
        name,
        users,
        l10n.t(
          'Volume "{0}" is used by {1}; nothing was removed. Remove those containers first.',
          name,
          users.map((user) => `"${user}"`).join(', '),
        ),
      );
    }
  }
  const removed: string[] = [];
  for (const name of names) {
    const before = removed.join(', ');
    await (before === ''
      ? deleteVolume(connection, name)
      : deleteVolume(connection, name, (why) =>
          l10n.t('Volume "{0}" could not be removed, but before it {1}: {2}', name, before, why),
        ));
    removed.push(name);
  }
  return { removed };
}

/** The dangling volumes that a prune would remove: anonymous ones, or all. Sizes are measured. */
export async function prunable(connection: Connection, all: boolean): Promise<Volume[]> {
  const inventory = new Inventory(connection);
  const { volumes } = await inventory.read();
  const sizes = await inventory.sizes();
  return volumes
    .filter(({ dangling, anonymous }) => dangling && (anonymous || all))
    .map((volume) => ({ ...volume, size: sizes.get(volume.name) ?? null }));
}

/** Removes these volumes; one that a container now uses is kept. */
export async function prune(
  connection: Connection,
  volumes: readonly Volume[],
): Promise<{ removed: string[]; bytes: number }> {
  const removed: string[] = [];
  let bytes = 0;
  for (const { name, size } of volumes) {
    try {
      await deleteVolume(connection, name);
    } catch (error) {
      if (error instanceof NotFound || (error instanceof EngineFailure && error.status === 409)) continue;
      throw error;
    }
    removed.push(name);
    bytes += size ?? 0;
  }
  return { removed, bytes };
}
