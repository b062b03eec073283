/** The suite of this folder on the stand-ins, in a process that has them in place of a driver and TensorRT: whether it would run where there is a GPU, and tell when there is none. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { carrierPackage } from '../../lib/engine/index.js';
import { projectRoot, runProgram, type ChildResult } from '../package/node-child.js';
import { standinCuda, standinTensorRt } from '../standin/standins.mjs';

const root = mkdtempSync(join(tmpdir(), 'foveate-gpu-suite-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Report {
  readonly numTotalTests: number;
  readonly numPassedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

let folders: { readonly driver: string; readonly library: string };
beforeAll(() => {
  folders = { driver: standinCuda(), library: standinTensorRt() };
}, 600_000);

/** Runs files of the suite in a vitest of their own. */
async function suite(
  files: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<ChildResult & { report: () => Report }> {
  const require = createRequire(import.meta.url);
  const output = join(mkdtempSync(join(root, 'run-')), 'report.json');
  const result = await runProgram(
    process.execPath,
    [
      join(projectRoot, 'node_modules/vitest/vitest.mjs'),
      ...['run', ...files.map((file) => `tests/gpu/${file}.test.ts`)],
      ...['--reporter=default', '--reporter=json', `--outputFile.json=${output}`],
    ],
    {
      cwd: projectRoot,
      env: {
        LD_LIBRARY_PATH: folders.driver,
        FOVEATE_TENSORRT_PATH: folders.library,
        FOVEATE_ONNXRUNTIME_PATH: require(carrierPackage) as string,
        FOVEATE_STANDIN_CUDA: `memory=${2 ** 31},reports=${root}`,
        FOVEATE_STANDIN_TENSORRT: undefined,
        FOVEATE_GPU_SUITE: undefined,
        FOVEATE_GPU_WORK: undefined,
        ...env,
      },
      timeoutMs: 580_000,
    },
  );
  return { ...result, report: () => JSON.parse(readFileSync(output, 'utf8')) as Report };
}

describe('the suite for GPUs', () => {
  it('passes on the stand-ins, and says of every test where it ran', { timeout: 600_000 }, async () => {
    const { code, stdout, stderr, report } = await suite(['precision', 'engines', 'runs', 'device'], {
      FOVEATE_GPU_SUITE: 'stand-ins',
    });
    expect(code, stdout + stderr).toBe(0);
    const tests = report().testResults.flatMap(({ assertionResults }) => assertionResults);
    expect(tests.length).toBeGreaterThan(30);
    expect(tests.filter(({ fullName }) => !fullName.includes('on stand-ins'))).toEqual([]);
    // What only a GPU can show.
    const others = tests.filter(({ status }) => status !== 'passed').map(({ fullName }) => fullName);
    expect(others).toEqual(['an engine on stand-ins leaves times of kernels to the next build']);
  });

  it('is skipped, and counted, where there is no GPU', { timeout: 120_000 }, async () => {
    const { code, stdout, stderr, report } = await suite(['runs'], { LD_LIBRARY_PATH: undefined });
    expect(code, stdout + stderr).toBe(0);
    const { numTotalTests, numPassedTests, numPendingTests } = report();
    expect([numPassedTests, numPendingTests]).toEqual([0, numTotalTests]);
    expect(stdout + stderr).toMatch(/SKIPPED: no test runs on a GPU: there is no NVIDIA driver/);
  });

  it.each([
    ['takes no stand-in for a GPU', {}, /The stand-ins are loaded in place of a GPU/],
    [
      'takes no missing GPU for a stand-in',
      { FOVEATE_GPU_SUITE: 'stand-ins', LD_LIBRARY_PATH: undefined },
      /but there is no NVIDIA driver/,
    ],
  ])('%s', { timeout: 120_000 }, async (_, env, message) => {
    const { code, stdout, stderr } = await suite(['runs'], env);
    expect(code).not.toBe(0);
    expect(stdout + stderr).toMatch(message);
  });
});
