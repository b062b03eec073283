/** The table of CUDA functions against NVIDIA's header, and whether the comparison sees what is wrong. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { projectRoot, runProgram } from '../package/node-child.js';

const timeoutMs = 170_000;
const folder = mkdtempSync(path.join(tmpdir(), 'foveate-conformance-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const compare = (args: readonly string[]) =>
  runProgram(process.execPath, [path.join(projectRoot, 'tests/conformance/cuda-headers.mjs'), ...args], { timeoutMs });

const original = readFileSync(path.join(projectRoot, 'native/runtime/cuda/functions.h'), 'utf8');

/** A table in which each text was replaced by another. */
function changed(changes: readonly [string, string][]): string {
  let text = original;
  for (const [from, to] of changes) {
    if (text.split(from).length !== 2) throw new Error(`"${from}" is not once in the table`);
    text = text.replace(from, to);
  }
  const file = path.join(folder, 'functions.h');
  writeFileSync(file, text);
  return file;
}

describe('the table of CUDA functions', () => {
  it('is that of the headers', async ({ skip }) => {
    const { code, stdout, stderr } = await compare([]);
    if (code === 3) {
      console.warn(`The table of CUDA functions was not compared with its header.\n${stderr}`);
      skip(stderr);
    }
    expect(code, stderr).toBe(0);
    for (const release of ['12.9', '13.5']) {
      const line = stdout.split('\n').find((candidate) => candidate.startsWith(`cuda ${release}: `));
      expect(line, stdout).toMatch(/: [1-9]\d* functions, [1-9]\d* names, [1-9]\d* values checked, 0 mismatches$/);
    }
  }, 180_000);

  const wrong: [string, string, string, string][] = [
    [
      'an integer',
      'F(cuMemHostAlloc, (void** memory, std::size_t bytes',
      'F(cuMemHostAlloc, (void** memory, unsigned bytes',
      'cuMemHostAlloc, its signature',
    ],
    [
      'an argument',
      'F(cuDeviceGet, (CUdevice * device, int ordinal)',
      'F(cuDeviceGet, (CUdevice * device)',
      'cuDeviceGet, its signature',
    ],
    [
      'a handle',
      'F(cuEventRecord, (CUevent event, CUstream stream)',
      'F(cuEventRecord, (CUstream stream, CUevent event)',
      'cuEventRecord, its signature',
    ],
    ['a pointer', 'F(cuMemFreeHost, (void* memory)', 'F(cuMemFreeHost, (CUdeviceptr memory)', 'cuMemFreeHost, its signature'],
    ['an older function of other arguments', 'F(cuMemFree_v2,', 'F(cuMemFree,', 'cuMemFree, its signature'],
    ['an older function of the same arguments', 'F(cuCtxPushCurrent_v2,', 'F(cuCtxPushCurrent,', 'cuCtxPushCurrent:'],
    ['a result', 'kIllegalAddress = 700', 'kIllegalAddress = 701', 'CUDA_ERROR_ILLEGAL_ADDRESS:'],
    ['an attribute', 'kComputeCapabilityMajor = 75', 'kComputeCapabilityMajor = 76', 'COMPUTE_CAPABILITY_MAJOR:'],
    ['a flag', 'kEventDisableTiming = 2', 'kEventDisableTiming = 4', 'CU_EVENT_DISABLE_TIMING:'],
    ['a struct', 'std::array<unsigned char, 16>', 'std::array<unsigned char, 8>', 'sizeof(CUuuid):'],
  ];
  it('does not pass with one wrong entry of each kind', async ({ skip }) => {
    const functions = changed(wrong.map(([, from, to]) => [from, to]));
    const { code, stderr } = await compare(['--functions', functions]);
    if (code === 3) skip(stderr);
    expect(code, stderr).toBe(1);
    for (const release of ['12.9', '13.5']) {
      for (const [kind, , , what] of wrong) expect(stderr, kind).toContain(`cuda ${release}: mismatch ${what}`);
    }
  }, 180_000);

  it('does not pass with a function that is in no header', async ({ skip }) => {
    const { code, stderr } = await compare(['--functions', changed([['F(cuGraphLaunch,', 'F(cuGraphLaunch_v7,']])]);
    if (code === 3) skip(stderr);
    expect(code, stderr).toBe(1);
    expect(stderr).toContain('cuGraphLaunch_v7');
  }, 180_000);

  it('cannot be compared where there is no header', async () => {
    const { code, stderr } = await compare(['--headers', folder]);
    expect(code).toBe(3);
    expect(stderr).toContain(folder);
  });
});
