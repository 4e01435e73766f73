/** The passphrase of encrypted backups: kept in VS Code's SecretStorage, asked for if it is missing or wrong. */
import { basename } from 'node:path';
import type * as vscode from 'vscode';
import { PassphraseNeeded } from '../engine/errors.ts';
import { say, type Shown } from './shown.ts';
import { askText, showWarning } from './window.ts';

const KEY = 'backupPassphrase';

function ask(prompt: Shown, validateInput?: (value: string) => Shown | undefined): Thenable<string | undefined> {
  return askText({
    title: say('Backup Passphrase'),
    prompt,
    password: true,
    ignoreFocusOut: true,
    ...(validateInput ? { validateInput } : {}),
  });
}

export class Passphrases {
  readonly #secrets: vscode.SecretStorage;

  constructor(secrets: vscode.SecretStorage) {
    this.#secrets = secrets;
  }

  stored(): Thenable<string | undefined> {
    return this.#secrets.get(KEY);
  }

  store(passphrase: string): Thenable<void> {
    return this.#secrets.store(KEY, passphrase);
  }

  /** Asks for a new one, twice, and keeps it. Undefined if the prompt was closed. */
  async choose(): Promise<string | undefined> {
    const passphrase = await ask(
      say('New backups are encrypted with it. Keep a copy elsewhere: without it nobody can read them.'),
      (value) => (value === '' ? say('A passphrase cannot be empty.') : undefined),
    );
    if (passphrase === undefined) return undefined;
    const again = await ask(say('Type it again'), (value) =>
      value === '' || passphrase.startsWith(value) ? undefined : say('This is not the same passphrase.'),
    );
    if (again === undefined) return undefined;
    if (again !== passphrase) {
      void showWarning(say('The two passphrases differ; nothing was changed.'));
      return undefined;
    }
    await this.store(passphrase);
    return passphrase;
  }

  /**
   * Runs the task with the given passphrase, or the stored one, and asks for another until one fits. Undefined if the
   * prompt was closed.
   */
  async opening<T>(
    given: string | undefined,
    task: (passphrase: string | undefined) => Promise<T>,
  ): Promise<{ readonly result: T; readonly passphrase: string | undefined } | undefined> {
    let passphrase = given ?? (await this.stored());
    for (;;) {
      try {
        return { result: await task(passphrase), passphrase };
      } catch (error) {
        if (!(error instanceof PassphraseNeeded) || given !== undefined) throw error;
        const prompt = error.isWrong
          ? say('The passphrase does not open {0}. Try another one.', basename(error.file))
          : say('{0} is encrypted. Type its passphrase.', basename(error.file));
        passphrase = await ask(prompt);
        if (passphrase === undefined) return undefined;
      }
    }
  }
}
