/** dockerode, with fixes to its transport (docker-modem) against hostile and dying engines. */
import * as l10n from '@vscode/l10n';
import Docker from 'dockerode';
import modemHttp from 'docker-modem/lib/http.js';
import http, { type Agent, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import type { Endpoint } from './endpoint.ts';
import { EngineFailure } from './errors.ts';

/** Limit of an answer that is read as a whole, as JSON. The list of ten thousand containers has about 30 MB. */
const MOST_ANSWER_BYTES = 128 * 1024 * 1024;
/** Limit of the message of a refusal. */
const MOST_REFUSAL_BYTES = 1024 * 1024;

interface ModemRequest extends Omit<RequestOptions, 'agent'> {
  agent?: Agent;
  /** Set by us: whether the answer is read as a stream. */
  isEngineStream?: boolean;
}

interface ModemContext {
  readonly path: string;
  readonly isStream?: boolean;
  readonly hijack?: boolean;
  readonly openStdin?: boolean;
}

interface Modem {
  buildRequest(options: ModemRequest, context: ModemContext, data: unknown, done: unknown): void;
}

/**
 * docker-modem would follow a redirect to any address that this machine can reach; an engine never redirects. It would
 * also collect an endless answer, wait forever for the rest of one that was cut, and treat a body without a length as
 * complete when the connection breaks.
 */
function request(
  send: (options: RequestOptions, done?: (answer: IncomingMessage) => void) => ClientRequest,
  options: ModemRequest,
  done: (answer: IncomingMessage) => void,
): ClientRequest {
  const sent = send(options, done);
  sent.prependOnceListener('response', (answer) => {
    const { socket } = sent;
    const broken = (error: Error) => answer.destroy(error);
    socket?.prependListener('error', broken);
    // A socket can serve many requests.
    answer.once('close', () => socket?.off('error', broken));
    const isRefusal = (answer.statusCode ?? 0) >= 300;
    if (options.isEngineStream === true && !isRefusal) return;
    const most = isRefusal ? MOST_REFUSAL_BYTES : MOST_ANSWER_BYTES;
    let bytes = 0;
    answer.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= most) return;
      const failure = new EngineFailure(
        0,
        l10n.t(
          'The engine sent an answer of more than {0} MiB where a short one was expected; it was not read further.',
          most / 1024 / 1024,
        ),
      );
      answer.destroy(failure);
    });
    answer.once('error', (error) => sent.emit('error', error));
  });
  return sent;
}

const transports = modemHttp as unknown as Record<'http' | 'https', { request: unknown }>;
transports.http = {
  request: (options: ModemRequest, done: (answer: IncomingMessage) => void) => request(http.request, options, done),
};
transports.https = {
  request: (options: ModemRequest, done: (answer: IncomingMessage) => void) => request(https.request, options, done),
};

/** A client for an endpoint; it connects with its first request. */
export function engineClient({ options, ssh }: Pick<Endpoint, 'options' | 'ssh'>): Docker {
  const docker = new Docker(options);
  const modem = docker.modem as unknown as Modem;
  const build = modem.buildRequest.bind(modem);
  modem.buildRequest = (sending, context, data, done) => {
    const lasts = context.isStream === true || context.hijack === true || context.openStdin === true;
    // A request that waits for a container's end must not block the requests that end it.
    if (ssh !== undefined && (lasts || /\/wait(\?|$)/.test(context.path))) sending.agent = ssh.streams;
    build({ ...sending, isEngineStream: lasts }, context, data, done);
  };
  return docker;
}
