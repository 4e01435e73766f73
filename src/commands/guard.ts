/** The question that comes before a container, or a file of a mount, gets power over the machine. */
import type { Connection } from '../engine/connection.ts';
import { findDangers, type Asked, type Found } from '../mounts/findDangers.ts';
import type { FilePlace } from '../files/place.ts';
import { inspectContainer } from '../engine/containers.ts';
import { isWithin } from '../engine/pathEnds.ts';
import { dangerContext, dangerSentence } from '../ui/danger.ts';
import { agreement, type Agreed } from '../ui/mountPrompts.ts';
import { joined, lines, say, type Shown } from '../ui/shown.ts';
import { confirmed, type Call } from './call.ts';

/** The argument that replaces the answer; only an extension in the same host can give it. */
export const CONFIRMED = 'confirmed';

function named({ named, path, readOnly }: Found): Shown {
  const what = path === undefined ? say('"{0}"', named) : say('"{0}" (that is "{1}")', named, path);
  return readOnly ? say('{0}, read-only', what) : what;
}

async function ask(all: readonly Found[], single: (one: Found) => Shown, several: Shown, go: Shown): Promise<void> {
  const found = [...new Map(all.map((one) => [JSON.stringify(one), one])).values()];
  const [first] = found;
  if (first === undefined) return;
  const question = found.length === 1 ? single(first) : several;
  const reasons = found.map((one) =>
    found.length === 1 && one.path === undefined
      ? dangerSentence(one.danger)
      : joined([named(one), dangerSentence(one.danger)], ': '),
  );
  await confirmed(question, lines(reasons), go);
}

/**
 * Asks in a modal dialog before mounts that give power over the machine, for any caller, unless `confirmed` was given
 * or a person has agreed in the same flow. Throws Dismissed if the answer is no.
 */
export async function guardMounts(
  call: Call,
  connection: Connection,
  asked: Asked,
  agreed: Agreed = new Set(),
): Promise<void> {
  if (call.confirmed) return;
  const found = (await findDangers(connection, asked, dangerContext())).filter(
    ({ named, readOnly }) => !agreed.has(agreement(named, readOnly)),
  );
  const single = ({ named, readOnly }: Found) =>
    readOnly ? say('Mount "{0}"?', named) : say('Mount "{0}" with write access?', named);
  await ask(
    found,
    single,
    say('Mount {0} sources that give power over this machine?', found.length),
    say('Mount Anyway'),
  );
}

/**
 * Asks before data is written to paths of the host that the machine itself obeys, or to volumes that are binds of them.
 * `here`: the paths are of this machine, wherever the engine is.
 */
export async function guardWrites(
  call: Call,
  connection: Connection,
  mounts: NonNullable<Asked['mounts']>,
  here?: boolean,
): Promise<void> {
  if (call.confirmed) return;
  const found = await findDangers(
    connection,
    { mounts: mounts.map((mount) => ({ ...mount, ReadOnly: false })), writes: !call.byHand, here },
    dangerContext(),
  );
  await ask(
    found,
    ({ named }) => say('Write to "{0}"?', named),
    say('Write to {0} places that give power over this machine?', found.length),
    say('Write Anyway'),
  );
}

/**
 * Asks before files of this machine that hold keys, or belong to others, are given to a container. By hand, the person
 * has chosen them in a dialog.
 */
export async function guardReads(call: Call, connection: Connection, paths: readonly string[]): Promise<void> {
  if (call.confirmed || call.byHand) return;
  const found = await findDangers(
    connection,
    { mounts: paths.map((Source) => ({ Type: 'bind', Source, ReadOnly: true })), here: true },
    dangerContext(),
  );
  await ask(
    found,
    ({ named }) => say('Give the container "{0}"?', named),
    say('Give the container {0} files that give power over this machine?', found.length),
    say('Copy Anyway'),
  );
}

/**
 * Asks before arguments change a file in a mount from a place that the machine obeys. By hand, the row says so, and the
 * person has chosen it.
 */
export async function guardPlaces(call: Call, connection: Connection, places: readonly FilePlace[]): Promise<void> {
  if (call.confirmed || call.byHand) return;
  const mounts = await Promise.all(places.map((place) => sourceOf(connection, place)));
  await guardWrites(call, connection, mounts.flat());
}

/**
 * What is behind a path in a mount: the volume, and the path of the host. Nothing if the mount does not exist; the job
 * will report that.
 */
async function sourceOf(
  connection: Connection,
  { kind, name, path }: FilePlace,
): Promise<NonNullable<Asked['mounts']>> {
  if (kind === 'volume') return [{ Type: 'volume', Source: name, ReadOnly: false }];
  const container = await inspectContainer(connection, name).catch(() => undefined);
  const around = (container?.Mounts ?? []).filter(({ Destination }) => isWithin(path, Destination));
  const [mount] = around.sort((a, b) => b.Destination.length - a.Destination.length);
  if (mount === undefined) return [];
  if (mount.Type === 'volume') return [{ Type: 'volume', Source: mount.Name ?? '', ReadOnly: false }];
  return [{ Type: mount.Type, Source: `${mount.Source}${path.slice(mount.Destination.length)}`, ReadOnly: false }];
}
