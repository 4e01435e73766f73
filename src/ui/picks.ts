/** Quick picks of containers and volumes. */
import type { Container, Snapshot, Volume } from '../engine/model.ts';
import { joined, names, say, shown, type Shown } from './shown.ts';
import { pickOne, type Choice, type Heading } from './window.ts';

type Item<T> = Choice & { readonly value: T };

const heading = (text: Shown): Heading => ({ heading: text });

function containerItem<T>(container: Container, value: T): Item<T> {
  return {
    icon: 'vm',
    label: shown(container.name),
    description: joined([container.image, container.state], ' · '),
    value,
  };
}

function volumeItem<T>(volume: Volume, value: T): Item<T> {
  return {
    icon: 'database',
    label: shown(volume.label),
    description: volume.dangling ? say('dangling') : names(volume.usedBy.map(({ container }) => container)),
    value,
  };
}

async function pick<T>(items: (Item<T> | Heading)[], placeHolder: Shown): Promise<T | undefined> {
  const chosen = await pickOne(items, { placeHolder, matchOnDescription: true });
  return chosen?.value;
}

/** A container's name; undefined when dismissed. */
export function pickContainer(containers: readonly Container[], placeHolder: Shown): Promise<string | undefined> {
  return pick(
    containers.map((container) => containerItem(container, container.name)),
    placeHolder,
  );
}

/** A volume's name; undefined when dismissed. */
export function pickVolume(volumes: readonly Volume[], placeHolder: Shown): Promise<string | undefined> {
  return pick(
    volumes.map((volume) => volumeItem(volume, volume.name)),
    placeHolder,
  );
}

export type Subject = { readonly container: string } | { readonly volume: string };

/** A container or a volume; undefined when dismissed. */
export function pickSubject({ containers, volumes }: Snapshot, placeHolder: Shown): Promise<Subject | undefined> {
  return pick<Subject>(
    [
      heading(say('Containers')),
      ...containers.map((container) => containerItem(container, { container: container.name })),
      heading(say('Volumes')),
      ...volumes.map((volume) => volumeItem(volume, { volume: volume.name })),
    ],
    placeHolder,
  );
}

/** A container, a volume, or all volumes of a Compose project; undefined when dismissed. */
export function pickSubjectOrProject(
  { containers, volumes }: Snapshot,
  placeHolder: Shown,
): Promise<Subject | { readonly project: string } | undefined> {
  const projects = [...new Set(containers.flatMap(({ composeProject }) => composeProject ?? []))].sort();
  return pick<Subject | { readonly project: string }>(
    [
      heading(say('Volumes')),
      ...volumes.map((volume) => volumeItem(volume, { volume: volume.name })),
      heading(say('Containers, with All Their Mounts')),
      ...containers.map((container) => containerItem(container, { container: container.name })),
      ...(projects.length > 0 ? [heading(say('Compose Projects, with All Their Volumes'))] : []),
      ...projects.map((project) => ({ icon: 'layers', label: shown(project), value: { project } })),
    ],
    placeHolder,
  );
}
