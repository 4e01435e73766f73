/** ARCHITECTURE.md says what is there. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { allowed } from '../../build/floors.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');

test('every path in it exists', () => {
  const paths = [...text.matchAll(/`((?:src|test|build)\/[^`]+)`/g)].map(([, path]) => path ?? '');
  assert.ok(paths.length > 40, `${paths.length} paths`);
  for (const path of paths) assert.ok(existsSync(join(root, path)), path);
});

test('its floors are those of the lint rule, and every folder of src is one of them', () => {
  const rows = [...text.matchAll(/^\| `(\w+)` \|.*\| ([^|]+) \|$/gm)].map(([, floor = '', imports = '']) => [
    floor,
    [...imports.matchAll(/`(\w+)`/g)].map(([, name]) => name),
  ]);
  assert.deepEqual(Object.fromEntries(rows), allowed);
  const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.deepEqual(folders.map(({ name }) => name).sort(), Object.keys(allowed).sort());
});

test('the glossary is in order, and has each word once', () => {
  const words = [...text.slice(text.indexOf('## Glossary')).matchAll(/^\| ([^|:]+) \|/gm)].map(
    ([, word]) => word ?? '',
  );
  const terms = words.filter((word) => word !== 'word');
  assert.ok(terms.length > 25);
  assert.deepEqual(terms, [...new Set(terms)].sort());
});
