/** What is done to a network. */
import type Docker from 'dockerode';
import { answerOf, type Connection, type FailureContext } from './connection.ts';

/** Joins a container to a network. Throws NotFound, EngineFailure or EngineUnavailable, in the words of `context`. */
export async function connectNetwork(
  { docker }: Connection,
  network: string,
  container: string,
  settings: Docker.EndpointSettings,
  context: FailureContext,
): Promise<void> {
  await answerOf(context, () => docker.getNetwork(network).connect({ Container: container, EndpointConfig: settings }));
}
