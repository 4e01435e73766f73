/** In a terminal that is in a container, paths that are files of this machine open them. */
import { stat } from 'node:fs/promises';
import * as vscode from 'vscode';
import type { LivePaths } from '../paths/livePaths.ts';
import { referencesIn } from '../paths/pathReference.ts';
import { viewInContainer } from '../paths/paths.ts';
import type { ContainerTerminals } from '../ui/containerTerminals.ts';
import { say } from '../ui/shown.ts';
import { linkTerminals, type TerminalLinkLook } from '../ui/window.ts';

interface Link extends TerminalLinkLook {
  readonly container: string;
  readonly text: string;
}

/** A line can hold many paths; more than this are not looked at. */
const MOST = 10;

export function registerTerminalLinks(paths: LivePaths, terminals: ContainerTerminals): vscode.Disposable {
  const linkOf = async (
    container: string,
    line: string,
    { start, length, path }: ReturnType<typeof referencesIn>[number],
  ): Promise<Link | undefined> => {
    const hostPath = paths.index?.host.local ? viewInContainer(paths.index, container, path)?.hostPath : undefined;
    const isThere =
      hostPath !== undefined &&
      (await stat(hostPath).then(
        () => true,
        () => false,
      ));
    return isThere
      ? {
          startIndex: start,
          length,
          tooltip: say('Open {0}', hostPath),
          container,
          text: line.slice(start, start + length),
        }
      : undefined;
  };
  const linksOf = async (line: string, terminal: vscode.Terminal): Promise<readonly Link[]> => {
    const container = terminals.containerOf(terminal);
    if (container === undefined) return [];
    const links = await Promise.all(
      referencesIn(line)
        .slice(0, MOST)
        .map((reference) => linkOf(container, line, reference)),
    );
    return links.filter((link) => link !== undefined);
  };
  return linkTerminals(linksOf, async ({ container, text }) => {
    await vscode.commands.executeCommand('dockerMounts.openHostFile', { container, containerPath: text });
  });
}
