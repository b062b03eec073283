/**
 * Packs the ONNX Runtime carrier package for npm: `pack-carrier.mjs [--target linux-x64|linux-arm64] [-o DIR]`.
 * Prints the path of the tarball; with `--print-path` that of the unpacked package, packing nothing.
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseCommandLine } from './setup/arguments.mjs';
import { cacheRoot } from './setup/cache.mjs';
import { carrierPackage, carrierVersion, ensureCarrier } from './setup/carrier.mjs';
import { run, runMain } from './setup/process.mjs';
import { hostTarget, requireTarget } from './setup/toolchains.mjs';
import { ensureTools } from './setup/tools.mjs';

const usage = 'pack-carrier.mjs [--target linux-x64|linux-arm64] [-o, --output DIR] [--print-path]';

await runMain(async () => {
  const { values } = parseCommandLine(usage, {
    target: { type: 'string', default: hostTarget },
    output: { type: 'string', short: 'o', default: join(cacheRoot, 'carrier') },
    'print-path': { type: 'boolean', default: false },
  });
  const target = requireTarget(values.target);
  const folder = await ensureCarrier(await ensureTools(), target);
  if (values['print-path']) {
    console.log(folder);
    return;
  }
  const output = resolve(values.output);
  mkdirSync(output, { recursive: true });
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', output], { cwd: folder });
  const file = `${carrierPackage(target).replace('@', '').replace('/', '-')}-${carrierVersion}.tgz`;
  console.log(join(output, file));
});
