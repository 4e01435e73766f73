import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { readDockerfile } from '../../src/projects/dockerfile.ts';

const volumes = (text: string) =>
  readDockerfile(text).volumes.map(({ target, stage, counts }) => `${target} ${stage}${counts ? '' : ' unused'}`);
const changes = (text: string) =>
  readDockerfile(text).changes.map(
    ({ keyword, target, how, span }) => `${how} ${target}: ${text.slice(span.start, span.end)} ${keyword}`,
  );

it('VOLUME in both forms, over several lines, with ARG, ENV and defaults', () => {
  const text =
    'ARG ROOT=/srv\nFROM alpine:3\nARG ROOT\nENV DATA=/data\nVOLUME ["/a", "$DATA/b"]\nVOLUME /c/ \\\n  ${ROOT}/d ${NONE:-/e}\n';
  assert.deepEqual(volumes(text), ['/a 0', '/data/b 0', '/c 0', '/srv/d 0', '/e 0']);
});

it('a value that only the build knows makes no volume, and a relative path none', () => {
  assert.deepEqual(volumes('FROM a\nARG WHERE\nVOLUME $WHERE data /ok\n'), ['/ok 0']);
});

it('of several stages, the last and those that it is made from count', () => {
  const text = 'FROM a AS base\nVOLUME /base\nFROM b AS tools\nVOLUME /tools\nFROM Base\nVOLUME /last\n';
  assert.deepEqual(volumes(text), ['/base base', '/tools tools unused', '/last 2']);
});

it('every volume stands where the text has it', () => {
  const text = '# escape=`\r\nFROM a\r\nVOLUME [ "/a" , "/b" ]\r\nVOLUME /c `\r\n  /d\r\n';
  assert.deepEqual(
    readDockerfile(text).volumes.map(({ span }) => text.slice(span.start, span.end)),
    ['"/a"', '"/b"', '/c', '/d'],
  );
});

it('later instructions that change data under a volume are told, earlier ones and neighbours not', () => {
  const text = `FROM a AS base
RUN mkdir /data && touch /data/before
COPY early /data/
VOLUME /data
RUN touch /database /my/data
RUN chown -R app /data
WORKDIR /data
COPY --chown=app . .
ADD ["x", "/data/deep/"]
WORKDIR sub
FROM base
WORKDIR /srv
COPY y /srv/
COPY <<EOF /data/z
text
EOF
`;
  assert.deepEqual(changes(text), [
    'possible /data: RUN chown -R app /data RUN',
    'certain /data: COPY --chown=app . . COPY',
    'certain /data: ADD ["x", "/data/deep/"] ADD',
    'possible /data: WORKDIR sub WORKDIR',
    'certain /data: COPY <<EOF /data/z\ntext\nEOF COPY',
  ]);
});

it('a command in a directory under the volume may change it', () => {
  assert.deepEqual(changes('FROM node\nVOLUME /app\nWORKDIR /app\nRUN npm ci\n'), ['possible /app: RUN npm ci RUN']);
});

it('a text too large for a Dockerfile is left alone, and that is said', () => {
  assert.deepEqual(readDockerfile(`FROM a\n${'VOLUME /a\nRUN echo $X\n'.repeat(20_000)}`), {
    volumes: [],
    changes: [],
    limit: 'tooLarge',
  });
});

it('never throws on any text, and every place lies in it', () => {
  const pieces = [
    'FROM ',
    'a AS b',
    '\n',
    'VOLUME ',
    '["',
    '"]',
    '/data',
    '$X',
    '${',
    '\\\n',
    '# escape=`\n',
    'COPY ',
    '<<EOF',
    'EOF',
    'RUN ',
    'ARG X',
    '=1',
    ' ',
    '\r',
    'WORKDIR ',
    "'",
    'ONBUILD ',
  ];
  fc.assert(
    fc.property(
      fc
        .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 6 })), { maxLength: 50 })
        .map((parts) => parts.join('')),
      (text) => {
        const { volumes: found, changes: late } = readDockerfile(text);
        for (const { span } of [...found, ...late])
          assert.ok(span.start >= 0 && span.start <= span.end && span.end <= text.length, text);
      },
    ),
    { numRuns: 1000 },
  );
});
