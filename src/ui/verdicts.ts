/** Remembers which archives were verified, as long as they stay as they were. */
import { stat } from 'node:fs/promises';
import * as vscode from 'vscode';

const KEY = 'verdicts';
const MOST = 1000;

export interface Verdict {
  readonly ok: boolean;
  /** When it was verified; ISO 8601, UTC. */
  readonly at: string;
  readonly archiveBytes: number;
  /** The file's time; ISO 8601, UTC. */
  readonly modifiedAt: string;
}

export class Verdicts implements vscode.Disposable {
  readonly #memory: vscode.Memento;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.#changed.event;

  constructor(memory: vscode.Memento) {
    this.#memory = memory;
  }

  /** The verdict on a file of this size and time. */
  of({
    file,
    archiveBytes,
    modifiedAt,
  }: {
    readonly file: string;
    readonly archiveBytes: number;
    readonly modifiedAt: string;
  }): Verdict | undefined {
    const verdict = this.#all()[file];
    return verdict?.archiveBytes === archiveBytes && verdict.modifiedAt === modifiedAt ? verdict : undefined;
  }

  async remember(file: string, ok: boolean): Promise<void> {
    const { size, mtime } = await stat(file);
    const all = { ...this.#all() };
    delete all[file];
    all[file] = { ok, at: new Date().toISOString(), archiveBytes: size, modifiedAt: mtime.toISOString() };
    await this.#memory.update(KEY, Object.fromEntries(Object.entries(all).slice(-MOST)));
    this.#changed.fire();
  }

  #all(): Readonly<Record<string, Verdict>> {
    return this.#memory.get<Record<string, Verdict>>(KEY) ?? {};
  }

  dispose(): void {
    this.#changed.dispose();
  }
}
