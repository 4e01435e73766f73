/** Calls from outside of this extension host (links, keybindings, tasks) of commands that lose something. */
import { lines, say } from '../ui/shown.ts';
import { confirmed, type Call } from './call.ts';

/** Commands that ask before they act when clicked, but would ask nothing if all arguments are given. */
const LOSES: ReadonlySet<string> = new Set(
  [
    'removeContainer',
    'removeVolume',
    'pruneVolumes',
    'deleteBackup',
    'deleteFile',
    'renameFile',
    'upload',
    'copyFiles',
    'copyData',
    'restore',
    'restoreSome',
    'addMount',
    'attachVolume',
    'attachVolumesFrom',
    'removeMount',
    'setReadOnly',
    'setReadWrite',
    'removeFromSchedule',
  ].map((name) => `dockerMounts.${name}`),
);
/** Arguments that say what is lost, and hold no secret. */
const TELLING = [
  'container',
  'volume',
  'volumes',
  'file',
  'files',
  'path',
  'paths',
  'target',
  'targets',
  'source',
  'toVolume',
  'toSource',
  'uri',
  'from',
  'mode',
  'all',
  'removeVolumes',
  'force',
  'id',
];

/** Whether a command is asked about when a link or a keybinding calls it. */
function isAskedOutside(command: string): boolean {
  return LOSES.has(command);
}

/**
 * Asks before a call from outside runs: a link can hold any argument, and cannot answer for the person. Throws
 * Dismissed.
 */
export async function guardOutside(command: string, call: Call): Promise<void> {
  if (call.isLocal || call.byHand || !isAskedOutside(command)) return;
  const told = TELLING.filter((key) => call.args[key] !== undefined && call.args[key] !== null).map((key) => {
    const value = call.args[key];
    return say('{0}: {1}', key, Array.isArray(value) ? value.map(String).join(', ') : String(value));
  });
  await confirmed(
    say('Run "{0}", as requested by a link or a keybinding?', command),
    lines([...told, say('It can lose data, or replace a container.')]),
    say('Run'),
  );
}
