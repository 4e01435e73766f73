// How a script ends: by itself, by Ctrl+C, by a signal, or because the npm that started it is gone.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { clearInterval, setInterval } from 'node:timers';

/** Exit codes by the shell's custom: 128 and the number of the signal. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

const cleanUps = [];
const interrupts = new Set();
let reason;
let askedToEnd;
const asked = new Promise((resolve) => (askedToEnd = resolve));

/** Runs at the end, the latest first, however the script ends. */
export function atEnd(cleanUp) {
  cleanUps.push(cleanUp);
}

/** Waits for a step of the work; when the script is to end meanwhile, `interrupt` makes the step end. */
export async function step(work, interrupt) {
  throwIfEnding();
  interrupts.add(interrupt);
  try {
    return await work;
  } finally {
    interrupts.delete(interrupt);
    throwIfEnding();
  }
}

/** Whether the script was asked to end. */
export function isEnding() {
  return reason !== undefined;
}

export function throwIfEnding() {
  if (reason !== undefined) throw new Error(`Ended by ${reason}.`);
}

function beginToEnd(signal) {
  if (reason !== undefined) {
    console.log('Already ending; this takes some seconds.');
    return;
  }
  reason = signal;
  console.log('\nEnding what was started…');
  for (const interrupt of interrupts) void interrupt();
  askedToEnd();
}

/**
 * Runs a script's work and, whatever comes, its clean-ups; then ends the process. With `stay`, what the work began
 * goes on until the script is asked to end, or the promise that the work resolved to in `until` is settled.
 * @param {() => Promise<void | { until?: Promise<unknown> }>} work
 * @param {{ stay?: boolean, finish?: (error: Error | undefined) => number }} options `finish` gives the exit code
 */
export async function runScript(work, { stay = false, finish } = {}) {
  for (const signal of Object.keys(EXIT_CODES)) process.on(signal, () => beginToEnd(signal));
  // A terminal that was closed takes no more words.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  watchNpm();
  let error;
  let wasReady = false;
  try {
    const begun = await work();
    throwIfEnding();
    wasReady = true;
    if (stay) await Promise.race([asked, ...(begun?.until ? [begun.until] : [])]);
  } catch (thrown) {
    error = thrown;
  }
  for (const cleanUp of cleanUps.reverse()) {
    try {
      await cleanUp();
    } catch (thrown) {
      console.error(thrown.message);
    }
  }
  if (finish !== undefined) process.exit(finish(reason === undefined ? error : new Error(`Ended by ${reason}.`)));
  if (reason !== undefined) process.exit(wasReady ? 0 : EXIT_CODES[reason]);
  if (error !== undefined) console.error(`\n${error.message}`);
  process.exit(error === undefined ? 0 : 1);
}

/**
 * Nobody could end this script from a terminal any more when the npm that started it was killed.
 * npm runs a script by a shell, which stays between the two or not.
 */
function watchNpm() {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const above = parentOf(parent);
  const timer = setInterval(() => {
    if (process.ppid === parent && parentOf(parent) === above) return;
    clearInterval(timer);
    beginToEnd('SIGHUP');
  }, 1000);
  timer.unref();
}

function parentOf(pid) {
  if (process.platform !== 'linux')
    return Number(spawnSync('ps', ['-o', 'ppid=', '-p', String(pid)], { encoding: 'utf8' }).stdout);
  try {
    // proc(5): the parent is the second field after the name, which stands in parentheses.
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')[1]);
  } catch {
    return undefined;
  }
}
