import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Does a task again, up to `tries` times in all, while it fails in a way that may pass. Waits `stepMs` milliseconds
 * more before each try. Throws the last failure.
 */
export async function retried<T>(
  {
    tries,
    stepMs,
    mayPass = () => true,
  }: {
    readonly tries: number;
    readonly stepMs: number;
    readonly mayPass?: (error: unknown) => boolean;
  },
  task: () => Promise<T>,
): Promise<T> {
  for (let done = 1; ; done += 1) {
    try {
      return await task();
    } catch (error) {
      if (done >= tries || !mayPass(error)) throw error;
    }
    await sleep(done * stepMs);
  }
}
