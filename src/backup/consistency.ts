/** Keeps containers from writing to a source while it is read or written, and always resumes them. */
import * as l10n from '@vscode/l10n';
import type { Connection } from '../engine/connection.ts';
import {
  aboutContainer,
  inspectContainer,
  pauseContainer,
  startContainer,
  stopContainer,
  unpauseContainer,
} from '../engine/containers.ts';
import { BadArgument, NotFound } from '../engine/errors.ts';
import { Inventory } from '../engine/inventory.ts';
import type { Logger } from '../engine/log.ts';
import type { Container } from '../engine/model.ts';
import { hostPaths, mountsOver } from '../engine/sharing.ts';
import type { Job } from '../engine/job.ts';
import type { UndoQuiet } from './undo/records.ts';
import { undoably } from './undo/undoably.ts';
import type { MountSource } from '../engine/helper/helper.ts';

export type Consistency = 'none' | 'pause' | 'stop';

export interface Writer {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Running containers that can write to one of the sources, through any mount. */
export async function writersOf(connection: Connection, sources: readonly MountSource[]): Promise<Writer[]> {
  const { containers, volumes } = await new Inventory(connection).read();
  const paths = hostPaths(volumes);
  const found = new Map<string, Container>();
  for (const source of sources) {
    for (const { container, mount } of mountsOver(containers, paths, source)) {
      if (container.state === 'running' && !mount.readOnly) found.set(container.id, container);
    }
  }
  return [...found.values()];
}

const DATABASES =
  /(^|[/_-])(postgres|postgresql|postgis|timescaledb|mysql|mariadb|percona|mongo|mongodb|redis|valkey|couchdb|cassandra|elasticsearch|influxdb|mssql)(\b|[_-]|$)/i;

/** Whether an image or its labels name a database, whose files are complete only when it is stopped. */
export function isDatabase({ image, labels }: Pick<Writer, 'image' | 'labels'>): boolean {
  const names = [
    image
      .split('@', 1)
      .join('')
      .replace(/:[^/:]*$/, ''),
    labels['org.opencontainers.image.title'] ?? '',
    labels['com.docker.compose.service'] ?? '',
  ];
  return names.some((name) => DATABASES.test(name));
}

/** Throws BadArgument for an unknown word. */
export function checkConsistency(word: string | undefined): Consistency {
  if (word === undefined || word === 'none' || word === 'pause' || word === 'stop') return word ?? 'none';
  throw new BadArgument('consistency', l10n.t('The consistency "{0}" is unknown; use none, pause or stop.', word));
}

/**
 * Pauses or stops the writers, does the task, and resumes them whatever happens. Where they are left running, warns who
 * writes.
 */
export async function quietly<T>(
  job: Job,
  sources: readonly MountSource[],
  how: Consistency,
  task: () => Promise<T>,
): Promise<T> {
  const writers = await writersOf(job.connection, sources);
  if (writers.length === 0) return task();
  const names = writers.map(({ name }) => name).join(', ');
  if (how === 'none') {
    job.warn(l10n.t('{0} can write to the source meanwhile; the result may hold only part of what is written.', names));
    return task();
  }
  await refuseSelfRemoving(job.connection, writers, how);
  for (const writer of how === 'pause' ? writers.filter(isDatabase) : [])
    job.warn(
      l10n.t(
        '"{0}" looks like a database, whose files are complete only when it is stopped; "stop" is safer than "pause".',
        writer.name,
      ),
    );
  const undo: UndoQuiet = { kind: 'resume', how, containers: writers.map(({ id, name }) => ({ id, name })) };
  const goOn = () => resume(job.connection, undo, job.log);
  return undoably(job, {
    undo,
    begin: async () => {
      for (const { id, name } of writers) {
        const context = aboutContainer(name, (why) =>
          how === 'pause'
            ? l10n.t('Container "{0}" could not be paused: {1}', name, why)
            : l10n.t('Container "{0}" could not be stopped: {1}', name, why),
        );
        await (how === 'pause' ? pauseContainer : stopContainer)(job.connection, id, context);
      }
      job.log.info(how === 'pause' ? `Paused ${names}.` : `Stopped ${names}.`);
      // The record names them all already.
      return undefined;
    },
    task,
    putRight: goOn,
    finish: { run: goOn },
    later: (reason) => `${names} could not be resumed now; it is tried again at the next connection: ${reason}`,
  });
}

async function refuseSelfRemoving(connection: Connection, writers: readonly Writer[], how: Consistency): Promise<void> {
  if (how !== 'stop') return;
  for (const { id, name } of writers) {
    const context = aboutContainer(name, (why) => l10n.t('Container "{0}" could not be looked up: {1}', name, why));
    const { HostConfig } = await inspectContainer(connection, id, context);
    if (HostConfig.AutoRemove)
      throw new BadArgument(
        'consistency',
        l10n.t(
          'Container "{0}" removes itself when it stops (--rm) and could not be started again; use "pause".',
          name,
        ),
      );
  }
}

/** Resumes containers that a job had paused or stopped; skips those that no longer exist or already run. */
export async function resume(connection: Connection, { how, containers }: UndoQuiet, log: Logger): Promise<void> {
  for (const { id, name } of containers) {
    const context = aboutContainer(name, (why) => l10n.t('Container "{0}" could not be resumed: {1}', name, why));
    try {
      const { State } = await inspectContainer(connection, id, context);
      if (how === 'pause' && State.Paused) await unpauseContainer(connection, id, context);
      // A paused container that stopped when the engine restarted was running before, too.
      if (!State.Running) await startContainer(connection, id, context);
      log.info(`Resumed "${name}".`);
    } catch (error) {
      if (error instanceof NotFound) continue;
      throw error;
    }
  }
}
