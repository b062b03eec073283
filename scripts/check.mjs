/**
 * `npm run check`: types, lint with the direction of imports, format of TypeScript and C++, generated files, the package's
 * exports, and the binary. Runs all of them, then says which failed. `-- --fix` formats instead of checking the format.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { projectRoot, runVisibly } from './commands.mjs';
import { runMain } from './setup/process.mjs';
import { ensureTools } from './setup/tools.mjs';
import { setUp } from './setup/setup.mjs';

const { values } = parseArgs({ options: { fix: { type: 'boolean', default: false } } });

await runMain(async () => {
  await setUp('check');

  const bin = (name) => join(projectRoot, 'node_modules/.bin', name);
  const sources = ['native', 'tests/native', 'tests/contract', 'tests/conformance', 'tests/fuzz/native', 'tests/standin'].flatMap(
    (folder) =>
      readdirSync(join(projectRoot, folder), { recursive: true })
        .filter((file) => /\.(cc|h)$/.test(file))
        .map((file) => join(folder, file)),
  );

  /** Name, program, arguments. Those that read the build come after it. */
  const checks = [
    ['format (TypeScript)', bin('prettier'), [values.fix ? '--write' : '--check', '--log-level', 'warn', '.']],
    ['format (C++)', (await ensureTools()).clangFormat, [...(values.fix ? ['-i'] : ['--dry-run', '--Werror']), ...sources]],
    ['types', bin('tsc'), ['--noEmit', '-p', 'tsconfig.json']],
    ['lint', bin('eslint'), ['.']],
    ['build', 'node', ['scripts/prebuild.mjs']],
    ['build (TypeScript)', 'node', ['scripts/build-typescript.mjs']],
    ['generated files', 'node', ['scripts/generate.mjs', ...(values.fix ? [] : ['--check'])]],
    ['binary', 'node', ['scripts/check-binary.mjs', `prebuilds/${process.platform}-${process.arch}/foveate.glibc.node`]],
    ['package (publint)', bin('publint'), ['--strict']],
    ['package (types)', bin('attw'), ['--pack', '.', '--profile', 'esm-only', '--format', 'table-flipped']],
  ];

  const failed = [];
  for (const [name, command, args] of checks) {
    console.log(`== ${name}`);
    if ((await runVisibly(command, args, { mayFail: true })) !== 0) failed.push(name);
  }
  console.log(failed.length === 0 ? '\nAll checks passed.' : `\nFailed: ${failed.join(', ')}.`);
  process.exitCode = failed.length === 0 ? 0 : 1;
});
