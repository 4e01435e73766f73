/**
 * Asks ssh's questions without a terminal. ssh runs the program that SSH_ASKPASS names, with its question (ssh(1),
 * "ENVIRONMENT"; SSH_ASKPASS_REQUIRE from OpenSSH 8.4 on). Our program passes the question to this process through a
 * socket in a folder that only this user can enter, and prints the answer.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { constants } from 'node:fs';
import { access, chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A question of ssh. `text` comes from ssh and partly from the other machine: foreign text. */
export interface SshQuestion {
  readonly address: string;
  readonly text: string;
  readonly kind:
    /** Whether to trust a host key; the text holds its fingerprint. Only a person may accept it. */
    | 'hostKey'
    /** A passphrase, a password, a PIN or a code: must not be shown while it is typed. */
    | 'secret'
    /** Yes or no about the use of a key. */
    | 'confirm'
    /** Nothing to answer: a hardware key waits to be touched. ssh continues by itself, answered or not. */
    | 'notice';
}

/** Built by the composition root: who can be asked. */
export interface SshPrompts {
  /**
   * The answer: 'yes', or what was typed; undefined where nobody answers or the person declines. `over` aborts when ssh
   * no longer waits.
   */
  ask(question: SshQuestion, over: AbortSignal): Promise<string | undefined>;
  /** Where a program may be kept if programs cannot run in the folder of temporary files. */
  readonly folder?: string;
}

/** No question of ssh is longer, and no answer. */
const MOST_BYTES = 16 * 1024;

/**
 * The program that ssh runs: sends its arguments and its parent's process id to the socket, and writes the answer to
 * stdout.
 */
const CLIENT = `'use strict';
const { socket, token } = require('./where.json');
const link = require('node:net').connect(socket);
let answer = '';
link.setEncoding('utf8');
link.on('data', (text) => (answer += text));
link.on('error', () => process.exit(1));
link.on('end', () => {
  if (answer[0] !== '+') process.exit(1);
  process.stdout.write(answer.slice(1) + '\\n');
});
const kind = process.env.SSH_ASKPASS_PROMPT || '';
link.write(JSON.stringify({ token, kind, text: process.argv.slice(2).join(' '), ssh: process.ppid }) + '\\n');
`;

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** ssh's own questions. A one-time code, and whatever else the other machine asks, is asked each time. */
const REMEMBERED = /^Enter (passphrase|PIN) for |'s password: ?$/;

interface Asked {
  readonly text: string;
  readonly kind: string;
  readonly ssh: number;
}

/** Answers the ssh programs of one address. Owned by the agent that starts them. */
export class SshAskpass {
  readonly #address: string;
  readonly #prompts: SshPrompts;
  /** What was typed, by its question. It is reused for the next ssh program, and forgotten where it was wrong. */
  readonly #secrets = new Map<string, { answer: string; readonly used: Set<number> }>();
  readonly #connections = new Set<Socket>();
  #place: Promise<{ home: string; server: Server; program: string }> | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(address: string, prompts: SshPrompts) {
    this.#address = address;
    this.#prompts = prompts;
  }

  /** Whether a person is being asked: then ssh waits for them. */
  get isAsking(): boolean {
    return this.#waiting > 0;
  }

  /** What ssh's environment needs. Throws where there is no place to put a program. */
  async environment(): Promise<Record<string, string>> {
    this.#place ??= this.#open().catch((error: unknown) => {
      this.#place = undefined;
      throw error;
    });
    const { program } = await this.#place;
    return { SSH_ASKPASS: program, SSH_ASKPASS_REQUIRE: 'force' };
  }

  async close(): Promise<void> {
    const place = await this.#place?.catch(() => undefined);
    this.#place = undefined;
    this.#secrets.clear();
    for (const connection of this.#connections) connection.destroy();
    place?.server.close();
    if (place !== undefined) await rm(place.home, { recursive: true, force: true });
  }

  async #open(): Promise<{ home: string; server: Server; program: string }> {
    const parents = [tmpdir(), ...(this.#prompts.folder === undefined ? [] : [this.#prompts.folder])];
    let failure: unknown;
    for (const parent of parents) {
      try {
        return await this.#openIn(parent);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  async #openIn(parent: string): Promise<{ home: string; server: Server; program: string }> {
    await mkdir(parent, { recursive: true });
    // mkdtemp creates it with mode 0700.
    const home = await mkdtemp(join(parent, 'docker-mounts-ssh-'));
    try {
      const token = randomBytes(32);
      const socket = join(home, 'ask');
      const program = join(home, 'askpass');
      await writeFile(join(home, 'where.json'), JSON.stringify({ socket, token: token.toString('hex') }), {
        mode: 0o600,
        flag: 'wx',
      });
      await writeFile(join(home, 'askpass.js'), CLIENT, { mode: 0o600, flag: 'wx' });
      // With ELECTRON_RUN_AS_NODE the program of a desktop VS Code runs as Node.
      await writeFile(
        program,
        `#!/bin/sh\nELECTRON_RUN_AS_NODE=1 exec ${quoted(process.execPath)} ${quoted(join(home, 'askpass.js'))} "$@"\n`,
        { mode: 0o700, flag: 'wx' },
      );
      await chmod(program, 0o700);
      // This fails where programs cannot run, for example on a file system mounted with noexec.
      await access(program, constants.X_OK);
      const server = createServer((connection) => this.#serve(connection, token));
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(socket, resolve);
      });
      server.unref();
      return { home, server, program };
    } catch (error) {
      await rm(home, { recursive: true, force: true });
      throw error;
    }
  }

  #serve(connection: Socket, token: Buffer): void {
    this.#connections.add(connection);
    const over = new AbortController();
    let said = '';
    connection.setEncoding('utf8');
    connection.on('error', () => undefined);
    connection.once('close', () => {
      this.#connections.delete(connection);
      over.abort();
    });
    connection.on('data', (text: string) => {
      said += text;
      if (said.length > MOST_BYTES) return void connection.destroy();
      if (!said.endsWith('\n')) return;
      const asked = readQuestion(said, token);
      said = '';
      if (asked === undefined) return void connection.destroy();
      void this.#answer(asked, over.signal).then((answer) => connection.end(answer === undefined ? '-' : `+${answer}`));
    });
  }

  /** One question at a time: the answer to the first may also answer the second. */
  #answer(asked: Asked, over: AbortSignal): Promise<string | undefined> {
    const kind = kindOf(asked);
    if (kind === 'notice') return this.#ask(asked, kind, over);
    const answer = this.#turn.then(() => (over.aborted ? undefined : this.#answerNow(asked, kind, over)));
    this.#turn = answer.catch(() => undefined);
    return answer.catch(() => undefined);
  }

  async #answerNow(asked: Asked, kind: SshQuestion['kind'], over: AbortSignal): Promise<string | undefined> {
    const known = this.#secrets.get(asked.text);
    if (kind === 'secret' && known !== undefined && !known.used.has(asked.ssh)) {
      known.used.add(asked.ssh);
      return known.answer;
    }
    this.#secrets.delete(asked.text);
    const answer = await this.#ask(asked, kind, over);
    if (kind === 'secret' && REMEMBERED.test(asked.text) && answer !== undefined)
      this.#secrets.set(asked.text, { answer, used: new Set([asked.ssh]) });
    return answer;
  }

  async #ask({ text }: Asked, kind: SshQuestion['kind'], over: AbortSignal): Promise<string | undefined> {
    if (kind !== 'notice') this.#waiting += 1;
    try {
      return await this.#prompts.ask({ address: this.#address, text, kind }, over);
    } finally {
      if (kind !== 'notice') this.#waiting -= 1;
    }
  }
}

function readQuestion(said: string, token: Buffer): Asked | undefined {
  try {
    const {
      token: shown,
      text,
      kind,
      ssh,
    } = JSON.parse(said) as { token?: unknown; text?: unknown; kind?: unknown; ssh?: unknown };
    const isOurs =
      typeof shown === 'string' &&
      shown.length === token.length * 2 &&
      timingSafeEqual(Buffer.from(shown, 'hex'), token);
    if (!isOurs || typeof text !== 'string' || typeof kind !== 'string' || typeof ssh !== 'number') return undefined;
    return { text, kind, ssh };
  } catch {
    return undefined;
  }
}

/**
 * ssh marks yes-or-no questions and notices by SSH_ASKPASS_PROMPT; it does not mark the question about a host key
 * (OpenSSH, sshconnect.c, confirm).
 */
function kindOf({ text, kind }: Asked): SshQuestion['kind'] {
  if (kind === 'confirm') return 'confirm';
  if (kind === 'none') return 'notice';
  return /\(yes\/no(\/\[fingerprint\])?\)\? ?$|^Please type 'yes', 'no'/.test(text) ? 'hostKey' : 'secret';
}
