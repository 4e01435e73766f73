/**
 * Reads project files in a worker thread, so that no text blocks the window, and gives up on one that takes too long.
 */
import { Worker } from 'node:worker_threads';
import { LimitReached, type LimitKind } from './limits.ts';
import type { FromWorker, ReadingTask, Results, ToWorker } from './reading.ts';

/** A text of two megabytes takes some seconds on a slow machine. */
const LONGEST_MS = 30_000;
/** An idle worker is ended after this time: it holds some tens of megabytes. */
const IDLE_MS = 120_000;
/** Megabytes; a text that needs more ends its worker, and nothing else. */
const MOST_MEMORY_MB = 512;

/** A file's text, or undefined for one that cannot be read. Rejects with LimitReached for one that is too large. */
export type ReadText = (file: string) => Promise<string | undefined>;

interface Job {
  readonly task: ReadingTask;
  readonly read: ReadText;
  readonly resolve: (result: Results[keyof Results]) => void;
  readonly reject: (error: Error) => void;
}

export interface ReaderOptions {
  /** Milliseconds that one reading may take. */
  readonly longestMs?: number;
  /** The sentences of the user's language, by the English ones. */
  readonly bundle?: Readonly<Record<string, unknown>>;
}

/** Reads one file at a time. Owned by the composition root; ends with `dispose`. */
export class ProjectReader {
  readonly #script: string | URL;
  readonly #longestMs: number;
  readonly #bundle: ReaderOptions['bundle'];
  readonly #queue: Job[] = [];
  #worker: Worker | undefined;
  #running: { readonly id: number; readonly job: Job; readonly timer: NodeJS.Timeout } | undefined;
  #idle: NodeJS.Timeout | undefined;
  #last = 0;

  /** `script` is the worker's own file: `dist/projectWorker.cjs`, or `worker.ts` if the source runs unbundled. */
  constructor(script: string | URL, { longestMs = LONGEST_MS, bundle }: ReaderOptions = {}) {
    this.#bundle = bundle;
    this.#script = script;
    this.#longestMs = longestMs;
  }

  /**
   * Reads one file. What takes too long, or too much memory, has a `limit` and nothing else. Rejects if the worker
   * cannot start.
   */
  read<K extends keyof Results>(task: ReadingTask & { readonly kind: K }, read: ReadText): Promise<Results[K]> {
    return new Promise<Results[keyof Results]>((resolve, reject) => {
      this.#queue.push({ task, read, resolve, reject });
      this.#next();
    }) as Promise<Results[K]>;
  }

  dispose(): void {
    clearTimeout(this.#idle);
    clearTimeout(this.#running?.timer);
    this.#queue.length = 0;
    void this.#worker?.terminate();
    this.#worker = undefined;
  }

  #next(): void {
    if (this.#running !== undefined) return;
    const job = this.#queue.shift();
    clearTimeout(this.#idle);
    if (job === undefined) {
      this.#idle = setTimeout(() => this.#end(), IDLE_MS);
      this.#idle.unref();
      return;
    }
    this.#last += 1;
    const id = this.#last;
    const timer = setTimeout(() => this.#giveUp(id), this.#longestMs);
    timer.unref();
    this.#running = { id, job, timer };
    const worker = (this.#worker ??= this.#start());
    worker.ref();
    worker.postMessage({ id, task: job.task } satisfies ToWorker);
  }

  #start(): Worker {
    const worker = new Worker(this.#script, {
      workerData: { bundle: this.#bundle },
      resourceLimits: { maxOldGenerationSizeMb: MOST_MEMORY_MB },
    });
    worker.on('message', (message: FromWorker) => void this.#answer(worker, message));
    worker.on('error', (error: NodeJS.ErrnoException) => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      const { job } = this.#running ?? {};
      if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') this.#finish(() => job?.resolve(limited(job.task, 'tooMuch')));
      else this.#finish(() => job?.reject(error));
    });
    return worker;
  }

  async #answer(worker: Worker, message: FromWorker): Promise<void> {
    const running = this.#running;
    if (running?.id !== message.id) return;
    if ('wants' in message) {
      const file = message.wants;
      const answer = await running.job.read(file).then(
        (text): ToWorker => ({ id: message.id, file, text }),
        (error: unknown): ToWorker => ({
          id: message.id,
          file,
          text: undefined,
          ...(error instanceof LimitReached ? { limit: error.limit } : {}),
        }),
      );
      worker.postMessage(answer);
      return;
    }
    this.#finish(() =>
      'done' in message ? running.job.resolve(message.done) : running.job.reject(new Error(message.failed)),
    );
  }

  #giveUp(id: number): void {
    const { job } = this.#running ?? {};
    if (this.#running?.id !== id || job === undefined) return;
    this.#end();
    this.#finish(() => job.resolve(limited(job.task, 'tooMuch')));
  }

  #end(): void {
    void this.#worker?.terminate();
    this.#worker = undefined;
  }

  #finish(tell: () => void): void {
    clearTimeout(this.#running?.timer);
    this.#running = undefined;
    // A worker that waits keeps nothing alive.
    this.#worker?.unref();
    tell();
    this.#next();
  }
}

function limited(task: ReadingTask, limit: LimitKind): Results[keyof Results] {
  const { file } = task;
  switch (task.kind) {
    case 'dockerfile':
      return { volumes: [], changes: [], limit };
    case 'devcontainer':
      return { file, folder: '', mounts: [], bad: [], limit };
    case 'compose':
      return {
        name: '',
        directory: '',
        files: [file],
        services: [],
        volumes: [],
        bad: [],
        unread: [],
        limit: { kind: limit, file },
      };
  }
}
