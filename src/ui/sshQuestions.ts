/** What ssh asks, asked of the person: host keys in a modal dialog, secrets in an input box that hides them. */
import * as vscode from 'vscode';
import type { SshPrompts, SshQuestion } from '../engine/sshQuestions.ts';

/** Long enough for a connection and its questions; later ones come from retries that nobody has asked for. */
const INVITED_MS = 3 * 60_000;

/** Text of ssh and of the other machine, as plain text: no control characters, and none that turn the reading direction. */
function plain(text: string): string {
  // eslint-disable-next-line no-control-regex -- foreign text
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, ' ').slice(0, 2000);
}

/** Asks only for a while after a person has asked for a connection, and not again what was declined. */
export class SshQuestions implements SshPrompts {
  readonly folder: string;
  #invitedUntil = 0;

  /** `folder`: of this extension, for a program, where that of temporary files allows none. */
  constructor(folder: string) {
    this.folder = folder;
  }

  /** To be called when a person asks for a connection. */
  invite(): void {
    this.#invitedUntil = Date.now() + INVITED_MS;
  }

  async ask(question: SshQuestion, over: AbortSignal): Promise<string | undefined> {
    if (Date.now() > this.#invitedUntil) return undefined;
    const answer = await this.#show(question, over);
    // A no is a no for the retries too.
    if (answer === undefined && question.kind !== 'notice') this.#invitedUntil = 0;
    return answer;
  }

  async #show({ kind, text, address }: SshQuestion, over: AbortSignal): Promise<string | undefined> {
    switch (kind) {
      case 'hostKey': {
        const connect = vscode.l10n.t('Trust and Connect');
        const chosen = await vscode.window.showWarningMessage(vscode.l10n.t('Is this the right machine?'), { modal: true, detail: vscode.l10n.t('The engine at {0} is reached by ssh, which says:\n\n{1}\n\nCompare the fingerprint with one that whoever runs the machine has told you. ssh keeps the key, and refuses another one later.', plain(address), plain(text)) }, connect);
        return chosen === connect ? 'yes' : undefined;
      }
      case 'confirm': {
        const allow = vscode.l10n.t('Allow');
        const chosen = await vscode.window.showWarningMessage(vscode.l10n.t('ssh asks'), { modal: true, detail: plain(text) }, allow);
        return chosen === allow ? 'yes' : undefined;
      }
      case 'secret':
        return this.#secret(address, text, over);
      case 'notice':
        void vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title: 'ssh' }, (progress) => {
          // The text is a progress message, where no link is made of it.
          progress.report({ message: plain(text).replace(/[[\]()]/g, ' ') });
          return new Promise<void>((resolve) => (over.aborted ? resolve() : over.addEventListener('abort', () => resolve(), { once: true })));
        });
        return undefined;
    }
  }

  async #secret(address: string, text: string, over: AbortSignal): Promise<string | undefined> {
    const cancel = new vscode.CancellationTokenSource();
    const stop = () => cancel.cancel();
    over.addEventListener('abort', stop, { once: true });
    try {
      return await vscode.window.showInputBox({ title: vscode.l10n.t('ssh asks, for {0}', plain(address)), prompt: plain(text), password: true, ignoreFocusOut: true }, cancel.token);
    } finally {
      over.removeEventListener('abort', stop);
      cancel.dispose();
    }
  }
}
