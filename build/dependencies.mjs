/** The shape of the imports: no circle, not even of types. Who may import whom stands in eslint.config.mjs. */
export default {
  forbidden: [
    {
      name: 'no-circle',
      comment: 'Files that need each other are one thing in two files: move what both use into a third.',
      severity: 'error',
      from: { path: '^src' },
      to: { circular: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.mjs', '.js'] },
  },
};
