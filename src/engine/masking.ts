/**
 * Secrets in driver options and in texts that quote them. A CIFS volume holds its password in the option `o`
 * (mount.cifs(8): `username=…,password=…`, or `pass=`), a WebDAV or CIFS device can hold it before the host name.
 *
 * Options are parsed, so a password may hold any character. In a text it is unknown where a password ends: there the
 * patterns below find what they can. All take time that grows with the length.
 */

/** What stands in the place of a secret. */
const MASK = '***';

const SECRET_NAME = /pass|pwd|secret|token|credential|api_?key|access_?key|private_?key|account_?key/i;

/**
 * Names that mean a secret, alone or as one of several words: `aws-key`, `s3.sig`, `authKey`. `sec=krb5` and `keyring`
 * are not secrets.
 */
const SECRET_WORDS = new Set([
  'auth',
  'authorization',
  'bearer',
  'cookie',
  'cred',
  'creds',
  'jwt',
  'key',
  'keys',
  'pin',
  'psk',
  'pw',
  'sas',
  'sig',
  'signature',
]);

/** Whether an option, or a parameter of an address, with this name is a secret. */
function isSecretName(name: string): boolean {
  if (SECRET_NAME.test(name)) return true;
  const words = name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/);
  return words.some((word) => SECRET_WORDS.has(word));
}

/** Options of drivers other than `local` that are not secret: where, how large, whose, in which way. */
const HARMLESS = new Set([
  'type',
  'device',
  'o',
  'mountopts',
  'mountoptions',
  'mount_options',
  'size',
  'mode',
  'uid',
  'gid',
  'umask',
  'mountpoint',
  'path',
  'subpath',
  'source',
  'target',
  'from',
  'location',
  'share',
  'sharename',
  'export',
  'host',
  'hostname',
  'hosts',
  'server',
  'addr',
  'address',
  'ip',
  'port',
  'domain',
  'vers',
  'version',
  'nfsvers',
  'protocol',
  'proto',
  'fs',
  'fstype',
  'fs-type',
  'filesystem',
  'driver',
  'backend',
  'pool',
  'dataset',
  'bucket',
  'region',
  'zone',
  'availability',
  'endpoint',
  'url',
  'remote',
  'volume',
  'volumename',
  'name',
  'user',
  'username',
  'compression',
  'snapshot',
  'replicas',
  'repl',
  'iops',
  'volumetype',
  'ro',
  'rw',
  'readonly',
  'read_only',
  'shared',
  'sshcmd',
  'sync',
  'nolock',
  'create',
  'propagation',
]);
/** Options that only the driver `local` of Docker has: a volume with only these uses that driver. */
const LOCAL = new Set(['type', 'device', 'o', 'size']);
/** These hold options themselves, separated by commas. */
const LISTS = new Set(['o', 'mountopts', 'mountoptions', 'mount_options']);
/** `user=name%password` (mount.cifs(8), smbclient(1)). */
const USERS = new Set(['user', 'username']);

/** A text without its secrets, and these secrets. */
interface Masked {
  readonly text: string;
  readonly secrets: readonly string[];
}

function masked(parts: readonly Masked[], between: string): Masked {
  return { text: parts.map(({ text }) => text).join(between), secrets: parts.flatMap(({ secrets }) => secrets) };
}

/** `name=value` pairs of an address' query or fragment; an unusual separator is not changed. */
function maskedQuery(query: string): Masked {
  return masked(
    query.split('&').map((pair): Masked => {
      const equals = pair.indexOf('=');
      const value = pair.slice(equals + 1);
      if (equals < 0 || value === '' || !isSecretName(pair.slice(0, equals))) return { text: pair, secrets: [] };
      return { text: `${pair.slice(0, equals + 1)}${MASK}`, secrets: [value] };
    }),
    '&',
  );
}

/**
 * One address, or any other text. A password reaches from the first colon after `//` to the last `@`, whatever it
 * holds.
 */
function maskedAddress(value: string): Masked {
  const secrets: string[] = [];
  let rest = value;
  const slashes = value.indexOf('//');
  const at = value.lastIndexOf('@');
  // Without `//` it may be `user:password@host`, but not a path.
  const isPath = slashes < 0 && (value.startsWith('/') || value.startsWith(':'));
  const colon = isPath ? -1 : value.indexOf(':', slashes < 0 ? 0 : slashes + 2);
  if (colon >= 0 && at > colon + 1) {
    secrets.push(value.slice(colon + 1, at));
    rest = `${value.slice(0, colon + 1)}${MASK}${value.slice(at)}`;
  }
  const question = rest.indexOf('?');
  if (question < 0) return { text: rest, secrets };
  const query = maskedQuery(rest.slice(question + 1));
  return { text: `${rest.slice(0, question + 1)}${query.text}`, secrets: [...secrets, ...query.secrets] };
}

/** The pieces between single commas: a doubled comma is a comma in a value (mount.cifs(8)). */
function piecesOf(list: string): string[] {
  const pieces: string[] = [];
  let start = 0;
  for (let at = list.indexOf(','); at >= 0; at = list.indexOf(',', at + 1)) {
    if (list[at + 1] === ',') {
      at += 1;
      continue;
    }
    pieces.push(list.slice(start, at));
    start = at + 1;
  }
  return [...pieces, list.slice(start)];
}

/** Options of mount(8) without a value: after a password they are not the rest of it. */
const FLAGS = new Set([
  '_netdev',
  'async',
  'atime',
  'auto',
  'bind',
  'dev',
  'dirsync',
  'exec',
  'forcegid',
  'forceuid',
  'guest',
  'hard',
  'mfsymlinks',
  'multiuser',
  'noac',
  'noacl',
  'noatime',
  'noauto',
  'nobrl',
  'nocase',
  'nodev',
  'nodiratime',
  'noexec',
  'nofail',
  'nolock',
  'noperm',
  'noserverino',
  'nosuid',
  'nounix',
  'private',
  'rbind',
  'relatime',
  'ro',
  'rw',
  'seal',
  'serverino',
  'sfu',
  'sign',
  'soft',
  'suid',
  'sync',
  'user',
  'users',
]);

/** `user=me,password=x`, as for mount(8). */
function maskedList(list: string): Masked {
  let isBehindSecret = false;
  return masked(
    piecesOf(list).map((piece): Masked => {
      const equals = piece.indexOf('=');
      if (equals < 0) {
        // A comma in a password that somebody forgot to double.
        if (isBehindSecret && piece !== '' && !FLAGS.has(piece.trim().toLowerCase()))
          return { text: MASK, secrets: [piece] };
        return maskedPlain(piece);
      }
      const name = piece.slice(0, equals).trim();
      isBehindSecret = isSecretName(name);
      const value = maskedValue(name, piece.slice(equals + 1));
      return { text: `${piece.slice(0, equals + 1)}${value.text}`, secrets: value.secrets };
    }),
    ',',
  );
}

/** A value that should not hold a secret: an address, or a text that seems to hold one. */
function maskedPlain(value: string): Masked {
  const first = maskedAddress(value);
  const text = maskedText(first.text);
  return text === first.text ? first : { text, secrets: [...first.secrets, ...foundIn(first.text)] };
}

function maskedValue(name: string, value: string): Masked {
  if (value === '') return { text: value, secrets: [] };
  if (isSecretName(name)) return { text: MASK, secrets: [value] };
  const percent = USERS.has(name.toLowerCase()) ? value.indexOf('%') : -1;
  if (percent >= 0 && percent < value.length - 1)
    return { text: `${value.slice(0, percent + 1)}${MASK}`, secrets: [value.slice(percent + 1)] };
  return maskedPlain(value);
}

/**
 * One option of a driver. What the options of drivers other than `local` hold is unknown: only the harmless ones are
 * shown.
 */
function maskedOption(name: string, value: string, isLocal: boolean): Masked {
  const plain = name.toLowerCase();
  if (value !== '' && !isLocal && !HARMLESS.has(plain)) return { text: MASK, secrets: [value] };
  return LISTS.has(plain) ? maskedList(value) : maskedValue(name, value);
}

function maskedEach(options: Readonly<Record<string, string>>): [string, string, Masked][] {
  const isLocal = Object.keys(options).every((name) => LOCAL.has(name.toLowerCase()));
  return Object.entries(options).map(([name, value]) => [
    name,
    String(value),
    maskedOption(name, String(value), isLocal),
  ]);
}

/** Driver options as they may be shown, logged and written to a manifest; only secrets are changed. */
export function maskedOptions(options: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(maskedEach(options).map(([name, , { text }]) => [name, text]));
}

/** Whether something was masked: such options are not enough to create the volume again. */
export function holdsSecrets(options: Readonly<Record<string, string>>): boolean {
  return maskedEach(options).some(([, value, { text }]) => text !== value);
}

/**
 * In a text: the name of a secret, and its value up to the next comma, line end, or quote that no word follows. A
 * doubled comma (mount.cifs) and a quote before a letter belong to the value.
 */
const IN_TEXT =
  /((?:pass|pwd|secret|token|api_?key|access_?key|private_?key|account_?key)[a-z0-9_]{0,40}\\?["']?\s{0,4}[=:]\s{0,4}\\?["']?)((?:,,|[^,"'\\\r\n]|["'\\]{1,4}(?=[^\s,"'\\)\]}>:;.=]))+)/gi;

/** Names that are too short to match anywhere: only at the start of a word, with an equals sign. */
const SHORT_IN_TEXT = /((?<![a-z0-9])(?:pw|sas|sig|signature|auth|bearer)=)((?:,,|[^,"'\\\s&])+)/gi;

/** `user=name%password`. */
const USER_IN_TEXT = /(\buser(?:name)?=[^,%"'\\\s]{1,100}%)((?:,,|[^,"'\\\s])+)/gi;

/** Longer than any user name in an address. */
const MOST_USER = 100;

/**
 * Where the passwords of addresses are in a text: from the first colon after `//` to the last `@` before a space, quote
 * or comma.
 */
function inAddresses(text: string): [start: number, end: number][] {
  const found: [number, number][] = [];
  for (let at = text.indexOf('//'); at >= 0; at = text.indexOf('//', at)) {
    at += 2;
    let colon = at;
    while (colon < text.length && colon - at <= MOST_USER && !/[\s/:@"',]/.test(text.charAt(colon))) colon += 1;
    if (text[colon] !== ':') {
      // The second slash of three also begins an address.
      if (text[colon] === '/' && colon === at) at -= 1;
      continue;
    }
    let last = -1;
    let end = colon + 1;
    for (; end < text.length && !/[\s"',]/.test(text.charAt(end)); end += 1) if (text[end] === '@') last = end;
    if (last > colon + 1) found.push([colon + 1, last]);
    // Without an `@` up to the end, no address that begins in between has one either.
    at = last > colon + 1 ? last : end;
  }
  return found;
}

function withoutAddresses(text: string): Masked {
  const parts: string[] = [];
  const secrets: string[] = [];
  let from = 0;
  for (const [start, end] of inAddresses(text)) {
    parts.push(text.slice(from, start), MASK);
    secrets.push(text.slice(start, end));
    from = end;
  }
  return { text: parts.join('') + text.slice(from), secrets };
}

const PATTERNS = [IN_TEXT, SHORT_IN_TEXT, USER_IN_TEXT];

/**
 * A text, such as an engine's message or a mount as it was typed, without the passwords of driver options and
 * addresses.
 */
export function maskedText(text: string): string {
  return PATTERNS.reduce((rest, pattern) => rest.replace(pattern, `$1${MASK}`), withoutAddresses(text).text);
}

function foundIn(text: string): string[] {
  return [
    ...withoutAddresses(text).secrets,
    ...PATTERNS.flatMap((pattern) => [...text.matchAll(pattern)].map(([, , secret = '']) => secret)),
  ];
}

/** A text that may quote these options, without their secrets, in whatever quoting. */
export function withoutSecrets(text: string, options: Readonly<Record<string, string>>): string {
  const secrets = maskedEach(options)
    .flatMap(([, , { secrets: own }]) => own.flatMap(quotings))
    .filter((secret) => secret.length > 1 && secret !== MASK);
  const longestFirst = [...new Set(secrets)].sort((a, b) => b.length - a.length);
  return maskedText(longestFirst.reduce((rest, secret) => rest.replaceAll(secret, MASK), text));
}

/** A secret as it is, quoted for JSON or Go, with single commas, and encoded for an address. */
function quotings(secret: string): string[] {
  const quoted = JSON.stringify(secret).slice(1, -1);
  // Half of a surrogate pair cannot be encoded in an address.
  const whole = Buffer.from(secret).toString();
  return [
    secret,
    secret.replaceAll(',,', ','),
    quoted,
    JSON.stringify(quoted).slice(1, -1),
    encodeURI(whole),
    encodeURIComponent(whole),
  ];
}
