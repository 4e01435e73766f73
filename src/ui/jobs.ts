/** Long work as a person sees it: progress in bytes, a cancel button, one notification at the end. */
import * as vscode from 'vscode';
import { Cancelled } from '../engine/errors.ts';

import { formatBytes } from './format.ts';
import { say, shown, type Shown } from './shown.ts';
import { withProgress, type Log } from './window.ts';
import type { Connection } from '../engine/connection.ts';
import type { Work, Job } from '../engine/job.ts';

const REPORT_EVERY_MS = 200;

/** Runs work under a notification. A cancel rejects with vscode.CancellationError once the job has cleaned up. */
export async function withWork<T>(title: Shown, log: Log, task: (work: Work) => Promise<T>): Promise<T> {
  return withProgress(title, async (report, token) => {
    const abort = new AbortController();
    const subscription = token.onCancellationRequested(() => {
      report(say('cancelling, nothing will be left behind…'));
      abort.abort();
    });
    let reported = 0;
    const onBytes = (bytes: number, total?: number) => {
      const now = Date.now();
      if (abort.signal.aborted || now - reported < REPORT_EVERY_MS) return;
      reported = now;
      report(total ? say('{0} of {1}', formatBytes(bytes), formatBytes(total)) : shown(formatBytes(bytes)));
    };
    try {
      return await task({ signal: abort.signal, log, progress: onBytes });
    } catch (error) {
      if (error instanceof Cancelled) throw new vscode.CancellationError();
      throw error;
    } finally {
      subscription.dispose();
    }
  });
}

/** The same for work on an engine. */
export function withJob<T>(
  title: Shown,
  { connection, log }: { readonly connection: Connection; readonly log: Log },
  task: (job: Job) => Promise<T>,
): Promise<T> {
  return withWork(title, log, (work) => task({ ...work, connection, warn: (message) => log.warn(message) }));
}
