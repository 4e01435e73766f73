/** `dockerMounts.inspect`: what the engine says about an object, as JSON. */
import * as vscode from 'vscode';
import { inspectContainer } from '../engine/containers.ts';
import { inspectImage } from '../engine/images.ts';
import { inspectVolume } from '../engine/volumes.ts';
import type { Connection } from '../engine/connection.ts';
import { BadArgument } from '../engine/errors.ts';
import { pickSubject } from '../ui/picks.ts';
import { say } from '../ui/shown.ts';
import type { Node } from '../views/nodes.ts';
import { answered, textOf, type Call } from './call.ts';
import { containerOfNode } from './containers.ts';
import type { CommandSpec } from './register.ts';
import type { Services } from './services.ts';

type Target = { readonly kind: 'container' | 'volume' | 'image'; readonly name: string };

function targetOfNode(node: Node): Target | undefined {
  if (node.kind === 'volume') return { kind: 'volume', name: node.volume.name };
  if (node.kind === 'mount' && node.mount.volume !== undefined) return { kind: 'volume', name: node.mount.volume };
  const container = containerOfNode(node);
  return container === undefined ? undefined : { kind: 'container', name: container };
}

async function targetOf(call: Call, { watcher }: Services): Promise<Target> {
  const named = (['container', 'volume', 'image'] as const).flatMap((kind) => {
    const name = textOf(call, kind);
    return name === undefined ? [] : [{ kind, name }];
  });
  if (named.length > 1)
    throw new BadArgument('container', vscode.l10n.t('Give one of container, volume and image, not several.'));
  const [first] = call.nodes;
  const found = named[0] ?? (first && targetOfNode(first));
  if (found !== undefined) return found;
  return answered(pickSubject(await watcher.snapshot(), say('Inspect which container or volume?')));
}

function ask(connection: Connection, { kind, name }: Target): Promise<unknown> {
  switch (kind) {
    case 'container':
      return inspectContainer(connection, name);
    case 'volume':
      return inspectVolume(connection, name);
    case 'image':
      return inspectImage(connection, name);
  }
}

export function inspectCommand(services: Services): CommandSpec {
  const run = async (call: Call) => {
    const target = await targetOf(call, services);
    const value = await ask(await services.watcher.connection(), target);
    await services.documents.show(target.kind, target.name, value);
    return value;
  };
  return { id: 'dockerMounts.inspect', takes: ['container', 'volume', 'image'], asks: true, run };
}
