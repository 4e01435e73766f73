/** Where a file is, as people and URIs say it: a volume and a path in it, or a container and a path that it sees. */
import * as l10n from '@vscode/l10n';
import { posix } from 'node:path';
import { shownPath, VOLUME_TARGET } from '../engine/helper/archiveEndpoint.ts';
import { BadArgument, FileRefused, NotFound } from '../engine/errors.ts';
import type { Container, Mount, Snapshot } from '../engine/model.ts';
import { isWithin, withoutEndSlash, withoutEndSlashes } from '../engine/pathEnds.ts';
import { printable } from './names.ts';
import type { HelperMount } from '../engine/helper/helper.ts';

export interface FilePlace {
  readonly kind: 'volume' | 'container';
  /** Name of the volume or container. */
  readonly name: string;
  /** Begins with `/`, which is the root of the volume or container; does not end with `/`. As text of `names.ts`. */
  readonly path: string;
}

export interface Located {
  /** What a helper mounts, at its path in the container, so that absolute links have the same targets. */
  readonly source: HelperMount;
  /** The path in the helper. */
  readonly path: string;
}

/** A place from its parts. Throws BadArgument for a path with `..`. */
export function placeOf(kind: FilePlace['kind'], name: string, path: string): FilePlace {
  if (path.split('/').includes('..'))
    throw new BadArgument(
      'path',
      l10n.t(
        'The path "{0}" steps up by "..", which could lead out of the mount; give it without "..".',
        printable(path),
      ),
    );
  return { kind, name, path: withoutEndSlash(posix.normalize(`/${path}`)) };
}

/** `/volume/NAME/PATH` or `/container/NAME/PATH`: the path of a `docker-mounts:` URI. */
export function uriPathOf({ kind, name, path }: FilePlace): string {
  return `/${kind}/${name}${withoutEndSlashes(path)}`;
}

/** The place that the path of a URI names; undefined where it names none. */
export function placeOfUriPath(uriPath: string): FilePlace | undefined {
  const [, kind, name, ...rest] = uriPath.split('/');
  if ((kind !== 'volume' && kind !== 'container') || name === undefined || name === '') return undefined;
  return placeOf(kind, name, rest.join('/'));
}

export function childOf(place: FilePlace, name: string): FilePlace {
  return { ...place, path: `${withoutEndSlashes(place.path)}/${name}` };
}

export function parentOf(place: FilePlace): FilePlace {
  return { ...place, path: posix.dirname(place.path) };
}

/** The last name of the path; '' for a root. */
export function nameOf({ path }: FilePlace): string {
  return path === '/' ? '' : posix.basename(path);
}

/** Whether one place is inside the other, or the same. */
export function isInside(place: FilePlace, outer: FilePlace): boolean {
  return place.kind === outer.kind && place.name === outer.name && isWithin(place.path, outer.path);
}

/** `NAME:PATH`, as people write it. */
export function placeText({ name, path }: FilePlace): string {
  return `${name}:${printable(path)}`;
}

/** A path of a helper, for messages. */
export function messagePath(path: string): string {
  return printable(shownPath(path));
}

/** Whether files of a mount can be reached from outside of its container. */
export function isBrowsable({ type, source }: Pick<Mount, 'type' | 'source'>): boolean {
  return (type === 'volume' || type === 'bind') && source !== '';
}

/** The innermost mount around a path of a container. */
function mountAround({ mounts }: Container, path: string): Mount | undefined {
  const around = mounts.filter(({ target }) => isWithin(path, target));
  return around.sort((a, b) => b.target.length - a.target.length)[0];
}

/** Finds the mount that holds a place. Throws NotFound, or FileRefused for a mount whose files cannot be reached. */
export function locate(place: FilePlace, { containers, volumes }: Pick<Snapshot, 'containers' | 'volumes'>): Located {
  switch (place.kind) {
    case 'volume': {
      if (!volumes.some(({ name }) => name === place.name))
        throw new NotFound(
          'volume',
          place.name,
          l10n.t('There is no volume "{0}" on this engine; it may have been removed.', place.name),
        );
      const path = `${VOLUME_TARGET}${withoutEndSlashes(place.path)}`;
      return { source: { type: 'volume', source: place.name, target: VOLUME_TARGET, readOnly: false }, path };
    }
    case 'container': {
      const container = containers.find(({ name }) => name === place.name);
      if (container === undefined)
        throw new NotFound(
          'container',
          place.name,
          l10n.t('There is no container "{0}" on this engine; it may have been removed.', place.name),
        );
      const mount = mountAround(container, place.path);
      if (mount === undefined) {
        throw new NotFound(
          'file',
          placeText(place),
          l10n.t(
            '"{0}" is in no mount of container "{1}"; it has {2}.',
            printable(place.path),
            place.name,
            container.mounts.map(({ target }) => target).join(', ') || 'none',
          ),
        );
      }
      if (!isBrowsable(mount)) {
        throw new FileRefused(
          'notAFile',
          placeText(place),
          `The mount ${mount.target} of container "${place.name}" is of the type ${mount.type}, whose files only the container itself can reach; view them in a terminal in the container.`,
        );
      }
      return {
        source: {
          type: mount.type === 'bind' ? 'bind' : 'volume',
          source: mount.source,
          target: mount.target,
          readOnly: mount.readOnly,
        },
        path: place.path,
      };
    }
  }
}

/**
 * Every place that shows the same file: through its volume, and through each container that mounts it. The given place
 * comes first.
 */
export function aliasesOf(place: FilePlace, snapshot: Pick<Snapshot, 'containers' | 'volumes'>): FilePlace[] {
  const { source, path } = locate(place, snapshot);
  const within = path.slice(withoutEndSlashes(source.target).length);
  const volume: FilePlace[] =
    source.type === 'volume' ? [{ kind: 'volume', name: source.source, path: within || '/' }] : [];
  const others = snapshot.containers.flatMap(({ name, mounts }) =>
    mounts
      .filter(({ type, source: other }) => type === source.type && other === source.source)
      .map(({ target }): FilePlace => ({ kind: 'container', name, path: `${withoutEndSlashes(target)}${within}` })),
  );
  const isSame = (one: FilePlace) => one.kind === place.kind && one.name === place.name && one.path === place.path;
  return [place, ...[...volume, ...others].filter((one) => !isSame(one))];
}
