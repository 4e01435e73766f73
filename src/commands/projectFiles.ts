/** Commands on Compose files: how containers differ from the file, and the directory that a bind needs. */
import { mkdir } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import * as vscode from 'vscode';
import { seesLocalPaths } from '../projects/hostFacts.ts';
import { kindOf } from '../editor/selectors.ts';
import { mountWords } from '../editor/words.ts';
import { BadArgument, FileFailure, NotFound } from '../engine/errors.ts';
import { driftOf, type Difference } from '../projects/drift.ts';
import { expandHome } from '../ui/settings.ts';
import { asText, say, shown } from '../ui/shown.ts';
import { askText, pickOne } from '../ui/window.ts';
import { answered, textOf, type Call } from './call.ts';
import type { CommandSpec } from './register.ts';
import type { Services } from './services.ts';

/** The Compose file of the call, the editor, or the one that is picked. */
async function fileOf(call: Call): Promise<string> {
  const given = textOf(call, 'file');
  if (given !== undefined) return expandHome(given);
  const active = vscode.window.activeTextEditor?.document;
  if (active !== undefined && kindOf(active) === 'compose') return active.uri.fsPath;
  const found = await vscode.workspace.findFiles('**/{compose,docker-compose}*.{yml,yaml}', '**/node_modules/**', 100);
  const items = found.map((uri) => ({ label: shown(vscode.workspace.asRelativePath(uri)), path: uri.fsPath }));
  return (await answered(pickOne(items, { title: say('Show Difference'), placeHolder: say('Of which Compose file?') })))
    .path;
}

function linesOf(difference: Difference): string[] {
  const { target } = difference;
  const file = (mount: Parameters<typeof mountWords>[0]) => `- ${target}  ${asText(mountWords(mount))}`;
  const container = (mount: Parameters<typeof mountWords>[0]) => `+ ${target}  ${asText(mountWords(mount))}`;
  switch (difference.kind) {
    case 'missing':
      return [file(difference.wanted)];
    case 'extra':
      return [container(difference.has)];
    case 'source':
    case 'rights':
      return [file(difference.wanted), container(difference.has)];
  }
}

/** Plain JSON, without positions in the text. */
function plain(difference: Difference): object {
  const mount = ({ type, source, readOnly }: Parameters<typeof mountWords>[0]) => ({ type, source, readOnly });
  return {
    kind: difference.kind,
    target: difference.target,
    ...('wanted' in difference ? { file: mount(difference.wanted) } : {}),
    ...('has' in difference ? { container: mount(difference.has) } : {}),
  };
}

async function runShowDifference(call: Call, { projects, documents, watcher }: Services): Promise<unknown> {
  const file = await fileOf(call);
  const only = textOf(call, 'service');
  const document = await vscode.workspace.openTextDocument(vscode.Uri.file(file));
  const model = await projects.modelOf(document);
  if (model?.kind !== 'compose') throw new BadArgument('file', vscode.l10n.t('"{0}" is not a Compose file.', file));
  const { project, facts } = model;
  const services = project.services.filter(({ name }) => only === undefined || name === only);
  if (only !== undefined && services.length === 0)
    throw new NotFound(
      'file',
      only,
      vscode.l10n.t(
        'There is no service "{0}" in "{1}"; it has {2}.',
        only,
        file,
        project.services.map(({ name }) => name).join(', '),
      ),
    );
  const snapshot = await watcher.snapshot();
  const drifts = services.flatMap((service) =>
    driftOf(project, service, snapshot, facts).map((drift) => ({ service: service.name, ...drift })),
  );
  const lines = drifts.flatMap(({ service, container, differences }) => [
    `--- ${vscode.l10n.t('{0}, as the file says', service)}`,
    `+++ ${vscode.l10n.t('{0}, as the container has it', container.name)}`,
    ...differences.flatMap(linesOf),
    '',
  ]);
  await documents.showDifferences(
    'compose',
    only ?? project.name,
    lines.length > 0 ? lines : [vscode.l10n.t('No container differs from the file.')],
  );
  return {
    project: project.name,
    containers: drifts.map(({ service, container, differences }) => ({
      service,
      container: container.name,
      differences: differences.map(plain),
    })),
  };
}

async function runCreateDirectory(call: Call, { projects, watcher }: Services): Promise<unknown> {
  const given =
    textOf(call, 'path') ??
    (await answered(askText({ title: say('Create a Directory'), prompt: say('Absolute path on this machine') })));
  const path = expandHome(given);
  if (!isAbsolute(path)) throw new BadArgument('path', vscode.l10n.t('"{0}" is not an absolute path.', path));
  if (!seesLocalPaths(await watcher.connection()))
    throw new BadArgument('path', vscode.l10n.t('The engine runs on another machine; create "{0}" there.', path));
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    throw new FileFailure(
      path,
      code,
      vscode.l10n.t(
        'The directory "{0}" could not be created: {1}. Check who owns its parent directory.',
        path,
        message,
      ),
      { cause: error },
    );
  }
  projects.refresh();
  return { path };
}

/** showDifference and createDirectory. */
export function projectFileCommands(services: Services): CommandSpec[] {
  return [
    {
      id: 'dockerMounts.showDifference',
      takes: ['file', 'service'],
      asks: true,
      run: (call) => runShowDifference(call, services),
    },
    {
      id: 'dockerMounts.createDirectory',
      takes: ['path'],
      asks: true,
      run: (call) => runCreateDirectory(call, services),
    },
  ];
}
