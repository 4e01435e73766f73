/**
 * The named failures of the lower layers. They carry facts; `ui/` turns them into sentences and buttons. `message`
 * stays readable on its own, since tests, logs and other callers see it too.
 */
import { ExpectedError } from '../expectedError.ts';

/** Why no engine answers. */
export type UnavailableReason =
  /** No socket and no configured address. */
  | 'notFound'
  /** There is an address, but nothing listens there. */
  | 'notRunning'
  /** The socket exists, but this user may not open it. */
  | 'permissionDenied'
  /** Name resolution, network, timeout. */
  | 'unreachable'
  /** TLS handshake or certificate files. */
  | 'tls'
  /** The setting, DOCKER_HOST or the context cannot be read. */
  | 'badAddress'
  /** There is no ssh program on this machine. */
  | 'noSsh'
  /** The other machine's host key is unknown or has changed. */
  | 'hostKey'
  /** The other machine did not accept the user's key or password. */
  | 'authentication'
  /** The other machine has no docker command, or one that is too old. */
  | 'noDocker'
  /** The engine was lost during a request. */
  | 'lost';

/** There is no engine, or it was lost. */
export class EngineUnavailable extends ExpectedError {
  override readonly name = 'EngineUnavailable';
  readonly reason: UnavailableReason;
  /** The address that was tried, e.g. `unix:///var/run/docker.sock`; '' where none was found. */
  readonly address: string;
  constructor(reason: UnavailableReason, address: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
    this.address = address;
  }
}

export type ObjectKind = 'container' | 'volume' | 'image' | 'mount' | 'folder' | 'file' | 'context' | 'method' | 'plan';

/** A thing that the caller named does not exist. */
export class NotFound extends ExpectedError {
  override readonly name = 'NotFound';
  readonly kind: ObjectKind;
  readonly object: string;
  constructor(kind: ObjectKind, object: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
    this.object = object;
  }
}

/** The HTTP status of the engine's answer, from an error that was not converted yet; undefined for any other error. */
export function statusOf(error: unknown): number | undefined {
  return (error as { readonly statusCode?: number }).statusCode;
}

/** The answer; undefined where it says that the thing does not exist. */
export async function ifThere<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof NotFound) return undefined;
    throw error;
  }
}

/** The arguments are not valid; the message says which and why. */
export class BadArgument extends ExpectedError {
  override readonly name = 'BadArgument';
  readonly argument: string;
  constructor(argument: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.argument = argument;
  }
}

/** A thing cannot be removed because others use it. */
export class InUse extends ExpectedError {
  override readonly name = 'InUse';
  readonly kind: ObjectKind;
  readonly object: string;
  readonly users: readonly string[];
  constructor(kind: ObjectKind, object: string, users: readonly string[], message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
    this.object = object;
    this.users = users;
  }
}

/** The engine refused or failed a request for a named object. */
export class EngineFailure extends ExpectedError {
  override readonly name = 'EngineFailure';
  readonly status: number;
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** The restore needs an empty target, but the target holds data. */
export class TargetNotEmpty extends ExpectedError {
  override readonly name = 'TargetNotEmpty';
  /** Volume name or host path. */
  readonly target: string;
  constructor(target: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.target = target;
  }
}

/** An archive is damaged or incomplete, or the bytes that arrived are not a complete archive. */
export class BadArchive extends ExpectedError {
  override readonly name = 'BadArchive';
  readonly file: string;
  readonly problems: readonly string[];
  constructor(file: string, problems: readonly string[], message: string, options?: ErrorOptions) {
    super(message, options);
    this.file = file;
    this.problems = problems;
  }
}

/** An archive is encrypted, and its passphrase was not given or is wrong. */
export class PassphraseNeeded extends ExpectedError {
  override readonly name = 'PassphraseNeeded';
  readonly file: string;
  /** A passphrase was given, but it is wrong. */
  readonly isWrong: boolean;
  constructor(file: string, isWrong: boolean, message: string, options?: ErrorOptions) {
    super(message, options);
    this.file = file;
    this.isWrong = isWrong;
  }
}

/** Writing or reading a local file failed; `code` is Node's (EACCES, ENOSPC, …). */
export class FileFailure extends ExpectedError {
  override readonly name = 'FileFailure';
  readonly file: string;
  readonly code: string;
  constructor(file: string, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.file = file;
    this.code = code;
  }
}

/** Why a file in a mount cannot be read or changed. */
export type FileTrouble =
  /** It already exists. */
  | 'exists'
  | 'notADirectory'
  | 'isADirectory'
  | 'notEmpty'
  /** The mount is read-only. */
  | 'readOnly'
  /** A device, a socket, or a link that leads out of the mount. */
  | 'notAFile'
  | 'tooLarge'
  /** It needs the helper program, but there is none for the engine's architecture. */
  | 'noTools';

/** A request about a file in a mount cannot be carried out. */
export class FileRefused extends ExpectedError {
  override readonly name = 'FileRefused';
  readonly trouble: FileTrouble;
  /** The path as a person reads it. */
  readonly path: string;
  constructor(trouble: FileTrouble, path: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.trouble = trouble;
    this.path = path;
  }
}

/** The caller asked to stop. Not an error to show. */
export class Cancelled extends ExpectedError {
  override readonly name = 'Cancelled';
  /** What was cancelled. */
  readonly what: string;
  constructor(what: string) {
    super(`${what} was cancelled`);
    this.what = what;
  }
}
