/** `npm run build:native [-- --target linux-x64|linux-arm64]`: the addon, for this machine unless told otherwise. */
import { buildAddon } from './addon.mjs';
import { parseCommandLine } from './arguments.mjs';
import { runMain } from './process.mjs';
import { hostTarget, requireTarget } from './toolchains.mjs';

await runMain(async () => {
  const { values } = parseCommandLine('build-addon.mjs [--target linux-x64|linux-arm64]', {
    target: { type: 'string', default: hostTarget },
  });
  await buildAddon(requireTarget(values.target));
});
