/** Where anonymous volumes came from, remembered after the container that created them is removed. */

export interface VolumeOrigin {
  readonly container: string;
  readonly target: string;
  /** The image whose VOLUME declared it. */
  readonly image?: string;
}

/** Enough for years of work; the oldest are dropped first. */
const MOST = 5000;

/** A map that notifies its owner when there is something new to store. */
export class OriginMemory {
  readonly #origins: Map<string, VolumeOrigin>;
  readonly #changed: (all: Record<string, VolumeOrigin>) => void;

  constructor(
    stored: Readonly<Record<string, VolumeOrigin>> = {},
    changed: (all: Record<string, VolumeOrigin>) => void = () => undefined,
  ) {
    this.#origins = new Map(Object.entries(stored));
    this.#changed = changed;
  }

  get(volume: string): VolumeOrigin | undefined {
    return this.#origins.get(volume);
  }

  set(volume: string, origin: VolumeOrigin): void {
    const known = this.#origins.get(volume);
    if (known?.container === origin.container && known.target === origin.target && known.image === origin.image) return;
    this.#origins.set(volume, origin);
    for (const oldest of this.#origins.keys()) {
      if (this.#origins.size <= MOST) break;
      this.#origins.delete(oldest);
    }
    this.#changed(Object.fromEntries(this.#origins));
  }
}
