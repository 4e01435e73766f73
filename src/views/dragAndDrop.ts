/** Files dragged out of the trees as URIs, and dropped on their rows from anywhere. */
import * as vscode from 'vscode';
import type { FilePlace } from '../files/place.ts';
import { uriOf } from '../ui/fileUris.ts';
import { placeOfNode, type Node } from './nodes.ts';

const URI_LIST = 'text/uri-list';

export interface Dropped {
  readonly uris: readonly vscode.Uri[];
  /** Files of the desktop that come as content, not as a path. */
  readonly contents: readonly { readonly name: string; read(): Thenable<Uint8Array> }[];
}

/** RFC 2483: one URI a line, comments behind a hash. */
function parseUris(list: string): vscode.Uri[] {
  return list
    .split(/\r?\n/)
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => vscode.Uri.parse(line, true));
}

async function droppedOf(data: vscode.DataTransfer): Promise<Dropped> {
  const uris = parseUris((await data.get(URI_LIST)?.asString()) ?? '');
  const files = [...data].map(([, item]) => item.asFile()).filter((file) => file !== undefined);
  const known = new Set(uris.map(String));
  for (const { uri } of files) if (uri !== undefined && !known.has(uri.toString())) uris.push(uri);
  // A file that has a path is read from there, in a stream.
  const contents = files
    .filter(({ uri }) => uri === undefined)
    .map((file) => ({ name: file.name, read: () => file.data() }));
  return { uris, contents };
}

/** What happens to a drop is the composition root's to say. */
export class FileDrags implements vscode.TreeDragAndDropController<Node> {
  readonly dragMimeTypes = [URI_LIST];
  readonly dropMimeTypes = [URI_LIST, 'files'];
  readonly #receive: (target: FilePlace, dropped: Dropped) => Promise<void>;

  constructor(receive: (target: FilePlace, dropped: Dropped) => Promise<void>) {
    this.#receive = receive;
  }

  handleDrag(nodes: readonly Node[], data: vscode.DataTransfer): void {
    const uris = nodes
      .map((node) => (node.kind === 'file' ? uriOf(node.place).toString() : undefined))
      .filter((uri) => uri !== undefined);
    if (uris.length > 0) data.set(URI_LIST, new vscode.DataTransferItem(uris.join('\r\n')));
  }

  async handleDrop(target: Node | undefined, data: vscode.DataTransfer): Promise<void> {
    const place = target && placeOfNode(target);
    if (place !== undefined) await this.#receive(place, await droppedOf(data));
  }
}
