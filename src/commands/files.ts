/** Commands on single files and directories of volumes and mounts. */
import * as vscode from 'vscode';
import { BadArgument } from '../engine/errors.ts';
import { printable } from '../files/names.ts';
import {
  childOf,
  isInside,
  nameOf,
  parentOf,
  placeOf,
  placeOfUriPath,
  placeText,
  type FilePlace,
} from '../files/place.ts';
import { placeOfUri, uriOf } from '../ui/fileUris.ts';
import { asText, lines, say, shown, type Shown } from '../ui/shown.ts';
import { askText } from '../ui/window.ts';
import { answered, confirmed, textOf, textsOf, type Call } from './call.ts';
import { askRoot, directoryOf, onePlace, PLACE_ARGUMENTS, placeOfArguments, placesOf } from './filePlaces.ts';
import { eachOne } from './each.ts';
import { CONFIRMED, guardPlaces } from './guard.ts';
import type { CommandSpec } from './register.ts';
import type { Services } from './services.ts';

const textOfUri = (place: FilePlace) => uriOf(place).toString();

/** Why a name cannot be used, for an input box. */
function nameProblem(name: string): Shown | undefined {
  if (name.trim() === '' || name === '.' || name.split('/').includes('..')) return say('Type a name.');
  return name.startsWith('/') || name.endsWith('/') ? say('A name neither begins nor ends with a slash.') : undefined;
}

function askName(title: Shown, value = ''): Promise<string> {
  // The part in front of the suffix is what people change.
  const dot = value.lastIndexOf('.');
  const valueSelection: [number, number] | undefined = dot > 0 ? [0, dot] : undefined;
  return answered(
    askText({ title, value, ...(valueSelection === undefined ? {} : { valueSelection }), validateInput: nameProblem }),
  );
}

async function runListFiles(call: Call, services: Services): Promise<unknown> {
  const place = await onePlace(call, services, say('List the files of which volume or container?'), false);
  const entries = await services.files.list(place);
  return entries.map(({ name, type, isLink, size, mtime, mode }) => ({
    name,
    type: type ?? 'other',
    isLink,
    size,
    modifiedAt: new Date(mtime).toISOString(),
    mode,
    uri: textOfUri(childOf(place, name)),
  }));
}

async function runOpenFile(call: Call, services: Services): Promise<unknown> {
  const place = await onePlace(call, services, say('Open a file of which volume or container?'), true);
  await services.files.stat(place);
  await vscode.commands.executeCommand('vscode.open', uriOf(place));
  return { uri: textOfUri(place) };
}

async function runOpenFolder(call: Call, services: Services): Promise<unknown> {
  const [found] = placesOf(call);
  const place = found ?? (await askRoot(services, say('Open which volume or mount as a folder?')));
  const { type } = await services.files.stat(place);
  if (type !== 'directory')
    throw new BadArgument('path', vscode.l10n.t('"{0}" is not a directory; open it as a file.', placeText(place)));
  const uri = uriOf(place);
  const name = place.kind === 'volume' && place.path === '/' ? place.name : placeText(place);
  const folders = vscode.workspace.workspaceFolders ?? [];
  const isOpen = folders.some((folder) => folder.uri.toString() === uri.toString());
  if (!isOpen) vscode.workspace.updateWorkspaceFolders(folders.length, 0, { uri, name: asText(shown(name)) });
  if (call.byHand) await vscode.commands.executeCommand('workbench.view.explorer');
  return { uri: uri.toString(), name };
}

/** The place of a new file: named by the arguments, or in the chosen directory by a name that is asked for. */
async function newPlace(call: Call, services: Services, title: Shown): Promise<FilePlace> {
  const named = placeOfArguments(call);
  if (named !== undefined && (textOf(call, 'path') !== undefined || textOf(call, 'uri') !== undefined)) return named;
  const directory = await directoryOf(await onePlace(call, services, title, false), services);
  const name = await askName(title);
  return placeOf(directory.kind, directory.name, `${directory.path}/${name}`);
}

async function runNewFile(call: Call, services: Services): Promise<unknown> {
  const place = await newPlace(call, services, say('New File'));
  await guardPlaces(call, await services.watcher.connection(), [place]);
  await services.files.write(place, new Uint8Array(), { create: true, overwrite: false });
  if (call.byHand) await vscode.commands.executeCommand('vscode.open', uriOf(place));
  return { uri: textOfUri(place) };
}

async function runNewFolder(call: Call, services: Services): Promise<unknown> {
  const place = await newPlace(call, services, say('New Folder'));
  await guardPlaces(call, await services.watcher.connection(), [place]);
  await services.files.makeDirectory(place);
  return { uri: textOfUri(place) };
}

/** Whether an editor shows the file, or one in the directory. */
function isOpen(place: FilePlace): boolean {
  return vscode.workspace.textDocuments.some(({ uri }) => {
    const shown = placeOfUri(uri);
    return shown !== undefined && isInside(shown, place);
  });
}

/** Resolves to false where VS Code did not do it; it does not say why. */
async function renamedByEditor(place: FilePlace, next: FilePlace): Promise<boolean> {
  const edit = new vscode.WorkspaceEdit();
  edit.renameFile(uriOf(place), uriOf(next), { overwrite: false });
  return vscode.workspace.applyEdit(edit);
}

async function runRename(call: Call, services: Services): Promise<unknown> {
  const place = await onePlace(call, services, say('Rename a file of which volume or container?'), true);
  const name = textOf(call, 'name') ?? (await askName(say('New Name of {0}', printable(nameOf(place))), nameOf(place)));
  const problem = nameProblem(name);
  if (problem !== undefined || name.includes('/'))
    throw new BadArgument('name', vscode.l10n.t('"{0}" cannot be the name of a file.', name));
  const next = childOf(parentOf(place), name);
  await guardPlaces(call, await services.watcher.connection(), [place, next]);
  // An open editor follows the file only if VS Code itself does the rename.
  if (isOpen(place) && (await renamedByEditor(place, next))) return { uri: textOfUri(next) };
  // Within a directory it is one step: nothing to show, and nothing to cancel.
  await services.files.rename(place, next, false, {
    signal: new AbortController().signal,
    log: services.log,
    progress: () => undefined,
  });
  return { uri: textOfUri(next) };
}

async function runDelete(call: Call, services: Services): Promise<unknown> {
  const paths = textsOf(call, 'paths');
  const root = placeOfArguments(call);
  let places =
    paths !== undefined && root !== undefined
      ? paths.map((path) => placeOf(root.kind, root.name, `${root.path}/${path}`))
      : placesOf(call);
  if (
    places.length === 0 ||
    (root !== undefined &&
      paths === undefined &&
      textOf(call, 'path') === undefined &&
      textOf(call, 'uri') === undefined)
  ) {
    places = [await onePlace(call, services, say('Delete a file of which volume or container?'), true)];
  }
  // What is in a deleted directory is deleted with it.
  const outermost = places.filter((place) => !places.some((other) => other !== place && isInside(place, other)));
  if (call.byHand) {
    const question =
      outermost.length === 1
        ? say('Delete "{0}" for good?', printable(outermost[0]?.path ?? ''))
        : say('Delete {0} files and folders for good?', outermost.length);
    const detail = lines([
      say('A folder is deleted with everything in it. Volumes have no trash.'),
      ...(outermost.length === 1 ? [] : outermost.map(placeText)),
    ]);
    await confirmed(question, detail, say('Delete'));
  }
  await guardPlaces(call, await services.watcher.connection(), outermost);
  await eachOne(outermost.map(placeText), async (text, index) => {
    const place = outermost[index];
    if (place !== undefined) await services.files.remove(place, true);
    services.log.info(vscode.l10n.t('Deleted {0}.', text));
  });
  return { deleted: outermost.map(textOfUri) };
}

async function runCopyPath(call: Call, services: Services): Promise<unknown> {
  const found = placesOf(call);
  const places =
    found.length > 0
      ? found
      : [await onePlace(call, services, say('Copy the path of a file of which volume or container?'), true)];
  // In a container it is the path that its programs use.
  const text = places
    .map((place) => (place.kind === 'container' ? printable(place.path) : placeText(place)))
    .join('\n');
  await vscode.env.clipboard.writeText(text);
  return { path: text };
}

/** These change files, and so take an answer to the question about dangerous places. */
const CHANGES = ['newFile', 'newFolder', 'renameFile', 'deleteFile'].map((name) => `dockerMounts.${name}`);

/** openFolder, openFile, listFiles, newFile, newFolder, renameFile, deleteFile and copyFilePath. */
export function fileCommands(services: Services): CommandSpec[] {
  const spec = (
    id: string,
    run: (call: Call, services: Services) => Promise<unknown>,
    more: readonly string[] = [],
  ): CommandSpec => ({
    id,
    takes: [...PLACE_ARGUMENTS, ...more, ...(CHANGES.includes(id) ? [CONFIRMED] : [])],
    asks: true,
    run: (call) => run(call, services),
  });
  const showMore = (call: Call) => {
    const directory = placeOfUriPath(textOf(call, 'directory') ?? '');
    if (directory !== undefined) services.directories.showMore(directory);
    return Promise.resolve();
  };
  return [
    spec('dockerMounts.openFolder', runOpenFolder),
    spec('dockerMounts.openFile', runOpenFile),
    spec('dockerMounts.listFiles', runListFiles),
    spec('dockerMounts.newFile', runNewFile),
    spec('dockerMounts.newFolder', runNewFolder),
    spec('dockerMounts.renameFile', runRename, ['name']),
    spec('dockerMounts.deleteFile', runDelete, ['paths']),
    spec('dockerMounts.copyFilePath', runCopyPath),
    { id: 'dockerMounts.showMoreFiles', takes: ['directory'], asks: false, run: showMore },
  ];
}
