/** What package.json says twice, held to the tables that it follows from. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { COMPRESSION_NAMES, COMPRESSIONS } from '../../src/backup/archive/compression.ts';
import { SUBJECT_FIELD } from '../../src/backup/subject.ts';
import { ENTRY_FIELDS } from '../../src/schedule/entry.ts';
import { RULE_NAMES } from '../../src/schedule/retentionRules.ts';

interface Schema {
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  contributes: { configuration: { properties: Record<string, Schema> } };
};
const settings = manifest.contributes.configuration.properties;
const entry = settings['dockerMounts.schedule']?.items?.properties ?? {};
const most = Math.max(...COMPRESSION_NAMES.map((name) => COMPRESSIONS[name].levels?.max ?? 0));

test('the compressions of the settings are those of the table, the default first', () => {
  for (const setting of [settings['dockerMounts.backup.compression'], entry['compression']])
    assert.deepEqual([...(setting?.enum ?? [])].sort(), [...COMPRESSION_NAMES].sort());
  assert.equal(settings['dockerMounts.backup.compression']?.default, COMPRESSION_NAMES[0]);
  for (const level of [settings['dockerMounts.backup.level'], entry['level']]) assert.equal(level?.maximum, most);
});

test('the rules of what is kept are those of the table', () => {
  assert.deepEqual(Object.keys(entry['keep']?.properties ?? {}), RULE_NAMES);
});

test('the fields of an entry of the schedule are those that are read', () => {
  assert.deepEqual(Object.keys(entry).sort(), [...ENTRY_FIELDS].sort());
  for (const field of Object.values(SUBJECT_FIELD)) assert.ok(field in entry, field);
});
