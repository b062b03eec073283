// Types, style that matters, and the direction of imports (docs/architecture.md, "The way of the data").
import { readdirSync } from 'node:fs';
import tseslint from 'typescript-eslint';

/** A folder of lib/ imports only from those left of it. Foundations come first and serve all. */
const order = [
  'errors',
  'text',
  'binding',
  'tensor',
  'events',
  'image',
  'results',
  'labels',
  'dataset',
  'metrics',
  'graph',
  'precision',
  'engine',
  'session',
  'batching',
  'observe',
  'pool',
  'cache',
  'breaker',
  'rollout',
  'cascade',
  'declared',
  'tasks',
  'evaluation',
  'optimize',
  'bench',
  'cli',
];

const folders = readdirSync(new URL('lib', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);
const homeless = folders.filter((folder) => !order.includes(folder));
if (homeless.length > 0) throw new Error(`lib/${homeless.join(', lib/')} has no place in the import order of eslint.config.js`);

const directions = order.map((folder, position) => ({
  files: [`lib/${folder}/**/*.ts`],
  rules: {
    '@typescript-eslint/no-restricted-imports': [
      'error',
      {
        patterns: [
          // The last folder may import from all; a pattern without names is refused.
          ...(position === order.length - 1
            ? []
            : [
                {
                  group: order.slice(position + 1).map((later) => `**/${later}/*`),
                  message: `lib/${folder} may import only from the folders left of it: ${order.slice(0, position).join(', ')}.`,
                },
              ]),
          // Types of the border are for all; the addon itself is lib/binding's alone.
          ...(folder === 'binding'
            ? []
            : [{ group: ['**/binding/load.js', '**/binding/call.js'], message: 'Import from lib/binding/index.js.' }]),
        ],
      },
    ],
  },
}));

export default tseslint.config(
  { ignores: ['dist/**', 'build/**', 'node_modules/**', '**/*_pb.ts', 'prebuilds/**', 'examples/**/node_modules/**'] },
  ...tseslint.configs.recommended,
  {
    files: ['lib/**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-console': 'error',
    },
  },
  { files: ['lib/cli/**/*.ts'], rules: { 'no-console': 'off' } },
  ...directions,
);
