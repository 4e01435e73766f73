import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '../host/lock.mjs';
import { keep } from '../host/keep.mjs';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'dm-test-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

async function until(what: string, look: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !look(); await sleep(20)) assert.ok(Date.now() < end, what);
}

it('stopped, a command and what it started may put things in order, also when the command itself ends first', async () => {
  const mark = join(folder, 'in-order');
  const script = '(trap "sleep 0.5; echo done > $0; exit" TERM; echo ready; while :; do sleep 0.05; done) & wait';
  const kept = keep({ command: 'sh', args: ['-c', script, mark], graceMs: 20_000, output: 'pipe' });
  await kept.start();
  await until('it runs', () => kept.said().includes('ready'));
  await kept.stop();
  assert.equal(readFileSync(mark, 'utf8'), 'done\n');
  await kept.end();
});

it('ended by itself, a command leaves nothing of its group behind', async () => {
  const kept = keep({ command: 'sh', args: ['-c', 'sleep 1000 & echo $!'], output: 'pipe' });
  await kept.start();
  assert.equal((await kept.exited()).code, 0);
  const pid = Number(kept.said());
  await until('its child is gone', () => !isAlive(pid));
  await kept.end();
});

it('a command that does not exist is an error, and the folders go all the same', async () => {
  const own = join(folder, 'own');
  const kept = keep({ command: join(folder, 'nothing'), folders: [own] });
  await kept.ready;
  assert.ok(existsSync(own));
  await kept.start();
  const { code, error } = (await kept.exited()) as { code: number | null; error?: Error };
  assert.ok(code !== 0 || error !== undefined);
  await kept.end();
  assert.ok(!existsSync(own));
  await assert.rejects(kept.start(), /has ended/);
});

it('its owner killed: the command ends and the folders go', async () => {
  const own = join(folder, 'of the killed');
  const script = `
    import { keep } from ${JSON.stringify(join(import.meta.dirname, '../host/keep.mjs'))};
    const kept = keep({ command: 'sh', args: ['-c', 'echo $$; exec sleep 1000'], folders: [${JSON.stringify(own)}], output: 'pipe' });
    await kept.start();
    while (kept.said() === '') await new Promise((resolve) => setTimeout(resolve, 20));
    console.log(kept.said());
    process.kill(process.pid, 'SIGKILL');`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  owner.stdout.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  await new Promise((resolve) => owner.on('close', resolve));
  await until('the command ends', () => !isAlive(Number(said)));
  await until('the folder goes', () => !existsSync(own));
});
