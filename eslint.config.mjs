import js from '@eslint/js';
import tseslint from 'typescript-eslint';
import importX from 'eslint-plugin-import-x';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';

/** The rooms of core along the path of the data: each may import those before it. See docs/architecture.md. */
const coreRooms = [
  'onnx',
  'quant',
  'graph',
  'plan',
  'rewrite',
  'calibrate',
  'recover',
  'scan',
  'latency',
  'search',
  'compare',
  'explain',
  'statistics',
].map((name) => `./src/core/${name}`);

/** One row for each room of the house: what it may not import, and why. */
const arrows = [
  {
    target: './src/core',
    from: ['./src/engine', './src/shared', './src/extension', './src/cli', './webview'],
    why: 'core is pure and knows nothing of its users',
  },
  {
    target: './src/shared',
    from: ['./src/engine', './src/extension', './src/cli', './webview'],
    why: 'shared holds only what crosses a border',
  },
  {
    target: './src/engine',
    from: ['./src/extension', './src/cli', './webview'],
    why: 'the engine serves every skin alike',
  },
  { target: './src/cli', from: ['./src/extension', './webview'], why: 'the command line needs no editor' },
  {
    target: './src/extension',
    from: ['./src/cli', './webview'],
    why: 'the host talks to the view by messages only',
  },
  {
    target: './webview',
    from: [
      './src/engine',
      './src/extension',
      './src/cli',
      ...coreRooms.filter((room) => !room.endsWith('/quant')),
    ],
    why: 'the view holds no truth: only shared types and pure maths',
  },
  ...coreRooms.slice(0, -1).map((target, at) => ({
    target,
    from: coreRooms.slice(at + 1),
    why: 'the path of the data is one line',
  })),
];

export default tseslint.config(
  { ignores: ['dist/**', '.vscode-test/**', 'test-output/**', 'bench/output/**', 'node_modules/**'] },
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    plugins: { 'import-x': importX },
    settings: {
      'import-x/resolver-next': [
        createTypeScriptImportResolver({
          noWarnOnMultipleProjects: true,
          project: ['src/tsconfig.json', 'webview/tsconfig.json', 'test/tsconfig.json'],
        }),
      ],
    },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'import-x/no-default-export': 'error',
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      'import-x/no-restricted-paths': [
        'error',
        { zones: arrows.map(({ target, from, why }) => ({ target, from, message: why })) },
      ],
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  {
    files: ['src/core/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: ['node:*', 'vscode', 'onnxruntime-*', 'sharp'],
              message: 'core is pure: declare what it needs in ports.ts',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['src/shared/**/*.ts', 'webview/**/*.{ts,tsx}'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: ['node:*', 'vscode', 'onnxruntime-*'], message: 'this code runs in a webview too' },
          ],
        },
      ],
    },
  },
  {
    files: ['src/engine/**/*.ts', 'src/cli/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [{ group: ['vscode'], message: 'the engine and the command line run without an editor' }],
        },
      ],
    },
  },
  { files: ['vitest*.config.ts'], rules: { 'import-x/no-default-export': 'off' } },
  { files: ['scripts/**', 'bench/**', 'test/vscode/**'], rules: { 'no-console': 'off' } },
  {
    files: ['**/*.mjs'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
  },
);
