/** How rows of files look. */
import * as vscode from 'vscode';
import { printable } from '../files/names.ts';
import { nameOf, uriPathOf } from '../files/place.ts';
import { uriOf } from '../ui/fileUris.ts';
import { formatBytes } from '../ui/format.ts';
import { joined, say, shown, type Shown } from '../ui/shown.ts';
import { row } from '../ui/window.ts';
import { contextOf, entryWords, filesWords } from './contextWords.ts';
import type { FileNode, FilesNode, MoreNode, NoticeNode } from './nodes.ts';

const { Collapsed, None } = vscode.TreeItemCollapsibleState;

export function filesRow({ volume }: FilesNode): vscode.TreeItem {
  return row(`files/${volume.name}`, {
    label: say('Files'),
    collapsible: Collapsed,
    iconPath: new vscode.ThemeIcon('files'),
    contextValue: contextOf(filesWords()),
  });
}

function describe({ entry, readOnly }: FileNode): Shown {
  const words = [
    entry.isLink ? (entry.type === undefined ? say('link without a target in this mount') : say('link')) : undefined,
    entry.type === 'other' ? say('device, pipe or socket') : undefined,
    entry.type === 'file' ? formatBytes(entry.size) : undefined,
    readOnly ? say('read-only') : undefined,
  ];
  return joined(words, ' · ');
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
  return row(`file${uriPathOf(place)}`, {
    label: shown(printable(entry.name || nameOf(place))),
    collapsible: isDirectory ? Collapsed : None,
    resourceUri: uri,
    iconPath: iconOf(node),
    description: describe(node),
    contextValue: contextOf(entryWords({ directory: isDirectory, readOnly })),
    ...(entry.type === 'file' ? { command: { command: 'vscode.open', title: say('Open'), arguments: [uri] } } : {}),
  });
}

export function moreRow({ directory, left }: MoreNode): vscode.TreeItem {
  return row(`more${uriPathOf(directory)}`, {
    label: say('Show more'),
    collapsible: None,
    description: say('{0} not shown', left.toLocaleString()),
    iconPath: new vscode.ThemeIcon('ellipsis'),
    command: {
      command: 'dockerMounts.showMoreFiles',
      title: say('Show more'),
      arguments: [{ directory: uriPathOf(directory) }],
    },
  });
}

export function noticeRow({ directory, text, isError }: NoticeNode): vscode.TreeItem {
  return row(`notice${uriPathOf(directory)}`, {
    label: text,
    collapsible: None,
    tooltip: text,
    iconPath: isError
      ? new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'))
      : new vscode.ThemeIcon('dash'),
  });
}
