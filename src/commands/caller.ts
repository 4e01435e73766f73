/**
 * Who called a command. `ExtHostCommands` of VS Code calls a command that is registered in this extension host at once,
 * within `executeCommand`; what comes from the window (a link, a keybinding, a menu) arrives as a message and comes in
 * by `$executeContributedCommand` (vs/workbench/api/common/extHostCommands.ts, the same in 1.139 and in older copies).
 * So the stack tells them apart while the call is still under way, and a caller counts as one of this host only where
 * its own frame is directly behind `executeCommand`. Nothing else counts, including a later VS Code that does this in
 * another way.
 */
import { getCallSites } from 'node:util';

/** @internal */
export interface Frame {
  readonly functionName: string;
  /** The file; `node:…` for what belongs to Node. */
  readonly scriptName: string;
}

const MOST_FRAMES = 60;

const plainName = (name: string) => name.split('.').at(-1) ?? '';

/**
 * Whether these frames, the latest first and the first of our own, are those of a call by an extension in this host.
 * @internal
 */
export function isLocalCaller(frames: readonly Frame[]): boolean {
  const own = frames[0]?.scriptName;
  const outer = frames.slice(frames.findIndex(({ scriptName }) => scriptName !== own));
  const host = outer[0]?.scriptName;
  if (own === undefined || host === undefined || host === own || host === '') return false;
  const at = outer.findIndex(({ scriptName }) => scriptName !== host);
  const caller = outer[at]?.scriptName;
  if (caller === undefined || caller === '' || /^(node:|internal\/|native|<)/.test(caller)) return false;
  const way = outer.slice(0, at).map(({ functionName }) => plainName(functionName));
  return way.at(-1) === 'executeCommand' && !way.some((name) => name.startsWith('$'));
}

/** Whether the call under way comes from an extension in this host. Ask it before the first `await` of a command. */
export function isCalledLocally(): boolean {
  try {
    return isLocalCaller(getCallSites(MOST_FRAMES));
  } catch {
    return false;
  }
}
