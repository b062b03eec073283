/** What a benchmark of this folder runs on. */
import { availableParallelism, cpus } from 'node:os';

import { createSession } from '../../dist/index.js';
import { runsOnStandins } from '../../tests/standin/standins.mjs';

/** @param {import('../../dist/index.js').EngineBundle} bundle An engine that was built here. */
export async function machineOf(bundle) {
  // So that driver and library are there to be looked at.
  const session = await createSession(bundle.path);
  const onStandIns = runsOnStandins();
  await session.dispose();
  const { gpu, family, version } = bundle.manifest.engine;
  return {
    onStandIns,
    gpu: gpu === undefined ? 'unknown' : `${gpu.name}, compute capability ${gpu.computeCapability / 10}`,
    library: `${family} ${version}`,
    cpu: `${cpus()[0].model.trim()}, ${availableParallelism()} cores`,
    node: process.versions.node,
  };
}

/** Two lines to stand above every table. */
export function machineText({ onStandIns, gpu, library, cpu, node }) {
  const what = onStandIns
    ? '**On stand-ins for the driver and TensorRT, not on a GPU**: the times of copies and kernels are made up, only what is added to them is measured.'
    : `On ${gpu}.`;
  return `${what}\n${library}, ${cpu}, Node ${node}.`;
}
