/** `dockerMounts.createContainer` by arguments or step by step, and `dockerMounts.runWithFolder` from the explorer. */
import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { Connection } from '../engine/connection.ts';
import { BadArgument } from '../engine/errors.ts';
import { localImages } from '../engine/images.ts';
import { createContainer, type Created, type NewContainer } from '../mounts/create.ts';
import { parseMountSpecs } from '../mounts/spec.ts';
import { type MountSettings } from '../mounts/mountSettings.ts';
import { askMount, askStep, completeMount, type Agreed, type Wish } from '../ui/mountPrompts.ts';
import { pickContainer } from '../ui/picks.ts';
import { localPaths } from '../ui/settings.ts';
import { joined, names, say, sentence, shown } from '../ui/shown.ts';
import { askText, chooseFiles, pickOne, showInformation } from '../ui/window.ts';
import { answered, confirmed, Dismissed, flagOf, listOf, textOf, textsOf, argumentError, type Call } from './call.ts';
import { CONFIRMED, guardMounts } from './guard.ts';
import type { CommandSpec } from './register.ts';
import type { Services } from './services.ts';

/** What Docker takes for a container's name (moby, names.RestrictedNameChars). */
const CONTAINER_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

function fromArguments(call: Call, image: string, mounts: readonly MountSettings[]): NewContainer {
  const command = call.args['command'];
  return {
    image,
    name: textOf(call, 'name'),
    command:
      typeof command === 'string' ? command.split(/\s+/).filter((word) => word !== '') : textsOf(call, 'command'),
    mounts,
    volumesFrom: listOf(call, 'volumesFrom').map((from) => {
      if (typeof from !== 'string' || from === '')
        throw new BadArgument(
          'volumesFrom',
          vscode.l10n.t('"volumesFrom" holds names of containers, such as {0}.', '"data:ro"'),
        );
      return from;
    }),
    env: environmentOf(call),
    start: flagOf(call, 'start') ?? true,
    createSource: flagOf(call, 'createSource') ?? true,
  };
}

/** A list of NAME=value, or an object. */
function environmentOf(call: Call): string[] {
  const { env } = call.args;
  if (env !== null && typeof env === 'object' && !Array.isArray(env)) {
    const values: [string, unknown][] = Object.entries(env);
    if (!values.every(([, value]) => ['string', 'number', 'boolean'].includes(typeof value)))
      throw argumentError('env', vscode.l10n.t('a list of texts, or an object of texts'), env);
    return values.map(([name, value]) => `${name}=${String(value)}`);
  }
  return textsOf(call, 'env') ?? [];
}

const TITLE = () => say('Create a Container');

async function pickImage(connection: Connection): Promise<string> {
  const images = await localImages(connection);
  if (images.length === 0)
    throw new BadArgument('image', vscode.l10n.t('This engine has no images; pull or build one first.'));
  const items = images.map(({ name, id, volumes }) => ({
    label: shown(name),
    description: shown(id.slice(7, 19)),
    image: name,
    ...(volumes.length > 0 ? { detail: say('declares volumes: {0}', names(volumes)) } : {}),
  }));
  return (
    await answered(
      pickOne(items, { title: TITLE(), placeHolder: say('From which image? Nothing is pulled.'), matchOnDetail: true }),
    )
  ).image;
}

async function askName({ watcher }: Services): Promise<string | undefined> {
  const { containers } = await watcher.snapshot();
  const name = await answered(
    askText({
      title: TITLE(),
      prompt: say('Name of the container; leave empty for a random name'),
      validateInput: (value) => {
        if (value === '') return undefined;
        if (containers.some((one) => one.name === value)) return say('There is a container "{0}" already.', value);
        return CONTAINER_NAME.test(value)
          ? undefined
          : say('Use at least two letters, digits, dots, dashes or underscores; the first a letter or digit.');
      },
    }),
  );
  return name === '' ? undefined : name;
}

/** Mounts one at a time, until the user is done. */
async function askWish(
  connection: Connection,
  { watcher }: Services,
  agreed: Agreed,
): Promise<Wish & { start: boolean }> {
  let wish: Wish = { mounts: [], volumesFrom: [] };
  for (;;) {
    const step = await answered(askStep(TITLE(), wish, connection.info.local));
    const snapshot = await watcher.snapshot();
    switch (step.kind) {
      case 'create':
        return { ...wish, start: step.start };
      case 'changed':
        wish = step.wish;
        break;
      case 'add': {
        const mount = await askMount(
          step.source,
          connection,
          snapshot,
          wish.mounts.map(({ Target }) => Target),
          agreed,
        );
        if (mount !== undefined) wish = { ...wish, mounts: parseMountSpecs([...wish.mounts, mount], localPaths()) };
        break;
      }
      case 'volumesFrom': {
        const others = snapshot.containers.filter(
          ({ name }) => !wish.volumesFrom.some((from) => from.replace(/:ro$/, '') === name),
        );
        const name = await pickContainer(others, say('Take volumes from which container?'));
        if (name !== undefined) wish = { ...wish, volumesFrom: [...wish.volumesFrom, name] };
      }
    }
  }
}

async function create(
  connection: Connection,
  wanted: NewContainer,
  call: Call,
  { log }: Services,
  agreed: Agreed,
): Promise<Created> {
  await guardMounts(call, connection, wanted, agreed);
  const made = await createContainer(connection, wanted, log);
  log.info(vscode.l10n.t('Created container "{0}" from {1}.', made.name, wanted.image));
  if (call.byHand) {
    const done = wanted.start
      ? say('Created and started container "{0}".', made.name)
      : say('Created container "{0}".', made.name);
    void showInformation(joined([done, ...made.warnings.map(sentence)], ' '));
  }
  return made;
}

async function runCreate(call: Call, services: Services): Promise<Created> {
  const mounts = parseMountSpecs(listOf(call, 'mounts'), localPaths());
  const connection = await services.watcher.connection();
  const image = textOf(call, 'image') ?? (await pickImage(connection));
  let wanted = fromArguments(call, image, mounts);
  const agreed: Agreed = new Set();
  if (call.byHand)
    wanted = { ...wanted, name: await askName(services), ...(await askWish(connection, services, agreed)) };
  return create(connection, wanted, call, services, agreed);
}

/** One folder or file: from the explorer, or from the arguments. */
async function pathOf(call: Call): Promise<string> {
  const given = textOf(call, 'path') ?? call.uris[0]?.fsPath;
  if (given !== undefined) return given;
  const [chosen] = await answered(
    chooseFiles({ canSelectFolders: true, canSelectFiles: true, openLabel: say('Mount') }),
  );
  if (chosen === undefined) throw new Dismissed();
  return chosen.fsPath;
}

async function runWithFolder(call: Call, services: Services): Promise<Created> {
  const path = await pathOf(call);
  const connection = await services.watcher.connection();
  if (!connection.info.local && call.byHand) {
    const detail = say(
      'The engine is at {0}. Unless that is this machine, "{1}" there is not the directory in the explorer.',
      connection.endpoint.address,
      path,
    );
    await confirmed(say('Mount a path of the engine’s host?'), detail, say('Mount'));
  }
  const image = textOf(call, 'image') ?? (await pickImage(connection));
  const agreed: Agreed = new Set();
  const source = { Type: 'bind' as const, Source: path };
  const target = textOf(call, 'target');
  const mount =
    target === undefined
      ? await answered(completeMount(source, connection, [], `/${basename(path)}`, agreed))
      : { ...source, Target: target, ReadOnly: flagOf(call, 'readOnly') ?? false };
  return create(connection, fromArguments(call, image, parseMountSpecs([mount], localPaths())), call, services, agreed);
}

/** createContainer and runWithFolder. */
export function createContainerCommands(services: Services): CommandSpec[] {
  return [
    {
      id: 'dockerMounts.createContainer',
      takes: ['image', 'name', 'command', 'mounts', 'volumesFrom', 'env', 'start', 'createSource', CONFIRMED],
      asks: true,
      run: (call) => runCreate(call, services),
    },
    {
      id: 'dockerMounts.runWithFolder',
      takes: ['path', 'image', 'target', 'readOnly', 'name', 'command', 'env', 'start', CONFIRMED],
      asks: true,
      run: (call) => runWithFolder(call, services),
    },
  ];
}
