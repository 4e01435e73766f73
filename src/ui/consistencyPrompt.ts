/** Asks what to do with containers that can write to a source during a job. */
import { isDatabase, writersOf, type Consistency } from '../backup/consistency.ts';
import type { Connection } from '../engine/connection.ts';
import type { MountSource } from '../engine/helper/helper.ts';
import { names, say } from './shown.ts';
import { pickOne, type Choice } from './window.ts';

/** Undefined if the prompt was closed; `none`, without a question, if no container can write. Before a restore too. */
export async function askConsistency(
  connection: Connection,
  sources: readonly MountSource[],
): Promise<Consistency | undefined> {
  const writers = await writersOf(connection, sources);
  if (writers.length === 0) return 'none';
  const databases = writers.filter(isDatabase).map(({ name }) => name);
  const advice = databases.length > 0 ? say('safest: {0} looks like a database', names(databases)) : undefined;
  const items: (Choice & { value: Consistency })[] = [
    {
      icon: 'debug-pause',
      label: say('Pause'),
      description: say('they write nothing until the job ends; they resume afterwards'),
      value: 'pause',
    },
    {
      icon: 'debug-stop',
      label: say('Stop'),
      description: advice ?? say('they write everything to disk, and start again afterwards'),
      value: 'stop',
    },
    {
      icon: 'play',
      label: say('Leave Running'),
      description: say('files that change during the job may be incomplete'),
      value: 'none',
    },
  ];
  if (databases.length > 0) items.sort((a, b) => Number(b.value === 'stop') - Number(a.value === 'stop'));
  const chosen = await pickOne(items, {
    title: say('{0} can write to this during the job', names(writers.map(({ name }) => name))),
    placeHolder: say('What should happen to the containers?'),
  });
  return chosen?.value;
}
