/** The C++ programs of this folder. */
import { join } from 'node:path';

import { projectRoot, withLock } from '../../scripts/setup/cache.mjs';
import { ensureConfigured } from '../../scripts/setup/build-folder.mjs';
import { run } from '../../scripts/setup/process.mjs';
import { ensureZigToolchain, hostTarget } from '../../scripts/setup/toolchains.mjs';
import { ensureTools } from '../../scripts/setup/tools.mjs';

const folder = join(projectRoot, 'build/bench-gpu');

/** Their folder: FOVEATE_BENCH_PROGRAMS, where they were brought along, else they are compiled. */
export async function benchPrograms() {
  if (process.env.FOVEATE_BENCH_PROGRAMS) return process.env.FOVEATE_BENCH_PROGRAMS;
  const tools = await ensureTools();
  // As the addon is compiled, and for the same machines.
  const toolchain = await ensureZigToolchain(tools, hostTarget);
  const args = [
    ...['-G', 'Ninja', '-S', import.meta.dirname, '-B', folder, `-DCMAKE_MAKE_PROGRAM=${tools.ninja}`],
    ...toolchain.cmakeArgs,
    '-DCMAKE_BUILD_TYPE=Release',
  ];
  await withLock(`programs ${folder}`, async () => {
    await ensureConfigured(folder, args, () => run(tools.cmake, args));
    await run(tools.ninja, ['-C', folder, '--quiet']);
  });
  return folder;
}
