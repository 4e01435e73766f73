/** Puts right what a replacement left when the engine, or this window, went away in the middle of it. */
import { unlessSo } from '../engine/actions.ts';
import { engineError, type Connection } from '../engine/connection.ts';
import type { Logger } from '../engine/log.ts';
import type { Container } from '../engine/model.ts';

/** Names during a replacement: `web-old-r1a2b3c` and `web-new-r1a2b3c`; r where the old one was running, s where not. */
const MARK = /^(.+)-(old|new)-([rs])([0-9a-f]{6})$/;

export interface Unfinished {
  /** The name that the container has when all is well. */
  readonly name: string;
  readonly wasRunning: boolean;
  /** The old container; undefined while it still has its name. */
  readonly old: Container | undefined;
  /** The replacement, under its own or already under the old one's name. */
  readonly fresh: Container | undefined;
}

/** The name of one side of a replacement. */
export function markedName(name: string, side: 'old' | 'new', wasRunning: boolean, hex: string): string {
  return `${name}-${side}-${wasRunning ? 'r' : 's'}${hex}`;
}

/** Replacements that were cut off, found by the names that they left. */
export function unfinishedReplacements(containers: readonly Container[]): Unfinished[] {
  const found = new Map<string, Unfinished>();
  for (const container of containers) {
    const [, name = '', side, state, hex = ''] = MARK.exec(container.name) ?? [];
    if (side === undefined) continue;
    const known = found.get(`${name}/${hex}`) ?? { name, wasRunning: state === 'r', old: undefined, fresh: undefined };
    found.set(`${name}/${hex}`, side === 'old' ? { ...known, old: container } : { ...known, fresh: container });
  }
  return [...found.values()].map((one) => (one.old !== undefined && one.fresh === undefined ? { ...one, fresh: containers.find(({ name }) => name === one.name) } : one));
}

/** Removes the replacement and gives the old container its name and its state back. */
export async function putBack({ docker }: Connection, { name, wasRunning, old, fresh }: Unfinished, log: Logger): Promise<void> {
  try {
    if (fresh !== undefined) await docker.getContainer(fresh.id).remove({ force: true });
    if (old !== undefined) await docker.getContainer(old.id).rename({ name });
    if (wasRunning) await unlessSo(docker.getContainer(old?.id ?? name).start());
    log.info(`Put container "${name}" back as it was before its mounts were to be changed.`);
  } catch (error) {
    throw engineError(error, { kind: 'container', object: name, doing: 'put it back' });
  }
}
