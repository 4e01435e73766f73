/** Names of members: bytes, which may be UTF-8 or not. */

/**
 * A member's path without `./` or `/` in front and `/` at the end: bytes as Latin-1, so that none is lost. '' is the
 * root.
 */
export function memberPath(name: Buffer): string {
  const parts = name
    .toString('latin1')
    .split('/')
    .filter((part) => part !== '' && part !== '.');
  return parts.join('/');
}

/** Bytes as text; undefined where they are not UTF-8. */
export function utf8Text(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? text : undefined;
}

/**
 * A member's name for people: UTF-8 as it is, with \ooo for bytes that are not UTF-8; control characters are escaped.
 */
export function printableName(name: Buffer): string {
  const text = utf8Text(name);
  const escape = (character: string) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`;
  // eslint-disable-next-line no-control-regex -- control characters in names would break the log's lines
  if (text !== undefined) return text.replace(/[\u0000-\u001f\u007f]/g, escape);
  return name.toString('latin1').replace(/[^\x20-\x7e]/g, escape);
}
