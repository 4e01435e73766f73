/** Read-only documents: what the engine says about an object, and what a restore would change. */
import * as vscode from 'vscode';
import { visible, visibleJson } from './shown.ts';

const SCHEME = 'docker-mounts-inspect';
/** Closed documents are forgotten; this limits those that VS Code never reported as closed. */
const MOST = 50;

export class InspectDocuments implements vscode.TextDocumentContentProvider, vscode.Disposable {
  readonly #texts = new Map<string, string>();
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#changed.event;
  readonly #registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);

  /** Opens or updates the document of one object as JSON. */
  show(kind: string, name: string, value: unknown): Promise<void> {
    return this.#open(kind, `${name}.json`, 'json', `${visibleJson(value)}\n`);
  }

  /** Opens or updates a list of differences: lines that begin with `+`, `-` or `!`. */
  showDifferences(kind: string, name: string, lines: readonly string[]): Promise<void> {
    return this.#open(kind, `${name}.diff`, 'diff', `${lines.map(visible).join('\n')}\n`);
  }

  async #open(kind: string, name: string, language: string, text: string): Promise<void> {
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${kind}/${visible(name).replace(/[/\\]/g, '_')}` });
    this.#texts.set(uri.toString(), text);
    for (const oldest of this.#texts.keys()) {
      if (this.#texts.size <= MOST) break;
      this.#texts.delete(oldest);
    }
    this.#changed.fire(uri);
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.languages.setTextDocumentLanguage(document, language);
    await vscode.window.showTextDocument(document, { preview: true });
  }

  provideTextDocumentContent(uri: vscode.Uri): string | undefined {
    return this.#texts.get(uri.toString());
  }

  dispose(): void {
    this.#registration.dispose();
    this.#changed.dispose();
    this.#texts.clear();
  }
}
