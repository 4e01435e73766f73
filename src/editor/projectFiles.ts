/** Everything that shows inside Compose files, Dockerfiles and devcontainer.json. */
import * as vscode from 'vscode';
import { ProjectDiagnostics } from './diagnostics.ts';
import { hoverProvider } from './hovers.ts';
import { LensProvider } from './lenses.ts';
import type { ProjectDocuments } from './projectDocuments.ts';
import { SELECTORS } from './selectors.ts';

/** Registers hovers, lenses, diagnostics and quick fixes. */
export function showInProjectFiles(documents: ProjectDocuments): vscode.Disposable {
  const selector = Object.values(SELECTORS).flat();
  const lenses = new LensProvider(documents);
  const diagnostics = new ProjectDiagnostics(documents);
  return vscode.Disposable.from(
    lenses,
    diagnostics,
    vscode.languages.registerHoverProvider(selector, hoverProvider(documents)),
    vscode.languages.registerCodeLensProvider(selector, lenses),
    vscode.languages.registerCodeActionsProvider(selector, diagnostics, {
      providedCodeActionKinds: [vscode.CodeActionKind.QuickFix],
    }),
  );
}
