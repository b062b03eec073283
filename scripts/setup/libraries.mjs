/**
 * The static libraries inside the addon: OpenCV core and imgproc, and libjpeg-turbo, from one pinned source release.
 * PyPI's sdist of opencv-python-headless carries the whole OpenCV tree with its third parties, so nothing else has to be
 * fetched; its libjpeg-turbo has the libjpeg API (no TurboJPEG), which is all that we call.
 */
import { appendFileSync, copyFileSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { contentHash, ensureEntry, say } from './cache.mjs';
import { ensurePyPiFile } from './downloads.mjs';
import { run } from './process.mjs';
import { ensureSystemPackages } from './system-packages.mjs';

const openCvVersion = '4.12.0';

const source = {
  requirement: `opencv-python-headless==${openCvVersion}.88`,
  select: ['--no-binary'],
  sha256: 'cfdc017ddf2e59b6c2f53bc12d74b6b0be7ded4ec59083ea70763921af2b6c09',
};

/** Raise when the steps below change in a way that no other input of the hash shows. */
const recipe = 1;

const off = (prefix, names) => names.split(' ').map((name) => `-D${prefix}_${name}=OFF`);

const commonArgs = [
  '-DCMAKE_BUILD_TYPE=Release',
  '-DBUILD_SHARED_LIBS=OFF',
  '-DBUILD_LIST=core,imgproc',
  '-DENABLE_PIC=ON',
  '-DCMAKE_POSITION_INDEPENDENT_CODE=ON',
  '-DBUILD_ZLIB=ON',
  '-DWITH_JPEG=ON',
  '-DBUILD_JPEG=ON',
  // libjpeg-turbo falls back to scalar code with a mere message where no assembler is found.
  '-DREQUIRE_SIMD=ON',
  '-DCV_TRACE=OFF',
  '-DOPENCV_ENABLE_ALLOCATOR_STATS=OFF',
  '-DOPENCV_3P_LIB_INSTALL_PATH=lib',
  ...off('WITH', 'IPP TBB OPENMP LAPACK EIGEN OPENCL ITT PROTOBUF FLATBUFFERS CAROTENE KLEIDICV NDSRVP HAL_RVV FASTCV'),
  ...off('WITH', 'ADE VA VA_INTEL GTK QUIRC FFMPEG GSTREAMER V4L 1394 PNG TIFF WEBP OPENJPEG JASPER OPENEXR'),
  ...off('BUILD', 'ITT PROTOBUF TESTS PERF_TESTS EXAMPLES DOCS JAVA opencv_apps opencv_python3'),
  ...off('BUILD', 'opencv_python_bindings_generator opencv_java_bindings_generator opencv_js_bindings_generator'),
];

/** x64 code paths: SSE3 everywhere, SSE4.2 and AVX2 picked at run time. arm64 has NEON as its baseline. */
const targetArgs = {
  'linux-x64': ['-DCPU_BASELINE=SSE3', '-DCPU_DISPATCH=SSE4_2,AVX2'],
  'linux-arm64': [],
};

/** -g0: zig adds debug information by default, which makes the archives seven times as large. */
const compileFlags = '-g0 -ffunction-sections -fdata-sections';

/**
 * Builds the static libraries with a toolchain.
 *
 * @param {import('./tools.mjs').Tools} tools
 * @param {import('./toolchains.mjs').Toolchain} toolchain
 * @returns {Promise<string>} A folder with `include/opencv4`, `include/jpeg`, `lib` and `licenses`; what
 *   `cmake/dependencies.cmake` takes as FOVEATE_DEPS_ROOT.
 */
export async function ensureLibraries(tools, toolchain) {
  const args = [...commonArgs, ...(toolchain.libraryArgs ?? targetArgs[toolchain.target])];
  const inputs = { recipe, sha256: source.sha256, args, compileFlags, toolchain: toolchain.version };
  const cores = availableParallelism();
  return ensureEntry({
    name: `opencv-${openCvVersion}-${toolchain.id}-${contentHash(inputs)}`,
    reason: `building OpenCV ${openCvVersion} and libjpeg-turbo with ${toolchain.id} (once; some minutes of ${cores} cores)`,
    build: async (folder, { log, scratch }) => {
      if (toolchain.target === 'linux-x64') await ensureSystemPackages(['nasm']);
      const archive = await ensurePyPiFile(tools, {
        ...source,
        reason: `fetching the source of OpenCV ${openCvVersion} (95 MB, once)`,
      });
      await run('tar', ['-xzf', archive, '-C', scratch, '--strip-components=1', '--wildcards', '*/opencv'], { log });
      const tree = join(scratch, 'opencv');
      const build = join(scratch, 'build');
      await configure({ tools, toolchain, args, tree, build, folder, log });
      await compile({ tools, build, cores, log });
      await install({ tools, tree, build, folder, log });
    },
  });
}

async function configure({ tools, toolchain, args, tree, build, folder, log }) {
  // Error texts hold __FILE__: without the map every build would differ and tell where it was made.
  const flags = `${compileFlags} ${toolchain.libraryFlags ?? ''} -ffile-prefix-map=${tree}=opencv`;
  const all = [
    ...['-G', 'Ninja', '-S', tree, '-B', build, `-DCMAKE_MAKE_PROGRAM=${tools.ninja}`],
    ...[`-DCMAKE_INSTALL_PREFIX=${folder}`, `-DCMAKE_C_FLAGS=${flags}`, `-DCMAKE_CXX_FLAGS=${flags}`],
    ...toolchain.cmakeArgs,
    ...args,
  ];
  await run(tools.cmake, all, { log });
  // What cv::getBuildInformation() returns. CMake writes paths, compiler and flags of this machine into it, and OpenCV's
  // CPU check keeps the text alive in the linked addon.
  writeFileSync(join(build, 'modules/core/version_string.inc'), `"OpenCV ${openCvVersion}: core, imgproc\\n"\n`);
}

async function compile({ tools, build, cores, log }) {
  let quarter = 0;
  const onLine = (line) => {
    const [, done, total] = /^\[(\d+)\/(\d+)\]/.exec(line) ?? [];
    const reached = done ? Math.floor((4 * Number(done)) / Number(total)) : 0;
    if (reached <= quarter || reached === 4) return;
    quarter = reached;
    say(`  ${25 * quarter} % of ${total} steps`);
  };
  const libraries = ['opencv_core', 'opencv_imgproc', 'libjpeg-turbo'];
  await run(tools.ninja, ['-C', build, '-j', String(cores), ...libraries], { log, onLine });
}

async function install({ tools, tree, build, folder, log }) {
  for (const component of ['dev', 'licenses']) {
    await run(tools.cmake, ['--install', build, '--component', component], { log });
  }
  const licenses = join(folder, 'licenses');
  renameSync(join(folder, 'share/licenses/opencv4'), licenses);
  for (const name of ['LICENSE', 'COPYRIGHT']) copyFileSync(join(tree, name), join(licenses, `OpenCV-${name}`));
  for (const unused of ['share', 'lib/cmake']) rmSync(join(folder, unused), { recursive: true });

  renameSync(join(folder, 'lib/liblibjpeg-turbo.a'), join(folder, 'lib/libjpeg.a'));
  const jpegHeaders = join(folder, 'include/jpeg');
  mkdirSync(jpegHeaders);
  for (const name of ['jpeglib.h', 'jmorecfg.h', 'jerror.h']) {
    copyFileSync(join(tree, '3rdparty/libjpeg-turbo/src', name), join(jpegHeaders, name));
  }
  copyFileSync(join(build, '3rdparty/libjpeg-turbo/jconfig.h'), join(jpegHeaders, 'jconfig.h'));
  appendFileSync(log, `installed: ${readdirSync(join(folder, 'lib')).join(', ')}\n`);
}
