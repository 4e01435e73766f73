/**
 * File names as text, reversibly. A name is any bytes but `/` and NUL, and text (a URI, a row) is Unicode. UTF-8 is not
 * changed. A byte that is not UTF-8 becomes one character of the private use area, U+F700 plus the byte. A character of
 * that range is also written byte by byte, so that different names stay different.
 */

const ESCAPE = 0xf700;
const FIRST = ESCAPE + 0x80;
const LAST = ESCAPE + 0xff;

function isEscape(code: number): boolean {
  return code >= FIRST && code <= LAST;
}

/** How many bytes the character that begins with `lead` has in UTF-8; 0 for a byte that cannot begin one. */
function lengthOf(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

/** The text for these bytes. */
export function textOfBytes(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const piece = bytes.subarray(at, at + lengthOf(bytes[at] ?? 0));
    const character = piece.toString('utf8');
    const isWhole = piece.length > 0 && Buffer.from(character, 'utf8').equals(piece);
    if (isWhole && !isEscape(character.charCodeAt(0))) {
      text += character;
      at += piece.length;
      continue;
    }
    text += String.fromCharCode(ESCAPE + (bytes[at] ?? 0));
    at += 1;
  }
  return text;
}

/** The bytes of a text. */
export function bytesOfText(text: string): Buffer {
  return Buffer.concat(
    [...text].map((character) =>
      isEscape(character.charCodeAt(0))
        ? Buffer.from([character.charCodeAt(0) - ESCAPE])
        : Buffer.from(character, 'utf8'),
    ),
  );
}

/** Whether a name is UTF-8. */
export function isUtf8(text: string): boolean {
  return ![...text].some((character) => isEscape(character.charCodeAt(0)));
}

/** A name for people: bytes that are not text, and control characters, as \ooo. */
export function printable(text: string): string {
  const octal = (byte: number) => `\\${byte.toString(8).padStart(3, '0')}`;
  // eslint-disable-next-line no-control-regex -- control characters would break rows and messages
  const control = /[\u0000-\u001f\u007f]/g;
  return text
    .replace(/[\uf780-\uf7ff]/g, (one) => octal(one.charCodeAt(0) - ESCAPE))
    .replace(control, (one) => octal(one.charCodeAt(0)));
}
