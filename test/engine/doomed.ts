/**
 * A window that is to be killed in the middle of a job: does what its argument says, and tells its progress line by
 * line.
 */
import { backup, type BackupRequest } from '../../src/backup/backup.ts';
import type { RestoreRequest } from '../../src/backup/restore/prepare.ts';
import { restore } from '../../src/backup/restore/restore.ts';
import { cloneVolume } from '../../src/backup/copy.ts';
import { parseMountSpecs } from '../../src/mounts/spec.ts';
import { changeMounts } from '../../src/mounts/replace.ts';
import { connect, job, jobOn } from './support.ts';

export type DoomedJob =
  | { readonly kind: 'backup'; readonly request: BackupRequest }
  | { readonly kind: 'restore'; readonly request: RestoreRequest }
  | { readonly kind: 'clone'; readonly volume: string; readonly name: string; readonly helperImage: string }
  | { readonly kind: 'addMount'; readonly container: string; readonly mount: string };

const doomed = JSON.parse(process.argv[2] ?? 'null') as DoomedJob;
const connection = await connect();
const work = job((bytes) => process.stdout.write(`${bytes}\n`));
process.stdout.write('begun\n');
switch (doomed.kind) {
  case 'backup':
    await backup(jobOn(connection, work), doomed.request);
    break;
  case 'restore':
    await restore(jobOn(connection, work), doomed.request);
    break;
  case 'clone':
    await cloneVolume(jobOn(connection, work), doomed.volume, doomed.name, doomed);
    break;
  case 'addMount':
    await changeMounts(
      connection,
      doomed.container,
      { kind: 'add', mounts: parseMountSpecs([doomed.mount], { home: '/' }) },
      work.log,
    );
}
process.stdout.write('done\n');
