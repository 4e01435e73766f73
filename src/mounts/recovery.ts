/** Recovers from a replacement during which the engine or this window stopped. */
import * as l10n from '@vscode/l10n';
import type { Entry, OpenEntry } from '../journal/journal.ts';
import {
  aboutContainer,
  deleteContainer,
  inspectContainer,
  pauseContainer,
  plainName,
  renameContainer,
  startContainer,
} from '../engine/containers.ts';
import { engineError, type Connection } from '../engine/connection.ts';
import { ifThere } from '../engine/errors.ts';
import { abandonedHere } from '../engine/helper/records.ts';
import type { Logger } from '../engine/log.ts';
import type { Container } from '../engine/model.ts';

const REPLACEMENT = 'replacement';

/** What the journal holds about a replacement, recorded before its first step. */
export interface ReplacementFacts {
  /** The container's name when all is done. */
  readonly name: string;
  readonly oldId: string;
  /** The name of the old container while the new one takes its place. */
  readonly oldName: string;
  /** The first name of the new container; random, so that the container is known before its id is. */
  readonly freshName: string;
  /** Known once it is created. */
  readonly freshId?: string;
  readonly wasRunning: boolean;
  readonly wasPaused: boolean;
  /** The new container is in place; only the old one must still be removed. */
  readonly isWhole?: boolean;
}

/** Records that a replacement is about to begin. Throws JournalFailure. */
export function recordReplacement({ journal, key }: Connection, facts: ReplacementFacts): Promise<OpenEntry> {
  return journal.open(REPLACEMENT, key, facts, { flush: true });
}

export interface Unfinished {
  readonly entry: Entry;
  readonly facts: ReplacementFacts;
  /** Id of the replacement; undefined where there is none. */
  readonly freshId: string | undefined;
}

function factsOf({ kind, facts }: Entry): ReplacementFacts | undefined {
  if (kind !== REPLACEMENT || typeof facts !== 'object' || facts === null) return undefined;
  const { name, oldId, oldName, freshName, freshId, wasRunning, wasPaused } = facts as Partial<ReplacementFacts>;
  const texts = [name, oldId, oldName, freshName];
  if (
    texts.some((text) => typeof text !== 'string' || text === '') ||
    typeof wasRunning !== 'boolean' ||
    typeof wasPaused !== 'boolean'
  )
    return undefined;
  return freshId === undefined || typeof freshId === 'string' ? (facts as ReplacementFacts) : undefined;
}

interface Seen {
  readonly id: string;
  readonly name: string;
  /** It was never started. */
  readonly isNew: boolean;
  /** Milliseconds since 1970, by the engine's clock. */
  readonly createdAt: number;
}

async function lookUp(connection: Connection, reference: string): Promise<Seen | undefined> {
  const found = await ifThere(inspectContainer(connection, reference));
  if (found === undefined) return undefined;
  const { Id, Name, State, Created } = found;
  return { id: Id, name: plainName(Name), isNew: State.Status === 'created', createdAt: Date.parse(Created) };
}

/**
 * Interrupted replacements in this machine's journal. Closes the records of those that are complete or had not done
 * anything yet. Throws EngineUnavailable, EngineFailure.
 */
export async function unfinishedReplacements(connection: Connection, log: Logger): Promise<Unfinished[]> {
  const found: Unfinished[] = [];
  for (const entry of await abandonedHere(connection, log)) {
    const facts = factsOf(entry);
    if (facts === undefined) continue;
    const old = await lookUp(connection, facts.oldId);
    const fresh =
      facts.freshId === undefined
        ? await unrecordedFresh(connection, entry, facts)
        : await lookUp(connection, facts.freshId);
    // The old one is removed in the last step, or by somebody else: then only the new one exists.
    const isWhole = old === undefined || (facts.isWhole === true && fresh?.name === facts.name);
    const isUntouched = fresh === undefined && old?.name === facts.name;
    if (isWhole || (isUntouched && !(await isStopped(connection, facts)))) {
      const claimed = await connection.journal.claim(entry);
      if (isWhole && claimed !== undefined) await removeOld(connection, facts, claimed, log);
      else await claimed?.end();
      log.info(
        `An interrupted change of the mounts of container "${facts.name}" was ${isWhole ? 'already complete' : 'not yet begun'}.`,
      );
      continue;
    }
    found.push({ entry, facts, freshId: fresh?.id });
  }
  return found;
}

/**
 * The last step of a replacement. One that fails stays in the journal for the next connection. An old container that
 * somebody has renamed or started since then is theirs, and stays.
 */
async function removeOld(
  connection: Connection,
  { oldId, oldName, name }: ReplacementFacts,
  claimed: OpenEntry,
  log: Logger,
): Promise<void> {
  try {
    const old = await ifThere(inspectContainer(connection, oldId));
    const isLeft = old !== undefined && plainName(old.Name) === oldName && !old.State.Running;
    if (isLeft) await ifThere(deleteContainer(connection, oldId, { force: true }));
    else if (old !== undefined)
      log.warn(
        `Container "${plainName(old.Name)}", which "${name}" has replaced, stays: it was renamed or started since then. Remove it yourself if you do not need it.`,
      );
    await claimed.end();
  } catch (error) {
    claimed.leave();
    log.error(`The container that "${name}" has replaced could not be removed: ${(error as Error).message}`);
  }
}

/** Tolerance for the clocks of two machines. */
const CLOCKS_MS = 10 * 60_000;

/**
 * The new container whose id was not recorded yet. It was just created and never started; any other container is not
 * ours.
 */
async function unrecordedFresh(
  connection: Connection,
  { at }: Entry,
  { freshName }: ReplacementFacts,
): Promise<Seen | undefined> {
  const found = await lookUp(connection, freshName);
  return found !== undefined && found.isNew && found.createdAt > Date.parse(at) - CLOCKS_MS ? found : undefined;
}

async function isStopped(connection: Connection, { oldId, wasRunning }: ReplacementFacts): Promise<boolean> {
  return wasRunning && !(await inspectContainer(connection, oldId)).State.Running;
}

/**
 * Removes the replacement and gives the old container its name and its state back: by the ids in the record, never by
 * name.
 */
export async function putBack(
  connection: Connection,
  { entry, facts, freshId }: Unfinished,
  log: Logger,
): Promise<void> {
  const { name, oldId, wasRunning, wasPaused } = facts;
  const claimed = await connection.journal.claim(entry);
  // Another window is doing this, or has done it.
  if (claimed === undefined) return;
  const context = aboutContainer(name, (why) => l10n.t('Container "{0}" could not be put back: {1}', name, why));
  try {
    // Checked first: without the old one, only the new one is left.
    const { Name } = await inspectContainer(connection, oldId, context);
    if (freshId !== undefined) await ifThere(deleteContainer(connection, freshId, { force: true }, context));
    if (plainName(Name) !== name) await renameContainer(connection, oldId, name, context);
    if (wasRunning) await startContainer(connection, oldId, context);
    if (wasPaused && !(await inspectContainer(connection, oldId, context)).State.Paused)
      await pauseContainer(connection, oldId, context);
    await claimed.end();
    log.info(`Put container "${name}" back as it was before the change of its mounts.`);
  } catch (error) {
    claimed.leave();
    throw engineError(error, context);
  }
}

/** Names that a replacement gives to both containers, also in earlier versions. */
const MARKED = /^(.+)-(?:old|new)-(?:[rs][0-9a-f]{6}|[0-9a-f]{12})$/;

/**
 * Containers that are named like what a replacement leaves, but without a record on this machine: another machine
 * created them, or somebody who imitates it. They must only be shown, never touched. Returns their names with the name
 * that each would have.
 */
export async function unrecordedLeftovers(
  { journal, key }: Connection,
  containers: readonly Container[],
): Promise<{ readonly container: string; readonly of: string }[]> {
  const known = (await journal.entries(key)).map(factsOf).filter((facts) => facts !== undefined);
  const ids = new Set(known.flatMap(({ oldId, freshId }) => [oldId, freshId]));
  const names = new Set(known.map(({ freshName }) => freshName));
  return containers.flatMap(({ id, name }) => {
    const [, of] = MARKED.exec(name) ?? [];
    return of === undefined || ids.has(id) || names.has(name) ? [] : [{ container: name, of }];
  });
}
