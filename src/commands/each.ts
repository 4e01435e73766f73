/** One command on several things: how they are listed, and what happens to the rest if one fails. */
import * as vscode from 'vscode';
import { Dismissed, isGivenUp } from './call.ts';

/** What a message can show. */
const MOST_LINES = 12;

/** As lines; if not all fit, the number of those left out. */
function boundedLines(lines: readonly string[], most = MOST_LINES): string {
  if (lines.length <= most) return lines.join('\n');
  return [...lines.slice(0, most - 1), vscode.l10n.t('and {0} more', lines.length - most + 1)].join('\n');
}

const quoted = (names: readonly string[]) => boundedLines(names.map((name) => `"${name}"`)).replaceAll('\n', ', ');

/**
 * Does one thing after another, or all at once. If one fails, the others are still done, and one error at the end says
 * what was done and what was not. A cancel, or a closed prompt, stops before the next. The error of a single thing is
 * thrown unchanged.
 */
export async function eachOne<T>(
  names: readonly string[],
  act: (name: string, index: number) => Promise<T>,
  { atOnce = false }: { readonly atOnce?: boolean } = {},
): Promise<T[]> {
  const outcomes: ({ readonly result: T } | { readonly error: unknown })[] = [];
  const tryOne = (name: string, index: number) =>
    act(name, index).then(
      (result) => ({ result }),
      (error: unknown) => ({ error }),
    );
  if (atOnce) outcomes.push(...(await Promise.all(names.map(tryOne))));
  else {
    for (const [index, name] of names.entries()) {
      const outcome = await tryOne(name, index);
      outcomes.push(outcome);
      if ('error' in outcome && isGivenUp(outcome.error)) break;
    }
  }
  const done = names.filter((_, index) => outcomes[index] !== undefined && 'result' in outcomes[index]);
  const failed = names.flatMap((name, index) => {
    const outcome = outcomes[index];
    return outcome !== undefined && 'error' in outcome ? [{ name, error: outcome.error }] : [];
  });
  const [first] = failed;
  if (first === undefined) return outcomes.flatMap((outcome) => ('result' in outcome ? [outcome.result] : []));
  const stopped = failed.find(({ error }) => isGivenUp(error));
  const others = failed.filter((one) => one !== stopped);
  if (names.length === 1 || (stopped !== undefined && done.length === 0 && others.length === 0)) throw first.error;
  if (stopped?.error instanceof Dismissed && others.length === 0) throw stopped.error;
  const untried = names.slice(outcomes.length);
  const parts = [
    done.length === 0 ? '' : vscode.l10n.t('Done: {0}.', quoted(done)),
    vscode.l10n.t('Not done: {0}.', quoted([...failed.map(({ name }) => name), ...untried])),
    ...others.slice(0, 3).map(({ error }) => (error as Error).message),
    stopped === undefined ? '' : vscode.l10n.t('It was stopped there.'),
  ];
  throw new Error(parts.filter((part) => part !== '').join(' '), { cause: first.error });
}
