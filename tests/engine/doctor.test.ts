import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { diagnose, unusableTensorRt, type DiagnosisStep, type TensorRtCandidate } from '../../lib/engine/index.js';

const variable = 'FOVEATE_ONNXRUNTIME_PATH';
const originals = [variable, 'FOVEATE_TENSORRT_PATH'].map((name) => [name, process.env[name]] as const);
afterEach(() => {
  for (const [name, value] of originals) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

describe('diagnose', () => {
  it('finds everything that the main path needs, and runs a model', async () => {
    const steps: DiagnosisStep[] = [];
    const found = await diagnose((step) => steps.push(step));
    expect(steps).toEqual(['core', 'onnxruntime', 'sharp', 'tensorrt-libraries', 'cpu', 'cuda', 'tensorrt', 'tensorrt-rtx']);
    expect(found.ok).toBe(true);
    for (const finding of [found.node, found.platform, found.core, found.onnxruntime, found.sharp, found.devices.cpu]) {
      expect(finding).toMatchObject({ usable: true });
      expect(finding.detail).toBeTruthy();
    }
    expect(found.onnxruntime.providers).toContain('CPUExecutionProvider');
    expect(JSON.parse(JSON.stringify(found))).toEqual(found);
  });

  it('gives a reason and a remedy for each device that cannot be used', async () => {
    const { devices } = await diagnose();
    for (const finding of Object.values(devices).filter(({ usable }) => !usable)) {
      expect(finding.detail).toBeTruthy();
      expect(finding.remedy).toBeTruthy();
    }
  });

  it('tells of a library that is no library, and of the one behind it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'foveate-doctor-'));
    try {
      process.env[variable] = join(folder, 'text.so');
      writeFileSync(join(folder, 'text.so'), 'text');
      const { ok, onnxruntime, devices } = await diagnose();
      expect(ok).toBe(false);
      expect(onnxruntime).toMatchObject({ found: true, usable: false, path: join(folder, 'text.so') });
      expect(onnxruntime.detail).toMatch(/not a shared library/);
      expect(onnxruntime.remedy).toBeTruthy();
      expect(onnxruntime.places).toHaveLength(3);
      expect(devices.cpu).toMatchObject({ usable: false, remedy: expect.stringContaining('ONNX Runtime') as string });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('looks at each TensorRT library in the way that it is told to', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'foveate-doctor-'));
    try {
      process.env['FOVEATE_TENSORRT_PATH'] = folder;
      for (const name of ['libnvinfer.so.10', 'libtensorrt_rtx.so.1']) writeFileSync(join(folder, name), '');
      const looked: TensorRtCandidate[] = [];
      const { tensorrt, devices } = await diagnose(undefined, async (candidate) => {
        looked.push(candidate);
        const finding = unusableTensorRt(candidate, 'not opened', 'nothing');
        return candidate.family === 'tensorrt' ? { ...finding, version: '10.15.1' } : finding;
      });
      const here = ({ path }: { path: string }): boolean => path.startsWith(folder);
      expect(looked.filter(here).map(({ family }) => family)).toEqual(['tensorrt', 'tensorrt-rtx']);
      expect(tensorrt.filter(here)).toMatchObject([
        { family: 'tensorrt', canBuild: false, canRun: false, detail: 'not opened' },
        { family: 'tensorrt-rtx', canBuild: false, canRun: false, origin: 'environment variable FOVEATE_TENSORRT_PATH' },
      ]);
      expect(devices.tensorrt.detail).toBe('10.15.1 is there, but it cannot be opened');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('does not advise to install what is there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'foveate-doctor-'));
    try {
      process.env['FOVEATE_TENSORRT_PATH'] = folder;
      for (const name of ['libnvinfer.so.10', 'libtensorrt_rtx.so.1']) writeFileSync(join(folder, name), '');
      const remedyWhere = async (canBuild: boolean): Promise<string | undefined> => {
        const { tensorrt } = await diagnose(undefined, (candidate) => {
          const finding = { ...unusableTensorRt(candidate, 'opened', 'It needs a GPU.'), version: '1.7.1' };
          return Promise.resolve(candidate.family === 'tensorrt' ? finding : { ...finding, canBuild });
        });
        return tensorrt.find(({ path }) => path === join(folder, 'libnvinfer.so.10'))?.remedy;
      };
      expect(await remedyWhere(false)).toMatch(/^It needs a GPU\. .*npx foveate install tensorrt-rtx/);
      expect(await remedyWhere(true)).toBe('It needs a GPU.');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
