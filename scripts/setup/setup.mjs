/**
 * `npm run setup [-- --for demo|test|check]`: prepares a fresh checkout, with nothing but Node, git and python3 at hand.
 * Says one line for everything it installs, nothing where all is in place. Where it may not install (not root, no
 * apt-get, FOVEATE_SETUP=never) it prints the command to run and exits with 3.
 */
import { parseCommandLine } from './arguments.mjs';
import { ensureCarrier, linkCarrier } from './carrier.mjs';
import { ensureLibraries } from './libraries.mjs';
import { ensureNodeModules } from './node-modules.mjs';
import { runMain, SetupError } from './process.mjs';
import { ensureSystemPackages } from './system-packages.mjs';
import { ensureTensorRtRtx } from './tensorrt-rtx.mjs';
import { ensureGccToolchain, ensureZigToolchain, hostTarget, requireTarget } from './toolchains.mjs';
import { ensureTools } from './tools.mjs';

/** What a purpose needs beyond the addon and ONNX Runtime, which all need; with the environment that leads to it. */
const purposes = {
  demo: async () => ({}),
  check: async () => ({}),
  test: async (tools, target) => {
    await ensureSystemPackages(['g++', 'googletest']);
    await ensureLibraries(tools, await ensureGccToolchain());
    // Its test is skipped where there is no pip, but not where nothing may be skipped.
    if (process.env.FOVEATE_REQUIRE_RTX === '1') await ensureSystemPackages(['python3-pip']);
    const tensorRtRtx = await ensureTensorRtRtx(tools, target);
    return tensorRtRtx === undefined ? {} : { FOVEATE_TENSORRT_PATH: tensorRtRtx };
  },
};

/**
 * Prepares everything for a purpose; quick where nothing is missing.
 *
 * @param {keyof typeof purposes} purpose
 * @returns {Promise<Record<string, string>>} Variables of the environment that it is to run in.
 */
export async function setUp(purpose) {
  if (!Object.hasOwn(purposes, purpose)) {
    const message = `Expected --for to be one of ${Object.keys(purposes).join(', ')}, received "${purpose}"`;
    throw new SetupError(message, { exitCode: 2 });
  }
  const target = requireTarget(hostTarget);
  await ensureNodeModules();
  const tools = await ensureTools();
  linkCarrier(await ensureCarrier(tools, target), target);
  await ensureLibraries(tools, await ensureZigToolchain(tools, target));
  return purposes[purpose](tools, target);
}

if (process.argv[1] === import.meta.filename) {
  await runMain(async () => {
    const { values } = parseCommandLine('setup.mjs [--for demo|test|check]', {
      for: { type: 'string', default: 'demo' },
    });
    await setUp(values.for);
  });
}
