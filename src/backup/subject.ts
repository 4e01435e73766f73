/** What is backed up, restored into, compared or scheduled. */

type Kind = 'container' | 'volume' | 'bind';

/** The mounts of a container, a volume, or a directory or file of the engine's host. */
export type Subject<K extends string = Kind> = K extends string
  ? {
      readonly kind: K;
      /** Container's or volume's name, or the absolute path on the engine's host. */
      readonly name: string;
      /** Of a container: the targets of the mounts that are meant; all mounts where absent. */
      readonly targets?: readonly string[];
    }
  : never;

/** What an entry of the schedule backs up; `project` means the volumes of a Compose project, with one archive each. */
export type ScheduledSubject = Subject<Kind | 'project'>;

/** The argument or setting that names a subject of each kind. */
export const SUBJECT_FIELD = {
  container: 'container',
  volume: 'volume',
  bind: 'source',
  project: 'project',
} as const satisfies Record<ScheduledSubject['kind'], string>;

/** A subject as arguments or a setting give it: `{ volume: 'db' }`, `{ container: 'web', targets: ['/data'] }`. */
export function fieldsOf({ kind, name, targets }: ScheduledSubject): Record<string, string | readonly string[]> {
  return { [SUBJECT_FIELD[kind]]: name, ...(targets === undefined ? {} : { targets }) };
}

/** A subject in a few characters: `db`, `web:/data`. */
export function labelOf({ name, targets }: ScheduledSubject): string {
  return targets === undefined ? name : `${name}:${targets.join(', ')}`;
}
