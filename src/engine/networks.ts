/** Requests about networks. */
import type Docker from 'dockerode';
import { answerOf, type Connection, type FailureContext } from './connection.ts';

/** Joins a container to a network. Throws NotFound, EngineFailure or EngineUnavailable, as `context` words it. */
export async function connectNetwork(
  { docker }: Connection,
  network: string,
  container: string,
  settings: Docker.EndpointSettings,
  context: FailureContext,
): Promise<void> {
  await answerOf(context, () => docker.getNetwork(network).connect({ Container: container, EndpointConfig: settings }));
}
