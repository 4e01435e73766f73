// The floors of src: each imports only from those below it, and dockerode is known to one of them.
import { fileURLToPath } from 'node:url';
import js from '@eslint/js';
import regexp from 'eslint-plugin-regexp';
import ts from 'typescript-eslint';
import { allowed } from './floors.mjs';

const floors = Object.keys(allowed);
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

/** What shows nothing: everything else of `vscode.window` is behind the one door, src/ui/window.ts. */
const SHOWS_NOTHING =
  '^(activeTextEditor|visibleTextEditors|tabGroups|terminals|showTextDocument|onDidChangeActiveTextEditor|onDidChangeWindowState)$';
const DOOR = 'Only src/ui/window.ts speaks to the faces of VS Code: it takes texts that are escaped.';

/** One door to the faces of VS Code, and one place where settings are read. */
const doors = [
  {
    selector: `MemberExpression[object.type="MemberExpression"][object.object.name="vscode"][object.property.name="window"]:not([property.name=/${SHOWS_NOTHING}/])`,
    message: DOOR,
  },
  {
    selector: ':not(MemberExpression) > MemberExpression[object.name="vscode"][property.name="window"]',
    message: DOOR,
  },
  { selector: 'MemberExpression[object.name="vscode"][computed=true]', message: DOOR },
  {
    selector: ':matches(VariableDeclarator[init.name="vscode"], AssignmentExpression[right.name="vscode"])',
    message: DOOR,
  },
  {
    selector:
      'ImportDeclaration[source.value="vscode"] > :matches(ImportSpecifier, ImportDefaultSpecifier, ImportNamespaceSpecifier:not([local.name="vscode"]))',
    message: 'VS Code is imported as `vscode`, whole, so that what is used of it is seen.',
  },
  {
    selector:
      'NewExpression[callee.object.name="vscode"][callee.property.name=/^(TreeItem|MarkdownString|Hover|CodeLens|CodeAction|Diagnostic|DiagnosticRelatedInformation|FileDecoration|InlayHint|DocumentLink|TerminalLink|CompletionItem|Notebook.*)$/]',
    message: DOOR,
  },
  { selector: 'ClassDeclaration[superClass.object.name="vscode"]', message: DOOR },
  {
    selector:
      'TSQualifiedName[left.name="vscode"][right.name=/^(QuickPickItem|QuickPick|QuickInputButton|InputBox|InputBoxOptions|QuickPickOptions|MessageItem|FileDecoration|FileDecorationProvider|TerminalLink|TerminalLinkProvider|StatusBarItem|MarkdownString|LogOutputChannel|OutputChannel|Webview.*)$/]',
    message: DOOR,
  },
  {
    selector:
      'CallExpression[callee.object.object.name="vscode"][callee.object.property.name="FileSystemError"][arguments.0.name!="uri"]',
    message: DOOR,
  },
  {
    selector: 'MemberExpression[property.name="getConfiguration"]',
    message: 'Only src/ui/settings.ts reads settings: it leaves out those that a volume brings along.',
  },
];

/** Requests to an engine, and what becomes of their errors, are in one floor. */
const dockerode = [
  'MemberExpression[property.name="docker"]',
  'MemberExpression[computed=true][property.value="docker"]',
  'ObjectPattern > Property[key.name="docker"]',
].map((selector) => ({
  selector,
  message: 'Only src/engine asks the engine: use one of its functions, or write one there that names its errors.',
}));

export default ts.config(
  { ignores: ['**/engine/helper/tool/binaries.ts', '**/dist/**', '**/out/**', '**/node_modules/**'] },
  js.configs.recommended,
  ...ts.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: { project: './tsconfig.json', tsconfigRootDir: fileURLToPath(new URL('..', import.meta.url)) },
    },
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
      'max-params': ['error', 5],
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      // The formatter breaks code at 120 columns; this is for comments. Sentences for translators stay whole.
      'max-len': [
        'error',
        { code: 120, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreRegExpLiterals: true, ignoreUrls: true },
      ],
      'no-console': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { varsIgnorePattern: '^_', argsIgnorePattern: '^_' }],
    },
  },
  ...layers,
  {
    files: ['src/**/*.ts'],
    ignores: ['src/ui/window.ts', 'src/ui/settings.ts'],
    rules: { 'no-restricted-syntax': ['error', ...doors, ...dockerode] },
  },
  { files: ['src/engine/**/*.ts'], rules: { 'no-restricted-syntax': ['error', ...doors] } },
  { files: ['src/ui/settings.ts'], rules: { 'no-restricted-syntax': ['error', ...doors.slice(0, -1), ...dockerode] } },
  { files: ['src/ui/window.ts'], rules: { 'no-restricted-syntax': ['error', ...doors.slice(-1), ...dockerode] } },
  {
    files: ['src/ui/shown.ts', 'src/ui/markdown.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { name: 'vscode', message: 'Escaping works without VS Code, so that unit tests run it as it is.' },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-floating-promises': 'off',
      'no-console': 'off',
      'max-lines': ['error', { max: 600, skipBlankLines: true, skipComments: true }],
      // Nobody else writes what tests read.
      'regexp/no-super-linear-move': 'off',
    },
  },
  {
    files: ['**/*.mjs'],
    ...ts.configs.disableTypeChecked,
    rules: { ...ts.configs.disableTypeChecked.rules, 'no-console': 'off', 'regexp/no-super-linear-move': 'off' },
    languageOptions: {
      ...ts.configs.disableTypeChecked.languageOptions,
      globals: Object.fromEntries(
        ['process', 'console', 'fetch', 'setTimeout', 'clearTimeout', 'URL', 'Buffer', 'AbortController'].map(
          (name) => [name, 'readonly'],
        ),
      ),
    },
  },
);
