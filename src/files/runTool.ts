/** Runs the tool on paths that lead through links. */
import { posix } from 'node:path';
import { statInHelper } from '../engine/helper/archiveEndpoint.ts';
import { isWithin } from '../engine/pathEnds.ts';
import { EXIT, type Ran } from '../engine/helper/tools.ts';
import { bytesOfText } from './names.ts';
import type { Session } from './helperPool.ts';
import { accessOf, needsOf, type Script } from './idleTool.ts';

/**
 * The path of a directory without links, as the container resolves them: absolute ones have other targets where the
 * tool runs.
 */
async function realDirectory(session: Session, path: string): Promise<string> {
  if (path === session.source.target || path === '/') return path;
  const here = posix.join(await realDirectory(session, posix.dirname(path)), posix.basename(path));
  const stat = await statInHelper(await session.archive(), bytesOfText(here));
  return stat?.type === 'link' ? stat.linkTarget : here;
}

/**
 * Runs a verb of the tool; arguments that begin with `/` are directories. Throws FileRefused without the tool,
 * EngineFailure, EngineUnavailable.
 */
export async function runTool(session: Session, script: Script, ...args: readonly (string | boolean)[]): Promise<Ran> {
  const [first = ''] = args;
  const tools = await session.needTools(String(first), accessOf(script), needsOf(script));
  const ran = await tools.run(script, ...args);
  if (ran.code !== EXIT.missing && ran.code !== EXIT.outside) return ran;
  const real = await Promise.all(
    args.map((arg) =>
      typeof arg === 'string' && arg.startsWith('/') ? realDirectory(session, arg) : Promise.resolve(arg),
    ),
  );
  const isInMount = real.every(
    (arg) => typeof arg !== 'string' || !arg.startsWith('/') || isWithin(arg, session.source.target),
  );
  return isInMount && real.some((arg, index) => arg !== args[index]) ? tools.run(script, ...real) : ran;
}
