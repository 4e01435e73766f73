/** Which file or directory a command is about: from its arguments, the rows, the explorer or a prompt. */
import * as vscode from 'vscode';
import { BadArgument } from '../engine/errors.ts';
import { isBrowsable, placeOf, type FilePlace } from '../files/place.ts';
import { placeOfUri } from '../ui/fileUris.ts';
import { pickSubject } from '../ui/picks.ts';
import { joined, say, shown, type Shown } from '../ui/shown.ts';
import { askText, pickOne } from '../ui/window.ts';
import { placeOfNode } from '../views/nodes.ts';
import { answered, textOf, type Call } from './call.ts';
import type { Services } from './services.ts';

/** Arguments that name a place. A path in a container is its own, or with `target` one below that mount. */
export const PLACE_ARGUMENTS = ['volume', 'container', 'target', 'path', 'uri'];

/**
 * The directory or file that the arguments name, with a path or without; undefined if they do not name one. Throws
 * BadArgument.
 */
export function placeOfArguments(call: Call): FilePlace | undefined {
  const uri = textOf(call, 'uri');
  const volume = textOf(call, 'volume');
  const container = textOf(call, 'container');
  const path = textOf(call, 'path') ?? '';
  if ([uri, volume, container].filter((one) => one !== undefined).length > 1)
    throw new BadArgument('volume', vscode.l10n.t('Give one of volume, container and uri, not several.'));
  if (volume !== undefined) return placeOf('volume', volume, path);
  if (container !== undefined) return placeOf('container', container, `${textOf(call, 'target') ?? ''}/${path}`);
  if (uri === undefined) return undefined;
  const place = placeOfUri(vscode.Uri.parse(uri, true));
  if (place === undefined)
    throw new BadArgument(
      'uri',
      vscode.l10n.t(
        '"{0}" is not a file in a volume or mount; such a URI begins with docker-mounts:/volume/ or docker-mounts:/container/.',
        uri,
      ),
    );
  return place;
}

/** All places that the call is about, without asking. */
export function placesOf(call: Call): FilePlace[] {
  const named = placeOfArguments(call);
  if (named !== undefined) return [named];
  return [...call.uris.map(placeOfUri), ...call.nodes.map(placeOfNode)].filter((place) => place !== undefined);
}

/** The volume, or the mount of a container, that a person picks. Throws Dismissed. */
export async function askRoot({ watcher }: Services, question: Shown): Promise<FilePlace> {
  const snapshot = await watcher.snapshot();
  const browsable = snapshot.containers.filter(({ mounts }) => mounts.some(isBrowsable));
  const subject = await answered(pickSubject({ ...snapshot, containers: browsable }, question));
  if (subject.kind === 'volume') return placeOf('volume', subject.name, '/');
  const mounts = (browsable.find(({ name }) => name === subject.name)?.mounts ?? []).filter(isBrowsable);
  const items = mounts.map(({ target, source, readOnly }) => ({
    label: shown(target),
    description: joined([source, readOnly ? say('read-only') : undefined], ' · '),
    target,
  }));
  const chosen =
    items.length === 1
      ? items[0]
      : await answered(pickOne(items, { placeHolder: say('Which mount of {0}?', subject.name) }));
  return placeOf('container', subject.name, chosen?.target ?? '/');
}

/**
 * The one place of a call, asked for if it is not given: a root, and with `asksPath` a path below it. Throws Dismissed.
 */
export async function onePlace(call: Call, services: Services, question: Shown, asksPath: boolean): Promise<FilePlace> {
  const [found] = placesOf(call);
  if (
    found !== undefined &&
    (!asksPath || call.byHand || textOf(call, 'path') !== undefined || textOf(call, 'uri') !== undefined)
  )
    return found;
  const root = found ?? (await askRoot(services, question));
  if (!asksPath) return root;
  const path = await answered(
    askText({
      title: say('Path in {0}', `${root.name}:${root.path}`),
      placeHolder: 'conf/app.conf',
      ignoreFocusOut: true,
    }),
  );
  return placeOf(root.kind, root.name, `${root.path}/${path}`);
}

/** The directory for new things: the place itself, or the directory of a file. */
export async function directoryOf(place: FilePlace, { files }: Services): Promise<FilePlace> {
  if (place.path === '/') return place;
  const { type } = await files.stat(place);
  return type === 'directory' ? place : { ...place, path: place.path.replace(/\/[^/]*$/, '') || '/' };
}
