/** What ssh asks, asked of the person: host keys in a modal dialog, secrets in an input box that hides them. */
import * as vscode from 'vscode';
import type { SshPrompts, SshQuestion } from '../engine/ssh/questions.ts';
import { lines, say, sentence } from './shown.ts';
import { askInDialog, askText, withProgress } from './window.ts';

/** Long enough for a connection and its questions; later ones come from retries that nobody has asked for. */
const INVITED_MS = 3 * 60_000;

/** Text of ssh and of the other machine, line by line. */
const linesOf = (text: string) => lines(text.split('\n').map((line) => line.trim()));

/** Asks only for a while after a person has asked for a connection, and not again what was declined. */
export class SshQuestions implements SshPrompts {
  readonly folder: string;
  #invitedUntil = 0;

  /** `folder`: one of this extension, for a program that the folder of temporary files does not allow to run. */
  constructor(folder: string) {
    this.folder = folder;
  }

  /** Call it when a person asks for a connection. */
  invite(): void {
    this.#invitedUntil = Date.now() + INVITED_MS;
  }

  async ask(question: SshQuestion, over: AbortSignal): Promise<string | undefined> {
    if (Date.now() > this.#invitedUntil) return undefined;
    const answer = await this.#show(question, over);
    // A refusal also counts for the retries.
    if (answer === undefined && question.kind !== 'notice') this.#invitedUntil = 0;
    return answer;
  }

  async #show({ kind, text, address }: SshQuestion, over: AbortSignal): Promise<string | undefined> {
    switch (kind) {
      case 'hostKey': {
        const connect = say('Trust and Connect');
        const detail = lines(
          [
            say('The engine at {0} is reached by ssh, which says:', address),
            linesOf(text),
            say(
              'Compare the fingerprint with the one that the owner of the machine gave you. ssh remembers the key, and refuses a different one later.',
            ),
          ],
          '\n\n',
        );
        return (await askInDialog('Warning', say('Is this the right machine?'), detail, connect)) === connect
          ? 'yes'
          : undefined;
      }
      case 'confirm': {
        const allow = say('Allow');
        return (await askInDialog('Warning', say('ssh asks'), linesOf(text), allow)) === allow ? 'yes' : undefined;
      }
      case 'secret':
        return this.#secret(address, text, over);
      case 'notice':
        void withProgress(say('ssh'), (report) => {
          report(sentence(text));
          return new Promise<void>((resolve) =>
            over.aborted ? resolve() : over.addEventListener('abort', () => resolve(), { once: true }),
          );
        });
        return undefined;
    }
  }

  async #secret(address: string, text: string, over: AbortSignal): Promise<string | undefined> {
    const cancel = new vscode.CancellationTokenSource();
    const stop = () => cancel.cancel();
    over.addEventListener('abort', stop, { once: true });
    try {
      return await askText(
        { title: say('ssh asks, for {0}', address), prompt: sentence(text), password: true, ignoreFocusOut: true },
        cancel.token,
      );
    } finally {
      over.removeEventListener('abort', stop);
      cancel.dispose();
    }
  }
}
