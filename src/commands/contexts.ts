/** `dockerMounts.selectContext`: which engine the views show. */
import { homedir } from 'node:os';
import * as vscode from 'vscode';
import { contextNames, readContext } from '../engine/contexts.ts';
import { BadArgument } from '../engine/errors.ts';
import { readSettings } from '../ui/settings.ts';
import { say, shown } from '../ui/shown.ts';
import { pickOne } from '../ui/window.ts';
import { answered, textOf, type Call } from './call.ts';
import type { CommandSpec } from './register.ts';
import type { Services } from './services.ts';

async function run(call: Call, { watcher, chosenContext, log }: Services): Promise<unknown> {
  const place = { env: process.env, home: homedir() };
  const { host } = readSettings();
  if (host !== undefined)
    throw new BadArgument(
      'context',
      vscode.l10n.t('The setting "dockerMounts.host" names the engine ({0}); clear it to choose a context.', host),
    );
  const pick = async () =>
    (
      await answered(
        pickOne(
          (await contextNames(place)).map((name) => ({ label: shown(name), name })),
          { placeHolder: say('Which Docker context?') },
        ),
      )
    ).name;
  const context = textOf(call, 'context') ?? (await pick());
  if (context !== 'default') await readContext(context, place);
  await chosenContext.set(context);
  await watcher.reconnect();
  const { info, endpoint } = await watcher.connection();
  log.info(vscode.l10n.t('The Docker context is {0} ({1}).', context, endpoint.address));
  return { context, engine: info.name, apiVersion: info.apiVersion };
}

export function selectContextCommand(services: Services): CommandSpec {
  return { id: 'dockerMounts.selectContext', takes: ['context'], asks: true, run: (call) => run(call, services) };
}
