/**
 * A task with at most one run at a time: all callers during a run cause one more run after it, and all wait for that
 * one. If a run throws, nothing follows it.
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
