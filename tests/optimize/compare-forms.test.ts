/** Comparisons of what a model may be beside a plain file: quantized, a bundle, with weights in another file, in half precision. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { create } from '@bufbuild/protobuf';
import { afterAll, describe, expect, it } from 'vitest';

import { encodeModel, parseModel, readModel } from '../../lib/graph/index.js';
import { StringStringEntryProtoSchema, TensorProto_DataLocation, type TensorProto } from '../../lib/graph/onnx_pb.js';
import { changed } from '../../lib/graph/passes/changed.js';
import { compareModels, loadTask } from '../../lib/index.js';
import { bundledTask } from '../../lib/tasks/index.js';
import { makeModelBundle, quantizedByHand } from '../engine/made-model-bundle.js';
import { example } from '../session/fixtures.js';
import { bytesOf, chain, DataType, floats, info, int } from './made-chains.js';

const folder = mkdtempSync(join(tmpdir(), 'foveate-compare-forms-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const data = example('pictures');
const classifier = example('models/shapes-classifier.onnx');

describe('a quantized model', () => {
  const step = 0.05;
  /** x * 1 -> c, to integers and back, -> y; without the Clip that the range stands for. */
  const quantized = bytesOf({
    input: [info('x', ['n', 3, 16, 16])],
    output: [info('y', ['n', 3, 16, 16])],
    initializer: [
      floats('one', Float32Array.of(1), [1]),
      floats('step', Float32Array.of(step), []),
      { name: 'zero', dims: [], dataType: DataType.UINT8, rawData: Uint8Array.of(0) },
    ],
    node: [
      { opType: 'Mul', name: 'scale', input: ['x', 'one'], output: ['r'] },
      { opType: 'QuantizeLinear', input: ['r', 'step', 'zero'], output: ['r_QuantizeLinear_Output'] },
      { opType: 'DequantizeLinear', input: ['r_QuantizeLinear_Output', 'step', 'zero'], output: ['r_DequantizeLinear_Output'] },
      { opType: 'Identity', input: ['r_DequantizeLinear_Output'], output: ['y'] },
    ],
  });
  const plain = bytesOf({
    input: [info('x', ['n', 3, 16, 16])],
    output: [info('y', ['n', 3, 16, 16])],
    initializer: [floats('one', Float32Array.of(1), [1])],
    node: [
      { opType: 'Mul', name: 'scale', input: ['x', 'one'], output: ['m'] },
      { opType: 'Relu', name: 'relu', input: ['m'], output: ['r'] },
      { opType: 'Identity', input: ['r'], output: ['y'] },
    ],
  });

  it.each(['disabled', 'all'] as const)('has the noise of its steps, with optimizations %s', async (layerOptimization) => {
    const { layers, b } = await compareModels(plain, quantized, { random: true, pictures: 8, layerOptimization });
    expect(b.quantized).toBe(true);
    const relu = layers.compared.find(({ value }) => value === 'r');
    expect(relu).toMatchObject({ valueInB: 'r_DequantizeLinear_Output', pairedBy: 'dequantized' });
    // Half the elements lie evenly between 0 and 1, a mean square of 1/6; half of them have an error that lies evenly within a step.
    expect(relu?.snrDb).toBeCloseTo(10 * Math.log10(1 / 6 / (step ** 2 / 12 / 2)), 0);
    expect(layers.optimization).toBe(layerOptimization);
  });

  it('of real weights diverges where its range was chosen badly', async () => {
    const { proto } = await readModel(classifier);
    const { layers } = await compareModels(classifier, encodeModel(quantizedByHand(proto, 'uint8')), {
      data,
      pictures: 2,
      minSnr: 25,
    });
    expect(layers.firstDiverging?.snrDb).toBeLessThan(25);
    expect(Math.min(...(layers.firstDiverging?.inputs ?? []).map(({ snrDb }) => snrDb))).toBeGreaterThanOrEqual(25);
    expect(layers.compared.length).toBeGreaterThan(20);
    expect(layers.left.filter(({ reason }) => reason === 'only in A')).toEqual([]);
  });
});

describe('a bundle', () => {
  it('is compared in its form for ONNX Runtime', async () => {
    await using task = await loadTask(classifier);
    const output = join(folder, 'model.bundle');
    await makeModelBundle(output, classifier, bundledTask(task, {}));
    const { proto } = await readModel(classifier);
    const form = encodeModel(quantizedByHand(proto, 'uint8'));
    const found = await compareModels(form, output, { data, pictures: 2, same: true });
    expect(found).toMatchObject({ b: { name: 'model.bundle', quantized: true }, passed: true });
    expect(found.layers.compared.every(({ equal }) => equal)).toBe(true);
    const original = await compareModels(classifier, output, { data, pictures: 2 });
    expect(original.layers.compared.every(({ equal }) => equal)).toBe(false);
  });
});

describe('a model', () => {
  it('may keep its weights in another file', async () => {
    const { proto } = parseModel(chain());
    const chunks: Uint8Array[] = [];
    let offset = 0;
    const moved = (tensor: TensorProto): TensorProto => {
      const { rawData } = tensor;
      const entries = { location: 'weights.bin', offset: String(offset), length: String(rawData.length) };
      chunks.push(rawData);
      offset += rawData.length;
      const externalData = Object.entries(entries).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value }));
      const none = { rawData: new Uint8Array(0), floatData: [] };
      return changed(tensor, { ...none, externalData, dataLocation: TensorProto_DataLocation.EXTERNAL });
    };
    const graph = changed(proto.graph!, { initializer: proto.graph!.initializer.map(moved) });
    const path = join(folder, 'external.onnx');
    writeFileSync(path, encodeModel(changed(proto, { graph })));
    writeFileSync(join(folder, 'weights.bin'), Buffer.concat(chunks));
    const found = await compareModels(chain(), path, { random: true, same: true });
    expect({ passed: found.passed, compared: found.layers.compared.length }).toEqual({ passed: true, compared: 11 });
    expect(found.layers.compared.every(({ equal }) => equal)).toBe(true);
  });

  it('may compute in half precision', async () => {
    const outer = { input: [info('x', ['n', 64])], output: [info('y', ['n', 64])] };
    const single = bytesOf({
      ...outer,
      node: [
        { opType: 'Exp', input: ['x'], output: ['e'] },
        { opType: 'Neg', input: ['e'], output: ['y'] },
      ],
    });
    const half = bytesOf({
      ...outer,
      node: [
        { opType: 'Cast', input: ['x'], output: ['h'], attribute: [int('to', DataType.FLOAT16)] },
        { opType: 'Exp', input: ['h'], output: ['e'] },
        { opType: 'Cast', input: ['e'], output: ['s'], attribute: [int('to', DataType.FLOAT)] },
        { opType: 'Neg', input: ['s'], output: ['y'] },
      ],
    });
    const { layers, passed } = await compareModels(single, half, { random: true });
    expect(layers.compared.map(({ value }) => value)).toEqual(['e', 'y']);
    // Eleven bits.
    expect(layers.compared[0]?.snrDb).toBeGreaterThan(60);
    expect(layers.compared[0]?.equal).toBe(false);
    expect(passed).toBe(true);
  });
});
