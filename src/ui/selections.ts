/** What a person has selected. */
import * as vscode from 'vscode';

/** The selected text of the active editor; without a selection, the word at the cursor that looks like a path. */
export function selectedInEditor(): string | undefined {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined) return undefined;
  const range = editor.selection.isEmpty
    ? editor.document.getWordRangeAtPosition(editor.selection.active, /[^\s"'`<>]+/)
    : editor.selection;
  return range === undefined ? undefined : editor.document.getText(range).split('\n')[0]?.trim() || undefined;
}

/**
 * The selected text of the active terminal. VS Code has no stable API for it (microsoft/vscode#188173), so it is copied
 * through the clipboard, and the text there is put back.
 */
export async function selectedInTerminal(): Promise<string | undefined> {
  const { clipboard } = vscode.env;
  const before = await clipboard.readText();
  try {
    await vscode.commands.executeCommand('workbench.action.terminal.copySelection');
    const text = (await clipboard.readText()).split('\n')[0]?.trim();
    return text === '' ? undefined : text;
  } finally {
    await clipboard.writeText(before);
  }
}
