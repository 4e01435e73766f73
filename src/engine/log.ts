/**
 * Where a job reports what it does; VS Code's LogOutputChannel is a Logger. Never given an environment value or a
 * credential.
 */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}
