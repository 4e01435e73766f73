import * as vscode from 'vscode';

/** Calls a command of the extension from code. */
export function call<T>(command: string, args?: unknown): Thenable<T> {
  return vscode.commands.executeCommand<T>(`dockerMounts.${command}`, ...(args === undefined ? [] : [args]));
}
