/** `docker-mounts:/volume/NAME/PATH` and `docker-mounts:/container/NAME/PATH`; the path is the container's own. */
import * as vscode from 'vscode';
import { placeOfUriPath, uriPathOf, type FilePlace } from '../files/place.ts';

export const FILES_SCHEME = 'docker-mounts';

/** The URI of a place. */
export function uriOf(place: FilePlace): vscode.Uri {
  return vscode.Uri.from({ scheme: FILES_SCHEME, path: uriPathOf(place) });
}

/** The place of a URI; undefined for another scheme, or if it does not name a place. */
export function placeOfUri(uri: vscode.Uri): FilePlace | undefined {
  return uri.scheme === FILES_SCHEME ? placeOfUriPath(uri.path) : undefined;
}
