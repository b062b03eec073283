/**
 * `build-native-tests.mjs --sanitizer address|thread|none`: builds `tests/native` with the system's gcc into
 * `build/native-tests-<sanitizer>/`. GoogleTest is compiled with the same flags; OpenCV and libjpeg-turbo are not
 * instrumented, so a report always has a frame of ours.
 */
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { parseCommandLine } from './arguments.mjs';
import { ensureConfigured } from './build-folder.mjs';
import { projectRoot, withLock } from './cache.mjs';
import { ensureLibraries } from './libraries.mjs';
import { run, runMain, SetupError } from './process.mjs';
import { ensureSystemPackages, googletestFolder } from './system-packages.mjs';
import { ensureGccToolchain } from './toolchains.mjs';
import { ensureTools } from './tools.mjs';

/** Sanitizers that can share one program; a thread sanitizer shares none. */
const sanitizers = {
  address: '-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer',
  thread: '-fsanitize=thread -fno-omit-frame-pointer',
  none: '',
};

await runMain(async () => {
  const usage = `build-native-tests.mjs --sanitizer ${Object.keys(sanitizers).join('|')}`;
  const { values } = parseCommandLine(usage, { sanitizer: { type: 'string', default: 'none' } });
  const { sanitizer } = values;
  if (!Object.hasOwn(sanitizers, sanitizer)) {
    throw new SetupError(`Received --sanitizer ${sanitizer}\nUsage: ${usage}`, { exitCode: 2 });
  }
  const tools = await ensureTools();
  await ensureSystemPackages(['googletest']);
  const toolchain = await ensureGccToolchain();
  const libraries = await ensureLibraries(tools, toolchain);
  const folder = join(projectRoot, 'build', `native-tests-${sanitizer}`);
  const args = [
    ...['-G', 'Ninja', '-S', join(projectRoot, 'tests/native'), '-B', folder, `-DCMAKE_MAKE_PROGRAM=${tools.ninja}`],
    ...toolchain.cmakeArgs,
    // Optimised a little: TSan without it takes minutes. Debug, so that assertions stay in.
    ...['-DCMAKE_BUILD_TYPE=Debug', '-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g', `-DCMAKE_CXX_FLAGS=${sanitizers[sanitizer]}`],
    `-DFOVEATE_DEPS_ROOT=${libraries}`,
    `-DFOVEATE_GOOGLETEST_DIR=${googletestFolder}`,
  ];
  await withLock(`native tests ${folder}`, async () => {
    await ensureConfigured(folder, args, () => run(tools.cmake, args));
    const onLine = (line) => line !== 'ninja: no work to do.' && console.log(line);
    try {
      await run(tools.ninja, ['-C', folder, '--quiet', '-j', String(availableParallelism())], { onLine });
    } catch (cause) {
      // The compiler's messages are on the terminal already.
      const message = 'The native tests did not build; the messages are above.';
      throw new SetupError(message, { cause, exitCode: 1 });
    }
  });
  console.log(`native tests ready: ${relative(projectRoot, folder)}`);
});
