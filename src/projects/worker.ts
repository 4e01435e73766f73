/** The worker thread that reads project files: their parsers may take seconds for large ones. */
import * as l10n from '@vscode/l10n';
import { parentPort, workerData } from 'node:worker_threads';
import { loadProject } from './composeProject.ts';
import { readDevcontainer } from './devcontainer.ts';
import { readDockerfile } from './dockerfile.ts';
import { LimitReached } from './limits.ts';
import type { FileAnswer, FromWorker, ReadingTask, Results, ToWorker } from './reading.ts';

const { bundle } = (workerData ?? {}) as { readonly bundle?: Record<string, string> };
if (bundle !== undefined) l10n.config({ contents: bundle });

const port = parentPort;
/** Files that were asked for, by task and path. */
const waiting = new Map<string, (answer: FileAnswer) => void>();
const keyOf = (id: number, file: string) => `${id} ${file}`;

function send(message: FromWorker): void {
  port?.postMessage(message);
}

async function run(id: number, task: ReadingTask): Promise<Results[keyof Results]> {
  switch (task.kind) {
    case 'dockerfile':
      return readDockerfile(task.text);
    case 'devcontainer':
      return readDevcontainer(task);
    case 'compose': {
      const read = async (file: string) => {
        const answer = await new Promise<FileAnswer>((resolve) => {
          waiting.set(keyOf(id, file), resolve);
          send({ id, wants: file });
        });
        if (answer.limit !== undefined) throw new LimitReached(answer.limit);
        return answer.text;
      };
      return loadProject({ ...task, read });
    }
  }
}

port?.on('message', (message: ToWorker) => {
  if ('task' in message) {
    run(message.id, message.task).then(
      (done) => send({ id: message.id, done }),
      (error: unknown) => send({ id: message.id, failed: (error as Error).message }),
    );
    return;
  }
  const key = keyOf(message.id, message.file);
  waiting.get(key)?.(message);
  waiting.delete(key);
});
