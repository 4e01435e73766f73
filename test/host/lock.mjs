// One script at a time does what two would spoil for each other, such as installing into one folder.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfEnding } from './ending.mjs';

/** Whether a process is there; a number that another process has by now counts as there. */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/**
 * Does the work while `file` says that this process does it; waits for another process that does.
 * A lock whose process is gone counts for nothing.
 */
export async function withLock(file, what, work) {
  mkdirSync(dirname(file), { recursive: true });
  let told = false;
  while (!take(file)) {
    throwIfEnding();
    const pid = Number(read(file));
    if (!told) console.log(`Process ${pid} is ${what}; waiting for it. (Its lock is ${file}.)`);
    told = true;
    await sleep(300);
  }
  const release = () => rmSync(file, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

function take(file) {
  const pid = read(file);
  if (pid !== undefined && (pid === '' || !isAlive(Number(pid)))) rmSync(file, { force: true });
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  }
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
