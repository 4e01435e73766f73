// What nothing uses any more. The second run, over what is shipped, also finds what only tests use; where that is
// meant, the comment says `@internal`: exported for tests.
export default {
  entry: [
    'src/extension.ts!',
    'src/projects/worker.ts!',
    'test/*/*.test.ts',
    'test/extension/index.ts',
    // Run as programs of their own.
    'test/engine/{doomed,mortal,twoEngines}.ts',
    'test/start/run.ts',
    'test/bench/*.ts',
    'test/host/{*.mjs,engineAtHand.ts,samples.ts}',
    'build/*.mjs',
  ],
  project: ['src/**/*.ts!', 'test/**/*.{ts,mjs}', 'build/*.mjs'],
  exclude: ['binaries'],
  // Comes with dockerode; what is imported of it are types.
  ignoreDependencies: ['docker-modem'],
};
