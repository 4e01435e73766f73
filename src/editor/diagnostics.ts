/** Problems of mounts in the Problems view, with their quick fixes. */
import * as vscode from 'vscode';
import { composeProblems, devcontainerProblems, dockerfileProblems, type Problem } from '../projects/problems.ts';
import { readDocumentSettings } from '../ui/settings.ts';
import { say } from '../ui/shown.ts';
import { quickFix, ShownDiagnostic } from '../ui/window.ts';
import type { FileModel, ProjectDocuments } from './projectDocuments.ts';
import { problemWords, severityOf } from './words.ts';

const SOURCE = 'Docker Mounts';

class ProblemDiagnostic extends ShownDiagnostic {
  readonly problem: Problem;
  constructor(document: vscode.TextDocument, problem: Problem) {
    const { start, end } = problem.place.span;
    super(
      new vscode.Range(document.positionAt(start), document.positionAt(end)),
      problemWords(problem),
      severityOf(problem),
    );
    this.source = SOURCE;
    this.code = problem.kind;
    this.problem = problem;
  }
}

/** All problems of a file. */
function problemsOf(model: FileModel, documents: ProjectDocuments): Problem[] {
  switch (model.kind) {
    case 'compose':
      return composeProblems(model.project, model.file, documents.around(model.facts));
    case 'devcontainer':
      return devcontainerProblems(model.devcontainer, documents.around(model.facts));
    case 'dockerfile':
      return dockerfileProblems(model.dockerfile, model.file);
  }
}

async function fixOf(
  document: vscode.TextDocument,
  diagnostic: ProblemDiagnostic,
): Promise<vscode.CodeAction | undefined> {
  const { problem } = diagnostic;
  switch (problem.kind) {
    case 'undeclaredVolume': {
      const { declareVolume } = await import('../projects/declareVolume.ts');
      const { span, text } = declareVolume(document.getText(), problem.key);
      const edit = new vscode.WorkspaceEdit();
      edit.replace(
        document.uri,
        new vscode.Range(document.positionAt(span.start), document.positionAt(span.end)),
        text,
      );
      return quickFix(say('Declare the Volume "{0}"', problem.key), diagnostic, { edit });
    }
    case 'missingSource': {
      const { source } = problem.mount;
      const title = say('Create the Directory "{0}"', source);
      return quickFix(title, diagnostic, { command: 'dockerMounts.createDirectory', arguments: [{ path: source }] });
    }
    case 'missingExternal': {
      const title = say('Create the Volume "{0}"', problem.volume);
      return quickFix(title, diagnostic, {
        command: 'dockerMounts.createVolume',
        arguments: [{ name: problem.volume }],
      });
    }
    case 'rights': {
      const title = say('Show Difference');
      return quickFix(title, diagnostic, {
        command: 'dockerMounts.showDifference',
        arguments: [{ file: document.uri.fsPath }],
      });
    }
    case 'notRead':
    case 'unreadable':
    case 'unsetVariable':
    case 'targetTwice':
    case 'lateChange':
      return undefined;
  }
}

/** Fixes that act on the engine or the disk need a trusted workspace; edits of the file do not. */
function mayFix({ problem }: ProblemDiagnostic): boolean {
  return vscode.workspace.isTrusted || problem.kind === 'undeclaredVolume' || problem.kind === 'rights';
}

/** Owned by the composition root. */
export class ProjectDiagnostics implements vscode.CodeActionProvider, vscode.Disposable {
  readonly #documents: ProjectDocuments;
  readonly #collection = vscode.languages.createDiagnosticCollection('dockerMounts');
  readonly #shown = new Map<string, readonly ProblemDiagnostic[]>();
  readonly #subscriptions: vscode.Disposable[];

  constructor(documents: ProjectDocuments) {
    this.#documents = documents;
    this.#subscriptions = [
      this.#collection,
      documents.onDidChange((document) => void this.#show(document)),
      vscode.workspace.onDidCloseTextDocument((document) => this.#set(document, [])),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration('dockerMounts.diagnostics'))
          for (const document of vscode.workspace.textDocuments) void this.#show(document);
      }),
    ];
  }

  async #show(document: vscode.TextDocument): Promise<void> {
    const isOn = readDocumentSettings(document.uri).diagnostics;
    const { version } = document;
    const model = isOn ? await this.#documents.modelOf(document) : undefined;
    // A newer version fires an event of its own.
    if (document.isClosed || document.version !== version) return;
    this.#set(
      document,
      model === undefined
        ? []
        : problemsOf(model, this.#documents).map((problem) => new ProblemDiagnostic(document, problem)),
    );
  }

  #set({ uri }: vscode.TextDocument, diagnostics: readonly ProblemDiagnostic[]): void {
    if (diagnostics.length === 0) this.#shown.delete(uri.toString());
    else this.#shown.set(uri.toString(), diagnostics);
    this.#collection.set(uri, diagnostics);
  }

  async provideCodeActions(document: vscode.TextDocument, range: vscode.Range): Promise<vscode.CodeAction[]> {
    const here = (this.#shown.get(document.uri.toString()) ?? []).filter(
      (diagnostic) => diagnostic.range.intersection(range) !== undefined,
    );
    const fixes = await Promise.all(here.filter(mayFix).map((diagnostic) => fixOf(document, diagnostic)));
    return fixes.filter((one) => one !== undefined);
  }

  dispose(): void {
    for (const one of this.#subscriptions) one.dispose();
  }
}
