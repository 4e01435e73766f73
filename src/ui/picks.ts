/** Quick picks of containers and volumes. */
import type { Subject, ScheduledSubject } from '../backup/subject.ts';
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

const containerSubject = (container: Container): Item<Subject<'container'>> =>
  containerItem(container, { kind: 'container', name: container.name });
const volumeSubject = (volume: Volume): Item<Subject<'volume'>> =>
  volumeItem(volume, { kind: 'volume', name: volume.name });

/** A container or a volume; undefined when dismissed. */
export function pickSubject(
  { containers, volumes }: Snapshot,
  placeHolder: Shown,
): Promise<Subject<'container' | 'volume'> | undefined> {
  return pick<Subject<'container' | 'volume'>>(
    [
      heading(say('Containers')),
      ...containers.map(containerSubject),
      heading(say('Volumes')),
      ...volumes.map(volumeSubject),
    ],
    placeHolder,
  );
}

/** A container, a volume, or all volumes of a Compose project; undefined when dismissed. */
export function pickSubjectOrProject(
  { containers, volumes }: Snapshot,
  placeHolder: Shown,
): Promise<ScheduledSubject | undefined> {
  const projects = [...new Set(containers.flatMap(({ composeProject }) => composeProject ?? []))].sort();
  return pick<ScheduledSubject>(
    [
      heading(say('Volumes')),
      ...volumes.map(volumeSubject),
      heading(say('Containers, with All Their Mounts')),
      ...containers.map(containerSubject),
      ...(projects.length > 0 ? [heading(say('Compose Projects, with All Their Volumes'))] : []),
      ...projects.map((project) => ({
        icon: 'layers',
        label: shown(project),
        value: { kind: 'project', name: project } as const,
      })),
    ],
    placeHolder,
  );
}
