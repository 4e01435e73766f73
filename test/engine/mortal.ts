/** A way to an engine that dies after a chosen request: what a crash, or a pulled plug, looks like from here. */
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { remove, temporary } from './support.ts';

export interface MortalWay {
  readonly host: string;
  /** The requests that changed something, in order, as "POST /containers/create". */
  readonly seen: string[];
  /** Lets the engine die after so many changes from now. */
  dieAfter(more: number): void;
  close(): void;
}

/**
 * Passes requests on to `socket`. Once `last` requests have changed something, `kill` is called before the answer goes
 * out.
 */
export async function mortalWay(socket: string, last: number, kill: () => Promise<void>): Promise<MortalWay> {
  const folder = temporary();
  const own = join(folder, 'docker.sock');
  const seen: string[] = [];
  let limit = last;
  let dying: Promise<void> | undefined;
  const server = createServer((incoming, outgoing) => {
    const forward = request(
      { socketPath: socket, path: incoming.url, method: incoming.method, headers: incoming.headers },
      (answer) => {
        const changes = incoming.method !== 'GET' && incoming.method !== 'HEAD';
        if (changes)
          seen.push(`${incoming.method} ${(incoming.url ?? '').replace(/\?.*/, '').replace(/\/[0-9a-f]{64}/, '/ID')}`);
        if (changes && seen.length === limit) {
          answer.resume();
          dying ??= kill();
          void dying.then(() => outgoing.destroy());
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        // An answer whose body is yet to come, as of an attach, is an answer.
        outgoing.flushHeaders();
        answer.pipe(outgoing);
      },
    );
    forward.on('error', () => outgoing.destroy());
    incoming.pipe(forward);
  });
  await new Promise<void>((resolve) => server.listen(own, resolve));
  return {
    host: `unix://${own}`,
    seen,
    dieAfter(more) {
      limit = seen.length + more;
    },
    close() {
      server.closeAllConnections();
      server.close();
      remove(folder);
    },
  };
}
