/**
 * Encryption with a passphrase in age's format (C2SP, age-encryption.org/v1); the `age` command opens it. The library
 * handles the format. The key is derived from the passphrase here, since the library would block everything else for a
 * second.
 */
import * as l10n from '@vscode/l10n';
import { createHash, randomBytes, scrypt } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { ReadableStream } from 'node:stream/web';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { Decrypter, Encrypter, Stanza, type Identity, type Recipient } from 'age-encryption';
import { PassphraseNeeded } from '../../engine/errors.ts';

export const ENCRYPTED_SUFFIX = '.age';

const LABEL = 'age-encryption.org/v1/scrypt';
const SALT_BYTES = 16;
const KEY_BYTES = 32;
/** What the `age` command uses: 2^18 rounds, about a second and 256 MiB. */
const LOG_ROUNDS = 18;
/** More would need over 1 GiB of memory for an archive that somebody else created. */
const MOST_LOG_ROUNDS = 20;
/** scrypt with r = 8 needs 128 * r bytes a round. */
const BYTES_PER_ROUND = 1024;
/** The cipher works on this many bytes before everything else gets a turn: about ten milliseconds. */
const PIECE_BYTES = 512 * 1024;
/** The file key's nonce; it may be constant, since the wrapping key is used once. */
const NONCE = new Uint8Array(12);

function wrappingKey(passphrase: string, salt: Uint8Array, logRounds: number): Promise<Buffer> {
  const rounds = 2 ** logRounds;
  return new Promise((resolve, reject) => {
    scrypt(
      passphrase,
      Buffer.concat([Buffer.from(LABEL), salt]),
      KEY_BYTES,
      { N: rounds, r: 8, p: 1, maxmem: rounds * BYTES_PER_ROUND * 2 },
      (error, key) => {
        if (error === null) resolve(key);
        else reject(error);
      },
    );
  });
}

const unpadded = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64').replaceAll('=', '');

class PassphraseRecipient implements Recipient {
  readonly #passphrase: string;
  readonly #logRounds: number;
  constructor(passphrase: string, logRounds: number) {
    this.#passphrase = passphrase;
    this.#logRounds = logRounds;
  }
  async wrapFileKey(fileKey: Uint8Array): Promise<Stanza[]> {
    const salt = randomBytes(SALT_BYTES);
    const key = await wrappingKey(this.#passphrase, salt, this.#logRounds);
    return [
      new Stanza(['scrypt', unpadded(salt), String(this.#logRounds)], chacha20poly1305(key, NONCE).encrypt(fileKey)),
    ];
  }
}

/** Opens the header of one file, as often as it is read: the key is derived once. */
class PassphraseIdentity implements Identity {
  readonly #file: string;
  readonly #passphrase: string;
  readonly #keys = new Map<string, Uint8Array>();
  constructor(file: string, passphrase: string) {
    this.#file = file;
    this.#passphrase = passphrase;
  }

  async unwrapFileKey(stanzas: Stanza[]): Promise<Uint8Array> {
    const [stanza] = stanzas;
    const [kind, salt, logRounds] = stanza?.args ?? [];
    if (stanza === undefined || kind !== 'scrypt')
      throw new RangeError(
        l10n.t(
          'it is encrypted for a key, not with a passphrase; decrypt it first with "age --decrypt --identity KEYFILE"',
        ),
      );
    if (stanzas.length > 1 || salt === undefined || !/^[1-9][0-9]?$/.test(logRounds ?? ''))
      throw new RangeError(l10n.t('the header of its encryption is damaged'));
    if (Number(logRounds) > MOST_LOG_ROUNDS)
      throw new RangeError(
        l10n.t(
          'trying its passphrase costs more work (2^{0}) than is accepted here; decrypt it first with "age --decrypt"',
          Number(logRounds),
        ),
      );
    const known = createHash('sha256').update(stanza.args.join(' ')).update(stanza.body).digest('hex');
    const fileKey =
      this.#keys.get(known) ??
      this.#open(stanza.body, await wrappingKey(this.#passphrase, Buffer.from(salt, 'base64'), Number(logRounds)));
    this.#keys.set(known, fileKey);
    return fileKey;
  }

  #open(body: Uint8Array, key: Uint8Array): Uint8Array {
    try {
      return chacha20poly1305(key, NONCE).decrypt(body);
    } catch (error) {
      throw new PassphraseNeeded(
        this.#file,
        true,
        l10n.t('The passphrase does not open the archive "{0}".', this.#file),
        { cause: error },
      );
    }
  }
}

/** Yields small pieces, and gives everything else a turn after each. */
async function* inTurns(source: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      yield chunk.subarray(at, at + PIECE_BYTES);
      await setImmediate();
    }
  }
}

async function* buffersOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const chunk of source) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

/** Encrypts a stream, for `pipeline`. */
export function encryptor(
  passphrase: string,
  logRounds = LOG_ROUNDS,
): (source: AsyncIterable<Buffer>) => AsyncGenerator<Buffer> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(new PassphraseRecipient(passphrase, logRounds));
  return async function* (source) {
    yield* buffersOf(
      (await encrypter.encrypt(ReadableStream.from(inTurns(source)) as never)) as unknown as ReadableStream<Uint8Array>,
    );
  };
}

/** A header for one passphrase has about 200 bytes; the library takes seconds for one of a megabyte. */
const MOST_HEADER_BYTES = 16 * 1024;

/** Passes on a file whose header is short enough. Throws RangeError for any other. */
async function* withShortHeader(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let start: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of source) {
    if (start === undefined) {
      yield chunk;
      continue;
    }
    start = Buffer.concat([start, chunk]);
    const isEnded = start.subarray(0, MOST_HEADER_BYTES).includes('\n--- ');
    if (!isEnded && start.length >= MOST_HEADER_BYTES)
      throw new RangeError(l10n.t('the header of its encryption is damaged'));
    if (!isEnded) continue;
    yield start;
    start = undefined;
  }
  if (start !== undefined) yield start;
}

async function* once(text: string | Buffer): AsyncGenerator<Buffer> {
  await Promise.resolve();
  yield Buffer.from(text);
}

async function all(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}

/**
 * A short text, encrypted like a separate file, in base64. Each additional round (a power of two) doubles the time of a
 * guess.
 */
export async function encryptText(text: string, passphrase: string, logRounds = LOG_ROUNDS): Promise<string> {
  return (await all(encryptor(passphrase, logRounds)(once(text)))).toString('base64');
}

/** Decrypts what `encryptText` encrypted. `file` is named in errors, which are those of `decryptor`. */
export async function decryptText(file: string, encrypted: string, passphrase: string): Promise<string> {
  return (await all(decryptor(file, passphrase)(once(Buffer.from(encrypted, 'base64'))))).toString('utf8');
}

/**
 * Decrypts a file, as often as it is read. The stream fails with PassphraseNeeded for a wrong passphrase, and with
 * RangeError or Error for what is damaged or not encrypted with a passphrase.
 */
export function decryptor(file: string, passphrase: string): (source: AsyncIterable<Buffer>) => AsyncGenerator<Buffer> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(new PassphraseIdentity(file, passphrase));
  return async function* (source) {
    try {
      yield* buffersOf(
        (await decrypter.decrypt(
          ReadableStream.from(inTurns(withShortHeader(source))) as never,
        )) as unknown as ReadableStream<Uint8Array>,
      );
    } catch (error) {
      // A cipher's error names the tag that does not match.
      if (!(error instanceof Error) || !/tag|MAC|ciphertext|chunk/i.test(error.message)) throw error;
      throw new Error('its encrypted contents do not match their seal: the file was changed, cut or damaged', {
        cause: error,
      });
    }
  };
}
