/** The path index of the engine's latest snapshot, kept up to date. */
import * as l10n from '@vscode/l10n';
import { Emitter } from '../engine/emitter.ts';
import { EngineUnavailable } from '../engine/errors.ts';
import type { EngineState, EngineWatcher } from '../engine/watcher.ts';
import { realPathOf } from './hostFile.ts';
import { hostPlaceOf } from './hostPlace.ts';
import { indexPaths, localSources, type PathIndex } from './paths.ts';

/** Owned by the composition root; ends with `dispose`. */
export class LivePaths {
  readonly #watcher: Pick<EngineWatcher, 'state' | 'onDidChange' | 'refresh'>;
  readonly #changes = new Emitter<void>();
  readonly #following: { dispose(): void };
  #real: ReadonlyMap<string, string> = new Map();
  #index: PathIndex | undefined;
  #disposed = false;

  constructor(watcher: Pick<EngineWatcher, 'state' | 'onDidChange' | 'refresh'>) {
    this.#watcher = watcher;
    this.#following = watcher.onDidChange((state) => void this.#follow(state));
    void this.#follow(watcher.state);
  }

  /** The index at once; undefined while no engine is connected. */
  get index(): PathIndex | undefined {
    return this.#index;
  }

  onDidChange(listener: () => void): { dispose(): void } {
    return this.#changes.on(listener);
  }

  /** The index of what the engine and the file system say now. Throws EngineUnavailable. */
  async fresh(): Promise<PathIndex> {
    await this.#watcher.refresh();
    for (let state: EngineState | undefined; state !== this.#watcher.state;) {
      state = this.#watcher.state;
      await this.#follow(state);
    }
    if (this.#index === undefined)
      throw new EngineUnavailable('lost', '', l10n.t('The engine went away. Start it and try again.'));
    return this.#index;
  }

  dispose(): void {
    this.#disposed = true;
    this.#following.dispose();
    this.#changes.dispose();
  }

  async #follow(state: EngineState): Promise<void> {
    // Sources that were seen before keep what was known of them, so that nothing flickers.
    const index = this.#indexOf(state);
    this.#show(index);
    if (index === undefined) return;
    const real = await realPaths(localSources(index));
    if (state !== this.#watcher.state || sameEntries(real, this.#real)) return;
    this.#real = real;
    this.#show(this.#indexOf(state));
  }

  #indexOf(state: EngineState): PathIndex | undefined {
    return state.kind === 'connected'
      ? indexPaths(state.snapshot, hostPlaceOf(state.connection.info), this.#real)
      : undefined;
  }

  #show(index: PathIndex | undefined): void {
    if (this.#disposed) return;
    this.#index = index;
    this.#changes.tell();
  }
}

/** Only for paths that differ from their real path. */
async function realPaths(paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const found = await Promise.all(paths.map(async (path) => [path, await realPathOf(path)] as const));
  return new Map(found.flatMap(([path, real]) => (real === undefined || real === path ? [] : [[path, real] as const])));
}

function sameEntries(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}
