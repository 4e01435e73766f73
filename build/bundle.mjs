// Bundles the extension (dist/extension.cjs), the worker that reads project files (dist/projectWorker.cjs) and, with
// --tests, the suite that runs inside VS Code (out/test/index.cjs). One file each: a .vsix of a few hundred kilobytes
// starts faster than node_modules.
import { build } from 'esbuild';
import { statSync } from 'node:fs';

/**
 * dockerode requires gRPC and protobuf at load for BuildKit sessions, which this extension never opens, and an ssh
 * library for connections that it makes otherwise. Each is replaced by an object that says so if anything ever touches
 * it.
 * @type {import('esbuild').Plugin}
 */
const withoutUnused = {
  name: 'without-unused',
  setup(context) {
    const unused = /^(@grpc\/grpc-js|@grpc\/proto-loader|protobufjs|tar-fs|@balena\/dockerignore)$/;
    context.onResolve({ filter: unused }, (args) => ({ path: args.path, namespace: 'unused' }));
    context.onLoad({ filter: /.*/, namespace: 'unused' }, (args) => ({
      contents: `module.exports = new Proxy(function () {}, { get(_, key) { throw new Error(${JSON.stringify(args.path)} + '.' + String(key) + ' is not part of this bundle'); } });`,
    }));
    // docker-modem's own way by ssh checks no host key; ours is the user's ssh program.
    context.onResolve({ filter: /^\.\/ssh$/ }, (args) =>
      args.importer.includes('docker-modem') ? { path: 'docker-modem/lib/ssh', namespace: 'unused' } : undefined,
    );
  },
};

/** @type {import('esbuild').BuildOptions} */
const common = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node22.15',
  external: ['vscode'],
  plugins: [withoutUnused],
  // Its CommonJS build is UMD, whose requires no bundler can follow; the ES build is the same code.
  alias: { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' },
  logLevel: 'warning',
};

await build({
  ...common,
  entryPoints: ['src/extension.ts'],
  outfile: 'dist/extension.cjs',
  minify: !process.argv.includes('--dev'),
  sourcemap: process.argv.includes('--dev') ? 'linked' : false,
});
await build({
  ...common,
  entryPoints: ['src/projects/worker.ts'],
  outfile: 'dist/projectWorker.cjs',
  minify: !process.argv.includes('--dev'),
  sourcemap: process.argv.includes('--dev') ? 'linked' : false,
});
console.log(`dist/extension.cjs ${(statSync('dist/extension.cjs').size / 1024).toFixed(0)} KiB`);

if (process.argv.includes('--tests')) {
  await build({
    ...common,
    entryPoints: ['test/extension/index.ts'],
    outfile: 'out/test/index.cjs',
    sourcemap: 'inline',
    external: ['vscode', 'mocha'],
  });
}
