/** What the CUDA driver tells of the GPU. The driver is one of our own making: where there is a real one, it is not asked. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import type { NativeTensorRt } from '../../lib/binding/index.js';

const root = mkdtempSync(join(tmpdir(), 'foveate-gpu-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function library(folder: string, name: string, source: string): string {
  const path = join(folder, name);
  mkdirSync(folder, { recursive: true });
  execFileSync('gcc', ['-shared', '-fPIC', '-x', 'c', '-o', path, '-'], {
    input: `#include <string.h>\n#include <unistd.h>\n${source}`,
  });
  return path;
}

/** A library that answers as TensorRT 10.15.1 does, and builds nothing. */
const nvinfer = library(
  root,
  'libnvinfer.so.10',
  `int getInferLibVersion(void) { return 101501; }
   void* createInferBuilder_INTERNAL(void* logger, int version) { return 0; }
   void* createInferRuntime_INTERNAL(void* logger, int version) { return 0; }`,
);

/** What a process sees in which libcuda.so.1 is this. */
function seenWith(driver: string): Pick<NativeTensorRt, 'gpu' | 'runObstacle'> {
  const folder = mkdtempSync(join(root, 'driver-'));
  library(folder, 'libcuda.so.1', driver);
  const script = `
    const { native } = await import(process.env.BINDING);
    const { gpu, runObstacle } = await native().tensorrtOpen(process.env.LIBRARY, undefined);
    console.log(JSON.stringify({ gpu, runObstacle }));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
    env: {
      ...process.env,
      LD_LIBRARY_PATH: folder,
      LIBRARY: nvinfer,
      BINDING: new URL('../../dist/binding/index.js', import.meta.url).href,
    },
  });
  return JSON.parse(output) as ReturnType<typeof seenWith>;
}

const driverOf = (started: number, count: number, attribute: string): string => `
  int cuInit(unsigned flags) { return ${started}; }
  int cuDeviceGetCount(int* count) { *count = ${count}; return 0; }
  int cuDeviceGet(int* device, int ordinal) { *device = 7 + ordinal; return 0; }
  int cuDeviceGetName(char* name, int length, int device) { if (device != 7) return 101; strncpy(name, "Our GPU", length); return 0; }
  int cuDeviceGetUuid_v2(unsigned char* uuid, int device) { for (int i = 0; i < 16; ++i) uuid[i] = 17 * i; return 0; }
  int cuDeviceGetAttribute(int* value, int attribute, int device) { ${attribute} }`;

describe('the GPU', () => {
  it('is told by name and compute capability', () => {
    expect(seenWith(driverOf(0, 2, '*value = attribute == 75 ? 12 : attribute == 76 ? 1 : -1; return 0;'))).toEqual({
      gpu: { name: 'Our GPU', computeCapability: 121, uuid: '00112233445566778899aabbccddeeff' },
    });
  });

  it.each([
    ['none is there', driverOf(0, 0, 'return 0;'), 'there is no NVIDIA GPU'],
    ['the driver finds none', driverOf(100, 0, 'return 0;'), 'there is no NVIDIA GPU'],
    ['the driver does not start', driverOf(3, 1, 'return 0;'), 'the NVIDIA driver does not start: CUDA error 3'],
    ['it does not tell', driverOf(0, 1, 'return 719;'), 'the NVIDIA driver does not tell what its GPU is: CUDA error 719'],
    [
      'the driver hangs',
      driverOf(0, 1, 'return 0;').replace('return 0;', 'sleep(60); return 0;'),
      'the NVIDIA driver does not answer',
    ],
    ['the library is something else', 'int cuInit(unsigned flags) { return 0; }', "libcuda.so.1 is not NVIDIA's driver"],
  ])('cannot be used where %s', (_, driver, runObstacle) => {
    expect(seenWith(driver)).toEqual({ runObstacle });
  });
});
