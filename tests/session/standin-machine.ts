/** Processes whose driver and TensorRT stand in for the real ones: see tests/standin. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect } from 'vitest';

import { carrierPackage } from '../../lib/engine/index.js';
import { builtLibrary, projectRoot, runScript } from '../package/node-child.js';
import { standinCuda } from '../standin/cuda/build.js';
import { standinTensorRt } from '../standin/tensorrt/build.js';

/** Of the files of one suite; removed at its end. */
export const root = mkdtempSync(join(tmpdir(), 'foveate-engines-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

export const detector = join(projectRoot, 'examples/models/shapes-detector.onnx');
const picture = join(projectRoot, 'examples/pictures/shapes-640x480.jpg');

let folders: { readonly driver: string; readonly library: string };
beforeAll(() => {
  folders = { driver: standinCuda(), library: standinTensorRt() };
}, 600_000);

export interface Machine {
  /** Where engines are kept. Default: one of its own. */
  readonly cache?: string;
  /** What is injected: see standin.h of each. */
  readonly cuda?: string;
  readonly tensorrt?: string;
  /** Whether there is a driver. Default true. */
  readonly hasDriver?: boolean;
  readonly nodeArguments?: readonly string[];
}

/** What `body`, the inside of an async function, returns on such a machine. It has the library's exports, `detector` and `picture`, and `failureOf(promise)`. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- what comes back is looked at by expect
export async function on(machine: Machine, body: string): Promise<any> {
  const { cache = mkdtempSync(join(root, 'cache-')), cuda = '', tensorrt = '', hasDriver = true, nodeArguments = [] } = machine;
  const script = `
    const { createSession, loadTask, buildEngine, gpuStatistics, Tensor } = await import(${JSON.stringify(builtLibrary)});
    const [detector, picture] = ${JSON.stringify([detector, picture])};
    const failureOf = (promise) => promise.then(() => 'no failure', ({ code, message, hint }) => ({ code, message, hint }));
    const found = await (async () => { ${body} })();
    console.log(JSON.stringify(found));`;
  const require = createRequire(import.meta.url);
  const { code, stdout, stderr } = await runScript(script, nodeArguments, {
    env: {
      LD_LIBRARY_PATH: hasDriver ? folders.driver : undefined,
      FOVEATE_TENSORRT_PATH: folders.library,
      FOVEATE_ONNXRUNTIME_PATH: require(carrierPackage) as string,
      FOVEATE_CACHE_DIR: cache,
      FOVEATE_STANDIN_CUDA: cuda,
      FOVEATE_STANDIN_TENSORRT: tensorrt,
    },
    timeoutMs: 100_000,
  });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout.trim().split('\n').at(-1) as string);
}
