import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Connection } from '../../src/engine/connection.ts';
import { BadArgument, EngineFailure, NotFound } from '../../src/engine/errors.ts';
import { createContainer, hostConfigOf, type NewContainer } from '../../src/mounts/create.ts';
import { parseMountSpec, parseMountSpecs } from '../../src/mounts/spec.ts';
import { printMount } from '../printMount.ts';
import { begin, BUSYBOX, container, end, GNU_TAR, job, LABEL, remove, unique, WITH_VOLUME } from './support.ts';

const LOCAL = { home: '/root' };
let connection: Connection;
let folder: string;
before(async () => {
  ({ connection, folder } = await begin());
});
const made: string[] = [];
after(async () => {
  for (const name of made)
    await connection.docker
      .getContainer(name)
      .remove({ force: true, v: true })
      .catch(() => undefined);
  await end(connection, folder);
  for (const name of ['dm-spec-vol', 'dm.spec_2']) await connection.docker.getVolume(name).remove();
  remove('/tmp/dm-spec');
});

async function create(wanted: Partial<NewContainer> & { specs?: unknown[] }): Promise<string> {
  const { specs = [], ...rest } = wanted;
  const name = unique('new');
  made.push(name);
  await createContainer(
    connection,
    {
      image: BUSYBOX,
      name,
      mounts: parseMountSpecs(specs, LOCAL),
      volumesFrom: [],
      env: [],
      start: true,
      createSource: true,
      ...rest,
    },
    job().log,
  );
  return name;
}

function inside(name: string, ...command: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(
    'docker',
    ['-H', connection.endpoint.address, 'exec', name, ...command],
    { encoding: 'utf8' },
  );
  return { status, output: stdout + stderr };
}

it('a bind to a directory that does not exist: made and said, or refused as the user chose', async () => {
  const missing = join(folder, 'not yet');
  await assert.rejects(
    create({ specs: [`${missing}:/data`], createSource: false }),
    (error: Error) => error instanceof EngineFailure && error.message.includes('not yet'),
  );
  assert.equal(existsSync(missing), false);
  const { warnings } = await createContainer(
    connection,
    {
      image: BUSYBOX,
      name: made[made.push(unique('said')) - 1],
      mounts: parseMountSpecs([`${missing}:/data`], LOCAL),
      volumesFrom: [],
      env: [],
      start: true,
      createSource: true,
    },
    job().log,
  );
  assert.match(warnings.join(), /not yet.*did not exist/);
  assert.equal(existsSync(missing), true);
});

it('a file as a mount, read-only: a write through it fails, and inspect says RW: false', async () => {
  const file = join(folder, 'app.conf');
  writeFileSync(file, 'port 80\n');
  const name = await create({ specs: [`${file}:/etc/app.conf:ro`] });
  assert.equal(inside(name, 'cat', '/etc/app.conf').output, 'port 80\n');
  const write = inside(name, 'sh', '-c', 'echo changed > /etc/app.conf');
  assert.notEqual(write.status, 0);
  assert.match(write.output, /[Rr]ead-only/);
  assert.equal(readFileSync(file, 'utf8'), 'port 80\n');
  assert.equal((await connection.docker.getContainer(name).inspect()).Mounts[0]?.RW, false);
});

it('two containers from one image have different volumes, both filled; a third takes the first’s and writes the same files', async () => {
  const first = await create({ image: WITH_VOLUME });
  const second = await create({ image: WITH_VOLUME });
  const third = await create({ volumesFrom: [first] });
  const reader = await create({ volumesFrom: [`${third}:ro`] });
  for (const name of [first, second])
    assert.equal(inside(name, 'cat', '/var/lib/data/seed.txt').output, 'from the image\n');
  assert.equal(inside(third, 'sh', '-c', 'echo shared > /var/lib/data/new').status, 0);
  assert.equal(inside(first, 'cat', '/var/lib/data/new').output, 'shared\n');
  assert.notEqual(inside(second, 'cat', '/var/lib/data/new').status, 0);
  assert.equal(inside(reader, 'cat', '/var/lib/data/new').output, 'shared\n');
  assert.notEqual(inside(reader, 'rm', '/var/lib/data/new').status, 0);
  await connection.docker.getContainer(first).remove({ force: true });
  await connection.docker.getContainer(third).restart({ t: 0 });
  assert.equal(inside(third, 'cat', '/var/lib/data/new').output, 'shared\n');
});

it('one that cannot start is removed again, with the volume that was made for it', async () => {
  const volumeName = unique('half');
  const name = unique('half');
  await assert.rejects(
    createContainer(
      connection,
      {
        image: GNU_TAR,
        name,
        command: ['/no/such/program'],
        mounts: parseMountSpecs([`${volumeName}:/data`], LOCAL),
        volumesFrom: [],
        env: [],
        start: true,
        createSource: true,
      },
      job().log,
    ),
    (error: Error) => error.message.includes('/no/such/program'),
  );
  await assert.rejects(connection.docker.getContainer(name).inspect());
  await assert.rejects(connection.docker.getVolume(volumeName).inspect());
});

it('an unknown image or container is named; a target given twice is refused', async () => {
  await assert.rejects(
    create({ image: 'no-such-image' }),
    (error: Error) => error instanceof NotFound && error.message.includes('no-such-image'),
  );
  await assert.rejects(
    create({ volumesFrom: ['no-such-container:ro'] }),
    (error: Error) => error instanceof NotFound && error.message.includes('no-such-container'),
  );
  assert.throws(
    () => parseMountSpecs(['/a:/x', 'type=tmpfs,dst=/x/'], LOCAL),
    (error: Error) => error instanceof BadArgument && /"\/x" is given twice/.test(error.message),
  );
});

/** What the engine makes of a mount, whoever asked for it. */
async function mountsOf(name: string): Promise<unknown[]> {
  const { Mounts } = await connection.docker.getContainer(name).inspect();
  return (
    Mounts as { Type: string; Name?: string; Source: string; Destination: string; RW: boolean; Propagation: string }[]
  ).map(({ Type, Name, Source, Destination, RW, Propagation }) => ({
    Type,
    source: Type === 'bind' ? Source : (Name ?? '').replace(/^[0-9a-f]{64}$/, 'anonymous'),
    Destination,
    RW,
    Propagation,
  }));
}

describe('the verdict and the mounts of the docker command', () => {
  const sources = ['/tmp/dm-spec', 'dm-spec-vol', 'dm.spec_2'];
  const modes = [
    '',
    ':ro',
    ':rw',
    ':z',
    ':Z',
    ':ro,z',
    ':nocopy',
    ':rshared',
    ':rprivate',
    ':ro,rslave',
    ':ro,nocopy',
    ':ro,rw',
    ':foo',
    ':z,Z',
    ':ro,ro',
  ];
  const volumes = [
    '/only',
    ':/x',
    '/tmp/dm-spec:',
    '/tmp/dm-spec:x',
    '/tmp/dm-spec:/x:ro:rw',
    'a/b:/x',
    '-x:/x',
    '/tmp/dm-spec:/x:',
    '/tmp/dm-spec:/x/../y/',
    ...sources.flatMap((source) => modes.map((mode) => `${source}:/x${mode}`)),
  ];
  const mounts = [
    'type=bind,src=/tmp,dst=/x',
    'type=bind,source=/tmp,target=/x,readonly',
    'type=bind,src=/tmp,dst=/x,ro=false',
    'type=bind,src=/tmp,dst=/x,bind-propagation=rshared',
    'type=bind,src=/tmp/dm-missing,dst=/x',
    'type=bind,dst=/x',
    'type=volume,dst=/x',
    'src=dm-spec-vol,dst=/x',
    'type=volume,src=dm-spec-vol,dst=/x,volume-nocopy',
    'type=volume,src=dm-spec-vol,dst=/x,volume-nocopy=false',
    'type=tmpfs,dst=/x',
    'type=tmpfs,dst=/x,tmpfs-size=1m,tmpfs-mode=1777',
    'type=tmpfs,src=a,dst=/x',
    'type=tmpfs,dst=/x,tmpfs-mode=9',
    'type=nonsense,dst=/x',
    'type=bind,src=/tmp,dst=x',
    'type=bind,src=/tmp,dst=/x,colour=red',
    'type=bind,src=/tmp,dst=/x,volume-nocopy',
    'type=bind,"src=/tmp",dst=/x',
    'type=volume,src=/tmp,dst=/x',
    'type=bind,src=/tmp',
    'type=bind,src=/tmp,dst=/x,readonly=maybe',
  ];
  for (const [flag, texts] of [
    ['-v', volumes],
    ['--mount', mounts],
  ] as const) {
    for (const text of texts) {
      it(`${flag} ${text}`, async () => {
        const [theirs, ours] = [unique('cli'), unique('api')];
        made.push(theirs, ours);
        const cli = spawnSync(
          'docker',
          [
            '-H',
            connection.endpoint.address,
            'create',
            '--label',
            LABEL,
            '--network',
            'none',
            '--name',
            theirs,
            flag,
            text,
            BUSYBOX,
          ],
          { encoding: 'utf8' },
        );
        let verdict: string | undefined;
        try {
          await container(connection, ours, {
            start: false,
            HostConfig: hostConfigOf([parseMountSpec(text, LOCAL)], flag === '-v') as object,
          });
        } catch (error) {
          verdict = (error as Error).message;
        }
        assert.equal(
          verdict === undefined,
          cli.status === 0,
          `ours: ${verdict ?? 'taken'}; docker: ${cli.status === 0 ? 'taken' : cli.stderr}`,
        );
        if (verdict === undefined) assert.deepEqual(await mountsOf(ours), await mountsOf(theirs));
      });
    }
  }
});

it('printed and read again, a mount is the same', () => {
  for (const text of [
    '/a:/b',
    '/a b:/c,d:ro',
    'vol:/x:nocopy',
    '/a:/b:rshared',
    'type=tmpfs,dst=/t,tmpfs-size=64m,tmpfs-mode=1770',
    'type=volume,src=db,dst=/v,volume-subpath=a/b,volume-label=k=v',
    'type=volume,dst=/c,volume-driver=local,volume-opt=type=nfs,"volume-opt=o=addr=1,rw"',
    'type=bind,"src=/say ""hi""",dst=/x,bind-nonrecursive',
  ]) {
    const mount = parseMountSpec(text, LOCAL);
    assert.deepEqual(parseMountSpec(printMount(mount), LOCAL), mount, text);
  }
});
