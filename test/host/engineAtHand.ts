/**
 * Prints, as JSON, which engine the extension would talk to and whether it answers. A program of its own, because
 * start.mjs may run in a Node that cannot read TypeScript.
 */
import { homedir, tmpdir } from 'node:os';
import { Connection } from '../../src/engine/connection.ts';
import { resolveEndpoint, type Endpoint } from '../../src/engine/endpoint.ts';
import { EngineUnavailable } from '../../src/engine/errors.ts';
import { Journal } from '../../src/journal/journal.ts';

let endpoint: Endpoint | undefined;
try {
  endpoint = await resolveEndpoint({ env: process.env, home: homedir() });
  // Nothing is begun, so the journal is never written.
  const { info } = await Connection.open(endpoint, new Journal(tmpdir()));
  say({
    address: endpoint.address,
    context: endpoint.context,
    product: info.product,
    version: info.version,
  });
} catch (error) {
  if (!(error instanceof EngineUnavailable)) throw error;
  say({
    address: error.address,
    origin: originOf(error),
    context: endpoint?.context,
    reason: error.reason,
    message: error.message,
  });
}

/** Who named the engine that does not answer. */
function originOf({ reason }: EngineUnavailable): 'environment' | 'context' | 'socket' {
  if (process.env['DOCKER_HOST']) return 'environment';
  const isSocket =
    endpoint === undefined ? ['notFound', 'permissionDenied'].includes(reason) : endpoint.context === undefined;
  return isSocket ? 'socket' : 'context';
}

function say(found: object): void {
  process.stdout.write(`${JSON.stringify(found)}\n`);
}
