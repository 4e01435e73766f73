import assert from 'node:assert/strict';
import { test } from 'node:test';
import { retried } from '../../src/engine/retry.ts';

/** Fails `failures` times, then returns how often it was asked. */
function failing(failures: number): () => Promise<number> {
  let asked = 0;
  return () => ((asked += 1) > failures ? Promise.resolve(asked) : Promise.reject(new Error(`try ${asked}`)));
}

test('tries again until it succeeds, at most so often, and not where it cannot pass', async () => {
  assert.equal(await retried({ tries: 3, stepMs: 1 }, failing(0)), 1);
  assert.equal(await retried({ tries: 3, stepMs: 1 }, failing(2)), 3);
  await assert.rejects(retried({ tries: 3, stepMs: 1 }, failing(3)), /try 3/);
  const mayPass = (error: unknown) => !/try 2/.test((error as Error).message);
  await assert.rejects(retried({ tries: 9, stepMs: 1, mayPass }, failing(5)), /try 2/);
});
