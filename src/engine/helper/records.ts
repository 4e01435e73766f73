/** Which containers are helpers of this machine, and what must be recovered after them: only the journal says so. */
import type Docker from 'dockerode';
import type { Entry, OpenEntry } from '../../journal/journal.ts';
import type { Connection } from '../connection.ts';
import { statusOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import { HELPER_LABEL } from '../model.ts';

const HELPER = 'helper';
const UNDO = 'undo';

interface HelperFacts {
  /** Chosen at random before the container is created. */
  readonly name: string;
  /** As given to the engine: an id, or a reference. */
  readonly image: string;
  /** Known once it is created. */
  readonly id?: string;
}

/** The record of one helper. None of its methods throws: a helper without a record still does its work. */
export interface HelperEntry {
  made(id: string): Promise<void>;
  end(): Promise<void>;
  leave(): void;
}

/** Names of all helpers that this process has created; their events change nothing that is shown. */
const ownNames = new Set<string>();

/** Whether an event of this container is about a helper that this process created. */
export function isOwnHelper(name: string | undefined): boolean {
  return name !== undefined && ownNames.has(name);
}

function factsOf({ kind, facts }: Entry): HelperFacts | undefined {
  if (kind !== HELPER || typeof facts !== 'object' || facts === null) return undefined;
  const { name, image, id } = facts as Partial<HelperFacts>;
  if (typeof name !== 'string' || typeof image !== 'string' || (id !== undefined && typeof id !== 'string'))
    return undefined;
  return { name, image, ...(id === undefined ? {} : { id }) };
}

/** Records that a helper is about to be created. */
export async function recordHelper(
  { journal, key }: Connection,
  facts: HelperFacts,
  log: Logger,
): Promise<HelperEntry> {
  ownNames.add(facts.name);
  let entry: OpenEntry | undefined;
  const quietly = async (work: Promise<void> | undefined) =>
    work?.catch((error: unknown) => log.warn((error as Error).message));
  try {
    // A power cut that loses the record also stops the helper.
    entry = await journal.open(HELPER, key, facts, { flush: false });
  } catch (error) {
    log.warn((error as Error).message);
  }
  return {
    made: (id) => quietly(entry?.note({ ...facts, id })),
    end: () => quietly(entry?.end()),
    leave: () => entry?.leave(),
  };
}

/** Distinguishes this machine's helpers from all other containers. */
export async function helperTest({ journal, key }: Connection): Promise<(id: string, name: string) => boolean> {
  const known = (await journal.entries(key)).map(factsOf).filter((facts) => facts !== undefined);
  const ids = new Set(known.map(({ id }) => id));
  // Between its creation and the record of its id, a helper is identified by its name.
  const names = new Set(known.filter(({ id }) => id === undefined).map(({ name }) => name));
  return (id, name) => ids.has(id) || names.has(name) || ownNames.has(name);
}

/** Records, flushed, what must be undone if this process or the engine stops. Throws JournalFailure. */
export function recordUndo({ journal, key }: Connection, undo: unknown): Promise<OpenEntry> {
  return journal.open(UNDO, key, undo, { flush: true });
}

/** Undoes what a lost job left, as its record says. Throws where it cannot be done now. */
export type Undo = (connection: Connection, what: unknown, log: Logger) => Promise<void>;

/**
 * Abandoned records of the engine at exactly this address. Another engine with the same id does not have their objects,
 * so the records would seem obsolete and be given up. Throws what the file system throws.
 */
export async function abandonedHere({ journal, key }: Connection, log: Logger): Promise<Entry[]> {
  const all = await journal.abandoned(key);
  const others = [...new Set(all.map(({ engine }) => engine.address).filter((address) => address !== key.address))];
  for (const address of others)
    log.info(`A job that began at ${address} was interrupted; it is recovered at the next connection to that address.`);
  return all.filter(({ engine }) => engine.address === key.address);
}

/** The container that a record is about; undefined where there is none. Throws what the engine throws. */
async function containerOf(
  { docker }: Connection,
  { id, name, image }: HelperFacts,
): Promise<Docker.Container | undefined> {
  const container = docker.getContainer(id ?? name);
  try {
    const { Image, Config, Id } = await container.inspect();
    if (id !== undefined) return Id === id ? container : undefined;
    const isIt = HELPER_LABEL in (Config.Labels ?? {}) && (Image === image || Config.Image === image);
    return isIt ? docker.getContainer(Id) : undefined;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/**
 * Removes helpers, and undoes jobs, that a lost window or engine left behind: those that this machine's journal holds
 * and no living window works with. One that cannot be undone stays in the journal for the next connection. Returns how
 * many helpers were removed.
 */
export async function recoverJobs(
  connection: Connection,
  log: Logger,
  undo: Undo = () => Promise.resolve(),
): Promise<number> {
  const { journal } = connection;
  const abandoned = await abandonedHere(connection, log);
  let removed = 0;
  // A helper that still writes must be removed before anything is put back.
  for (const entry of abandoned) {
    const facts = factsOf(entry);
    const claimed = facts && (await journal.claim(entry));
    if (facts === undefined || claimed === undefined) continue;
    try {
      const container = await containerOf(connection, facts);
      await container?.remove({ force: true, v: true });
      removed += container === undefined ? 0 : 1;
      await claimed.end();
    } catch (error) {
      claimed.leave();
      log.warn(`Helper container "${facts.name}" could not be removed: ${(error as Error).message}`);
    }
  }
  for (const entry of abandoned.filter(({ kind }) => kind === UNDO)) {
    const claimed = await journal.claim(entry);
    if (claimed === undefined) continue;
    try {
      await undo(connection, entry.facts, log);
      await claimed.end();
    } catch (error) {
      claimed.leave();
      log.error(
        `What an earlier session left could not be recovered; it is tried again at the next connection: ${(error as Error).message}`,
      );
    }
  }
  if (removed > 0) log.info(`Removed ${removed} helper container(s) that an earlier session left behind.`);
  return removed;
}
