/**
 * A task of which one run is under way at most: whoever asks during a run makes one more follow it, however many ask,
 * and all wait for the last. What a run throws ends the rest.
 */
export function coalesced(task: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let again = false;
  const run = async () => {
    do {
      again = false;
      await task();
    } while (again);
  };
  return () => {
    if (running !== undefined) again = true;
    running ??= run().finally(() => (running = undefined));
    return running;
  };
}
