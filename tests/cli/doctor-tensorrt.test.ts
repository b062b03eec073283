import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { beforeEach, describe, expect, it } from 'vitest';

import { tensorRtPlaces, type Diagnosis, type TensorRtFinding } from '../../lib/engine/index.js';
import { foveate, temporaryFolder } from './foveate.js';

const root = temporaryFolder();
let folder: string;

beforeEach((context) => {
  folder = join(root, context.task.id);
  mkdirSync(folder);
});

/** Makes a library, which serves as its own parser too, that answers with a version as TensorRT does and builds nothing; `onLoad` is done when it is loaded. */
function standIn(name: string, version: number, onLoad = ''): string {
  const path = join(folder, name);
  const source = `
    #include <stdio.h>
    #include <stdlib.h>
    int getInferLibVersion(void) { return ${version}; }
    void* createInferBuilder_INTERNAL(void* logger, int version) { return NULL; }
    void* createInferRuntime_INTERNAL(void* logger, int version) { return NULL; }
    void* createNvOnnxParser_INTERNAL(void* network, void* logger, int version) { return NULL; }
    int getNvOnnxParserVersion(void) { return 100; }
    __attribute__((constructor)) static void load(void) { ${onLoad} }`;
  execFileSync('gcc', ['-shared', '-fPIC', '-x', 'c', '-o', path, '-'], { input: source });
  return path;
}

/** What the doctor finds in the folder of the test. */
async function findings(): Promise<{ diagnosis: Diagnosis; found: readonly TensorRtFinding[]; stderr: string }> {
  const { stdout, stderr } = await foveate(['doctor', '--json'], { env: { FOVEATE_TENSORRT_PATH: folder } });
  const diagnosis = JSON.parse(stdout) as Diagnosis;
  return { diagnosis, found: diagnosis.tensorrt.filter(({ path }) => path.startsWith(folder)), stderr };
}

describe('foveate doctor on TensorRT', () => {
  it('tells of two families at once, and what keeps them from working', async () => {
    const nvinfer = standIn('libnvinfer.so.10', 101501);
    const rtx = standIn('libtensorrt_rtx.so.1', 10701);
    const { diagnosis, found } = await findings();
    const origin = 'environment variable FOVEATE_TENSORRT_PATH';
    expect(found).toMatchObject([
      { family: 'tensorrt', version: '10.15.1', path: nvinfer, origin, usable: false, canBuild: false },
      { family: 'tensorrt-rtx', version: '1.7.1', path: rtx, origin, usable: false, canBuild: false },
    ]);
    for (const { buildObstacle } of found) expect(buildObstacle).toMatch(/parser/);
    expect(found.map(({ remedy }) => remedy)).toEqual([
      'Put its ONNX parser beside it, the libnvonnxparser.so of the same version. It needs an NVIDIA GPU and its driver. ' +
        'TensorRT-RTX builds engines without them: npx foveate install tensorrt-rtx.',
      'Put its ONNX parser beside it, the libtensorrt_onnxparser_rtx.so of the same version.',
    ]);
    expect(diagnosis.ok).toBe(true);
    expect(diagnosis.devices['tensorrt-rtx']).toMatchObject({ usable: false });
    expect(diagnosis.devices['tensorrt-rtx'].detail).toMatch(/^1\.7\.1 is there, but /);
    const text = await foveate(['doctor'], { env: { FOVEATE_TENSORRT_PATH: folder } });
    expect(text.code).toBe(0);
    expect(text.stdout).toMatch(/^no {4}tensorrt {6}10\.15\.1, can/m);
    expect(text.stdout).toContain(`${origin}: ${rtx}\n`);
  });

  it('survives libraries that are damaged or crash, and still sees the next', async () => {
    writeFileSync(join(folder, 'libnvinfer.so.8'), 'INPUT(libnvinfer.so.8.6.1)');
    standIn('libnvinfer.so.10', 101501, 'abort();');
    standIn('libnvinfer_lean.so.11', 110400);
    standIn('libtensorrt_rtx.so.1', 99);
    const { diagnosis, found } = await findings();
    const of = (name: string): TensorRtFinding | undefined => found.find(({ path }) => path.endsWith(name));
    expect(found).toHaveLength(4);
    expect(of('libnvinfer.so.8')?.detail).toMatch(/not a shared library/);
    expect(of('libnvinfer.so.10')?.detail).toMatch(/ended with SIGABRT/);
    expect(of('libtensorrt_rtx.so.1')?.detail).toMatch(/99/);
    expect(of('libnvinfer_lean.so.11')).toMatchObject({ version: '11.4.0' });
    for (const { usable, canBuild, canRun, remedy, version } of found.filter((one) => one.version === undefined)) {
      expect({ usable, canBuild, canRun, version }).toEqual({
        usable: false,
        canBuild: false,
        canRun: false,
        version: undefined,
      });
      expect(remedy).toBeTruthy();
    }
    expect(diagnosis.ok).toBe(true);
  });

  it('tells of the driver that is missing, not of what TensorRT says for want of it', async ({ skip }) => {
    standIn('libnvinfer.so.10', 101501);
    standIn('libnvonnxparser.so.10', 101501);
    const { found } = await findings();
    const [finding] = found;
    if (finding?.runObstacle === undefined) skip('SKIPPED: this machine has a GPU');
    expect(finding?.buildObstacle).toBe(finding?.runObstacle);
    expect(finding?.detail).toBe(`10.15.1, can neither build nor run engines: ${finding?.runObstacle}`);
    expect(finding?.remedy).toMatch(/^It needs an NVIDIA GPU and its driver\. TensorRT-RTX builds engines without them/);
  });

  it('does not send to `foveate install` what that takes for installed', async () => {
    const libraries = join(folder, 'tensorrt-rtx/1.7.1.116/tensorrt_rtx_libs');
    mkdirSync(libraries, { recursive: true });
    writeFileSync(join(libraries, 'libtensorrt_rtx.so.1'), 'cut short');
    const { stdout } = await foveate(['doctor', '--json'], { env: { FOVEATE_TENSORRT_PATH: '', FOVEATE_CACHE_DIR: folder } });
    const found = (JSON.parse(stdout) as Diagnosis).tensorrt.find(({ origin }) => origin === 'foveate install');
    expect(found?.remedy).toBe(`Delete ${join(libraries, '..')}, then: npx foveate install tensorrt-rtx.`);
  });

  it('keeps the noise of a library out of its JSON', async () => {
    standIn('libnvinfer.so.10', 101501, 'printf("noise\\n"); fflush(stdout);');
    const { found, stderr } = await findings();
    expect(found).toHaveLength(1);
    expect(stderr).toContain('noise');
  });

  it('says how to get one where there is none', async ({ skip }) => {
    const env = {
      FOVEATE_TENSORRT_PATH: '',
      FOVEATE_CACHE_DIR: folder,
      HOME: folder,
      VIRTUAL_ENV: '',
      PATH: folder,
      LD_LIBRARY_PATH: '',
    };
    const { code, stdout } = await foveate(['doctor'], { env });
    expect(code).toBe(0);
    const system = tensorRtPlaces().filter(({ origin, missing }) => /system/.test(origin) && missing === undefined);
    if (system.length > 0) skip('SKIPPED: this machine has a TensorRT of its own');
    expect(stdout).toMatch(/^no {4}tensorrt-rtx +there is no library.*\n +remedy: Install it: npx foveate install tensorrt-rtx/m);
    expect(stdout).toMatch(/^no {4}library +not found\n +remedy: .*npx foveate install tensorrt-rtx/m);
    expect(stdout).toMatch(/looked at environment variable FOVEATE_TENSORRT_PATH: not set/);
    expect(stdout).toMatch(/looked at system \/usr\/lib64: no /);
  });
});

/** The folder that `npm test` prepares. */
const prepared = process.env['FOVEATE_TENSORRT_PATH'] ?? '';
const library = join(prepared, 'libtensorrt_rtx.so.1');
const missing = !existsSync(library);
if (missing && process.env['FOVEATE_REQUIRE_RTX'] === '1') {
  throw new Error('FOVEATE_REQUIRE_RTX=1, but FOVEATE_TENSORRT_PATH names no folder with libtensorrt_rtx.so.1: run npm test');
}
if (missing)
  console.warn('SKIPPED: FOVEATE_TENSORRT_PATH names no folder with libtensorrt_rtx.so.1, so no real one is looked at.');

describe.skipIf(missing)('the real TensorRT-RTX', () => {
  it('builds engines on any machine', async () => {
    const { code, stdout } = await foveate(['doctor', '--json']);
    expect(code).toBe(0);
    const found = (JSON.parse(stdout) as Diagnosis).tensorrt.find(({ path }) => path === library);
    expect(found).toMatchObject({ family: 'tensorrt-rtx', usable: true, canBuild: true });
    expect(found?.version).toMatch(/^1\.\d+\.\d+$/);
    expect(found?.parserPath).toMatch(/libtensorrt_onnxparser_rtx\.so\.1$/);
    expect(found?.canRun).toBe(found?.runObstacle === undefined);
  });

  it('is told to be damaged where half of it is missing', async () => {
    const start = Buffer.alloc(1 << 20);
    const file = openSync(library, 'r');
    readSync(file, start);
    closeSync(file);
    writeFileSync(join(folder, 'libtensorrt_rtx.so.1'), start);
    const { found, diagnosis } = await findings();
    expect(found).toMatchObject([{ usable: false, canBuild: false, canRun: false }]);
    expect(found[0]?.detail).toMatch(/cut short|ended with SIG/);
    expect(diagnosis.ok).toBe(true);
  });
});
