/** The full facts of a row, in Markdown. */
import type { Container, Volume } from '../engine/model.ts';
import { maskedOptions, maskedText } from '../engine/masking.ts';
import { printable } from '../files/names.ts';
import { dangerOfMount, dangerSentence } from '../ui/danger.ts';
import { formatAge, formatAhead, formatBytes } from '../ui/format.ts';
import type { EntryStatus } from '../schedule/runner.ts';
import { inWords } from '../ui/scheduleWords.ts';
import type { BackupNode, FileNode, MountNode, Node, SubjectNode } from './nodes.ts';
import { factTable, type Fact, type Markdown } from '../ui/markdown.ts';
import { joined, names, say, sentence, shown, type Part, type Shown } from '../ui/shown.ts';

/** A tooltip has room for more than a sentence. */
const MOST = 30;

const yesNo = (value: boolean) => (value ? say('yes') : say('no'));

/** A value of any length, from anywhere. */
const of = (value: string | undefined): Shown | undefined => (value === undefined ? undefined : sentence(value));

function when(iso: string): Shown | undefined {
  return iso === '' ? undefined : say('{0} ({1})', new Date(iso).toLocaleString(), formatAge(iso));
}

function containerFacts(container: Container): Fact[] {
  return [
    [say('Id'), shown(container.id.slice(0, 12))],
    [say('Image'), of(container.image)],
    [say('State'), of(container.status || container.state)],
    [say('Created'), when(container.createdAt)],
    [say('Mounts'), shown(String(container.mounts.length))],
    [
      say('Takes volumes from'),
      names(
        container.volumesFrom.map((from) => `${from.container}${from.readOnly ? ':ro' : ''}`),
        MOST,
      ),
    ],
    [say('Gives volumes to'), names(container.givesVolumesTo, MOST)],
    [say('Shares sources with'), names(container.sharesWith, MOST)],
    [say('Compose project'), of(container.composeProject)],
  ];
}

function mountFacts({ mount, volume, others }: MountNode): Fact[] {
  const danger = dangerOfMount(mount);
  return [
    [say('Danger'), danger && dangerSentence(danger)],
    [say('Type'), shown(mount.type)],
    [say('Source'), of(mount.source)],
    [say('Read-only'), yesNo(mount.readOnly)],
    [say('Anonymous'), mount.type === 'volume' ? yesNo(mount.anonymous === true) : undefined],
    [say('Declared by image'), of(volume?.image)],
    [say('Taken from'), of(mount.from)],
    [say('Driver'), of(mount.driver)],
    [say('Options'), mount.options && names(mount.options.map(maskedText), MOST)],
    [say('Also seen by'), names(others, MOST)],
    [say('Size'), volume?.size == null ? undefined : shown(formatBytes(volume.size))],
    [say('Path on the engine’s host'), of(volume?.mountpoint)],
  ];
}

function volumeFacts(volume: Volume): Fact[] {
  return [
    [say('Name'), of(volume.name)],
    [say('Driver'), of(volume.driver)],
    [say('Anonymous'), yesNo(volume.anonymous)],
    [say('Declared by image'), of(volume.image)],
    [
      say('Used by'),
      volume.dangling
        ? say('no container (dangling)')
        : names(
            volume.usedBy.map((use) => `${use.container}:${use.target}${use.readOnly ? ':ro' : ''}`),
            MOST,
          ),
    ],
    [say('Size'), volume.size === null ? say('not known yet') : shown(formatBytes(volume.size))],
    [say('Created'), when(volume.createdAt)],
    [say('Labels'), pairs(volume.labels)],
    [say('Options'), pairs(maskedOptions(volume.options))],
    [say('Path on the engine’s host'), of(volume.mountpoint)],
  ];
}

function pairs(record: Readonly<Record<string, string>>): Shown {
  return names(
    Object.entries(record).map(([key, value]): Part => joined([key, value], '=')),
    MOST,
  );
}

function backupFacts({ backup, verdict }: BackupNode): Fact[] {
  return [
    [say('File'), of(backup.file)],
    [say('Problem'), of(backup.problem)],
    [say('Subject'), backup.subject === undefined ? undefined : joined([backup.kind, backup.subject], ' ')],
    [say('Created'), when(backup.createdAt ?? backup.modifiedAt)],
    [say('Entries'), of(backup.entries?.toString())],
    [say('Content'), backup.bytes === undefined ? undefined : shown(formatBytes(backup.bytes))],
    [say('Archive'), joined([formatBytes(backup.archiveBytes), backup.compression], ', ')],
    [say('Encrypted'), yesNo(backup.encrypted)],
    [
      say('Verified'),
      verdict === undefined
        ? say('not yet')
        : joined([verdict.ok ? say('whole') : say('not sound'), when(verdict.at)], ', '),
    ],
    [say('Method'), of(backup.method)],
    [say('Engine'), of(backup.engine)],
    [shown('SHA-256'), of(backup.sha256)],
  ];
}

function planFacts({ entry, destination, last, next, failure }: EntryStatus): Fact[] {
  return [
    [say('Schedule'), say('{0} ({1})', inWords(entry), entry.id)],
    [say('Destination'), of(destination)],
    [say('Last'), last?.createdAt === undefined ? say('not yet') : when(last.createdAt)],
    [say('Next'), say('{0} ({1})', new Date(next).toLocaleString(), formatAhead(next))],
    [
      say('Last failed'),
      failure &&
        say(
          '{0} ({1}, {2})',
          sentence(failure.message),
          formatAge(new Date(failure.at).toISOString()),
          failure.attempts,
        ),
    ],
  ];
}

function subjectTip({ subject, plans }: SubjectNode): Markdown | undefined {
  return plans.length === 0 ? undefined : factTable(shown(subject?.name ?? ''), plans.flatMap(planFacts));
}

function fileFacts({ place, entry, readOnly }: FileNode): Fact[] {
  return [
    [place.kind === 'volume' ? say('Volume') : say('Container'), of(place.name)],
    [say('Size'), entry.type === 'file' ? shown(`${formatBytes(entry.size)} (${entry.size} B)`) : undefined],
    [say('Changed'), entry.mtime > 0 ? when(new Date(entry.mtime).toISOString()) : undefined],
    [say('Mode'), shown(entry.mode.toString(8).padStart(4, '0'))],
    [say('Read-only mount'), readOnly ? yesNo(true) : undefined],
  ];
}

/** Undefined for rows that have nothing more to say. */
export function tooltipOf(node: Node): Markdown | undefined {
  switch (node.kind) {
    case 'container':
      return factTable(shown(node.container.name), containerFacts(node.container));
    case 'mount':
      return factTable(shown(node.mount.target), mountFacts(node));
    case 'volume':
      return factTable(shown(node.volume.label), volumeFacts(node.volume));
    case 'backup':
      return factTable(shown(node.backup.subject ?? node.backup.file), backupFacts(node));
    case 'file':
      return factTable(sentence(printable(node.place.path)), fileFacts(node));
    case 'subject':
      return subjectTip(node);
    case 'lineage':
    case 'use':
    case 'files':
    case 'more':
    case 'notice':
      return undefined;
  }
}
