/** What comes from elsewhere is shown as it is written, in every face, whatever it holds. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  asCode,
  asLabel,
  asMarkdown,
  asMessage,
  asText,
  failure,
  joined,
  lines,
  names,
  say,
  sentence,
  shortened,
  shown,
  visible,
  type Shown,
} from '../../src/ui/shown.ts';
import { NASTY } from '../nastyNames.ts';

/** VS Code's own patterns for links and icons (src/vs/base/common/linkedText.ts, iconLabels.ts). */
const LINK = /\[([^\]]+)\]\(((?:https?:\/\/|command:|file:)[^)\s]+)(?: (["'])(.+?)(\3))?\)/i;
const ICON = /\$\([A-Za-z0-9-]+(?:~[A-Za-z]+)?\)/;
/** Nothing but the two marks of ours may be hidden in what is shown. */
const HIDDEN =
  // eslint-disable-next-line no-control-regex -- the very characters that must not be there
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2028\u2029\u2066\u2067\u2060-\u2064\ufeff\u{e0000}-\u{e007f}]/u;

const FACES: Record<string, (text: Shown) => string> = { asText, asMessage, asLabel, asMarkdown, asCode };

for (const [what, nasty] of Object.entries(NASTY)) {
  test(`${what}: no face makes more of it than text`, () => {
    for (const [face, render] of Object.entries(FACES)) {
      for (const made of [
        shown(nasty),
        sentence(nasty),
        say('Backed up {0} to {1}.', nasty, 'here'),
        joined([nasty, 'and'], ' · '),
        names([nasty, nasty]),
      ]) {
        const text = render(made);
        assert.doesNotMatch(text, HIDDEN, face);
        assert.ok(text.length < 2500, `${face}: ${text.length}`);
      }
    }
    assert.doesNotMatch(asMessage(say('Look at {0}', nasty)), LINK);
    assert.doesNotMatch(asMessage(say('Look at {0}', nasty)), ICON);
    assert.doesNotMatch(asLabel(shown(nasty), 'vm').slice('$(vm) '.length), ICON);
    assert.ok(asLabel(shown(nasty), 'vm').startsWith('$(vm) '));
    assert.ok(!asText(shown(nasty)).includes('\n'));
    assert.doesNotMatch(visible(nasty), HIDDEN);
  });
}

test('what is hidden is written out', () => {
  assert.equal(
    visible('a\u0000b\u001b[31mred\n2026-01-01 [info] forged'),
    'a\\x00b\\x1b[31mred\\n2026-01-01 [info] forged',
  );
  assert.equal(visible('gepj.\u202egpj.exe\u202c'), 'gepj.\\u202egpj.exe\\u202c');
  assert.equal(visible('pay\u200bpal \u2060\ufeff\u00ad'), 'pay\\u200bpal \\u2060\\ufeff\\xad');
  assert.equal(visible('x\u{e0041}\u{e0042}'), 'x\\u{e0041}\\u{e0042}');
  assert.equal(visible('a\u2028b\u2029c\u0085d\u009b31m'), 'a\\u2028b\\u2029c\\x85d\\x9b31m');
  assert.equal(visible('half \ud800 pair'), 'half \\ud800 pair');
  assert.equal(visible('ad\u200dmin'), 'ad\\u200dmin', 'a joiner that joins nothing');
  assert.equal(visible(`e${'\u0301'.repeat(40)}`).match(/\u0301/g)?.length, 8);
});

test('names of people stay readable', () => {
  for (const name of [
    '数据 库',
    'データ',
    'Ünïcödé',
    'données-été',
    'क्‍ष',
    'می‌خواهم',
    '👩‍👩‍👧‍👦',
    '❤️',
    '👨🏽‍🚀',
    '🏳️‍🌈',
    '葛󠄀',
    '한국어',
    'e\u0301',
    'a b.tar',
    '🇩🇪',
    '1️⃣',
  ])
    assert.equal(visible(name), name);
  assert.equal(asText(shown('שלום')), '\u2068שלום\u2069', 'kept apart from the sentence around it');
  assert.equal(asText(shown('مرحبا 1')), '\u2068مرحبا 1\u2069');
});

test('what looks like markup is shown as it was written', () => {
  const bare = (text: string) => text.replaceAll('\u200b', '');
  assert.equal(bare(asMessage(shown(NASTY.commandLink))), NASTY.commandLink);
  assert.equal(bare(asLabel(shown(NASTY.icon))), NASTY.icon);
  assert.equal(asText(shown(NASTY.icon)), NASTY.icon);
  assert.equal(asText(shown('%1 & && {0} `x` | <b>')), '%1 & && {0} `x` | <b>');
});

test('what is put in for one place is not taken for another', () => {
  assert.equal(asText(say('{0} and {1}', '{1}', '{0}')), '{1} and {0}');
  assert.equal(asText(say('{0} $& {1}', '$&', "$'")), "$& $& $'");
  assert.equal(asText(say('{0} of {1}', 3, 1_000_000)), '3 of 1000000');
  assert.equal(asText(say('see {0}', say('"{0}"', 'x'))), 'see "x"', 'what is shown already is not escaped twice');
});

test('long texts keep their ends', () => {
  const long = asText(shown(`start-${'x'.repeat(10_000)}-end`));
  assert.ok(long.length <= 160 && long.startsWith('start-') && long.endsWith('-end') && long.includes('…'), long);
  const message = asText(sentence(`The archive ${'y'.repeat(1_000_000)} is not sound.`));
  assert.ok(message.length <= 900 && message.startsWith('The archive') && message.endsWith('is not sound.'));
  assert.equal(
    [...asText(shown('😀'.repeat(1000)))].every((one) => one === '😀' || one === '…'),
    true,
    'no half characters',
  );
  assert.equal(asText(names(['a', 'b', 'c', 'd'], 2)), 'a, b and 2 more');
  assert.equal(asText(lines(Array.from({ length: 40 }, (_, index) => `volume-${index}`))).split('\n').length, 31);
  assert.ok(
    asMessage(
      lines(
        Array.from({ length: 15 }, () => 'z'.repeat(1000)),
        '\n\n',
      ),
    ).length <= 910,
  );
  assert.equal(asText(shortened(shown('abcdefghij'), 5)), 'ab…ij');
});

test('messages of errors are escaped as a whole', () => {
  assert.equal(asText(failure(new Error('engine says:\n  no\u001b[2J\n'))), 'engine says: no\\x1b[2J');
  assert.equal(asText(failure('thrown text')), 'thrown text');
});

test('a name in Markdown ends neither its code nor its cell', () => {
  assert.equal(asCode(shown('a|b')), '`a\\|b`');
  // In a table an even number of backslashes before a pipe would leave that a border.
  assert.doesNotMatch(asCode(shown('a\\|[x](https://x)')), /\\\\\|/);
  assert.equal(asCode(shown('`` ` ``')), '``` `` ` `` ```');
  assert.equal(asCode(shown('')), '');
  assert.equal(asMarkdown(shown('[a](b) <i>_x_|')), '\\[a\\]\\(b\\) \\<i\\>\\_x\\_\\|');
});

test('a text from elsewhere does not compile where a shown one is wanted', () => {
  const foreign: string = process.argv[0] ?? '';
  // @ts-expect-error a template is a text of the source
  say(foreign);
  // @ts-expect-error a template is a text of the source
  say(`${foreign} {0}`, 1);
  // @ts-expect-error what is shown is made by the functions of shown.ts alone
  const made: Shown = { text: foreign };
  // @ts-expect-error a plain text is none
  assert.throws(() => asText(foreign));
  assert.throws(() => asText(made));
});

/** Files of a folder and below it. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesIn(join(folder, entry.name)) : [join(folder, entry.name)],
  );
}

test('one door: no other file speaks to the window of VS Code', () => {
  const root = join(import.meta.dirname, '../../src');
  const speaks =
    /vscode\.window\.(show(?!TextDocument)|create|withProgress|set|register)|new vscode\.(TreeItem|MarkdownString|Hover|CodeLens|CodeAction|Diagnostic|FileDecoration)\(|vscode\.(QuickPickItem|InputBoxOptions)\b|FileSystemError\.\w+\((?!uri\))/;
  const others = filesIn(root).filter(
    (file) => !file.endsWith('/ui/window.ts') && speaks.test(readFileSync(file, 'utf8')),
  );
  assert.deepEqual(others, []);
});
