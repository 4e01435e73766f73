/** Files into volumes and mounts, out of them, and from one to another; by menus, by arguments and by drag and drop. */
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as vscode from 'vscode';
import { BadArgument, FileRefused, NotFound } from '../engine/errors.ts';
import { printable } from '../files/names.ts';
import { childOf, nameOf, placeText, type FilePlace } from '../files/place.ts';
import { uploadName, type Counter } from '../files/upload.ts';
import { placeOfUri, uriOf } from '../ui/fileUris.ts';
import { showError } from '../ui/errors.ts';
import { formatBytes } from '../ui/format.ts';
import { withWork } from '../ui/jobs.ts';
import { expandHome } from '../ui/settings.ts';
import { asText, names, say } from '../ui/shown.ts';
import { chooseFiles, showInformation } from '../ui/window.ts';
import type { Dropped } from '../views/dragAndDrop.ts';
import { answered, confirmed, flagOf, isGivenUp, textOf, textsOf, type Call } from './call.ts';
import { directoryOf, onePlace, PLACE_ARGUMENTS, placesOf } from './filePlaces.ts';
import { eachOne } from './each.ts';
import { CONFIRMED, guardPlaces, guardReads, guardWrites } from './guard.ts';
import type { CommandSpec } from './register.ts';
import type { Services } from './services.ts';

/** A path of this machine from a path or a URI. */
function localPath(text: string): string {
  return /^(file|vscode-remote):/.test(text) ? vscode.Uri.parse(text, true).fsPath : expandHome(text);
}

/** Which of these places exist already; in a mount, they are looked up one by one. */
async function taken(places: readonly FilePlace[], { files }: Services): Promise<FilePlace[]> {
  const found = await Promise.all(
    places.map((place) =>
      files.stat(place).then(
        () => place,
        (error: unknown) => {
          if (error instanceof NotFound && error.kind === 'file') return undefined;
          throw error;
        },
      ),
    ),
  );
  return found.filter((place) => place !== undefined);
}

/** Asks before files are written over. Returns whether to overwrite them. Throws Dismissed. */
async function mayOverwrite(places: readonly FilePlace[], services: Services): Promise<boolean> {
  const there = await taken(places, services);
  if (there.length === 0) return false;
  await confirmed(
    say('Replace {0}?', names(there.map((place) => `"${printable(nameOf(place))}"`))),
    say('The current files are lost.'),
    say('Replace'),
  );
  return true;
}

async function upload(
  locals: readonly string[],
  directory: FilePlace,
  overwrite: boolean,
  services: Services,
): Promise<Counter & { uris: string[] }> {
  const counter: Counter = { entries: 0, bytes: 0 };
  const places = locals.map((local) => childOf(directory, uploadName(local)));
  await withWork(say('Uploading to {0}', placeText(directory)), services.log, async (job) => {
    for (const [index, local] of locals.entries()) {
      const place = places[index];
      if (place !== undefined) await services.files.upload(local, place, overwrite, counter, job);
    }
  });
  services.log.info(
    vscode.l10n.t(
      'Uploaded {0} files and folders, {1}, to {2}.',
      counter.entries,
      formatBytes(counter.bytes),
      placeText(directory),
    ),
  );
  return { uris: places.map((place) => uriOf(place).toString()), ...counter };
}

async function runUpload(call: Call, services: Services): Promise<unknown> {
  const directory = await directoryOf(
    await onePlace(call, services, say('Upload to which volume or container?'), false),
    services,
  );
  const given = textsOf(call, 'files');
  const chosen =
    given?.map(localPath) ??
    (
      await answered(
        chooseFiles({
          canSelectMany: true,
          canSelectFiles: true,
          canSelectFolders: true,
          openLabel: say('Upload'),
          title: say('Upload to {0}', placeText(directory)),
        }),
      )
    ).map(({ fsPath }) => fsPath);
  const places = chosen.map((local) => childOf(directory, uploadName(local)));
  const connection = await services.watcher.connection();
  await guardReads(call, connection, chosen);
  await guardPlaces(call, connection, places);
  const overwrite = given === undefined ? await mayOverwrite(places, services) : (flagOf(call, 'overwrite') ?? false);
  const result = await upload(chosen, directory, overwrite, services);
  if (given === undefined)
    void showInformation(
      say(
        'Uploaded {0} files and folders, {1}, to {2}.',
        result.entries,
        formatBytes(result.bytes),
        placeText(directory),
      ),
    );
  return result;
}

/** A name that is free in a folder: `data`, `data (2)`, … */
async function freeName(folder: string, name: string): Promise<string> {
  const there = new Set(await readdir(folder).catch(() => []));
  for (let copy = 1; ; copy += 1) {
    const candidate = copy === 1 ? name : `${name} (${copy})`;
    if (!there.has(candidate)) return candidate;
  }
}

async function runDownload(call: Call, services: Services): Promise<unknown> {
  const found = placesOf(call);
  const places =
    found.length > 0 ? found : [await onePlace(call, services, say('Download from which volume or container?'), true)];
  const given = textOf(call, 'destination');
  const folder =
    given === undefined
      ? (
          await answered(
            chooseFiles({
              canSelectFolders: true,
              canSelectFiles: false,
              openLabel: say('Download Here'),
              title: say('Download {0}', names(places.map(placeText))),
            }),
          )
        )[0]?.fsPath
      : localPath(given);
  if (folder === undefined) return undefined;
  // An argument alone must not put what a container wrote where this machine runs or obeys it.
  if (given !== undefined && !call.byHand)
    await guardWrites(
      call,
      await services.watcher.connection(),
      [folder, ...places.map((place) => join(folder, nameOf(place) || place.name))].map((Source) => ({
        Type: 'bind',
        Source,
        ReadOnly: false,
      })),
      true,
    );
  const counter: Counter = { entries: 0, bytes: 0 };
  const files: string[] = [];
  await withWork(say('Downloading {0}', names(places.map(placeText))), services.log, async (job) => {
    await eachOne(places.map(placeText), async (_text, index) => {
      const place = places[index];
      if (place === undefined) return;
      // A name that a local file system may refuse is written in a form that all accept.
      const name = printable(nameOf(place) || place.name).replaceAll('\\', '_');
      const file = join(folder, given === undefined ? await freeName(folder, name) : name);
      await services.files.download(place, file, counter, job);
      files.push(file);
    });
  });
  services.log.info(
    vscode.l10n.t(
      'Downloaded {0} files and folders, {1}: {2}',
      counter.entries,
      formatBytes(counter.bytes),
      files.join(', '),
    ),
  );
  if (given === undefined) void offerToReveal(files, counter);
  return { files, ...counter };
}

async function offerToReveal(files: readonly string[], { entries, bytes }: Counter): Promise<void> {
  const reveal = say('Reveal');
  const chosen = await showInformation(
    say('Downloaded {0} files and folders, {1}, to {2}.', entries, formatBytes(bytes), names(files)),
    reveal,
  );
  if (chosen === reveal && files[0] !== undefined)
    await vscode.commands.executeCommand('revealFileInOS', vscode.Uri.file(files[0]));
}

/** Copies, or moves, places into a directory. */
async function carry(
  from: readonly FilePlace[],
  directory: FilePlace,
  moves: boolean,
  overwrite: boolean,
  services: Services,
): Promise<Counter & { uris: string[] }> {
  const counter: Counter = { entries: 0, bytes: 0 };
  const places = from.map((place) => childOf(directory, nameOf(place) || place.name));
  const title = moves ? say('Moving to {0}', placeText(directory)) : say('Copying to {0}', placeText(directory));
  await withWork(title, services.log, async (job) => {
    for (const [index, place] of from.entries()) {
      const to = places[index];
      if (to === undefined) continue;
      if (moves) {
        await services.files.rename(place, to, overwrite, job);
        continue;
      }
      const { entries, bytes } = await services.files.copy(place, to, overwrite, job);
      counter.entries += entries;
      counter.bytes += bytes;
    }
  });
  services.log.info(`${asText(title)}: ${from.map(placeText).join(', ')}`);
  return { uris: places.map((place) => uriOf(place).toString()), ...counter };
}

async function runCopyFiles(call: Call, services: Services): Promise<unknown> {
  const from = (textsOf(call, 'from') ?? []).map((text) => {
    const place = placeOfUri(vscode.Uri.parse(text, true));
    if (place === undefined)
      throw new BadArgument(
        'from',
        vscode.l10n.t(
          '"{0}" is not a file in a volume or mount; such a URI begins with docker-mounts:/volume/ or docker-mounts:/container/.',
          text,
        ),
      );
    return place;
  });
  const sources = from.length > 0 ? from : placesOf({ ...call, args: {} });
  const chosen =
    sources.length > 0
      ? sources
      : [await onePlace({ ...call, args: {} }, services, say('Copy a file of which volume or container?'), true)];
  const target = await onePlace(
    { ...call, nodes: [], uris: [] },
    services,
    say('Copy to which volume or container?'),
    false,
  );
  const directory = await directoryOf(target, services);
  await guardPlaces(
    call,
    await services.watcher.connection(),
    chosen.map((place) => childOf(directory, nameOf(place) || place.name)),
  );
  const overwrite = call.byHand
    ? await mayOverwrite(
        chosen.map((place) => childOf(directory, nameOf(place) || place.name)),
        services,
      )
    : (flagOf(call, 'overwrite') ?? false);
  return carry(chosen, directory, false, overwrite, services);
}

/** Handles what was dropped on a row; a failure is shown like that of a command. */
export function dropReceiver(services: Services): (target: FilePlace, dropped: Dropped) => Promise<void> {
  return async (target, dropped) => {
    try {
      await receiveDrop(target, dropped, services);
    } catch (error) {
      if (isGivenUp(error)) return;
      services.log.error((error as Error).message);
      showError(error, services.log);
    }
  };
}

/** What was dropped on a row: local files are uploaded, files of another mount copied, those of the same one moved. */
async function receiveDrop(target: FilePlace, dropped: Dropped, services: Services): Promise<void> {
  const directory = await directoryOf(target, services);
  const own = dropped.uris.map(placeOfUri).filter((place) => place !== undefined);
  const locals = dropped.uris
    .filter(({ scheme }) => scheme === 'file' || scheme === 'vscode-remote')
    .map(({ fsPath }) => fsPath);
  const incoming = [
    ...own.map((place) => nameOf(place) || place.name),
    ...locals.map(uploadName),
    ...dropped.contents.map(({ name }) => basename(name)),
  ];
  if (incoming.length === 0)
    throw new FileRefused(
      'notAFile',
      placeText(directory),
      vscode.l10n.t('Nothing that was dropped is a file of this machine or of a mount.'),
    );
  const isSame = own.length > 0 && own.every((place) => place.kind === directory.kind && place.name === directory.name);
  if (isSame)
    await confirmed(
      say('Move {0} to "{1}"?', names(incoming.map((name) => `"${printable(name)}"`)), placeText(directory)),
      undefined,
      say('Move'),
    );
  const overwrite = await mayOverwrite(
    incoming.map((name) => childOf(directory, name)),
    services,
  );
  if (own.length > 0) await carry(own, directory, isSame, overwrite, services);
  if (locals.length > 0) await upload(locals, directory, overwrite, services);
  for (const file of dropped.contents)
    await services.files.write(childOf(directory, basename(file.name)), await file.read(), { create: true, overwrite });
}

/** upload, download and copyFiles. */
export function transferCommands(services: Services): CommandSpec[] {
  return [
    {
      id: 'dockerMounts.upload',
      takes: [...PLACE_ARGUMENTS, 'files', 'overwrite', CONFIRMED],
      asks: true,
      run: (call) => runUpload(call, services),
    },
    {
      id: 'dockerMounts.download',
      takes: [...PLACE_ARGUMENTS, 'destination', CONFIRMED],
      asks: true,
      run: (call) => runDownload(call, services),
    },
    {
      id: 'dockerMounts.copyFiles',
      takes: [...PLACE_ARGUMENTS, 'from', 'overwrite', CONFIRMED],
      asks: true,
      run: (call) => runCopyFiles(call, services),
    },
  ];
}
