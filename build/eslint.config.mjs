// The layer rule: three floors, each importing only from below, and dockerode known to one folder.
import { fileURLToPath } from 'node:url';
import js from '@eslint/js';
import regexp from 'eslint-plugin-regexp';
import ts from 'typescript-eslint';

const floors = ['engine', 'export', 'mounts', 'backup', 'files', 'projects', 'ui', 'views', 'editor', 'commands'];

/** Which folders of src each folder may import from, besides itself. */
const allowed = {
  engine: [],
  mounts: ['engine'],
  export: ['engine', 'mounts'],
  backup: ['engine', 'mounts'],
  files: ['engine', 'mounts', 'backup'],
  projects: ['engine', 'mounts'],
  ui: ['engine', 'mounts', 'export', 'backup', 'files'],
  views: ['engine', 'mounts', 'export', 'backup', 'files', 'ui'],
  editor: ['engine', 'mounts', 'export', 'backup', 'files', 'projects', 'ui'],
  commands: ['engine', 'mounts', 'export', 'backup', 'files', 'projects', 'ui', 'views', 'editor'],
};
const withVscode = ['ui', 'views', 'editor', 'commands'];

const layers = floors.map((floor) => {
  const forbidden = floors.filter((other) => other !== floor && !allowed[floor].includes(other));
  const patterns = forbidden.map((other) => ({
    group: [`**/${other}/*`],
    message: `src/${floor} may not import from src/${other}: each floor imports only from the floors below it.`,
  }));
  patterns.push({ group: ['**/extension.ts'], message: 'Nothing imports the composition root.' });
  const paths = [];
  if (!withVscode.includes(floor)) {
    paths.push({ name: 'vscode', message: `src/${floor} works without VS Code.` });
  }
  if (floor !== 'engine') {
    for (const name of ['dockerode', 'docker-modem']) {
      paths.push({ name, message: 'Only src/engine knows dockerode.' });
    }
  }
  return {
    files: [`src/${floor}/**/*.ts`],
    rules: { 'no-restricted-imports': ['error', { patterns, paths }] },
  };
});

export default ts.config(
  { ignores: ['**/dist/**', '**/out/**', '**/node_modules/**'] },
  js.configs.recommended,
  ...ts.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: fileURLToPath(new URL('..', import.meta.url)) } },
    plugins: { regexp },
    rules: {
      // Texts come from files, archives and engines: no expression may take more than linear time on one made for it.
      'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }],
      'regexp/no-super-linear-move': ['error', { report: 'certain' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { varsIgnorePattern: '^_', argsIgnorePattern: '^_' }],
    },
  },
  ...layers,
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-floating-promises': 'off',
      'no-console': 'off',
    },
  },
  {
    files: ['**/*.mjs'],
    ...ts.configs.disableTypeChecked,
    rules: { ...ts.configs.disableTypeChecked.rules, 'no-console': 'off', 'regexp/no-super-linear-move': 'off' },
    languageOptions: {
      ...ts.configs.disableTypeChecked.languageOptions,
      globals: Object.fromEntries(['process', 'console', 'fetch', 'setTimeout', 'clearTimeout', 'URL', 'Buffer'].map((name) => [name, 'readonly'])),
    },
  },
);
