/**
 * Terminals with a shell that runs in a container, over the engine's API: no docker command is needed on this machine.
 */
import { StringDecoder } from 'node:string_decoder';
import * as vscode from 'vscode';
import type { Connection } from '../engine/connection.ts';
import type { Logger } from '../engine/log.ts';
import { startShell, type Shell, type FoundShell } from '../engine/shell.ts';
import { asText, failure, joined, say, type Shown } from './shown.ts';
import { openTerminal } from './window.ts';

/** VS Code has no flow control for such terminals, so output is passed on at this rate at most, about 13 MB/s. */
const FLOOD_BYTES = 16 * 1024;
const FLOOD_PAUSE_MS = 5;
const LOST = 1;

class ContainerPty implements vscode.Pseudoterminal {
  readonly #connection: Connection;
  readonly #plan: FoundShell;
  readonly #log: Logger;
  readonly #wrote = new vscode.EventEmitter<string>();
  readonly #closed = new vscode.EventEmitter<number | void>();
  readonly onDidWrite = this.#wrote.event;
  readonly onDidClose = this.#closed.event;
  #shell: Shell | undefined;
  /** Input from before the shell was ready. */
  #early = '';
  #size = { columns: 80, rows: 24 };
  #over = false;

  constructor(connection: Connection, plan: FoundShell, log: Logger) {
    this.#connection = connection;
    this.#plan = plan;
    this.#log = log;
  }

  open(dimensions: vscode.TerminalDimensions | undefined): void {
    if (dimensions !== undefined) this.setDimensions(dimensions);
    startShell(this.#connection, this.#plan, this.#size).then(
      (shell) => this.#begin(shell),
      (error: unknown) => this.#end(failure(error), LOST),
    );
  }

  handleInput(data: string): void {
    if (this.#shell === undefined) this.#early += data;
    else this.#shell.stream.write(data);
  }

  setDimensions({ columns, rows }: vscode.TerminalDimensions): void {
    this.#size = { columns, rows };
    this.#shell?.resize(columns, rows);
  }

  close(): void {
    const wasOver = this.#over;
    this.#over = true;
    if (!wasOver) void this.#shell?.hangUp();
    this.#wrote.dispose();
    this.#closed.dispose();
  }

  #begin(shell: Shell): void {
    // The tab may have been closed or resized in the meantime.
    if (this.#over) return void shell.hangUp();
    this.#shell = shell;
    shell.resize(this.#size.columns, this.#size.rows);
    const decoder = new StringDecoder('utf8');
    shell.stream.on('data', (chunk: Buffer) => {
      this.#wrote.fire(decoder.write(chunk));
      if (chunk.length < FLOOD_BYTES) return;
      shell.stream.pause();
      setTimeout(() => shell.stream.resume(), FLOOD_PAUSE_MS);
    });
    let ended = false;
    const end = () => {
      if (ended) return;
      ended = true;
      void shell
        .exitCode()
        .then((code) =>
          this.#end(code === undefined ? say('The connection to the container ended.') : undefined, code ?? LOST),
        );
    };
    shell.stream.on('end', end).on('close', end);
    if (this.#early !== '') shell.stream.write(this.#early);
    this.#early = '';
  }

  #end(message: Shown | undefined, code: number): void {
    if (this.#over) return;
    this.#over = true;
    if (message !== undefined) {
      this.#log.warn(asText(message));
      this.#wrote.fire(`\r\n${asText(message)}\r\n`);
    }
    // VS Code itself reports a code other than 0.
    this.#closed.fire(code);
  }
}

/** Remembers which container each terminal is in. Owned by the composition root. */
export class ContainerTerminals implements vscode.Disposable {
  readonly #log: Logger;
  readonly #containers = new WeakMap<vscode.Terminal, string>();

  constructor(log: Logger) {
    this.#log = log;
  }

  open(connection: Connection, plan: FoundShell): vscode.Terminal {
    const pty = new ContainerPty(connection, plan, this.#log);
    const terminal = openTerminal(joined([plan.container, plan.cwd], ': '), 'vm', pty);
    this.#containers.set(terminal, plan.container);
    return terminal;
  }

  /** The container that a terminal opened here is in. */
  containerOf(terminal: vscode.Terminal): string | undefined {
    return this.#containers.get(terminal);
  }

  dispose(): void {
    for (const terminal of vscode.window.terminals) if (this.#containers.has(terminal)) terminal.dispose();
  }
}
