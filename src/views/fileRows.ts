/** How rows of files look. */
import * as vscode from 'vscode';
import { printable } from '../files/names.ts';
import { nameOf, uriPathOf } from '../files/place.ts';
import { uriOf } from '../ui/fileUris.ts';
import { formatBytes } from '../ui/format.ts';
import type { FileNode, FilesNode, MoreNode, NoticeNode } from './nodes.ts';

const { Collapsed, None } = vscode.TreeItemCollapsibleState;

function row(id: string, label: string, collapsible: vscode.TreeItemCollapsibleState, facts: Partial<vscode.TreeItem>): vscode.TreeItem {
  const item = Object.assign(new vscode.TreeItem(label, collapsible), facts, { id });
  item.accessibilityInformation = { label: typeof item.description === 'string' && item.description !== '' ? `${label}, ${item.description}` : label };
  return item;
}

export function filesRow({ volume }: FilesNode): vscode.TreeItem {
  return row(`files/${volume.name}`, vscode.l10n.t('Files'), Collapsed, { iconPath: new vscode.ThemeIcon('files'), contextValue: 'files' });
}

function describe({ entry, readOnly }: FileNode): string {
  const words = [
    entry.isLink ? (entry.type === undefined ? vscode.l10n.t('link that leads nowhere in this mount') : vscode.l10n.t('link')) : '',
    entry.type === 'other' ? vscode.l10n.t('device, pipe or socket') : '',
    entry.type === 'file' ? formatBytes(entry.size) : '',
    readOnly ? vscode.l10n.t('read-only') : '',
  ];
  return words.filter((word) => word !== '').join(' · ');
}

function iconOf({ entry }: FileNode): vscode.ThemeIcon {
  if (entry.type === 'directory') return vscode.ThemeIcon.Folder;
  if (entry.type === undefined) return new vscode.ThemeIcon('link');
  return entry.type === 'other' ? new vscode.ThemeIcon('plug') : vscode.ThemeIcon.File;
}

export function fileRow(node: FileNode): vscode.TreeItem {
  const { place, entry, readOnly } = node;
  const uri = uriOf(place);
  const isDirectory = entry.type === 'directory';
  return row(`file${uriPathOf(place)}`, printable(entry.name || nameOf(place)), isDirectory ? Collapsed : None, {
    resourceUri: uri,
    iconPath: iconOf(node),
    description: describe(node),
    contextValue: `entry ${isDirectory ? 'directory' : 'file'} ${readOnly ? 'readOnly' : 'readWrite'}`,
    ...(entry.type === 'file' ? { command: { command: 'vscode.open', title: vscode.l10n.t('Open'), arguments: [uri] } } : {}),
  });
}

export function moreRow({ directory, left }: MoreNode): vscode.TreeItem {
  return row(`more${uriPathOf(directory)}`, vscode.l10n.t('Show more'), None, {
    description: vscode.l10n.t('{0} not shown', left.toLocaleString()),
    iconPath: new vscode.ThemeIcon('ellipsis'),
    contextValue: 'more',
    command: { command: 'dockerMounts.showMoreFiles', title: vscode.l10n.t('Show more'), arguments: [{ directory: uriPathOf(directory) }] },
  });
}

export function noticeRow({ directory, text, isError }: NoticeNode): vscode.TreeItem {
  return row(`notice${uriPathOf(directory)}`, text, None, {
    tooltip: text,
    iconPath: isError ? new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground')) : new vscode.ThemeIcon('dash'),
    contextValue: 'notice',
  });
}
