/**
 * Where a job says what it does; VS Code's LogOutputChannel fits it. Never given an environment value or a credential.
 */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** What every long job takes. */
export interface JobOptions {
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Bytes of content handled so far; the total where it is known. */
  readonly progress: (bytes: number, total?: number) => void;
}
