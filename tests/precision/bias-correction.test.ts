/** Corrected biases against those that numpy finds by running both layers: see tests/reference/precision/biases.py. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  correctedBiases,
  nothingKept,
  planTensorRt,
  quantizedKey,
  Structure,
  valuesToCorrect,
} from '../../lib/precision/index.js';
import type { FormPlan } from '../../lib/precision/form-plan.js';
import type { Quantization } from '../../lib/precision/qdq-writer.js';
import { graphModel, node, scales } from '../graph/made-graphs.js';

interface Case {
  readonly name: string;
  readonly dims: readonly number[];
  readonly axis: number;
  readonly group: number;
  readonly weights: readonly number[];
  readonly integers: readonly number[];
  readonly scales: readonly number[];
  readonly bias: readonly number[] | null;
  readonly float: readonly number[];
  readonly quantized: readonly number[];
  readonly corrected: readonly number[];
}

const cases = JSON.parse(readFileSync(new URL('../reference/fixtures/biases.json', import.meta.url), 'utf8')) as Case[];
const by: Quantization = { scale: 0.02, zeroPoint: 0, dtype: 'int8' };

/** The layer of a case, as it stands in the plan of a form. */
function layerOf({ dims, axis, group, weights, integers, scales: steps, bias }: Case) {
  const isConvolution = dims.length === 4;
  const inputs = (dims[1 - axis] as number) * group;
  const attributes = isConvolution ? { group, kernel_shape: dims.slice(2) } : { transB: Number(axis === 0) };
  const model = graphModel({
    inputs: { x: isConvolution ? [1, inputs, 8, 8] : [1, inputs] },
    nodes: [node(isConvolution ? 'Conv' : 'Gemm', bias === null ? ['x', 'w'] : ['x', 'w', 'b'], 'y', attributes)],
    constants: [{ ...scales('w', weights), dims: dims.map(BigInt) }, ...(bias === null ? [] : [scales('b', bias)])],
  });
  const structure = new Structure(model);
  const [layer] = structure.nodes as [(typeof structure.nodes)[number]];
  // Depthwise ones stay float for TensorRT.
  const plan: FormPlan = { ...planTensorRt(structure, nothingKept), int8: new Set([layer]) };
  const made = { dtype: 'int8' as const, values: Int8Array.from(integers), scales: Float32Array.from(steps), dims, axis };
  const numbers = { values: new Map([['x', by]]), weights: new Map([[layer, made]]) };
  return { structure, layer, plan, numbers };
}

describe.each(cases.map((one) => [one.name, one] as const))('%s', (_, one) => {
  const { structure, layer, plan, numbers } = layerOf(one);
  const means = { float: Float64Array.from(one.float), quantized: Float64Array.from(one.quantized) };

  it('keeps the means of its outputs', () => {
    const [asked, ...others] = valuesToCorrect(structure, plan, numbers);
    expect([asked, others]).toEqual([{ value: 'x', by }, []]);
    const found = correctedBiases(structure, plan, numbers, new Map([[quantizedKey(asked!), means]])).get(layer)!;
    expect(found).toHaveLength(one.corrected.length);
    one.corrected.forEach((bias, channel) => expect(found[channel]).toBeCloseTo(bias, 4));
  });

  it('is left alone where its input is not known in these bits, or has no mean', () => {
    const other = quantizedKey({ value: 'x', by: { ...by, scale: 0.03 } });
    expect(correctedBiases(structure, plan, numbers, new Map([[other, means]])).size).toBe(0);
    const broken = { ...means, float: means.float.map(() => NaN) };
    expect(correctedBiases(structure, plan, numbers, new Map([[quantizedKey({ value: 'x', by }), broken]])).size).toBe(0);
  });
});
