/**
 * Where a job says what it does; VS Code's LogOutputChannel fits it. Never given an environment value or a credential.
 */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}
