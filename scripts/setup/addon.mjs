/** Configures and builds the addon with cmake-js and the zig toolchain. */
import { availableParallelism } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { ensureConfigured } from './build-folder.mjs';
import { projectRoot, withLock } from './cache.mjs';
import { ensureLibraries } from './libraries.mjs';
import { ensureNodeModules } from './node-modules.mjs';
import { run, SetupError } from './process.mjs';
import { ensureZigToolchain, hostTarget } from './toolchains.mjs';
import { ensureTools } from './tools.mjs';

/**
 * Builds the addon where a source, a flag or a library has changed.
 *
 * @param {keyof typeof import('./toolchains.mjs').targets} target
 * @returns {Promise<{ file: string, libraries: string, tools: import('./tools.mjs').Tools }>} `file` is
 *   `build/Release/foveate.node` for this machine, `build/<target>/Release/foveate.node` for another.
 */
export async function buildAddon(target) {
  await ensureNodeModules();
  const tools = await ensureTools();
  const toolchain = await ensureZigToolchain(tools, target);
  const libraries = await ensureLibraries(tools, toolchain);
  const folder = join(projectRoot, 'build', target === hostTarget ? '' : target);
  const file = join(folder, 'Release/foveate.node');
  // Two ninjas in one folder would spoil it: a test run and an editor task may both want the addon.
  await withLock(`addon ${folder}`, async () => {
    const cmakeJs = cmakeJsCommand({ tools, toolchain, libraries, folder });
    await ensureConfigured(folder, cmakeJs.args, () => runCmakeJs('configure', cmakeJs));
    const built = await build(cmakeJs);
    console.log(`addon ${built ? 'built' : 'up to date'}: ${relative(projectRoot, file)}`);
  });
  return { file, libraries, tools };
}

/** Everything but the verb, as one list: it is also what decides whether the folder is configured for it. */
function cmakeJsCommand({ tools, toolchain, libraries, folder }) {
  return {
    path: [dirname(tools.ninja), process.env.PATH].join(delimiter),
    args: [
      ...['--log-level', 'error', '--cmake-path', tools.cmake, '--generator', 'Ninja', '--config', 'Release'],
      ...['--directory', projectRoot, '--out', folder, '--arch', toolchain.target.replace('linux-', '')],
      ...['--cc', toolchain.cc, '--cxx', toolchain.cxx],
      ...['--parallel', String(availableParallelism())],
      ...toolchain.cmakeArgs.map((arg) => arg.replace(/^-D/, '--CD')),
      `--CDFOVEATE_DEPS_ROOT=${libraries}`,
    ],
  };
}

/** Resolves to whether there was anything to do; what the compiler says goes to the terminal as it comes. */
async function build(command) {
  let worked = false;
  const onLine = (line) => {
    if (!line.trim() || line.includes('Re-checking globbed directories') || line === 'ninja: no work to do.') return;
    worked = true;
    console.log(line);
  };
  try {
    await runCmakeJs('build', command, { onLine });
  } catch (cause) {
    // The compiler's messages are on the terminal already.
    throw new SetupError('The addon did not build; the messages are above.', { cause, exitCode: 1 });
  }
  return worked;
}

function runCmakeJs(verb, { path, args }, options) {
  const bin = join(projectRoot, 'node_modules/cmake-js/bin/cmake-js');
  return run(process.execPath, [bin, verb, ...args], { cwd: projectRoot, env: { PATH: path }, ...options });
}
