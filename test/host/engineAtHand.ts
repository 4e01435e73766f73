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
    origin: endpoint.origin,
    context: endpoint.context,
    product: info.product,
    version: info.version,
  });
} catch (error) {
  if (!(error instanceof EngineUnavailable)) throw error;
  const named = process.env['DOCKER_HOST'] ? 'environment' : error.reason === 'notFound' ? 'socket' : 'context';
  say({
    address: error.address,
    origin: endpoint?.origin ?? (error.reason === 'permissionDenied' ? 'socket' : named),
    context: endpoint?.context,
    reason: error.reason,
    message: error.message,
  });
}

function say(found: object): void {
  process.stdout.write(`${JSON.stringify(found)}\n`);
}
