import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { actsOnMany, chosenRows, chosenUris } from '../../src/commands/rows.ts';
import type { Node } from '../../src/views/nodes.ts';

interface Contributions {
  readonly commands: readonly { readonly command: string }[];
  readonly menus: Readonly<Record<string, readonly { readonly command: string; readonly when: string }[]>>;
}
const { contributes } = JSON.parse(readFileSync('package.json', 'utf8')) as { contributes: Contributions };
const commands = contributes.commands.map(({ command }) => command);

/** Two rows of each kind; what is in them does not matter to the rule. */
const KINDS: readonly Node['kind'][] = [
  'container',
  'mount',
  'lineage',
  'volume',
  'use',
  'backup',
  'subject',
  'files',
  'file',
  'more',
  'notice',
];
const rows = KINDS.flatMap((kind) => [1, 2].map((number) => ({ kind, number }) as unknown as Node));

/** Every mix: none, one, each pair, all of one kind with one of another, and all rows, in both orders. */
function mixes(): Node[][] {
  const pairs = rows.flatMap((one) => rows.map((other) => [one, other])).filter(([one, other]) => one !== other);
  const mixed = KINDS.flatMap((kind) =>
    rows.map((other) => [other, ...rows.filter((row) => row.kind === kind && row !== other)]),
  );
  return [[], ...rows.map((row) => [row]), ...pairs, ...mixed, rows, [...rows].reverse()];
}

it('every command, on every row, with every mix selected: the clicked row leads', () => {
  let tried = 0;
  for (const command of commands) {
    for (const clicked of rows) {
      for (const selected of mixes()) {
        const found = chosenRows(command, clicked, selected);
        const counts = actsOnMany(command) && selected.includes(clicked);
        const expected = counts ? selected.filter(({ kind }) => kind === clicked.kind) : [clicked];
        const isRight =
          found[0] === clicked && found.length === expected.length && expected.every((row) => found.includes(row));
        if (!isRight)
          assert.fail(`${command} on ${clicked.kind} with ${selected.map(({ kind }) => kind).join(' ')} selected`);
        tried += 1;
      }
    }
  }
  assert.ok(tried > 100_000, String(tried));
});

it('files of the explorer follow the same rule, by their addresses', () => {
  const uri = (text: string) => ({ scheme: text.slice(0, text.indexOf(':')), toString: () => text });
  const [a, b, c] = [uri('file:/a'), uri('file:/b'), uri('docker-mounts:/volume/x/c')];
  for (const command of commands) {
    const of = (clicked: typeof a, ...selected: (typeof a)[]) => chosenUris(command, clicked, selected).map(String);
    assert.deepEqual(of(a), ['file:/a']);
    assert.deepEqual(of(a, b), ['file:/a']);
    assert.deepEqual(
      of(b, uri('file:/a'), uri('file:/b'), c),
      actsOnMany(command) ? ['file:/b', 'file:/a'] : ['file:/b'],
      command,
    );
  }
});

it('what acts on many is what the issue and the manual name, and every one is a command', () => {
  const many = commands
    .filter(actsOnMany)
    .map((command) => command.replace('dockerMounts.', ''))
    .sort();
  assert.deepEqual(many, [
    'backUpRegularly',
    'backup',
    'cancelScheduled',
    'copyContainerPath',
    'copyFilePath',
    'copyFiles',
    'deleteBackup',
    'deleteFile',
    'download',
    'removeContainer',
    'removeFromSchedule',
    'removeVolume',
    'restartContainer',
    'runSchedule',
    'startContainer',
    'stopContainer',
    'verifyBackup',
  ]);
});

it('a command that removes stands in the menu of its own kind of row only', () => {
  const words: Record<string, string> = {
    removeContainer: 'container',
    removeVolume: 'volume',
    removeMount: 'mount',
    deleteBackup: 'backup',
    deleteFile: 'writableEntry',
    removeFromSchedule: 'planned',
  };
  for (const [name, only] of Object.entries(words)) {
    const entries = (contributes.menus['view/item/context'] ?? []).filter(
      ({ command }) => command === `dockerMounts.${name}`,
    );
    assert.ok(entries.length > 0, name);
    for (const { when } of entries) {
      assert.ok(when.endsWith(` && viewItem =~ /\\b${only}\\b/`), when);
      assert.doesNotMatch(when, /\|\|/);
    }
  }
});
