/**
 * Our sides of cycles.mjs: `addon` calls the addon's engineBuild, which does what bare_build.cc does; `package` is buildEngine, as a user has it. A line on
 * stdin is a number of engines and a file: they are built one after the other, the last one is written to the file, and the answer is the
 * milliseconds of each.
 *
 *     node --expose-gc bench/engines/cycles-peer.mjs addon|package MODEL NETWORK_NAME PROFILES
 *
 * PROFILES is JSON; for `package`, which infers them, it is not looked at.
 */
import { copyFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { Lease, native, settle } from '../../dist/binding/index.js';
import { chooseTensorRt } from '../../dist/engine/tensorrt.js';
import { buildEngine } from '../../dist/index.js';

const device = 'tensorrt-rtx';
const computeCapability = 89;
const [side, model, networkName, profiles] = process.argv.slice(2);
const library = await chooseTensorRt(device);
const spec = {
  networkName,
  profiles: JSON.parse(profiles),
  hardwareCompatibility: 'none',
  flags: [],
  clearedFlags: [],
  computeCapabilities: [computeCapability],
  log: false,
  pluginLibraries: [],
};

const cycles = {
  addon: async (file) => {
    const built = await settle((operation) => native().engineBuild(library.handle, model, spec, undefined, () => {}, operation));
    const engine = new Lease(built.engine);
    if (file !== undefined) writeFileSync(file, new Uint8Array(engine.buffer));
    engine.release();
    if (built.timingCache !== undefined) new Lease(built.timingCache).release();
  },
  package: async (file) => {
    const { bundle } = await buildEngine(model, { device, computeCapability, cache: false });
    if (file !== undefined) copyFileSync(join(bundle.path, bundle.manifest.engine.file), file);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [, count, file] = /^(\d+) (.+)$/.exec(line);
  const ms = [];
  for (let i = 1; i <= Number(count); i++) {
    const started = performance.now();
    await cycles[side](i === Number(count) ? file : undefined);
    ms.push(performance.now() - started);
  }
  // What is only not collected yet is no growth; the memory of buffers is given back on a thread, after the collection.
  globalThis.gc();
  await setTimeout(200);
  globalThis.gc();
  console.log(JSON.stringify({ ms }));
}
