/** What the CUDA driver tells of the GPU. The driver is one of our own making: where there is a real one, it is not asked. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { NativeTensorRt } from '../../lib/binding/index.js';
import { standinCuda } from '../standin/cuda/build.js';

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

/** What a process sees that finds libcuda.so.1 in a folder. */
function seenIn(folder: string, settings = ''): Pick<NativeTensorRt, 'gpu' | 'runObstacle'> {
  const script = `
    const { native } = await import(process.env.BINDING);
    const { gpu, runObstacle } = await native().tensorrtOpen(process.env.LIBRARY, undefined);
    console.log(JSON.stringify({ gpu, runObstacle }));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
    env: {
      ...process.env,
      LD_LIBRARY_PATH: folder,
      FOVEATE_STANDIN_CUDA: settings,
      LIBRARY: nvinfer,
      BINDING: new URL('../../dist/binding/index.js', import.meta.url).href,
    },
  });
  return JSON.parse(output) as ReturnType<typeof seenIn>;
}

/** The same, where libcuda.so.1 is made of this. */
function seenWith(driver: string): ReturnType<typeof seenIn> {
  const folder = mkdtempSync(join(root, 'driver-'));
  library(folder, 'libcuda.so.1', driver);
  return seenIn(folder);
}

const table = readFileSync(new URL('../../native/runtime/cuda/functions.h', import.meta.url), 'utf8');
const functions = [...table.matchAll(/^ +F\((\w+), /gm)].map(([, name]) => String(name));

/** The driver with all functions that are looked for; those that the source does not have are never called. */
function whole(source: string): string {
  const missing = functions.filter((name) => !source.includes(` ${name}(`));
  return source + missing.map((name) => `int ${name}(void) { return 1; }\n`).join('');
}

const driverOf = (started: number, count: number, attribute: string, version = 12_080): string =>
  whole(`
  int cuInit(unsigned flags) { return ${started}; }
  int cuDriverGetVersion(int* version) { *version = ${version}; return 0; }
  int cuDeviceGetCount(int* count) { *count = ${count}; return 0; }
  int cuDeviceGet(int* device, int ordinal) { *device = 7 + ordinal; return 0; }
  int cuDeviceGetName(char* name, int length, int device) { if (device != 7) return 101; strncpy(name, "Our GPU", length); return 0; }
  int cuDeviceGetUuid_v2(unsigned char* uuid, int device) { for (int i = 0; i < 16; ++i) uuid[i] = 17 * i; return 0; }
  int cuDeviceTotalMem_v2(size_t* bytes, int device) { *bytes = 1; return 0; }
  int cuDeviceGetAttribute(int* value, int attribute, int device) { ${attribute} }
`);

describe('the GPU', () => {
  beforeAll(standinCuda, 120_000); // compiles it

  it('is told by name and compute capability', () => {
    expect(seenWith(driverOf(0, 2, '*value = attribute == 75 ? 12 : attribute == 76 ? 1 : -1; return 0;'))).toEqual({
      gpu: { ordinal: 0, name: 'Our GPU', computeCapability: 121, uuid: '00112233445566778899aabbccddeeff' },
    });
  });

  it('is that of the stand-in, as it was told to be', () => {
    expect(seenIn(standinCuda(), 'devices=2,capability=86')).toEqual({
      gpu: { ordinal: 0, name: 'Stand-in GPU 0', computeCapability: 86, uuid: '50'.repeat(16) },
    });
    expect(seenIn(standinCuda(), 'devices=0')).toEqual({ runObstacle: 'there is no NVIDIA GPU' });
    expect(seenIn(standinCuda(), 'devices=2,fail=cuDeviceGetName:1:999')).toEqual({
      gpu: { ordinal: 1, name: 'Stand-in GPU 1', computeCapability: 90, uuid: '51'.repeat(16) },
    });
    const report = join(root, 'report');
    seenIn(standinCuda(), `report=${report}`);
    expect(readFileSync(report, 'utf8')).toContain('contexts 0\nstreams 0\n');
  });

  it('cannot be used where the driver cannot be loaded', () => {
    const folder = mkdtempSync(join(root, 'driver-'));
    writeFileSync(join(folder, 'libcuda.so.1'), 'no library');
    const { runObstacle } = seenIn(folder);
    expect(runObstacle).toMatch(/^the NVIDIA driver \(libcuda\.so\.1\) cannot be loaded: .*libcuda\.so\.1: /);
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
    [
      'the driver is too old',
      driverOf(0, 1, 'return 0;', 11_020),
      'the NVIDIA driver is too old: it supports CUDA 11.2, expected at least CUDA 11.4',
    ],
    [
      'the driver lacks a function',
      driverOf(0, 1, 'return 0;').replace('cuGraphLaunch', 'cuGraphLunch'),
      'the NVIDIA driver (libcuda.so.1) has no cuGraphLaunch',
    ],
    ['the library is something else', 'int cuInit(unsigned flags) { return 0; }', "libcuda.so.1 is not NVIDIA's driver"],
  ])('cannot be used where %s', (_, driver, runObstacle) => {
    expect(seenWith(driver)).toEqual({ runObstacle });
  });
});
