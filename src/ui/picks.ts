/** Quick picks of containers and volumes. */
import * as vscode from 'vscode';
import type { Container, Snapshot, Volume } from '../engine/model.ts';

type Item<T> = vscode.QuickPickItem & { readonly value?: T };

const heading = (label: string): vscode.QuickPickItem & { value?: undefined } => ({ label, kind: vscode.QuickPickItemKind.Separator });

function containerItem<T>(container: Container, value: T): Item<T> {
  return { label: `$(vm) ${container.name}`, description: `${container.image} · ${container.state}`, value };
}

function volumeItem<T>(volume: Volume, value: T): Item<T> {
  return { label: `$(database) ${volume.label}`, description: volume.dangling ? vscode.l10n.t('dangling') : volume.usedBy.map(({ container }) => container).join(', '), value };
}

async function pick<T>(items: Item<T>[], placeHolder: string): Promise<T | undefined> {
  const chosen = await vscode.window.showQuickPick(items, { placeHolder, matchOnDescription: true });
  return chosen?.value;
}

/** A container's name; undefined when dismissed. */
export function pickContainer(containers: readonly Container[], placeHolder: string): Promise<string | undefined> {
  return pick(containers.map((container) => containerItem(container, container.name)), placeHolder);
}

/** A volume's name; undefined when dismissed. */
export function pickVolume(volumes: readonly Volume[], placeHolder: string): Promise<string | undefined> {
  return pick(volumes.map((volume) => volumeItem(volume, volume.name)), placeHolder);
}

export type Subject = { readonly container: string } | { readonly volume: string };

/** A container or a volume; undefined when dismissed. */
export function pickSubject({ containers, volumes }: Snapshot, placeHolder: string): Promise<Subject | undefined> {
  return pick<Subject>(
    [
      heading(vscode.l10n.t('Containers')),
      ...containers.map((container) => containerItem(container, { container: container.name })),
      heading(vscode.l10n.t('Volumes')),
      ...volumes.map((volume) => volumeItem(volume, { volume: volume.name })),
    ],
    placeHolder,
  );
}

/** A container, a volume, or all volumes of a Compose project; undefined when dismissed. */
export function pickSubjectOrProject({ containers, volumes }: Snapshot, placeHolder: string): Promise<Subject | { readonly project: string } | undefined> {
  const projects = [...new Set(containers.flatMap(({ composeProject }) => composeProject ?? []))].sort();
  return pick<Subject | { readonly project: string }>(
    [
      heading(vscode.l10n.t('Volumes')),
      ...volumes.map((volume) => volumeItem(volume, { volume: volume.name })),
      heading(vscode.l10n.t('Containers, with All Their Mounts')),
      ...containers.map((container) => containerItem(container, { container: container.name })),
      ...(projects.length > 0 ? [heading(vscode.l10n.t('Compose Projects, with All Their Volumes'))] : []),
      ...projects.map((project) => ({ label: `$(layers) ${project}`, value: { project } })),
    ],
    placeHolder,
  );
}
