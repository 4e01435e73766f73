/** Looks into a mount through the engine's archive endpoint: what its root is, whether it is empty, what it holds. */
import { pipeline } from 'node:stream/promises';
import { Writable } from 'node:stream';
import { createArchiveHelper, type Helper, type MountSource } from '../../engine/helper/helper.ts';

import { memberPath } from '../../tar/names.ts';
import { tarMembers, type TarMember, type WalkOptions } from '../../tar/members.ts';
import type { Job } from '../../engine/job.ts';

const AT = '/docker-mounts/look/root';

export interface MountState {
  /** A bind can be of a single file. */
  readonly isFile: boolean;
  readonly isEmpty: boolean;
  /** The root's own entry. */
  readonly root: TarMember | undefined;
}

async function withHelper<T>(
  job: Job,
  { type, source }: MountSource,
  task: (helper: Helper, isFile: boolean) => Promise<T>,
): Promise<T> {
  const helper = await createArchiveHelper(job.connection, [{ type, source, target: AT, readOnly: true }], job.log);
  try {
    return await task(helper, (await helper.stat(AT)) !== 'directory');
  } finally {
    await helper.remove();
  }
}

/** What a file system creates by itself is not data. */
function isData({ name }: TarMember): boolean {
  const path = memberPath(name);
  return path !== '' && path !== 'lost+found' && !path.startsWith('lost+found/');
}

/** Reads only to the first entry. Throws EngineFailure for a source that does not exist. */
export async function lookAt(job: Job, mount: MountSource): Promise<MountState> {
  return withHelper(job, mount, async (helper, isFile) => {
    const stream = await helper.readArchive(isFile ? AT : `${AT}/.`);
    let root: TarMember | undefined;
    let isEmpty = true;
    const members = tarMembers({
      onMember: (member) => {
        if (isFile) isEmpty = member.bytes === 0;
        else if (memberPath(member.name) === '') root ??= member;
        else if (isData(member)) isEmpty = false;
      },
    });
    stream.on('error', (error) => members.destroy(error));
    for await (const _ of stream.pipe(members)) if (!isEmpty) break;
    stream.destroy();
    return { isFile, isEmpty, root };
  });
}

/** Walks everything in a mount; a single file has the name of a root. */
export async function walkMount(job: Job, mount: MountSource, walk: WalkOptions): Promise<void> {
  await withHelper(job, mount, async (helper, isFile) => {
    const stream = await helper.readArchive(isFile ? AT : `${AT}/.`);
    const members = tarMembers({
      ...walk,
      select: () => false,
      onMember: (member) => walk.onMember(isFile ? { ...member, name: Buffer.from('.') } : member),
    });
    await pipeline(stream, members, new Writable({ write: (_chunk, _encoding, done) => done() }), {
      signal: job.signal,
    });
  });
}
