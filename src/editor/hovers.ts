/** Hovers on mounts: the live state of what an entry names. */
import * as vscode from 'vscode';
import type { Container, Snapshot, Volume } from '../engine/model.ts';
import { hostPaths, mountsOver } from '../engine/sharing.ts';
import {
  compareMounts,
  containersOf,
  devcontainersOf,
  driftOf,
  type HostFacts,
  type PathFact,
} from '../projects/drift.ts';
import type {
  ComposeMount,
  ComposeProject,
  ComposeVolume,
  Devcontainer,
  DockerfileFacts,
  FileMount,
  FileSpan,
  Span,
} from '../projects/model.ts';
import { formatAge, formatBytes } from '../ui/format.ts';
import { factTable, type Fact, type Markdown } from '../ui/markdown.ts';
import { joined, names, say, sentence, shown, type Shown } from '../ui/shown.ts';
import { hover } from '../ui/window.ts';
import type { FileModel, ProjectDocuments } from './projectDocuments.ts';
import { differenceWords, placeWords, rightsWord } from './words.ts';

/** A hover has room for more than a sentence. */
const MOST = 30;

interface Seen {
  readonly snapshot: Snapshot | undefined;
  readonly isLocal: boolean;
}

function holds({ start, end }: Span, offset: number): boolean {
  return start <= offset && offset <= end;
}

function usersOf({ usedBy }: Volume): Shown {
  return usedBy.length === 0
    ? say('no container (dangling)')
    : names(
        usedBy.map(({ container, target, readOnly }) => `${container}:${target}${readOnly ? ':ro' : ''}`),
        MOST,
      );
}

/** Whether a volume exists, and what is known of it. */
function volumeFacts(name: string, snapshot: Snapshot | undefined): Fact[] {
  if (snapshot === undefined) return [[say('Exists'), say('not known: no engine is connected')]];
  const volume = snapshot.volumes.find((one) => one.name === name);
  if (volume === undefined) return [[say('Exists'), say('no, not on this engine')]];
  return [
    [say('Exists'), volume.createdAt === '' ? say('yes') : say('yes, created {0}', formatAge(volume.createdAt))],
    [say('Size'), volume.size === null ? say('not known yet') : shown(formatBytes(volume.size))],
    [say('Used by'), usersOf(volume)],
    [say('Driver'), volume.driver === 'local' ? undefined : shown(volume.driver)],
  ];
}

/** Another project's volume under this name: Compose warns, but uses it. */
function ownerFact(volume: ComposeVolume, project: ComposeProject, snapshot: Snapshot | undefined): Fact[] {
  const found = snapshot?.volumes.find(({ name }) => name === volume.name);
  const owner = found?.labels['com.docker.compose.project'];
  if (found === undefined || volume.external || owner === project.name) return [];
  return [
    [
      say('Created by'),
      owner === undefined ? say('something other than Compose') : say('another Compose project, {0}', owner),
    ],
  ];
}

function pathWords(fact: PathFact | undefined, isLocal: boolean): Shown {
  if (!isLocal) return say('not known: the engine runs elsewhere');
  switch (fact?.kind) {
    case 'directory':
      return say('a directory');
    case 'file':
      return say('a file');
    case 'missing':
      return say('does not exist');
    case 'unknown':
    case undefined:
      return say('not readable');
  }
}

function sourceFacts(mount: FileMount, facts: HostFacts, { snapshot, isLocal }: Seen): Fact[] {
  if (mount.type === 'volume') {
    return mount.source === ''
      ? [[say('Source'), say('a new anonymous volume for each container')]]
      : [[say('Volume'), sentence(mount.source)], ...volumeFacts(mount.source, snapshot)];
  }
  if (mount.type !== 'bind') return [[say('Type'), shown(mount.type)]];
  const users = snapshot === undefined ? [] : mountsOver(snapshot.containers, hostPaths(snapshot.volumes), mount);
  return [
    [say('Source'), sentence(mount.source)],
    [
      say('On the host'),
      snapshot === undefined ? pathWords(facts.get(mount.source), true) : pathWords(facts.get(mount.source), isLocal),
    ],
    [
      say('Also seen by'),
      names(
        users.map(
          ({ container, mount: { target, readOnly } }) => `${container.name}:${target}${readOnly ? ':ro' : ''}`,
        ),
        MOST,
      ),
    ],
  ];
}

/** How one container has the mount. */
function containerFact(container: Container, mount: FileMount, facts: HostFacts): Fact {
  const difference = compareMounts([mount], container, facts).find(({ target }) => target === mount.target);
  return [
    shown(container.name),
    joined(
      [
        container.state,
        difference === undefined ? say('as the file says') : say('differs: {0}', differenceWords(difference)),
      ],
      ', ',
    ),
  ];
}

function composeMountHover(
  mount: ComposeMount,
  { project, facts }: FileModel & { kind: 'compose' },
  seen: Seen,
  lineOf: (place: FileSpan) => number | undefined,
): Markdown {
  const { own, others } =
    seen.snapshot === undefined ? { own: [], others: [] } : containersOf(project, mount.service, seen.snapshot);
  const { replacedBy } = mount;
  return factTable(joined([mount.service, mount.target], ': '), [
    [say('Ignored'), replacedBy && say('replaced by {0}', placeWords(replacedBy.file, lineOf(replacedBy)))],
    // The facts that people look for come first: a hover shows only a few lines without scrolling.
    ...(replacedBy === undefined ? own.map((container) => containerFact(container, mount, facts)) : []),
    ...sourceFacts(mount, facts, seen),
    [say('Rights'), rightsWord(mount.readOnly)],
    [
      say('Not compared'),
      names(
        others.map(({ name, labels }) =>
          say(
            '{0}, of a project with the same name in {1}',
            name,
            labels['com.docker.compose.project.working_dir'] ?? '',
          ),
        ),
      ),
    ],
  ]);
}

function composeVolumeHover(volume: ComposeVolume, project: ComposeProject, { snapshot }: Seen): Markdown {
  const services = project.services
    .filter(({ mounts }) => mounts.some(({ key, replacedBy }) => key === volume.key && replacedBy === undefined))
    .map(({ name }) => name);
  return factTable(shown(volume.name), [
    [say('External'), volume.external ? say('yes: Compose neither creates nor removes it') : undefined],
    ...volumeFacts(volume.name, snapshot),
    ...ownerFact(volume, project, snapshot),
    [say('Services'), services.length === 0 ? say('none') : names(services)],
  ]);
}

function serviceHovers(
  project: ComposeProject,
  facts: HostFacts,
  { snapshot }: Seen,
  isHere: (place: FileSpan) => boolean,
): Markdown[] {
  if (snapshot === undefined) return [];
  return project.services
    .filter(({ places }) => places.some(isHere))
    .flatMap((service) => driftOf(project, service, snapshot, facts))
    .map(({ container, differences }) =>
      factTable(
        say('{0} differs from this file', container.name),
        differences.map((one): Fact => [shown(one.target), differenceWords(one)]),
      ),
    );
}

function devcontainerHover(mount: FileMount, devcontainer: Devcontainer, facts: HostFacts, seen: Seen): Markdown {
  const containers = seen.snapshot === undefined ? [] : devcontainersOf(devcontainer, seen.snapshot);
  return factTable(shown(mount.target), [
    ...containers.map((container) => containerFact(container, mount, facts)),
    ...sourceFacts(mount, facts, seen),
    [say('Rights'), rightsWord(mount.readOnly)],
  ]);
}

function dockerfileHovers({ volumes }: DockerfileFacts, { snapshot }: Seen, offset: number): Markdown[] {
  return volumes
    .filter(({ span }) => holds(span, offset))
    .map(({ target, counts, stage }) => {
      const born = (snapshot?.volumes ?? []).filter(
        (volume) =>
          volume.anonymous &&
          volume.image !== undefined &&
          (volume.usedBy.some((use) => use.target === target) || volume.label.endsWith(`:${target}`)),
      );
      const images = [...new Set(born.map(({ image }) => image ?? ''))];
      return factTable(shown(target), [
        [say('Ignored'), counts ? undefined : say('the last stage is not built from stage "{0}"', stage)],
        [
          say('Meaning'),
          say('every container gets an anonymous volume of its own, unless something else is mounted here'),
        ],
        [
          say('Images with it'),
          snapshot === undefined
            ? say('not known: no engine is connected')
            : images.length === 0
              ? say('none with a container')
              : names(images),
        ],
        ...born.map((volume): Fact => [
          shown(volume.label),
          joined(
            [volume.size === null ? undefined : formatBytes(volume.size), say('used by {0}', usersOf(volume))],
            ', ',
          ),
        ]),
      ]);
    });
}

/** What there is to say at an offset of a file. A pure function of the file, the snapshot and the host's paths. */
function hoversAt(
  model: FileModel,
  offset: number,
  seen: Seen,
  lineOf: (place: FileSpan) => number | undefined,
): Markdown[] {
  const isHere = ({ file, span }: FileSpan) => file === model.file && holds(span, offset);
  switch (model.kind) {
    case 'compose': {
      const { project, facts } = model;
      const mounts = project.services.flatMap((service) => service.mounts).filter(({ place }) => isHere(place));
      const volumes = project.volumes.filter(({ places }) => places.some(isHere));
      return [
        ...mounts.map((mount) => composeMountHover(mount, model, seen, lineOf)),
        ...volumes.map((volume) => composeVolumeHover(volume, project, seen)),
        ...serviceHovers(project, facts, seen, isHere),
      ];
    }
    case 'dockerfile':
      return dockerfileHovers(model.dockerfile, seen, offset);
    case 'devcontainer':
      return model.devcontainer.mounts
        .filter(({ place }) => isHere(place))
        .map((mount) => devcontainerHover(mount, model.devcontainer, model.facts, seen));
  }
}

/** Hovers for one kind of document. */
export function hoverProvider(documents: ProjectDocuments): vscode.HoverProvider {
  return {
    provideHover: async (document, position) => {
      const model = await documents.modelOf(document);
      if (model === undefined) return undefined;
      const { isLocal } = documents.around(new Map());
      const open = (file: string) => vscode.workspace.textDocuments.find(({ uri }) => uri.fsPath === file);
      const lineOf = ({ file, span }: FileSpan) => {
        const line = open(file)?.positionAt(span.start).line;
        return line === undefined ? undefined : line + 1;
      };
      const found = hoversAt(model, document.offsetAt(position), { snapshot: documents.snapshot, isLocal }, lineOf);
      return found.length === 0 ? undefined : hover(found);
    },
  };
}
