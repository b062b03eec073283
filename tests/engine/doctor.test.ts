import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { diagnose, type DiagnosisStep } from '../../lib/engine/index.js';

const variable = 'FOVEATE_ONNXRUNTIME_PATH';
const original = process.env[variable];
afterEach(() => {
  if (original === undefined) delete process.env[variable];
  else process.env[variable] = original;
});

describe('diagnose', () => {
  it('finds everything that the main path needs, and runs a model', async () => {
    const steps: DiagnosisStep[] = [];
    const found = await diagnose((step) => steps.push(step));
    expect(steps).toEqual(['core', 'onnxruntime', 'sharp', 'cpu', 'cuda', 'tensorrt', 'tensorrt-rtx']);
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
});
