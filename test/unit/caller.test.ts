import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isLocalCaller, type Frame } from '../../src/commands/caller.ts';

const HOST = '/opt/code/out/vs/workbench/api/node/extensionHostProcess.js';
const frames = (...text: string[]): Frame[] =>
  text.map((line) => {
    const [functionName = '', scriptName = ''] = line.split('@');
    return {
      functionName,
      scriptName:
        scriptName === 'host' ? HOST : scriptName === 'own' ? '/x/docker-mounts/dist/extension.cjs' : scriptName,
    };
  });
const OWN = ['isCalledLocally@own', '@own'];
const IN = [...OWN, '_executeContributedCommand@host'];
const LOCAL = [...IN, '_doExecuteCommand@host', 'executeCommand@host', 'executeCommand@host'];
const WIRE = [
  '_doInvokeHandler@host',
  '_invokeHandler@host',
  '_receiveRequest@host',
  '_receiveOneMessage@host',
  '@host',
  'fire@host',
  'emit@node:events',
  'addChunk@node:internal/streams/readable',
  'onStreamRead@node:internal/stream_base_commons',
];

const cases: [string, string[], boolean][] = [
  [
    'an extension calls',
    [...LOCAL, 'run@/x/other/out/main.js', 'processTicksAndRejections@node:internal/process/task_queues'],
    true,
  ],
  [
    'an extension calls in the command that a link called',
    [
      ...LOCAL,
      'handler@/x/other/out/main.js',
      '_executeContributedCommand@host',
      '$executeContributedCommand@host',
      ...WIRE,
    ],
    true,
  ],
  ['our own extension calls', [...LOCAL, 'start@own'], true],
  ['an ES module calls', [...LOCAL, '@file:///x/other/main.mjs'], true],
  [
    'private names are shortened by the build',
    [...OWN, 'k@host', 'l@host', 'executeCommand@host', 'executeCommand@host', 'run@/x/other/main.js'],
    true,
  ],
  ['a link, a keybinding or a menu', [...IN, '$executeContributedCommand@host', ...WIRE], false],
  [
    'a lens or a button whose arguments are kept in the host',
    [
      ...LOCAL,
      '_executeConvertedCommand@host',
      '_executeContributedCommand@host',
      '$executeContributedCommand@host',
      ...WIRE,
    ],
    false,
  ],
  ['VS Code itself, on a message', [...LOCAL, '$executeTestFollowup@host', ...WIRE], false],
  ['VS Code itself, on a timer', [...LOCAL, '@host', 'listOnTimeout@node:internal/timers'], false],
  [
    'executeCommand handed on as a callback',
    [...LOCAL, 'processTicksAndRejections@node:internal/process/task_queues'],
    false,
  ],
  [
    'a later VS Code that waits before it calls',
    [...IN, 'processTicksAndRejections@node:internal/process/task_queues'],
    false,
  ],
  [
    'an event that VS Code fires to an extension that is not executeCommand',
    [...IN, 'fire@host', 'run@/x/other/main.js'],
    false,
  ],
  [
    'VS Code in several files, from the window',
    [
      ...OWN,
      '_executeContributedCommand@/v/extHostCommands.js',
      '$executeContributedCommand@/v/extHostCommands.js',
      '_doInvokeHandler@/v/rpcProtocol.js',
    ],
    false,
  ],
  ['evaluated code without a file', [...LOCAL, 'run@'], false],
  ['nothing but our own', OWN, false],
  ['nothing', [], false],
];
for (const [name, stack, expected] of cases) {
  it(`${name}: ${expected ? 'in this host' : 'from outside'}`, () =>
    assert.equal(isLocalCaller(frames(...stack)), expected));
}
