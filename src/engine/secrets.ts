/**
 * Secrets in driver options and in texts that quote them. A CIFS volume holds its password in the option `o`
 * (mount.cifs(8): `username=…,password=…`, or `pass=`), a WebDAV or CIFS device can hold it in front of the host's name.
 */

/** What stands in the place of a secret. */
export const MASK = '***';

const SECRET_NAME = /pass|pwd|secret|token|credential|api_?key|access_?key|private_?key|account_?key/i;

/** In a text: a name that says secret, its value up to the next comma, quote or line. A doubled comma is one in a value (mount.cifs). */
const IN_TEXT = /((?:pass|pwd|secret|token|api_?key|access_?key|private_?key|account_?key)[a-z0-9_]{0,40}\\?["']?\s{0,4}[=:]\s{0,4}\\?["']?)((?:,,|[^,"'\\\r\n])+)/gi;

/** `//user:password@host`, also with an `@` or a slash in the password. */
const IN_ADDRESS = /(\/\/[^\s/:@"',]{0,100}:)([^\s"',]{1,200})@/g;

/** A text, such as an engine's message or a mount as it was typed, without the passwords of driver options and addresses. */
export function maskedText(text: string): string {
  return text.replace(IN_ADDRESS, `$1${MASK}@`).replace(IN_TEXT, `$1${MASK}`);
}

/** One option of a driver, as it may be shown and logged. */
function maskedOption(name: string, value: string): string {
  return SECRET_NAME.test(name) && value !== '' ? MASK : maskedText(value);
}

/** Driver options as they may be shown, logged and written to a manifest; what is no secret is as it was. */
export function maskedOptions(options: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [name, maskedOption(name, String(value))]));
}

/** Whether something was masked: such options are not enough to make the volume again. */
export function holdsSecrets(options: Readonly<Record<string, string>>): boolean {
  return Object.entries(options).some(([name, value]) => maskedOption(name, String(value)) !== String(value));
}

/** The secrets that options hold, as they stand in there. */
function secretsOf(options: Readonly<Record<string, string>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    if (SECRET_NAME.test(name)) return value === '' ? [] : [value];
    return [...value.matchAll(IN_TEXT), ...value.matchAll(IN_ADDRESS)].map(([, , secret = '']) => secret);
  });
}

/** A text that may quote these options, without their secrets, however it quotes them. */
export function withoutSecrets(text: string, options: Readonly<Record<string, string>>): string {
  const secrets = secretsOf(options).filter((secret) => secret.length > 1).sort((a, b) => b.length - a.length);
  return maskedText(secrets.reduce((rest, secret) => rest.replaceAll(secret, MASK), text));
}
