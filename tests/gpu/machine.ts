/** The GPU that the suite runs on, or why it does not; and where it keeps what it builds. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { native, settle } from '../../lib/binding/index.js';
import { chooseTensorRt, tensorRtCandidates, type EngineDevice } from '../../lib/engine/index.js';
import { runsOnStandins } from '../standin/standins.mjs';

export interface GpuMachine {
  readonly device: EngineDevice;
  /** For the names of tests: 'on NVIDIA H200', 'on stand-ins'. */
  readonly where: string;
  /** Where driver and TensorRT are ours: what only a GPU can show is not asked for. */
  readonly onStandins: boolean;
}

/**
 * Numbers of the stand-ins must never pass for those of a GPU. So what runs is told by the libraries that were loaded, it is part of every test's name, and a process that has the
 * stand-ins has to be told that this is meant: FOVEATE_GPU_SUITE=stand-ins.
 */
const meantForStandins = process.env['FOVEATE_GPU_SUITE'] === 'stand-ins';

async function lookForGpu(): Promise<GpuMachine | string> {
  const obstacle = await settle(() => native().gpuObstacle());
  if (obstacle !== undefined) return obstacle;
  const families = tensorRtCandidates().map(({ family }) => family);
  const device = (['tensorrt', 'tensorrt-rtx'] as const).find((family) => families.includes(family));
  if (device === undefined) return 'there is a GPU, but no TensorRT (name its folder with FOVEATE_TENSORRT_PATH)';
  const { gpu, runObstacle } = await chooseTensorRt(device);
  if (gpu === undefined || runObstacle !== undefined) return runObstacle ?? 'there is no NVIDIA GPU';
  const onStandins = runsOnStandins();
  if (onStandins !== meantForStandins) {
    throw new Error(
      onStandins
        ? 'The stand-ins are loaded in place of a GPU: set FOVEATE_GPU_SUITE=stand-ins if that is meant'
        : 'FOVEATE_GPU_SUITE=stand-ins, but what is loaded is no stand-in',
    );
  }
  return { device, where: onStandins ? 'on stand-ins' : `on ${gpu.name}`, onStandins };
}

const found = await lookForGpu();

/** undefined: there is none, and tests that need one are skipped, and counted. */
export const gpu = typeof found === 'string' ? undefined : found;
if (typeof found === 'string') {
  if (meantForStandins) throw new Error(`FOVEATE_GPU_SUITE=stand-ins, but ${found}`);
  console.warn(`SKIPPED: no test runs on a GPU: ${found}`);
}

/** Part of every test's name. */
export const where = gpu?.where ?? 'on a GPU';

/** Engines take minutes on a GPU: with FOVEATE_GPU_WORK they, and forms of models, are kept there for the next run. */
const kept = process.env['FOVEATE_GPU_WORK'];
export const work = kept ?? mkdtempSync(join(tmpdir(), 'foveate-gpu-'));
mkdirSync(work, { recursive: true });
process.env['FOVEATE_CACHE_DIR'] = join(work, 'cache');

/** Removes what need not be kept; for `afterAll`. */
export function removeWork(): void {
  if (kept === undefined) rmSync(work, { recursive: true, force: true });
}
