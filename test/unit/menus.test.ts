/** What the menus of package.json name, held to the code: words of rows, and commands. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  CONTEXT_WORDS,
  containerWords,
  contextOf,
  entryWords,
  filesWords,
  mountWords,
  subjectWords,
  volumeWords,
  type ContextWord,
} from '../../src/views/contextWords.ts';

interface Item {
  readonly command: string;
  readonly when?: string;
  readonly group: string;
}
interface Contributions {
  readonly commands: readonly { readonly command: string; readonly title?: string; readonly category?: string }[];
  readonly menus: Readonly<Record<string, readonly Item[]>>;
  readonly keybindings?: readonly { readonly command: string }[];
  readonly views: Readonly<Record<string, readonly unknown[]>>;
  readonly viewsWelcome: readonly unknown[];
}

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const { contributes } = JSON.parse(read('package.json')) as { contributes: Contributions };
const declared = contributes.commands.map(({ command }) => command);
const onRows = contributes.menus['view/item/context'] ?? [];
const WHEN = /^view =~ \/\^dockerMounts\\\.\/ && viewItem =~ \/\\b(\w+)\\b\/$/;
const wordOf = ({ when = '' }: Item) => WHEN.exec(when)?.[1] ?? assert.fail(when);

/** The sources as one text. */
const source = readdirSync(new URL('../../src', import.meta.url), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.endsWith('binaries.ts'))
  .map((path) => read(join('src', path)))
  .join('\n');

test('each condition on a row looks for one word of the list, and each word is looked for', () => {
  assert.deepEqual([...new Set(onRows.map(wordOf))].sort(), [...CONTEXT_WORDS].sort());
  const others = Object.entries(contributes.menus).filter(([menu]) => menu !== 'view/item/context');
  for (const [menu, items] of others)
    for (const { when } of items) assert.doesNotMatch(when ?? '', /viewItem/, `${menu}: ${when}`);
});

test('what each kind of row offers, at its right and in its menu', () => {
  const offered = (words: readonly ContextWord[], inline: boolean) =>
    onRows
      .filter((item) => new RegExp(`\\b${wordOf(item)}\\b`).test(contextOf(words)))
      .filter(({ group }) => group.startsWith('inline') === inline)
      .sort((a, b) => (a.group < b.group ? -1 : 1))
      .map(({ command }) => command.replace('dockerMounts.', ''))
      .join(' ');
  const state = 'startContainer';
  const going = 'stopContainer restartContainer';
  const saved = 'backup restore backUpRegularly';
  const made = 'newFile newFolder upload';
  const container = ['addMount attachVolumesFrom', 'removeContainer'] as const;
  const TABLE: readonly (readonly [ContextWord[], string, string])[] = [
    [
      containerWords({ running: true, withData: true }),
      'stopContainer backup',
      `${going} inspect openTerminal ${saved} ${container.join(' ')}`,
    ],
    [
      containerWords({ running: true, withData: false }),
      'stopContainer',
      `${going} inspect openTerminal ${container.join(' ')}`,
    ],
    [
      containerWords({ running: false, withData: true }),
      'startContainer backup',
      `${state} inspect openTerminal ${saved} ${container.join(' ')}`,
    ],
    [
      mountWords({ readOnly: false, withData: true }),
      '',
      `inspect openTerminal ${saved} setReadOnly copyData openFolder ${made} download removeMount`,
    ],
    [
      mountWords({ readOnly: true, withData: true }),
      '',
      `inspect openTerminal ${saved} setReadWrite copyData openFolder download removeMount`,
    ],
    [mountWords({ readOnly: false, withData: false }), '', 'inspect openTerminal setReadOnly removeMount'],
    [
      volumeWords(),
      'backup',
      `inspect ${saved} attachVolume cloneVolume copyVolumeToContext copyData openFolder ${made} download removeVolume`,
    ],
    [filesWords(), 'newFile openFolder', `openFolder ${made} download`],
    [
      entryWords({ directory: true, readOnly: false }),
      'newFile',
      `openFolder ${made} download copyFiles copyFilePath renameFile deleteFile`,
    ],
    [entryWords({ directory: true, readOnly: true }), '', 'openFolder download copyFiles copyFilePath'],
    [entryWords({ directory: false, readOnly: false }), '', 'download copyFiles copyFilePath renameFile deleteFile'],
    [entryWords({ directory: false, readOnly: true }), '', 'download copyFiles copyFilePath'],
    [['backup'], 'verifyBackup restore', 'restore restoreSome revealBackup verifyBackup verifyAgainst deleteBackup'],
    [subjectWords({ kind: 'volume', planned: false, busy: false }), 'backup', 'backup backUpRegularly'],
    [
      subjectWords({ kind: 'bind', planned: true, busy: false }),
      'backup',
      'backup runSchedule backUpRegularly removeFromSchedule',
    ],
    [
      subjectWords({ kind: 'container', planned: true, busy: true }),
      'backup cancelScheduled',
      'backup cancelScheduled backUpRegularly removeFromSchedule',
    ],
    [subjectWords({ kind: 'project', planned: true, busy: false }), '', 'runSchedule removeFromSchedule'],
    [subjectWords({ kind: undefined, planned: false, busy: false }), '', ''],
  ];
  for (const [words, inline, menu] of TABLE)
    assert.deepEqual([offered(words, true), offered(words, false)], [inline, menu], contextOf(words));
});

test('every command has a title and a category, and can be found', () => {
  const palette = contributes.menus['commandPalette'] ?? [];
  const placed = Object.entries(contributes.menus)
    .filter(([menu]) => menu !== 'commandPalette')
    .flatMap(([, items]) => items.map(({ command }) => command));
  for (const { command, title, category } of contributes.commands) {
    assert.ok(title, command);
    assert.equal(category, 'Docker Mounts', command);
    const hidden = palette.some((item) => item.command === command && item.when === 'false');
    // The one that a quick fix only calls, with the path that is missing.
    if (command !== 'dockerMounts.createDirectory') assert.ok(!hidden || placed.includes(command), command);
  }
});

test('every command that menus, keys, views and their welcome texts name is declared', () => {
  const { menus, keybindings = [], views, viewsWelcome } = contributes;
  const texts = [JSON.stringify([views, viewsWelcome]), read('package.nls.json')].join('\n');
  const linked = [...texts.matchAll(/command:(dockerMounts\.\w+)/g)].map(([, command = '']) => command);
  assert.ok(linked.length > 0);
  for (const command of [...Object.values(menus).flat(), ...keybindings].map((item) => item.command).concat(linked))
    assert.ok(declared.includes(command), command);
});

test('what is declared is registered, and what is registered is declared', () => {
  // An id is the `id` of a command, or the first argument of a function that makes one.
  const made = [
    ...source.matchAll(/\bid: '(dockerMounts\.\w+)'/g),
    ...source.matchAll(/\b(?:spec|rights|action)\((?:services, )?'(dockerMounts\.\w+)'/g),
  ].map(([, id = '']) => id);
  // What the row "Show more" calls with its directory; nobody else has one to call it with.
  const internal = ['dockerMounts.showMoreFiles'];
  assert.deepEqual([...made].sort(), [...declared, ...internal].sort());
});
