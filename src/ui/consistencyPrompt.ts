/** Asks what to do with containers that can write to a source meanwhile. */
import * as vscode from 'vscode';
import { isDatabase, writersOf, type Consistency } from '../backup/consistency.ts';
import type { MountRef } from '../backup/mountScan.ts';
import type { Connection } from '../engine/connection.ts';

/** Undefined where the prompt was closed; `none` without a question where nobody can write. */
export async function askConsistency(connection: Connection, sources: readonly MountRef[]): Promise<Consistency | undefined> {
  const writers = await writersOf(connection, sources);
  if (writers.length === 0) return 'none';
  const names = writers.map(({ name }) => name).join(', ');
  const databases = writers.filter(isDatabase).map(({ name }) => name);
  const advice = databases.length > 0 ? vscode.l10n.t('safest: {0} looks like a database', databases.join(', ')) : '';
  const items: (vscode.QuickPickItem & { value: Consistency })[] = [
    { label: `$(debug-pause) ${vscode.l10n.t('Pause Meanwhile')}`, description: vscode.l10n.t('no write comes between; they go on afterwards'), value: 'pause' },
    { label: `$(debug-stop) ${vscode.l10n.t('Stop Meanwhile')}`, description: advice || vscode.l10n.t('they write all they have, and start again afterwards'), value: 'stop' },
    { label: `$(play) ${vscode.l10n.t('Leave Running')}`, description: vscode.l10n.t('files written meanwhile may be saved in part only'), value: 'none' },
  ];
  if (databases.length > 0) items.sort((a, b) => Number(b.value === 'stop') - Number(a.value === 'stop'));
  const chosen = await vscode.window.showQuickPick(items, { title: vscode.l10n.t('{0} can write to this meanwhile', names), placeHolder: vscode.l10n.t('What shall be done with it?') });
  return chosen?.value;
}
