/** What is wrong with the mounts of a file, by itself and against what runs. */
import type { Snapshot } from '../engine/model.ts';
import { driftOf, type HostFacts } from './drift.ts';
import type { LimitKind } from './limits.ts';
import type {
  BadEntry,
  ComposeMount,
  ComposeProject,
  ComposeVolume,
  Devcontainer,
  DockerfileFacts,
  FileMount,
  LateChange,
  FileSpan,
} from './model.ts';

export type Problem =
  /** The file, or one that it needs, is over a limit: nothing is known about its mounts. */
  | { readonly kind: 'notRead'; readonly place: FileSpan; readonly limit: LimitKind; readonly file: string }
  | { readonly kind: 'unreadable'; readonly place: FileSpan; readonly entry: BadEntry }
  | { readonly kind: 'unsetVariable'; readonly place: FileSpan; readonly variable: string }
  | { readonly kind: 'missingSource'; readonly place: FileSpan; readonly mount: FileMount }
  /** `refused`: Compose keeps both, and the engine takes neither; else the last counts. */
  | { readonly kind: 'targetTwice'; readonly place: FileSpan; readonly target: string; readonly refused: boolean }
  | { readonly kind: 'undeclaredVolume'; readonly place: FileSpan; readonly key: string }
  | { readonly kind: 'missingExternal'; readonly place: FileSpan; readonly volume: string }
  | {
      readonly kind: 'rights';
      readonly place: FileSpan;
      readonly target: string;
      readonly container: string;
      readonly containerReadOnly: boolean;
      readonly takenFrom?: string;
    }
  | { readonly kind: 'lateChange'; readonly place: FileSpan; readonly change: LateChange };

/** What is known besides the files. */
export interface Around {
  /** Undefined while no engine is connected. */
  readonly snapshot: Pick<Snapshot, 'containers' | 'volumes'> | undefined;
  /** The engine's paths are this machine's. */
  readonly isLocal: boolean;
  readonly facts: HostFacts;
}

function sourceProblems(mount: FileMount, { isLocal, facts }: Around): Problem[] {
  const unset = mount.unset.map((variable): Problem => ({ kind: 'unsetVariable', place: mount.place, variable }));
  if (unset.length > 0) return unset;
  const isMissing = mount.type === 'bind' && isLocal && facts.get(mount.source)?.kind === 'missing';
  return isMissing ? [{ kind: 'missingSource', place: mount.place, mount }] : [];
}

/** Entries of one list with the same target; all but the first are marked. */
function twice(mounts: readonly ComposeMount[]): Problem[] {
  const seen = new Map<string, ComposeMount>();
  return mounts.flatMap((mount): Problem[] => {
    const key = JSON.stringify([mount.target, mount.writtenIn, mount.place.file]);
    const before = seen.get(key);
    if (before === undefined) {
      seen.set(key, mount);
      return [];
    }
    const refused = before.rawTarget !== mount.rawTarget || (before.type === 'tmpfs') !== (mount.type === 'tmpfs');
    return [{ kind: 'targetTwice', place: mount.place, target: mount.target, refused }];
  });
}

function rightsProblems(project: ComposeProject, { snapshot, facts }: Around): Problem[] {
  if (snapshot === undefined) return [];
  return project.services.flatMap((service) =>
    driftOf(project, service, snapshot, facts).flatMap(({ container, differences }) =>
      differences.flatMap((one): Problem[] =>
        one.kind === 'rights'
          ? [
              {
                kind: 'rights',
                place: one.wanted.place,
                target: one.target,
                container: container.name,
                containerReadOnly: one.has.readOnly,
                takenFrom: one.wanted.takenFrom,
              },
            ]
          : [],
      ),
    ),
  );
}

function externalProblems(volume: ComposeVolume, existing: ReadonlySet<string>): Problem[] {
  const [place] = volume.places;
  if (!volume.external || place === undefined || existing.has(volume.name)) return [];
  return [{ kind: 'missingExternal', place, volume: volume.name }];
}

/** More than a person reads; VS Code does not show more for one file. */
const MOST_PROBLEMS = 1000;

/** At the beginning of the file: no other place is known. */
function notRead(file: string, limit: LimitKind, where = file): Problem {
  return { kind: 'notRead', place: { file, span: { start: 0, end: 0 } }, limit, file: where };
}

/** The problems in one file of a project, each once. */
export function composeProblems(project: ComposeProject, file: string, around: Around): Problem[] {
  if (project.limit !== undefined) return [notRead(file, project.limit.kind, project.limit.file)];
  const existing = new Set((around.snapshot?.volumes ?? []).map(({ name }) => name));
  const declared = new Set(project.volumes.map(({ key }) => key));
  const mounts = project.services.flatMap((service) => service.mounts);
  const effective = mounts.filter(({ replacedBy }) => replacedBy === undefined);
  const undeclared = mounts.flatMap(({ key, place }): Problem[] =>
    key === undefined || declared.has(key) ? [] : [{ kind: 'undeclaredVolume', place, key }],
  );
  // Where a file could not be read, what it declares is not known.
  const sure = project.unread.length === 0 ? undeclared : [];
  const all = [
    ...project.bad.map((entry): Problem => ({ kind: 'unreadable', place: entry.place, entry })),
    ...sure,
    ...effective.flatMap((mount) => sourceProblems(mount, around)),
    ...project.services.flatMap((service) => twice(service.mounts)),
    ...project.volumes.flatMap((volume) => (around.snapshot === undefined ? [] : externalProblems(volume, existing))),
    ...rightsProblems(project, around),
  ];
  // An entry that several services take by an anchor or by extends is one place.
  const unique = new Map(
    all
      .filter(({ place }) => place.file === file)
      .map((problem) => [
        JSON.stringify([
          problem.kind,
          problem.place.span,
          'container' in problem ? [problem.container, problem.target] : '',
        ]),
        problem,
      ]),
  );
  return [...unique.values()].slice(0, MOST_PROBLEMS);
}

/** The problems of a devcontainer.json. */
export function devcontainerProblems({ file, mounts, bad, limit }: Devcontainer, around: Around): Problem[] {
  if (limit !== undefined) return [notRead(file, limit)];
  const firstAt = new Map(mounts.toReversed().map((mount) => [mount.target, mount]));
  const twiceAt = mounts.flatMap((mount): Problem[] =>
    firstAt.get(mount.target) !== mount
      ? [{ kind: 'targetTwice', place: mount.place, target: mount.target, refused: true }]
      : [],
  );
  return [
    ...bad.map((entry): Problem => ({ kind: 'unreadable', place: entry.place, entry })),
    ...mounts.flatMap((mount) => sourceProblems(mount, around)),
    ...twiceAt,
  ].slice(0, MOST_PROBLEMS);
}

/** The problems of a Dockerfile. */
export function dockerfileProblems({ changes, limit }: DockerfileFacts, file: string): Problem[] {
  if (limit !== undefined) return [notRead(file, limit)];
  return changes
    .slice(0, MOST_PROBLEMS)
    .map((change) => ({ kind: 'lateChange', place: { file, span: change.span }, change }));
}
