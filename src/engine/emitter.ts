/** Tells listeners what happened, in the order in which they were added. Owned by the object that it reports about. */
export class Emitter<T> {
  #listeners: readonly ((value: T) => void)[] = [];

  /** Calls `listener` with each value from now on, until the returned object is disposed. */
  on(listener: (value: T) => void): { dispose(): void } {
    const own = (value: T) => listener(value);
    this.#listeners = [...this.#listeners, own];
    return { dispose: () => (this.#listeners = this.#listeners.filter((one) => one !== own)) };
  }

  /** Tells the current listeners. Throws what a listener throws. */
  tell(value: T): void {
    for (const listener of this.#listeners) listener(value);
  }

  /** Removes all listeners. */
  dispose(): void {
    this.#listeners = [];
  }
}
