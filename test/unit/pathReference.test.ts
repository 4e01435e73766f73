import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parseReference, referencesIn } from '../../src/paths/pathReference.ts';

const typed: [text: string, path: string, line?: number, column?: number][] = [
  ['/app/main.py', '/app/main.py'],
  ['  /app/main.py\n', '/app/main.py'],
  ['/app/main.py:12', '/app/main.py', 12],
  ['/app/main.py:12:3', '/app/main.py', 12, 3],
  ['/app/main.py:12:3:', '/app/main.py', 12, 3],
  ['/app/Program.cs(12,3)', '/app/Program.cs', 12, 3],
  ['(/app/server.js:12:3)', '/app/server.js', 12, 3],
  ['File "/app/main.py", line 12', '/app/main.py', 12],
  ['"/app/my file.txt"', '/app/my file.txt'],
  ['/app/my file.txt:7', '/app/my file.txt', 7],
  ['/app/odd(1).txt', '/app/odd(1).txt'],
  ['/app/12:30/log', '/app/12:30/log'],
  ['main.py:3', 'main.py', 3],
  ['', ''],
];
for (const [text, path, line, column] of typed) {
  it(`selected: ${JSON.stringify(text)}`, () => {
    const found = parseReference(text);
    assert.deepEqual([found.path, found.line, found.column], [path, line, column]);
  });
}

const lines: [line: string, found: string[]][] = [
  ['    at handle (/app/src/server.js:12:3)', ['/app/src/server.js:12:3']],
  ['  File "/app/main.py", line 12, in <module>', ['/app/main.py", line 12']],
  ['cp /app/a /app/b.', ['/app/a', '/app/b']],
  ['see https://example.org/app/a', []],
  ['./app/a and ../app/b and x/y', []],
  ['/app/größe.txt: No such file', ['/app/größe.txt']],
  ['PATH=/usr/bin:/bin', ['/usr/bin', '/bin']],
  ['/ # ls', []],
];
for (const [line, expected] of lines) {
  it(`in a line of output: ${line}`, () => {
    assert.deepEqual(
      referencesIn(line).map(({ start, length }) => line.slice(start, start + length)),
      expected,
    );
  });
}
it('the whole reference is read in the line', () => {
  const [found] = referencesIn('  File "/app/main.py", line 12, in f');
  assert.deepEqual([found?.path, found?.line], ['/app/main.py', 12]);
});
it('a hostile line takes no time', () => {
  const before = performance.now();
  referencesIn(`${'/a'.repeat(50_000)} ${'/:1'.repeat(30_000)}`);
  parseReference(`${'('.repeat(50_000)}/a${':1'.repeat(50_000)}`);
  assert.ok(performance.now() - before < 200, `${performance.now() - before} ms`);
});
