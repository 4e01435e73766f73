/** Code lenses: what can be done with a volume, and which services have containers that differ from the file. */
import * as vscode from 'vscode';
import type { Snapshot, Volume } from '../engine/model.ts';
import { driftOf } from '../projects/drift.ts';
import type { ComposeProject, ComposeVolume, FileSpan } from '../projects/model.ts';
import { formatBytes } from '../ui/format.ts';
import { readDocumentSettings } from '../ui/settings.ts';
import { joined, names, say, type Shown } from '../ui/shown.ts';
import { codeLens, type LensLook } from '../ui/window.ts';
import type { FileModel, ProjectDocuments } from './projectDocuments.ts';

interface Lens {
  readonly place: FileSpan;
  readonly look: LensLook;
}

/** Opens a volume's files in the window, if the command exists. */
const BROWSE = 'dockerMounts.openFolder';

/** The labels by which Compose recognises a volume as its own (docker/compose, ensureVolume asks for the project's). */
function composeLabels(project: ComposeProject, volume: ComposeVolume): Record<string, string> {
  return volume.external
    ? {}
    : { ...volume.labels, 'com.docker.compose.project': project.name, 'com.docker.compose.volume': volume.key };
}

/** The arguments that create a volume as Compose would. */
function creationOf(project: ComposeProject, volume: ComposeVolume): Record<string, unknown> {
  const options = Object.keys(volume.driverOpts).length > 0 ? { driverOpts: volume.driverOpts } : {};
  return {
    name: volume.name,
    ...(volume.driver === undefined ? {} : { driver: volume.driver }),
    ...options,
    labels: composeLabels(project, volume),
  };
}

function statusOf({ size, usedBy }: Volume): Shown {
  const users = [...new Set(usedBy.map(({ container }) => container))];
  const use = users.length === 0 ? say('not used by a container') : say('used by {0}', names(users));
  return joined([size === null ? undefined : formatBytes(size), use], ' · ');
}

function existing(place: FileSpan, volume: Volume, canBrowse: boolean): Lens[] {
  const named = { volume: volume.name };
  return [
    {
      place,
      look: {
        title: statusOf(volume),
        command: 'dockerMounts.inspect',
        arguments: [named],
        tooltip: say('Inspect the volume {0}', volume.name),
      },
    },
    // Called as from its row, so that the result is shown.
    {
      place,
      look: { title: say('Back Up…'), command: 'dockerMounts.backup', arguments: [{ kind: 'volume', volume }] },
    },
    ...(canBrowse ? [{ place, look: { title: say('Browse'), command: BROWSE, arguments: [named] } }] : []),
  ];
}

function ofVolume(
  project: ComposeProject,
  volume: ComposeVolume,
  place: FileSpan,
  snapshot: Snapshot,
  may: { readonly browse: boolean; readonly create: boolean },
): Lens[] {
  const found = snapshot.volumes.find(({ name }) => name === volume.name);
  if (found !== undefined) return existing(place, found, may.browse);
  const title = say('Create Volume {0}', volume.name);
  return may.create
    ? [
        {
          place,
          look: {
            title,
            command: 'dockerMounts.createVolume',
            arguments: [creationOf(project, volume)],
            tooltip: say('It does not exist yet. Compose will use it as its own.'),
          },
        },
      ]
    : [];
}

/** The lenses of a file. A pure function of the file and the snapshot. */
function lensesOf(
  model: FileModel,
  snapshot: Snapshot,
  may: { readonly browse: boolean; readonly create: boolean },
): Lens[] {
  if (model.kind === 'dockerfile') return [];
  if (model.kind === 'devcontainer') {
    return model.devcontainer.mounts.flatMap((mount) => {
      const volume = mount.type === 'volume' ? snapshot.volumes.find(({ name }) => name === mount.source) : undefined;
      return volume === undefined ? [] : existing(mount.place, volume, may.browse);
    });
  }
  const { project, facts, file } = model;
  const here = (places: readonly FileSpan[]) => places.filter((place) => place.file === file);
  const drifted = project.services.flatMap((service) =>
    driftOf(project, service, snapshot, facts).flatMap(({ container }) =>
      here(service.places).map((place): Lens => ({
        place,
        look: {
          title: say('{0} differs: Show Difference', container.name),
          command: 'dockerMounts.showDifference',
          arguments: [{ file, service: service.name }],
        },
      })),
    ),
  );
  return [
    ...drifted,
    ...project.volumes.flatMap((volume) =>
      here(volume.places).flatMap((place) => ofVolume(project, volume, place, snapshot, may)),
    ),
  ];
}

/** Owned by the composition root. */
export class LensProvider implements vscode.CodeLensProvider, vscode.Disposable {
  readonly #documents: ProjectDocuments;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.#changed.event;
  readonly #subscriptions: vscode.Disposable[];

  constructor(documents: ProjectDocuments) {
    this.#documents = documents;
    const settings = vscode.workspace.onDidChangeConfiguration(
      (change) => change.affectsConfiguration('dockerMounts.codeLens') && this.#changed.fire(),
    );
    this.#subscriptions = [this.#changed, settings, documents.onDidChange(() => this.#changed.fire())];
  }

  async provideCodeLenses(document: vscode.TextDocument): Promise<vscode.CodeLens[]> {
    if (!readDocumentSettings(document.uri).codeLens) return [];
    const [model, commands] = await Promise.all([this.#documents.modelOf(document), vscode.commands.getCommands(true)]);
    const { snapshot } = this.#documents;
    if (model === undefined || snapshot === undefined) return [];
    const lenses = lensesOf(model, snapshot, { browse: commands.includes(BROWSE), create: vscode.workspace.isTrusted });
    return lenses.map(({ place, look }) =>
      codeLens(new vscode.Range(document.positionAt(place.span.start), document.positionAt(place.span.end)), look),
    );
  }

  dispose(): void {
    for (const one of this.#subscriptions) one.dispose();
  }
}
