/** Tells whoever listens of what happened, in the order in which they came. Owned by what it tells of. */
export class Emitter<T> {
  #listeners: readonly ((value: T) => void)[] = [];

  /** Calls `listener` with each value from now on, until what is returned is disposed of. */
  on(listener: (value: T) => void): { dispose(): void } {
    const own = (value: T) => listener(value);
    this.#listeners = [...this.#listeners, own];
    return { dispose: () => (this.#listeners = this.#listeners.filter((one) => one !== own)) };
  }

  /** Tells those that listen now. Throws what a listener throws. */
  tell(value: T): void {
    for (const listener of this.#listeners) listener(value);
  }

  /** Tells nobody any more. */
  dispose(): void {
    this.#listeners = [];
  }
}
