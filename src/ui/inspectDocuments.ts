/** Read-only JSON documents of what the engine says about an object. */
import * as vscode from 'vscode';

const SCHEME = 'docker-mounts-inspect';
/** Documents that are closed are forgotten; this bounds those whose closing was never told. */
const MOST = 50;

export class InspectDocuments implements vscode.TextDocumentContentProvider, vscode.Disposable {
  readonly #texts = new Map<string, string>();
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#changed.event;
  readonly #registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);

  /** Opens, or renews, the document of one object. */
  async show(kind: string, name: string, value: unknown): Promise<void> {
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${kind}/${name.replace(/[/\\]/g, '_')}.json` });
    this.#texts.set(uri.toString(), `${JSON.stringify(value, null, 2)}\n`);
    for (const oldest of this.#texts.keys()) {
      if (this.#texts.size <= MOST) break;
      this.#texts.delete(oldest);
    }
    this.#changed.fire(uri);
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.languages.setTextDocumentLanguage(document, 'json');
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
