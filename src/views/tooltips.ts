/** The full facts of a row, in Markdown. */
import * as vscode from 'vscode';
import type { Container, Volume } from '../engine/model.ts';
import { maskedOptions, maskedText } from '../engine/secrets.ts';
import { printable } from '../files/names.ts';
import { dangerOfMount, dangerSentence } from '../ui/danger.ts';
import { formatAge, formatAhead, formatBytes } from '../ui/format.ts';
import type { EntryStatus } from '../backup/scheduleRunner.ts';
import { inWords } from '../ui/scheduleWords.ts';
import type { BackupNode, FileNode, MountNode, Node, SubjectNode } from './nodes.ts';
import { factTable, type Fact } from '../ui/markdown.ts';

const yesNo = (value: boolean) => (value ? vscode.l10n.t('yes') : vscode.l10n.t('no'));

function when(iso: string): string {
  return iso === '' ? '' : `${new Date(iso).toLocaleString()} (${formatAge(iso)})`;
}

function containerFacts(container: Container): Fact[] {
  return [
    [vscode.l10n.t('Id'), container.id.slice(0, 12)],
    [vscode.l10n.t('Image'), container.image],
    [vscode.l10n.t('State'), container.status || container.state],
    [vscode.l10n.t('Created'), when(container.createdAt)],
    [vscode.l10n.t('Mounts'), String(container.mounts.length)],
    [vscode.l10n.t('Takes volumes from'), container.volumesFrom.map((from) => `${from.container}${from.readOnly ? ':ro' : ''}`).join(', ')],
    [vscode.l10n.t('Gives volumes to'), container.givesVolumesTo.join(', ')],
    [vscode.l10n.t('Shares sources with'), container.sharesWith.join(', ')],
    [vscode.l10n.t('Compose project'), container.composeProject],
  ];
}

function mountFacts({ mount, volume, others }: MountNode): Fact[] {
  const danger = dangerOfMount(mount);
  return [
    [vscode.l10n.t('Danger'), danger && dangerSentence(danger)],
    [vscode.l10n.t('Type'), mount.type],
    [vscode.l10n.t('Source'), mount.source],
    [vscode.l10n.t('Read-only'), yesNo(mount.readOnly)],
    [vscode.l10n.t('Anonymous'), mount.type === 'volume' ? yesNo(mount.anonymous === true) : undefined],
    [vscode.l10n.t('Declared by image'), volume?.image],
    [vscode.l10n.t('Taken from'), mount.from],
    [vscode.l10n.t('Driver'), mount.driver],
    [vscode.l10n.t('Options'), mount.options && maskedText(mount.options.join(', '))],
    [vscode.l10n.t('Also seen by'), others.join(', ')],
    [vscode.l10n.t('Size'), volume?.size == null ? undefined : formatBytes(volume.size)],
    [vscode.l10n.t('Path on the engine’s host'), volume?.mountpoint],
  ];
}

function volumeFacts(volume: Volume): Fact[] {
  return [
    [vscode.l10n.t('Name'), volume.name],
    [vscode.l10n.t('Driver'), volume.driver],
    [vscode.l10n.t('Anonymous'), yesNo(volume.anonymous)],
    [vscode.l10n.t('Declared by image'), volume.image],
    [vscode.l10n.t('Used by'), volume.dangling ? vscode.l10n.t('no container (dangling)') : volume.usedBy.map((use) => `${use.container}:${use.target}${use.readOnly ? ':ro' : ''}`).join(', ')],
    [vscode.l10n.t('Size'), volume.size === null ? vscode.l10n.t('not known yet') : formatBytes(volume.size)],
    [vscode.l10n.t('Created'), when(volume.createdAt)],
    [vscode.l10n.t('Labels'), pairs(volume.labels)],
    [vscode.l10n.t('Options'), pairs(maskedOptions(volume.options))],
    [vscode.l10n.t('Path on the engine’s host'), volume.mountpoint],
  ];
}

function pairs(record: Readonly<Record<string, string>>): string {
  return Object.entries(record).map(([key, value]) => (value === '' ? key : `${key}=${value}`)).join(', ');
}

function backupFacts({ backup, verdict }: BackupNode): Fact[] {
  return [
    [vscode.l10n.t('File'), backup.file],
    [vscode.l10n.t('Problem'), backup.problem],
    [vscode.l10n.t('Subject'), backup.subject === undefined ? undefined : `${backup.kind ?? ''} ${backup.subject}`],
    [vscode.l10n.t('Created'), when(backup.createdAt ?? backup.modifiedAt)],
    [vscode.l10n.t('Entries'), backup.entries?.toString()],
    [vscode.l10n.t('Content'), backup.bytes === undefined ? undefined : formatBytes(backup.bytes)],
    [vscode.l10n.t('Archive'), `${formatBytes(backup.archiveBytes)}, ${backup.compression}`],
    [vscode.l10n.t('Encrypted'), yesNo(backup.encrypted)],
    [vscode.l10n.t('Verified'), verdict === undefined ? vscode.l10n.t('not yet') : `${verdict.ok ? vscode.l10n.t('whole') : vscode.l10n.t('not sound')}, ${when(verdict.at)}`],
    [vscode.l10n.t('Method'), backup.method],
    [vscode.l10n.t('Engine'), backup.engine],
    ['SHA-256', backup.sha256],
  ];
}

function planFacts({ entry, destination, last, next, failure }: EntryStatus): Fact[] {
  return [
    [vscode.l10n.t('Planned'), `${inWords(entry)} (${entry.id})`],
    [vscode.l10n.t('Destination'), destination],
    [vscode.l10n.t('Last'), last?.createdAt === undefined ? vscode.l10n.t('not yet') : when(last.createdAt)],
    [vscode.l10n.t('Next'), `${new Date(next).toLocaleString()} (${formatAhead(next)})`],
    [vscode.l10n.t('Last failed'), failure && `${failure.message} (${formatAge(new Date(failure.at).toISOString())}, ${failure.attempts})`],
  ];
}

function subjectTip({ subject, plans }: SubjectNode): vscode.MarkdownString | undefined {
  return plans.length === 0 ? undefined : factTable(subject?.name ?? '', plans.flatMap(planFacts));
}

function fileFacts({ place, entry, readOnly }: FileNode): Fact[] {
  return [
    [place.kind === 'volume' ? vscode.l10n.t('Volume') : vscode.l10n.t('Container'), place.name],
    [vscode.l10n.t('Size'), entry.type === 'file' ? `${formatBytes(entry.size)} (${entry.size} B)` : undefined],
    [vscode.l10n.t('Changed'), entry.mtime > 0 ? when(new Date(entry.mtime).toISOString()) : undefined],
    [vscode.l10n.t('Mode'), entry.mode.toString(8).padStart(4, '0')],
    [vscode.l10n.t('Read-only mount'), readOnly ? yesNo(true) : undefined],
  ];
}

/** Undefined for rows whose text says all there is. */
export function tooltipOf(node: Node): vscode.MarkdownString | undefined {
  switch (node.kind) {
    case 'container':
      return factTable(node.container.name, containerFacts(node.container));
    case 'mount':
      return factTable(node.mount.target, mountFacts(node));
    case 'volume':
      return factTable(node.volume.label, volumeFacts(node.volume));
    case 'backup':
      return factTable(node.backup.subject ?? node.backup.file, backupFacts(node));
    case 'file':
      return factTable(printable(node.place.path), fileFacts(node));
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
