import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { devcontainerId, folderOf, readDevcontainer } from '../../src/projects/devcontainer.ts';
import type { Environment } from '../../src/projects/environment.ts';
import { devcontainerProblems } from '../../src/projects/problems.ts';

const FILE = '/code/shop/.devcontainer/devcontainer.json';
const read = (text: string, env: Environment = {}) => readDevcontainer({ file: FILE, text, env, home: '/home/user' });
const mounts = (text: string, env?: Environment) =>
  read(text, env).mounts.map(
    ({ type, source, target, readOnly }) => `${type} ${source} → ${target}${readOnly ? ' ro' : ''}`,
  );

it('the folder that a file is for, in each of its three places', () => {
  assert.deepEqual(
    ['/w/.devcontainer.json', '/w/.devcontainer/devcontainer.json', '/w/.devcontainer/go/devcontainer.json'].map(
      folderOf,
    ),
    ['/w', '/w', '/w'],
  );
});

it('mounts as texts and objects, the workspace’s own, and every variable that is known outside', () => {
  const text = `{
  // comments and trailing commas are fine here
  "workspaceFolder": "/code/\${localWorkspaceFolderBasename}",
  "workspaceMount": "source=\${localWorkspaceFolder}/src,target=/code,type=bind,consistency=cached",
  "mounts": [
    "source=\${localEnv:HOME}\${localEnv:USERPROFILE:}/.ssh,target=/root/.ssh,type=bind,readonly",
    "source=history-\${devcontainerId},target=/history",
    { "type": "volume", "source": "\${localEnv:NAME:cache}", "target": "\${containerWorkspaceFolder}/.cache" },
    { "type": "tmpfs", "target": "/scratch" },
  ],
}`;
  const id = devcontainerId('/code/shop', FILE);
  assert.match(id, /^[0-9a-v]{52}$/);
  assert.deepEqual(mounts(text, { HOME: '/home/user' }), [
    'bind /home/user/.ssh → /root/.ssh ro',
    `volume history-${id} → /history`,
    'volume cache → /code/shop/.cache',
    'tmpfs  → /scratch',
    'bind /code/shop/src → /code',
  ]);
  assert.deepEqual(
    read(text)
      .mounts.map(({ place }) => text.slice(place.span.start, place.span.end))
      .at(-1),
    '"source=${localWorkspaceFolder}/src,target=/code,type=bind,consistency=cached"',
  );
});

it('what cannot be used is told with its cause', () => {
  const { bad } = read(
    '{"mounts": ["/a:/b", "source=x", {"type": "bind", "target": "/t"}, 7, null, ["a=b"], "source=${localEnv:NOT_SET},target=/x,type=bind"]}',
  );
  assert.deepEqual(
    bad.map(({ text }) => text),
    [
      '"/a:/b"',
      '"source=x"',
      '{"type": "bind", "target": "/t"}',
      '7',
      'null',
      '["a=b"]',
      '"source=${localEnv:NOT_SET},target=/x,type=bind"',
    ],
  );
  assert.match(bad[0]!.why, /--mount/);
  assert.match(bad.at(-1)!.why, /"NOT_SET" is not set/);
});

it('a missing source and a target given twice', () => {
  const facts = new Map([['/gone', { kind: 'missing' as const, real: '/gone' }]]);
  const found = devcontainerProblems(read('{"mounts": ["source=/gone,target=/a,type=bind", "source=vol,target=/a"]}'), {
    snapshot: undefined,
    isLocal: true,
    facts,
  });
  assert.deepEqual(
    found.map(({ kind }) => kind),
    ['missingSource', 'targetTwice'],
  );
});

it('never throws on any text, and every place lies in it', () => {
  const pieces = [
    '{',
    '}',
    '"mounts":',
    '[',
    ']',
    '"source=',
    'target=/a',
    ',',
    'type=bind"',
    '${',
    'localEnv:',
    '}',
    '"workspaceMount":',
    '//',
    '/*',
    'null',
    '{"type":',
    '"volume"',
    ':',
    '"',
    '\n',
  ];
  fc.assert(
    fc.property(
      fc
        .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 6 })), { maxLength: 50 })
        .map((parts) => parts.join('')),
      (text) => {
        for (const one of [`{"mounts": [${text}`, text]) {
          const { mounts: found, bad } = read(one);
          for (const { place } of [...found, ...bad]) assert.ok(place.span.start >= 0 && place.span.end <= one.length);
        }
      },
    ),
    { numRuns: 500 },
  );
});
