/** Both INT8 forms of graphs that tests make: quantised by what random inputs do in them, and judged by more of these. */
import { expect } from 'vitest';
import { encodeModel, normalizeModel, parseModel, type ModelProto, type OnnxNode } from '../../lib/graph/index.js';
import {
  allFloatPoints,
  calibrationPoints,
  tappedModel,
  TensorObserver,
  type TensorStatistics,
} from '../../lib/precision/index.js';
import { createSession } from '../../lib/session/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { evaluateConstants } from '../../lib/optimize/evaluate-constants.js';
import { quantizeModel, type QuantizeOptions } from '../../lib/optimize/quantize-model.js';
import type { QuantizedForms } from '../../lib/optimize/quantized-layer.js';
import { graphModel, inputsOf, outputsOf, pseudoRandom, randomTensor, type MadeGraph } from '../graph/made-graphs.js';

export const forms = ['onnxruntime', 'tensorrt'] as const;

export interface Quantized extends QuantizedForms {
  /** What was quantised. */
  readonly float: ModelProto;
  readonly statistics: readonly TensorStatistics[];
  readonly samples: readonly Tensor[];
}

/** Numbers as in pictures that were normalised: most are small. Free sizes are 1. */
export function sampleOf(model: ModelProto, seed: number): Tensor {
  const [{ shape, dtype }] = inputsOf(model) as [ReturnType<typeof inputsOf>[number]];
  const dims = (shape ?? []).map((size) => (typeof size === 'number' ? size : 1));
  if (dtype !== 'float32') return randomTensor(dtype, dims, seed);
  const count = dims.reduce((product, size) => product * size, 1);
  const [one, other] = [pseudoRandom(count, seed), pseudoRandom(count, seed + 1000)];
  return new Tensor(
    'float32',
    one.map((value, i) => value + (other[i] as number)),
    dims,
  );
}

/** What calibration with some random inputs keeps. */
export async function statisticsOf(
  float: ModelProto,
  samples: readonly Tensor[],
  points = calibrationPoints(float),
): Promise<TensorStatistics[]> {
  using observer = new TensorObserver(
    points.map(({ name, channelAxis }) => (channelAxis === undefined ? { name } : { name, channelAxis })),
  );
  const names = points.map(({ name }) => name);
  await using session = await createSession(encodeModel(tappedModel(float, names)), { device: 'cpu', threads: 1 });
  const [{ name }] = session.inputs as [(typeof session.inputs)[number]];
  for (const [picture, sample] of samples.entries()) await session.observe({ [name]: sample }, observer, { picture });
  return observer.statistics();
}

export async function quantized(graph: MadeGraph | ModelProto, options: QuantizeOptions = {}): Promise<Quantized> {
  const model = 'nodes' in graph ? graphModel(graph) : graph;
  const float = await normalizeModel(model, { evaluate: evaluateConstants });
  const samples = Array.from({ length: 6 }, (_, i) => sampleOf(float, i + 1));
  const statistics = await statisticsOf(float, samples, options.rest === 'float16' ? allFloatPoints(float) : undefined);
  return { float, statistics, samples, ...(await quantizeModel(float, statistics, samples.slice(0, 2), options)) };
}

export type Optimization = 'disabled' | 'all';

/** Noise over signal of each output, in dB (larger is better), over inputs that calibration has not seen. */
export async function signalToNoise(float: ModelProto, form: ModelProto, optimization: Optimization): Promise<number[]> {
  const open = (model: ModelProto, graphOptimization: Optimization) =>
    createSession(encodeModel(model), { device: 'cpu', threads: 1, graphOptimization });
  await using reference = await open(float, 'disabled');
  await using candidate = await open(form, optimization);
  const [{ name }] = reference.inputs as [(typeof reference.inputs)[number]];
  const sums = new Map(reference.outputs.map((output) => [output.name, { signal: 0, noise: 0 }]));
  for (const seed of [51, 52, 53]) {
    const inputs = { [name]: sampleOf(float, seed) };
    using wanted = await reference.run(inputs);
    using found = await candidate.run(inputs);
    for (const [output, sum] of sums) {
      const [one, other] = [wanted.outputs[output] as Tensor, found.outputs[output] as Tensor];
      expect([...other.dims], output).toEqual([...one.dims]);
      one.data.forEach((value: number | bigint, i: number) => {
        const error = Number(value) - Number(other.data[i]);
        sum.signal += Number(value) ** 2;
        sum.noise += error ** 2;
      });
    }
  }
  return [...sums.values()].map(({ signal, noise }) => (noise === 0 ? Infinity : 10 * Math.log10(signal / noise)));
}

/** Nodes of a form by operator. */
export function nodesOf(model: ModelProto, opType?: string): readonly OnnxNode[] {
  const { nodes } = parseModel(encodeModel(model)).graph;
  return opType === undefined ? nodes : nodes.filter((node) => node.opType === opType);
}

export function count(model: ModelProto, opType: string): number {
  return nodesOf(model, opType).length;
}

/** What holds of every form: that it can be read, and what its quantised values look like. */
export function checkForm(form: (typeof forms)[number], model: ModelProto, float: ModelProto): void {
  const ends = (values: ReturnType<typeof inputsOf>) => values.map(({ name, dtype, shape }) => ({ name, dtype, shape }));
  expect(ends(inputsOf(model))).toEqual(ends(inputsOf(float)));
  expect(ends(outputsOf(model))).toEqual(ends(outputsOf(float)));
  const { nodes, initializers } = parseModel(encodeModel(model)).graph;
  const number = (name: string | undefined): number => Number(initializers.get(name ?? '')?.data?.[0]);
  const quantizedValues = new Map<string, number>();
  for (const { opType, inputs } of nodes) {
    if (opType !== 'QuantizeLinear') continue;
    const [value = '', scale = '', zeroPoint = ''] = inputs;
    quantizedValues.set(value, (quantizedValues.get(value) ?? 0) + 1);
    expect(number(scale)).toBeGreaterThan(0);
    expect(initializers.get(zeroPoint)?.dtype).toBe(form === 'tensorrt' ? 'int8' : 'uint8');
    if (form === 'tensorrt') expect(number(zeroPoint)).toBe(0);
  }
  expect([...quantizedValues.values()].every((times) => times === 1)).toBe(true);
  const readers = new Map<string, number>();
  for (const name of nodes.flatMap(({ inputs }) => inputs)) readers.set(name, (readers.get(name) ?? 0) + 1);
  const outputs = new Set(outputsOf(float).map(({ name }) => name));
  for (const { opType, inputs, outputs: made } of nodes) {
    if (opType !== 'DequantizeLinear') continue;
    const [dequantized = ''] = made;
    // Each reader has its own; only a value that subgraphs or callers see under its name has none or several.
    if (!outputs.has(dequantized)) expect(readers.get(dequantized) ?? 0, dequantized).toBeLessThan(2);
    const stored = initializers.get(inputs[0] ?? '');
    if (form === 'tensorrt') expect(stored?.dtype, 'float biases').not.toBe('int32');
  }
}

/** Both forms open and do what the model does: every output at least `atLeast` dB over the noise, optimised or not. */
export async function checkForms({ float, ...made }: Quantized, atLeast = 20): Promise<void> {
  for (const form of forms) checkForm(form, made[form], float);
  for (const [form, optimization] of [
    ['onnxruntime', 'all'],
    ['onnxruntime', 'disabled'],
    ['tensorrt', 'disabled'],
  ] as const) {
    const ratios = await signalToNoise(float, made[form], optimization);
    for (const ratio of ratios) expect(ratio, `${form}, optimisations ${optimization}`).toBeGreaterThan(atLeast);
  }
}
