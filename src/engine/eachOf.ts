import { statusOf } from './errors.ts';

/** Requests at the same time. */
const PARALLEL = 8;

/** Handles many things, a few at a time. Skips what vanished meanwhile (404, or 409 while it is removed). */
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
