/**
 * `build-native-tests.mjs --sanitizer address|thread|none`: builds `tests/native` with the system's gcc into
 * `build/native-tests-<sanitizer>/`. GoogleTest is compiled with the same flags; OpenCV and libjpeg-turbo are not
 * instrumented, so a report always has a frame of ours.
 */
import { rmSync, symlinkSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { layouts, writeStubs } from '../../tests/standin/tensorrt/write-stubs.mjs';
import { parseCommandLine } from './arguments.mjs';
import { ensureConfigured } from './build-folder.mjs';
import { projectRoot, withLock } from './cache.mjs';
import { ensureLibraries } from './libraries.mjs';
import { run, runMain, SetupError } from './process.mjs';
import { ensureSystemPackages, googletestFolder } from './system-packages.mjs';
import { tensorRtHeaders } from './tensorrt-headers.mjs';
import { ensureGccToolchain } from './toolchains.mjs';
import { ensureTools } from './tools.mjs';

/** Sanitizers that can share one program; a thread sanitizer shares none. */
const sanitizers = {
  address: '-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer',
  thread: '-fsanitize=thread -fno-omit-frame-pointer',
  none: '',
};

/** What the stand-ins of TensorRT that derive from NVIDIA's headers are compiled with; '' where those are not to be had. */
async function standinHeaders(folder) {
  let headers;
  try {
    headers = await tensorRtHeaders();
  } catch (error) {
    console.warn(`native tests: the stand-ins of ${Object.keys(layouts).join(', ')} are left out. ${error.message}`);
    return '';
  }
  for (const [layout, release] of Object.entries(layouts)) {
    const place = join(folder, layout);
    writeStubs(join(headers, release), place);
    for (const [link, target] of [
      ['release', release],
      ['cuda_runtime_api.h', 'cuda_runtime_api.h'],
    ]) {
      rmSync(join(place, link), { force: true });
      symlinkSync(join(headers, target), join(place, link));
    }
  }
  return folder;
}

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
    `-DFOVEATE_ONLY_THREADED_TESTS=${sanitizer === 'thread' ? 'ON' : 'OFF'}`,
    `-DFOVEATE_NODE_API_DIR=${join(projectRoot, 'node_modules')}`,
    `-DFOVEATE_STANDIN_HEADERS=${await standinHeaders(join(projectRoot, 'build/standin-headers'))}`,
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
