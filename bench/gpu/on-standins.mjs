/** Programs on the stand-ins, with made-up times. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onnxRuntimeLibrary } from '../../scripts/commands.mjs';
import { standinCuda, standinTensorRt } from '../../tests/standin/standins.mjs';

const execute = promisify(execFile);
/** Ten gigabytes a second. */
export const copyNsPerKib = 100;

export function standinLibrary() {
  return join(standinTensorRt(), 'libnvinfer.so.10');
}

/**
 * What a program prints last, a line of JSON.
 *
 * @param {string} folder For its cache, and for what the driver counts.
 * @param {string} program
 * @param {string[]} args
 * @param {number} kernelUs What a run takes of the device.
 */
export async function onStandins(folder, program, args, kernelUs) {
  const { stdout } = await execute(program, args, {
    env: {
      ...process.env,
      LD_LIBRARY_PATH: standinCuda(),
      FOVEATE_TENSORRT_PATH: standinLibrary(),
      FOVEATE_ONNXRUNTIME_PATH: onnxRuntimeLibrary(),
      FOVEATE_CACHE_DIR: join(folder, 'cache'),
      FOVEATE_STANDIN_CUDA: `copy-ns-per-kib=${copyNsPerKib},reports=${folder}`,
      FOVEATE_STANDIN_TENSORRT: `latency-us=${kernelUs}`,
    },
  });
  return JSON.parse(stdout.trim().split('\n').at(-1));
}
