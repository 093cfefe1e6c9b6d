import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const TESTS = ['**/*.test.ts', 'test/**', 'bench/**', 'scripts/**'];

/** What makes a decision depend on anything but its arguments: a clock or randomness. */
const IMPURE_PROPERTIES = [
  ['Date', 'now', 'Take `now` as an argument; the engine gets it from its Clock port.'],
  ['Math', 'random', 'Take random values as arguments; the engine gets them from a port.'],
  ['process', 'hrtime', 'Take the time from the Clock port.'],
  ['crypto', 'randomUUID', 'Ids are passed in; the engine gets them from a port.'],
  ['crypto', 'randomBytes', 'Ids are passed in; the engine gets them from a port.'],
  ['crypto', 'getRandomValues', 'Ids are passed in; the engine gets them from a port.'],
].map(([object, property, message]) => ({ object, property, message }));

const IMPURE_GLOBALS = [
  { name: 'globalThis', message: 'It is a way round the rules about clocks and randomness.' },
  { name: 'performance', message: 'Take the time from the Clock port.' },
];

const IMPURE_SYNTAX = [
  {
    selector: 'NewExpression[callee.name="Date"][arguments.length=0]',
    message: 'This reads the clock: pass `now` in.',
  },
  {
    selector: 'CallExpression[callee.name="Date"]',
    message: 'This reads the clock: pass `now` in.',
  },
];

const TIMERS = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'].map((name) => ({
  name,
  message: 'The core has no timers.',
}));

const RANDOM_IMPORTS = ['randomUUID', 'randomBytes', 'randomInt', 'getRandomValues', 'webcrypto'];

export default defineConfig(
  globalIgnores(['node_modules/', 'coverage/', 'data/', '**/dist/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/ban-ts-comment': [
        'error',
        {
          'ts-ignore': 'allow-with-description',
          'ts-expect-error': 'allow-with-description',
          'ts-nocheck': true,
          minimumDescriptionLength: 10,
        },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          // node:test collects these itself; awaiting them changes nothing.
          allowForKnownSafeCalls: [
            { from: 'package', name: ['test', 'it', 'describe', 'suite'], package: 'node:test' },
          ],
        },
      ],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      // A port returns promises; the memory store implements it without awaiting anything.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        {
          allowDefaultCaseForExhaustiveSwitch: true,
          considerDefaultExhaustiveForUnions: false,
          requireDefaultForNonUnion: false,
        },
      ],
      eqeqeq: 'error',
    },
  },
  {
    files: ['src/**/*.ts', 'simulators/**/*.ts'],
    ignores: TESTS,
    rules: {
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
    },
  },
  { files: ['src/cli/**/*.ts', 'src/main.ts'], rules: { 'no-console': 'off' } },
  {
    files: ['src/engine/**/*.ts'],
    ignores: TESTS,
    rules: {
      'no-restricted-properties': ['error', ...IMPURE_PROPERTIES],
      'no-restricted-globals': ['error', ...IMPURE_GLOBALS],
      'no-restricted-syntax': ['error', ...IMPURE_SYNTAX],
      'no-restricted-imports': [
        'error',
        {
          paths: [
            ...['node:crypto', 'crypto'].map((name) => ({
              name,
              importNames: RANDOM_IMPORTS,
              message: 'Random values come in through a port.',
            })),
            ...['node:perf_hooks', 'perf_hooks'].map((name) => ({
              name,
              importNames: ['performance'],
              message: 'Take the time from the Clock port.',
            })),
          ],
        },
      ],
    },
  },
  {
    files: ['src/core/**/*.ts'],
    ignores: TESTS,
    rules: {
      'no-restricted-properties': ['error', ...IMPURE_PROPERTIES],
      'no-restricted-globals': ['error', ...IMPURE_GLOBALS, ...TIMERS],
      'no-restricted-syntax': ['error', ...IMPURE_SYNTAX],
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^[^.]',
              message: 'The core imports only its own files: no Node, no package.',
            },
          ],
        },
      ],
    },
  },
  {
    files: TESTS,
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/unbound-method': 'off',
      // A step of a simulated program may be one that never waits.
      'require-yield': 'off',
    },
  },
  {
    files: ['**/*.js', '**/*.cjs', '**/*.mjs'],
    languageOptions: {
      globals: { process: 'readonly', console: 'readonly', URL: 'readonly' },
    },
  },
  { files: ['**/*.cjs'], languageOptions: { sourceType: 'commonjs' } },
);
