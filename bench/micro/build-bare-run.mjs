import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { projectRoot, runVisibly } from '../../scripts/commands.mjs';

/** Compiles bare_run.cc with the system's compiler and gives the program's path. */
export async function buildBareRun() {
  const program = join(projectRoot, 'build/bench/bare_run');
  mkdirSync(join(program, '..'), { recursive: true });
  const source = join(import.meta.dirname, 'bare_run.cc');
  await runVisibly('g++', ['-std=c++20', '-O2', '-I', join(projectRoot, 'native'), source, '-o', program, '-ldl']);
  return program;
}
