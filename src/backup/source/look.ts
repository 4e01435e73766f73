/** Looks into a mount through the engine's archive endpoint: what its root is, whether it is empty, what it holds. */
import { pipeline } from 'node:stream/promises';
import { Writable } from 'node:stream';
import { createArchiveHelper, type Helper } from '../../engine/helper/helper.ts';

import { memberPath } from '../../tar/names.ts';
import { tarMembers, type TarMember, type WalkOptions } from '../../tar/members.ts';
import type { Job } from '../../engine/job.ts';

const AT = '/docker-mounts/look/root';

export interface MountRef {
  readonly type: 'bind' | 'volume';
  readonly source: string;
}

export interface MountState {
  /** A bind can be of a single file. */
  readonly isFile: boolean;
  readonly isEmpty: boolean;
  /** The root's own entry. */
  readonly root: TarMember | undefined;
}

async function withHelper<T>(
  job: Job,
  { type, source }: MountRef,
  task: (helper: Helper, isFile: boolean) => Promise<T>,
): Promise<T> {
  const helper = await createArchiveHelper(job.connection, [{ type, source, target: AT, readOnly: true }], job.log);
  try {
    return await task(helper, (await helper.stat(AT)) !== 'directory');
  } finally {
    await helper.remove();
  }
}

/** What a file system makes by itself is no data. */
function isData({ name }: TarMember): boolean {
  const path = memberPath(name);
  return path !== '' && path !== 'lost+found' && !path.startsWith('lost+found/');
}

/** Reads no further than to the first entry. Throws EngineFailure for a source that is not there. */
export async function lookAt(job: Job, mount: MountRef): Promise<MountState> {
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

/** Walks all that a mount holds; a single file has the name of a root. */
export async function walkMount(job: Job, mount: MountRef, walk: WalkOptions): Promise<void> {
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
