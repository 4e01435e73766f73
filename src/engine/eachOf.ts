import { statusOf } from './errors.ts';

/** Questions in flight at once. */
const PARALLEL = 8;

/** Runs over many things a few at a time. What vanished meanwhile (404, or 409 while it is removed) is passed over. */
export async function eachOf<T>(things: readonly T[], task: (thing: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < things.length) {
      const thing = things[next] as T;
      next += 1;
      try {
        await task(thing);
      } catch (error) {
        const status = statusOf(error);
        if (status !== 404 && status !== 409) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL, things.length) }, worker));
}
