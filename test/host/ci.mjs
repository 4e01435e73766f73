// `.ci/run`: the tests as on a machine that has nothing of this project yet: no node_modules, and an empty cache.
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atEnd, runScript } from './ending.mjs';
import { keep } from './keep.mjs';
import { exitCodeOf, root } from './machine.mjs';

/** How long the tests may take to end what they started. */
const GRACE_MS = 60_000;
let code = 1;

await runScript(
  async () => {
    const cache = join(tmpdir(), `dm-cache-${randomBytes(4).toString('hex')}`);
    const kept = keep({ folders: [cache] });
    atEnd(() => kept.end());
    await kept.ready;
    rmSync(join(root, 'node_modules'), { recursive: true, force: true });
    // By npm, as a person does it: npm hands its own settings down to what it runs.
    code = await exitCodeOf('npm', ['test', '--silent'], {
      env: { ...process.env, XDG_CACHE_HOME: cache },
      graceMs: GRACE_MS,
    });
  },
  {
    finish(error) {
      if (error !== undefined) console.log(`${error.message}\n0 passed, 1 failed`);
      return typeof code === 'number' && error === undefined ? code : 1;
    },
  },
);
