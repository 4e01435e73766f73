/** How each row looks. */
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { hasProcesses, isDataContainer, type Container, type Mount } from '../engine/model.ts';
import { dangerOfMount } from '../ui/danger.ts';
import { formatAge, formatAhead, formatBytes } from '../ui/format.ts';
import type { EntryStatus } from '../schedule/runner.ts';
import { joined, names, say, sentence, shown, type Shown } from '../ui/shown.ts';
import { row, withTooltip } from '../ui/window.ts';
import type {
  BackupNode,
  ContainerNode,
  LineageNode,
  MountNode,
  Node,
  SubjectNode,
  UseNode,
  VolumeNode,
} from './nodes.ts';
import { containerWords, contextOf, mountWords, subjectWords, volumeWords } from './contextWords.ts';
import { fileRow, filesRow, moreRow, noticeRow } from './fileRows.ts';
import { tooltipOf } from './tooltips.ts';
import type { ScheduledSubject } from '../backup/subject.ts';

const { Collapsed, Expanded, None } = vscode.TreeItemCollapsibleState;

/** Docker's word for a state, in the user's language. */
function stateWord(state: string): Shown {
  switch (state) {
    case 'running':
      return say('running');
    case 'paused':
      return say('paused');
    case 'restarting':
      return say('restarting');
    case 'exited':
      return say('exited');
    case 'created':
      return say('created');
    case 'removing':
      return say('removing');
    case 'dead':
      return say('dead');
    default:
      return shown(state);
  }
}

/** The kind of a mount, in words. */
function kindWord(mount: Mount): Shown {
  switch (mount.type) {
    case 'bind':
      return say('bind');
    case 'volume':
      return mount.anonymous ? say('anonymous volume') : say('volume');
    case 'tmpfs':
      return shown('tmpfs');
    case 'npipe':
    case 'cluster':
    case 'image':
      return shown(mount.type);
  }
}

function stateIcon(container: Container): vscode.ThemeIcon {
  if (isDataContainer(container)) return new vscode.ThemeIcon('library');
  switch (container.state) {
    case 'running':
      return new vscode.ThemeIcon('vm-running', new vscode.ThemeColor('charts.green'));
    case 'paused':
      return new vscode.ThemeIcon('debug-pause', new vscode.ThemeColor('charts.yellow'));
    case 'restarting':
      return new vscode.ThemeIcon('sync', new vscode.ThemeColor('charts.yellow'));
    case 'dead':
      return new vscode.ThemeIcon('error', new vscode.ThemeColor('charts.red'));
    default:
      return new vscode.ThemeIcon('vm-outline');
  }
}

function mountIcon(mount: Mount): vscode.ThemeIcon {
  if (dangerOfMount(mount) !== undefined)
    return new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'));
  switch (mount.type) {
    case 'bind':
      return new vscode.ThemeIcon('folder');
    case 'volume':
      return new vscode.ThemeIcon(mount.anonymous ? 'archive' : 'database');
    case 'tmpfs':
      return new vscode.ThemeIcon('zap');
    case 'npipe':
    case 'cluster':
    case 'image':
      return new vscode.ThemeIcon('package');
  }
}

/** Whether there is something to back up. */
function holdsData({ type }: Mount): boolean {
  return type === 'bind' || type === 'volume';
}

// Rows are identified by name, since a replacement has another id.
function containerRow({ container }: ContainerNode): vscode.TreeItem {
  const hasChildren = container.mounts.length + container.volumesFrom.length + container.givesVolumesTo.length > 0;
  const words = [
    ...(isDataContainer(container) ? [say('data container')] : []),
    stateWord(container.state),
    container.image,
    ...(hasChildren ? [] : [say('no mounts')]),
  ];
  return row(`container/${container.name}`, {
    label: shown(container.name),
    collapsible: hasChildren ? Collapsed : None,
    description: joined(words, ' · '),
    iconPath: stateIcon(container),
    contextValue: contextOf(
      containerWords({ running: hasProcesses(container), withData: container.mounts.some(holdsData) }),
    ),
  });
}

function mountRow({ container, mount, volume }: MountNode): vscode.TreeItem {
  const source = mount.type === 'volume' ? (volume?.label ?? mount.source) : mount.source;
  const words = [
    kindWord(mount),
    dangerOfMount(mount) === undefined ? undefined : say('dangerous'),
    mount.readOnly ? say('read-only') : undefined,
    mount.from === undefined ? undefined : say('from {0}', mount.from),
  ];
  return row(`mount/${container.name}/${mount.target}`, {
    label: shown(mount.target),
    collapsible: holdsData(mount) ? Collapsed : None,
    description: joined([joined(words, ' · '), source], ' ← '),
    iconPath: mountIcon(mount),
    contextValue: contextOf(mountWords({ readOnly: mount.readOnly, withData: holdsData(mount) })),
  });
}

function lineageRow({ container, direction, other }: LineageNode): vscode.TreeItem {
  const label =
    direction === 'takes'
      ? say('takes volumes from {0}', other.container)
      : say('gives volumes to {0}', other.container);
  return row(`lineage/${container.name}/${direction}/${other.container}`, {
    label,
    collapsible: None,
    ...(other.readOnly ? { description: say('read-only') } : {}),
    iconPath: new vscode.ThemeIcon(direction === 'takes' ? 'arrow-left' : 'arrow-right'),
  });
}

function volumeRow({ volume }: VolumeNode): vscode.TreeItem {
  const users = [...new Set(volume.usedBy.map(({ container }) => container))];
  const words = [
    volume.anonymous ? say('anonymous') : undefined,
    volume.dangling ? say('dangling') : say('used by {0}', names(users)),
    volume.size === null ? '' : formatBytes(volume.size),
    volume.driver === 'local' ? '' : volume.driver,
  ];
  return row(`volume/${volume.name}`, {
    label: shown(volume.label),
    collapsible: Collapsed,
    description: joined(words, ' · '),
    iconPath: volume.dangling
      ? new vscode.ThemeIcon('circle-slash', new vscode.ThemeColor('list.deemphasizedForeground'))
      : new vscode.ThemeIcon(volume.anonymous ? 'archive' : 'database'),
    contextValue: contextOf(volumeWords()),
  });
}

function useRow({ volume, use }: UseNode): vscode.TreeItem {
  return row(`use/${volume.name}/${use.container}/${use.target}`, {
    label: shown(use.container),
    collapsible: None,
    description: joined([use.target, use.readOnly ? say('read-only') : undefined], ' · '),
    iconPath: new vscode.ThemeIcon('vm'),
  });
}

function subjectIcon(kind: ScheduledSubject['kind'] | undefined): vscode.ThemeIcon {
  switch (kind) {
    case 'container':
      return new vscode.ThemeIcon('vm');
    case 'volume':
      return new vscode.ThemeIcon('database');
    case 'bind':
      return new vscode.ThemeIcon('folder');
    case 'project':
      return new vscode.ThemeIcon('layers');
    case undefined:
      return new vscode.ThemeIcon('question');
  }
}

/** The state of a scheduled backup, in a few words. */
function planWords({ isRunning, isElsewhere, failure, next, entry }: EntryStatus): Shown {
  if (isRunning) return say('backing up…');
  if (isElsewhere) return say('waiting for the engine {0}', entry.engine ?? '');
  if (failure !== undefined) return say('last failed: {0}', sentence(failure.message));
  return say('next {0}', formatAhead(next));
}

/** The plan that a row shows: one that runs, else one that failed, else the next one. */
function foremost(plans: readonly EntryStatus[]): EntryStatus | undefined {
  return (
    plans.find(({ isRunning }) => isRunning) ??
    plans.find(({ failure, isElsewhere }) => failure !== undefined && !isElsewhere) ??
    [...plans].sort((a, b) => a.next - b.next)[0]
  );
}

function subjectRow({ subject, backups, plans }: SubjectNode): vscode.TreeItem {
  const bytes = backups.reduce((sum, { archiveBytes }) => sum + archiveBytes, 0);
  const count = backups.length === 1 ? say('1 backup') : say('{0} backups', backups.length);
  const [newest] = backups;
  const plan = foremost(plans);
  const isFailing = plan?.failure !== undefined && !plan.isRunning && !plan.isElsewhere;
  const label = subject === undefined ? say('Other archives') : shown(subject.name);
  const archives =
    newest === undefined
      ? [say('no backups yet')]
      : [count, formatBytes(bytes), say('last {0}', formatAge(newest.createdAt ?? newest.modifiedAt))];
  // What is wrong comes first: the end of a long row is cut off.
  const words =
    plan === undefined
      ? archives
      : isFailing || plan.isRunning
        ? [planWords(plan), ...archives]
        : [...archives, planWords(plan)];
  // An empty row has another id, so that the row with the first archive is new, and expanded.
  return row(`${newest === undefined ? 'planned' : 'subject'}/${subject?.kind ?? ''}/${subject?.name ?? ''}`, {
    label,
    collapsible: newest === undefined ? None : Expanded,
    description: joined(words, ' · '),
    iconPath: plan?.isRunning
      ? new vscode.ThemeIcon('sync~spin')
      : isFailing
        ? new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'))
        : subjectIcon(subject?.kind),
    contextValue: contextOf(
      subjectWords({ kind: subject?.kind, planned: plan !== undefined, busy: plan?.isRunning === true }),
    ),
  });
}

function backupIcon({ backup, verdict }: BackupNode): vscode.ThemeIcon {
  if (backup.problem !== undefined || verdict?.ok === false)
    return new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'));
  if (verdict?.ok === true) return new vscode.ThemeIcon('verified-filled', new vscode.ThemeColor('charts.green'));
  return new vscode.ThemeIcon(backup.encrypted ? 'lock' : 'file-zip');
}

function backupRow(node: BackupNode): vscode.TreeItem {
  const { backup, verdict } = node;
  const verified = verdict === undefined ? say('not verified') : verdict.ok ? say('verified') : say('not sound');
  const words = [
    formatBytes(backup.archiveBytes),
    backup.problem === undefined ? verified : say('problem'),
    backup.encrypted ? say('encrypted') : undefined,
    basename(backup.file),
  ];
  return row(`backup/${backup.file}`, {
    label: formatAge(backup.createdAt ?? backup.modifiedAt),
    collapsible: None,
    description: joined(words, ' · '),
    iconPath: backupIcon(node),
    contextValue: contextOf(['backup']),
  });
}

/** The row of a node, without its tooltip: that is made when it is shown. */
export function rowOf(node: Node): vscode.TreeItem {
  switch (node.kind) {
    case 'container':
      return containerRow(node);
    case 'mount':
      return mountRow(node);
    case 'lineage':
      return lineageRow(node);
    case 'volume':
      return volumeRow(node);
    case 'use':
      return useRow(node);
    case 'backup':
      return backupRow(node);
    case 'subject':
      return subjectRow(node);
    case 'files':
      return filesRow(node);
    case 'file':
      return fileRow(node);
    case 'more':
      return moreRow(node);
    case 'notice':
      return noticeRow(node);
  }
}

/** Fills in the tooltip of a row. */
export function resolveRow(item: vscode.TreeItem, node: Node): vscode.TreeItem {
  return withTooltip(item, tooltipOf(node));
}
