/** The file of this machine in the active tab: text, an image or a notebook. */
import * as vscode from 'vscode';

/** Undefined if the tab shows no file of this machine. */
export function activeFile(): vscode.Uri | undefined {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  const uri =
    input instanceof vscode.TabInputText ||
    input instanceof vscode.TabInputCustom ||
    input instanceof vscode.TabInputNotebook
      ? input.uri
      : input instanceof vscode.TabInputTextDiff
        ? input.modified
        : undefined;
  return uri?.scheme === 'file' ? uri : undefined;
}

/** Calls the listener when another file may have become active. */
export function onDidChangeActiveFile(listener: () => void): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.window.tabGroups.onDidChangeTabs(listener),
    vscode.window.tabGroups.onDidChangeTabGroups(listener),
  );
}
