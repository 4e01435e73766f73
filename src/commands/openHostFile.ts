/** `dockerMounts.openHostFile`: the file of this machine behind a path that a container speaks of. */
import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import * as vscode from 'vscode';
import { BadArgument, NotFound } from '../engine/errors.ts';
import { parseReference, type PathReference } from '../paths/pathReference.ts';
import type { PathIndex, PathView } from '../paths/paths.ts';
import { parsePath } from '../paths/pathText.ts';
import { pickView, seenIn } from '../ui/pathViews.ts';
import { selectedInEditor, selectedInTerminal } from '../ui/selections.ts';
import { say } from '../ui/shown.ts';
import { askText } from '../ui/window.ts';
import { answered, textOf, type Call } from './call.ts';
import { containerNamed, viewsAt } from './paths.ts';
import type { CommandSpec } from './register.ts';
import type { Services } from './services.ts';

interface Candidate {
  readonly view: PathView;
  readonly reference: PathReference;
  readonly isDirectory: boolean;
}

async function textOfCall(call: Call): Promise<string> {
  const given = textOf(call, 'containerPath');
  if (given !== undefined) return given;
  const selected = call.terminal === undefined ? selectedInEditor() : await selectedInTerminal();
  if (selected !== undefined && parsePath(parseReference(selected).path) !== undefined) return selected;
  return answered(
    askText({
      title: say('Open Host File'),
      prompt: say('Path in a container, with :LINE:COLUMN if you like'),
      value: selected ?? '',
      placeHolder: '/app/src/main.py:12',
    }),
  );
}

/** The file of this machine behind a path of a container: the path as it is, or without a position at its end. */
async function candidateIn(container: string, text: string, index: PathIndex): Promise<Candidate | undefined> {
  const reference = parseReference(text);
  for (const one of [{ path: text.trim() }, reference]) {
    if (parsePath(one.path) === undefined) continue;
    const [view] = await viewsAt(index, container, one.path);
    const found = view?.hostPath === undefined ? undefined : await stat(view.hostPath).catch(() => undefined);
    if (view !== undefined && found !== undefined) return { view, reference: one, isDirectory: found.isDirectory() };
  }
  return undefined;
}

/** Why a path of one container cannot be opened here. */
async function whyNot(container: string, text: string, index: PathIndex): Promise<Error> {
  const { path } = parseReference(text);
  const [view] = await viewsAt(index, container, path);
  if (view === undefined)
    return new NotFound(
      'file',
      path,
      vscode.l10n.t(
        '"{0}" is not in a mount of container "{1}": it is in the container’s own layer, which has no files on this machine.',
        path,
        container,
      ),
    );
  if (view.hostPath === undefined)
    return new NotFound(
      'file',
      path,
      vscode.l10n.t(
        '"{0}" of container "{1}" has no known file on this machine: it is in a {2}, or behind a symbolic link out of its mount.',
        path,
        container,
        view.mount.type,
      ),
    );
  return new NotFound(
    'file',
    view.hostPath,
    vscode.l10n.t(
      '"{0}" of container "{1}" would be "{2}" on this machine, which does not exist or cannot be read.',
      path,
      container,
      view.hostPath,
    ),
  );
}

async function choose(call: Call, text: string, services: Services): Promise<Candidate> {
  const index = await services.paths.fresh();
  const { containers } = await services.watcher.snapshot();
  const given = textOf(call, 'container') ?? (call.terminal && services.terminals.containerOf(call.terminal));
  if (given !== undefined) {
    const { name } = containerNamed(containers, given);
    const found = await candidateIn(name, text, index);
    if (found === undefined) throw await whyNot(name, text, index);
    return found;
  }
  const found = (await Promise.all(containers.map(({ name }) => candidateIn(name, text, index)))).filter(
    (one) => one !== undefined,
  );
  const [first] = found;
  if (first === undefined)
    throw new NotFound(
      'file',
      text,
      vscode.l10n.t(
        'No container has "{0}" in a mount whose file is on this machine. Name the container, or check the path.',
        parseReference(text).path,
      ),
    );
  if (found.every(({ view }) => view.hostPath === first.view.hostPath)) return first;
  const chosen = await answered(
    pickView(
      seenIn(
        found.map(({ view }) => view),
        containers,
      ),
      say('Open Host File'),
    ),
  );
  return found.find(({ view }) => view === chosen) ?? first;
}

/**
 * The path through a workspace folder, if that is a link, so that the file is not opened a second time beside the
 * workspace.
 */
async function inWorkspace(hostPath: string): Promise<string> {
  for (const { uri } of vscode.workspace.workspaceFolders ?? []) {
    const real = uri.scheme === 'file' ? await realpath(uri.fsPath).catch(() => uri.fsPath) : undefined;
    const rest = real === undefined ? undefined : relative(real, hostPath);
    if (rest !== undefined && real !== uri.fsPath && rest !== '..' && !rest.startsWith(`..${sep}`) && !isAbsolute(rest))
      return join(uri.fsPath, rest);
  }
  return hostPath;
}

async function open({ reference, isDirectory }: Candidate, hostPath: string): Promise<void> {
  const uri = vscode.Uri.file(hostPath);
  if (isDirectory) {
    await vscode.commands.executeCommand('revealInExplorer', uri);
    return;
  }
  const { line, column = 1 } = reference;
  const at = line === undefined ? undefined : new vscode.Position(Math.max(line - 1, 0), Math.max(column - 1, 0));
  await vscode.commands.executeCommand(
    'vscode.open',
    uri,
    at === undefined ? {} : { selection: new vscode.Range(at, at) },
  );
}

/** openHostFile. */
export function openHostFileCommand(services: Services): CommandSpec {
  const run = async (call: Call) => {
    const { info, endpoint } = await services.watcher.connection();
    if (!info.local)
      throw new BadArgument(
        'containerPath',
        vscode.l10n.t(
          'The engine at {0} is on another machine, and so are the files behind its containers’ paths. Browse the mount in the Containers view instead.',
          endpoint.address,
        ),
      );
    const text = await textOfCall(call);
    if (parsePath(parseReference(text).path) === undefined)
      throw new BadArgument(
        'containerPath',
        vscode.l10n.t('"{0}" is not an absolute path; write it from the root of the container.', text),
      );
    const found = await choose(call, text, services);
    const hostPath = await inWorkspace(found.view.hostPath ?? '');
    await open(found, hostPath);
    const { line, column } = found.reference;
    return {
      container: found.view.container,
      hostPath,
      ...(line === undefined ? {} : { line }),
      ...(column === undefined ? {} : { column }),
    };
  };
  return { id: 'dockerMounts.openHostFile', takes: ['container', 'containerPath'], asks: true, run };
}
