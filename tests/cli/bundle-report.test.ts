/** What is printed of a bundle. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { bundleLines } from '../../lib/cli/bundle-report.js';
import { EngineBundle, type EngineLayer, type EngineManifest } from '../../lib/engine/index.js';
import { makeBundle } from '../engine/made-bundle.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-report-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The lines of a recorded bundle, but for `change`. */
async function lines(change: Partial<EngineManifest> = {}, layers?: readonly EngineLayer[], source?: string): Promise<string[]> {
  makeBundle(folder, (manifest) => ({
    ...manifest,
    engine: { ...manifest.engine, platform: 'linux-x64' },
    ...change,
  }));
  return bundleLines(await EngineBundle.open(folder), layers, source);
}

/** The line that begins with a word. */
async function line(word: string, change: Partial<EngineManifest>): Promise<string | undefined> {
  return (await lines(change)).find((each) => each.trim().startsWith(word))?.trim();
}

describe('a bundle', () => {
  it('is told in a line for each thing', async () => {
    const [title, ...rest] = await lines();
    expect(title).toBe(`${folder}  engine of shapes-detector.onnx`);
    expect(rest.map((each) => each.replace(/sha256 [0-9a-f]{16}$/, 'sha256 ...'))).toEqual([
      '  library  tensorrt-rtx 1.7.1, linux-x64',
      '  for      compute capability 8.9',
      '  engine   0.00200 MB, sha256 ...',
      '  layers   51, made, made of 142 of the model, built in 1.9 s',
      '  pass     the input takes pixels: scale 1/255 is part of the engine',
      '  input    images  uint8 [?, 256, 256, 3]',
      '  output   output0  float32 [?, 10, 1344]',
      '  profile  images: [1, 256, 256, 3] to [4, 256, 256, 3], fast at [2, 256, 256, 3]',
      '  labels   6 classes',
    ]);
  });

  it('has the name of the model that was asked for', async () => {
    expect((await lines({}, undefined, 'renamed.onnx'))[0]).toBe(`${folder}  engine of renamed.onnx`);
  });

  it('has no line for what it has not', async () => {
    const { labels, ...rest } = makeBundle(folder);
    expect(labels).toHaveLength(6);
    makeBundle(folder, () => ({ ...rest, passes: [], profiles: [] }));
    const words = bundleLines(await EngineBundle.open(folder), undefined).map((each) => each.trim().split(' ')[0]);
    expect(words.slice(1)).toEqual(['library', 'for', 'engine', 'layers', 'input', 'output']);
  });

  it('has a line for each profile', async () => {
    const range = (size: number) => ({ input: 'x', min: [1, size], opt: [2, size], max: [4, size] });
    const told = await lines({ profiles: [[range(32), { ...range(8), input: 'y' }], [range(64)]] });
    expect(told.filter((each) => each.startsWith('  profile'))).toEqual([
      '  profile 0  x: [1, 32] to [4, 32], fast at [2, 32]',
      '  profile 0  y: [1, 8] to [4, 8], fast at [2, 8]',
      '  profile 1  x: [1, 64] to [4, 64], fast at [2, 64]',
    ]);
  });

  it('has a line for each pass', async () => {
    const values = { scale: 1, mean: [0.5, 0.25, 0], std: [1, 2, 1], layout: 'nchw' } as const;
    const told = await lines({ passes: [{ pass: 'free-batch' }, { pass: 'bake-preprocess', values }] });
    expect(told.filter((each) => each.startsWith('  pass'))).toEqual([
      '  pass     the batch axis was made free',
      '  pass     the input takes pixels: scale 1, mean 0.5 0.25 0, std 1 2 1 is part of the engine',
    ]);
  });

  it('is told for which GPUs it is', async () => {
    const { engine } = makeBundle(folder);
    const gpu = { name: 'NVIDIA H200', computeCapability: 90 };
    const forGpu = (change: Partial<EngineManifest['engine']>) => line('for', { engine: { ...engine, ...change } });
    expect(await forGpu({ computeCapabilities: [86, 89, 120] })).toBe('for      compute capability 8.6, 8.9, 12.0');
    expect(await forGpu({ computeCapabilities: [], gpu })).toBe('for      NVIDIA H200, 9.0');
    expect(await forGpu({ computeCapabilities: [] })).toBe('for      the GPU that it was built on');
    expect(await forGpu({ computeCapabilities: [], gpu, hardwareCompatibility: 'ampere-plus' })).toBe(
      'for      NVIDIA H200, 9.0, ampere-plus',
    );
  });

  it('is told with its layers, each with what it makes, its name cut', async () => {
    const tensor = (dims: readonly number[], dtype: string) => ({ name: 't', dims, dtype, format: 'Row major' });
    const layer = (name: string, type: string, outputs: EngineLayer['outputs']) => ({
      name,
      type,
      inputs: [],
      outputs,
      tactic: '',
    });
    const told = await lines({}, [
      layer('a'.repeat(48), 'kgen', [tensor([-1, 3], 'Half'), tensor([2], 'Int8')]),
      layer('b'.repeat(49), 'signal', []),
    ]);
    expect(told.slice(-4)).toEqual([
      '',
      'Layers',
      `  0  kgen    ${'a'.repeat(48)}  Half [?, 3] Row major; Int8 [2] Row major`,
      `  1  signal  ${'b'.repeat(45)}...`,
    ]);
  });

  it('steers no terminal with the names in it', async () => {
    const name = 'a\u001b[2J\nb';
    const { model } = makeBundle(folder);
    const told = await lines({ model: { ...model, source: name }, inputs: [{ name, dtype: 'uint8', shape: [null] }] }, [
      { name, type: name, inputs: [], outputs: [{ name, dims: [1], dtype: name, format: name }], tactic: name },
    ]);
    expect(told.join('').match(/\p{Cc}/gu)).toBeNull();
    expect(told[0]).toContain('engine of a\uFFFD[2J\uFFFDb');
  });
});
