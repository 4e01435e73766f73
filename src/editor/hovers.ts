/** Hovers on mounts: the live state of what an entry names. */
import * as vscode from 'vscode';
import type { Container, Snapshot, Volume } from '../engine/model.ts';
import { hostPaths, mountsOver } from '../engine/sharing.ts';
import { compareMounts, containersOf, devcontainersOf, driftOf, type HostFacts, type PathFact } from '../projects/drift.ts';
import type { ComposeMount, ComposeProject, ComposeVolume, Devcontainer, DockerfileFacts, FileMount, Place, Span } from '../projects/model.ts';
import { formatAge, formatBytes } from '../ui/format.ts';
import { code, factTable, type Fact } from '../ui/markdown.ts';
import type { FileModel, ProjectDocuments } from './projectDocuments.ts';
import { differenceWords, placeWords, rightsWord } from './words.ts';

interface Seen {
  readonly snapshot: Snapshot | undefined;
  readonly isLocal: boolean;
}

function holds({ start, end }: Span, offset: number): boolean {
  return start <= offset && offset <= end;
}

function usersOf({ usedBy }: Volume): string {
  return usedBy.length === 0 ? vscode.l10n.t('no container (dangling)') : usedBy.map(({ container, target, readOnly }) => `${container}:${target}${readOnly ? ':ro' : ''}`).join(', ');
}

/** Whether a volume exists, and what is known of it. */
function volumeFacts(name: string, snapshot: Snapshot | undefined): Fact[] {
  if (snapshot === undefined) return [[vscode.l10n.t('Exists'), vscode.l10n.t('not known: no engine is connected')]];
  const volume = snapshot.volumes.find((one) => one.name === name);
  if (volume === undefined) return [[vscode.l10n.t('Exists'), vscode.l10n.t('no, not on this engine')]];
  return [
    [vscode.l10n.t('Exists'), volume.createdAt === '' ? vscode.l10n.t('yes') : vscode.l10n.t('yes, made {0}', formatAge(volume.createdAt))],
    [vscode.l10n.t('Size'), volume.size === null ? vscode.l10n.t('not known yet') : formatBytes(volume.size)],
    [vscode.l10n.t('Used by'), usersOf(volume)],
    [vscode.l10n.t('Driver'), volume.driver === 'local' ? undefined : volume.driver],
  ];
}

/** Another project's volume under this name: Compose warns, and uses it all the same. */
function ownerFact(volume: ComposeVolume, project: ComposeProject, snapshot: Snapshot | undefined): Fact[] {
  const found = snapshot?.volumes.find(({ name }) => name === volume.name);
  const owner = found?.labels['com.docker.compose.project'];
  if (found === undefined || volume.external || owner === project.name) return [];
  return [[vscode.l10n.t('Made by'), owner === undefined ? vscode.l10n.t('something else than Compose') : vscode.l10n.t('another Compose project, {0}', owner)]];
}

function pathWords(fact: PathFact | undefined, isLocal: boolean): string {
  if (!isLocal) return vscode.l10n.t('not known: the engine runs elsewhere');
  switch (fact?.kind) {
    case 'directory':
      return vscode.l10n.t('a directory');
    case 'file':
      return vscode.l10n.t('a file');
    case 'missing':
      return vscode.l10n.t('does not exist');
    case 'unknown':
    case undefined:
      return vscode.l10n.t('may not be looked at');
  }
}

function sourceFacts(mount: FileMount, facts: HostFacts, { snapshot, isLocal }: Seen): Fact[] {
  if (mount.type === 'volume') {
    return mount.source === '' ? [[vscode.l10n.t('Source'), vscode.l10n.t('a new anonymous volume for each container')]] : [[vscode.l10n.t('Volume'), mount.source], ...volumeFacts(mount.source, snapshot)];
  }
  if (mount.type !== 'bind') return [[vscode.l10n.t('Type'), mount.type]];
  const users = snapshot === undefined ? [] : mountsOver(snapshot.containers, hostPaths(snapshot.volumes), mount);
  return [
    [vscode.l10n.t('Source'), mount.source],
    [vscode.l10n.t('On the host'), snapshot === undefined ? pathWords(facts.get(mount.source), true) : pathWords(facts.get(mount.source), isLocal)],
    [vscode.l10n.t('Also seen by'), users.map(({ container, mount: { target, readOnly } }) => `${container.name}:${target}${readOnly ? ':ro' : ''}`).join(', ')],
  ];
}

/** How one container has the mount. */
function containerFact(container: Container, mount: FileMount, facts: HostFacts): Fact {
  const difference = compareMounts([mount], container, facts).find(({ target }) => target === mount.target);
  return [container.name, `${container.state}, ${difference === undefined ? vscode.l10n.t('as the file says') : vscode.l10n.t('differs: {0}', differenceWords(difference))}`];
}

function composeMountHover(mount: ComposeMount, { project, facts }: FileModel & { kind: 'compose' }, seen: Seen, lineOf: (place: Place) => number | undefined): vscode.MarkdownString {
  const { own, others } = seen.snapshot === undefined ? { own: [], others: [] } : containersOf(project, mount.service, seen.snapshot);
  const { replacedBy } = mount;
  return factTable(`${mount.service}: ${mount.target}`, [
    [vscode.l10n.t('Does not count'), replacedBy && vscode.l10n.t('replaced by {0}', placeWords(replacedBy.file, lineOf(replacedBy)))],
    // First what a person looks for: a hover shows a few lines before it must be scrolled.
    ...(replacedBy === undefined ? own.map((container) => containerFact(container, mount, facts)) : []),
    ...sourceFacts(mount, facts, seen),
    [vscode.l10n.t('Rights'), rightsWord(mount.readOnly)],
    [vscode.l10n.t('Not compared'), others.map(({ name, labels }) => vscode.l10n.t('{0}, of a project with this name in {1}', name, labels['com.docker.compose.project.working_dir'] ?? '')).join(', ')],
  ]);
}

function composeVolumeHover(volume: ComposeVolume, project: ComposeProject, { snapshot }: Seen): vscode.MarkdownString {
  const services = project.services.filter(({ mounts }) => mounts.some(({ key, replacedBy }) => key === volume.key && replacedBy === undefined)).map(({ name }) => name);
  return factTable(volume.name, [
    [vscode.l10n.t('External'), volume.external ? vscode.l10n.t('yes: Compose neither makes nor removes it') : undefined],
    ...volumeFacts(volume.name, snapshot),
    ...ownerFact(volume, project, snapshot),
    [vscode.l10n.t('Services'), services.length === 0 ? vscode.l10n.t('none') : services.join(', ')],
  ]);
}

function serviceHovers(project: ComposeProject, facts: HostFacts, { snapshot }: Seen, isHere: (place: Place) => boolean): vscode.MarkdownString[] {
  if (snapshot === undefined) return [];
  return project.services
    .filter(({ places }) => places.some(isHere))
    .flatMap((service) => driftOf(project, service, snapshot, facts))
    .map(({ container, differences }) => factTable(vscode.l10n.t('{0} differs from this file', container.name), differences.map((one): Fact => [code(one.target), differenceWords(one)])));
}

function devcontainerHover(mount: FileMount, devcontainer: Devcontainer, facts: HostFacts, seen: Seen): vscode.MarkdownString {
  const containers = seen.snapshot === undefined ? [] : devcontainersOf(devcontainer, seen.snapshot);
  return factTable(mount.target, [...containers.map((container) => containerFact(container, mount, facts)), ...sourceFacts(mount, facts, seen), [vscode.l10n.t('Rights'), rightsWord(mount.readOnly)]]);
}

function dockerfileHovers({ volumes }: DockerfileFacts, { snapshot }: Seen, offset: number): vscode.MarkdownString[] {
  return volumes
    .filter(({ span }) => holds(span, offset))
    .map(({ target, counts, stage }) => {
      const born = (snapshot?.volumes ?? []).filter((volume) => volume.anonymous && volume.image !== undefined && (volume.usedBy.some((use) => use.target === target) || volume.label.endsWith(`:${target}`)));
      const images = [...new Set(born.map(({ image }) => image ?? ''))];
      return factTable(target, [
        [vscode.l10n.t('Does not count'), counts ? undefined : vscode.l10n.t('the last stage is not made from stage "{0}"', stage)],
        [vscode.l10n.t('Meaning'), vscode.l10n.t('every container gets an anonymous volume of its own, unless something else is mounted here')],
        [vscode.l10n.t('Images with it'), snapshot === undefined ? vscode.l10n.t('not known: no engine is connected') : images.length === 0 ? vscode.l10n.t('none that a container was made from') : images.join(', ')],
        ...born.map((volume): Fact => [code(volume.label), [volume.size === null ? '' : formatBytes(volume.size), vscode.l10n.t('used by {0}', usersOf(volume))].filter((word) => word !== '').join(', ')]),
      ]);
    });
}

/** What there is to say at an offset of a file. A pure function of the file, the snapshot and the host's paths. */
export function hoversAt(model: FileModel, offset: number, seen: Seen, lineOf: (place: Place) => number | undefined): vscode.MarkdownString[] {
  const isHere = ({ file, span }: Place) => file === model.file && holds(span, offset);
  switch (model.kind) {
    case 'compose': {
      const { project, facts } = model;
      const mounts = project.services.flatMap((service) => service.mounts).filter(({ place }) => isHere(place));
      const volumes = project.volumes.filter(({ places }) => places.some(isHere));
      return [...mounts.map((mount) => composeMountHover(mount, model, seen, lineOf)), ...volumes.map((volume) => composeVolumeHover(volume, project, seen)), ...serviceHovers(project, facts, seen, isHere)];
    }
    case 'dockerfile':
      return dockerfileHovers(model.dockerfile, seen, offset);
    case 'devcontainer':
      return model.devcontainer.mounts.filter(({ place }) => isHere(place)).map((mount) => devcontainerHover(mount, model.devcontainer, model.facts, seen));
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
      const lineOf = ({ file, span }: Place) => {
        const line = open(file)?.positionAt(span.start).line;
        return line === undefined ? undefined : line + 1;
      };
      const found = hoversAt(model, document.offsetAt(position), { snapshot: documents.snapshot, isLocal }, lineOf);
      return found.length === 0 ? undefined : new vscode.Hover(found);
    },
  };
}
