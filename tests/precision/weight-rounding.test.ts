/** Which weights of a plan are rounded together, and what is said of what they are multiplied with. */
import { describe, expect, it } from 'vitest';
import type { ModelProto } from '../../lib/graph/index.js';
import {
  nothingKept,
  planTensorRt,
  Structure,
  weightsToRound,
  withRounding,
  type FormNumbers,
} from '../../lib/precision/index.js';
import { quantizedKey } from '../../lib/precision/channel-means.js';
import type { FormPlan } from '../../lib/precision/form-plan.js';
import { graphModel, node, weights, type Constant, type Node } from '../graph/made-graphs.js';

const by = { scale: 0.02, zeroPoint: 0, dtype: 'int8' } as const;
const none = { size: 1, stride: 1, dilation: 1, begin: 0, end: 0 };

/** All products of a graph in integers, with scales of 1; `scaleOf` may say otherwise of an output. */
function planned(model: ModelProto, scaleOf: (output: string) => number = () => 1) {
  const structure = new Structure(model);
  const products = structure.nodes.filter((one) => structure.kind(one) === 'product');
  const plan: FormPlan = { ...planTensorRt(structure, nothingKept), int8: new Set(products) };
  const numbers: FormNumbers = {
    values: new Map(products.map(({ inputs }) => [inputs[0] as string, by])),
    weights: new Map(
      products.map((one) => {
        const { tensor, axis } = structure.weights(one);
        const scales = new Float32Array(tensor.dims[axis] as number).fill(scaleOf(one.outputs[0] as string));
        return [one, { dtype: 'int8', values: new Int8Array(tensor.elementCount), dims: tensor.dims, scales, axis }];
      }),
    ),
  };
  return { structure, plan, numbers, found: weightsToRound(structure, plan, numbers) };
}

function layer(one: Node, constant: Constant, shape: readonly number[]) {
  return planned(graphModel({ inputs: { x: shape }, nodes: [one], constants: [constant] })).found;
}

describe('what weights are multiplied with', () => {
  it('is told of kernels along two axes, along one, and of matrices', () => {
    const window = { strides: [2, 1], dilations: [1, 3], pads: [1, 2, 3, 4], group: 2 };
    const [two] = layer(node('Conv', ['x', 'w'], 'y', window), weights('w', [8, 3, 5, 2]), [1, 6, 20, 20]);
    expect(two!.layers[0]!.input).toEqual({
      ...{ channels: 6, groups: 2, by },
      axes: [
        { size: 5, stride: 2, dilation: 1, begin: 1, end: 3 },
        { size: 2, stride: 1, dilation: 3, begin: 2, end: 4 },
      ],
    });
    const [along] = layer(node('Conv', ['x', 'w'], 'y', { pads: [1, 0] }), weights('w', [8, 6, 3]), [1, 6, 20]);
    expect(along!.layers[0]!.input).toEqual({ channels: 6, groups: 1, axes: [none, { ...none, size: 3, begin: 1 }], by });
    for (const transB of [0, 1]) {
      const dims = transB === 1 ? [8, 6] : [6, 8];
      const [matrix] = layer(node('Gemm', ['x', 'w'], 'y', { transB }), weights('w', dims), [1, 6]);
      expect(matrix!.layers[0]!.input).toEqual({ channels: 6, groups: 1, axes: [none, none], by });
    }
  });

  it('is not told of products without a bias, kernels along three axes, pads that are left open, and very many weights', () => {
    expect(layer(node('MatMul', ['x', 'w'], 'y'), weights('w', [8, 8]), [1, 8])).toEqual([]);
    expect(layer(node('Conv', ['x', 'w'], 'y'), weights('w', [4, 2, 2, 2, 2]), [1, 2, 5, 5, 5])).toEqual([]);
    const same = node('Conv', ['x', 'w'], 'y', { auto_pad: 'SAME_UPPER' });
    expect(layer(same, weights('w', [8, 6, 3, 3]), [1, 6, 9, 9])).toEqual([]);
    expect(layer(node('Conv', ['x', 'w'], 'y'), weights('w', [1, 512, 3, 3]), [1, 512, 9, 9])).toHaveLength(1);
    expect(layer(node('Conv', ['x', 'w'], 'y'), weights('w', [1, 513, 3, 3]), [1, 513, 9, 9])).toEqual([]);
  });
});

const zeros = new Float64Array(8);

describe('weights that layers share', () => {
  const shared = (...others: Node[]): ModelProto =>
    graphModel({
      inputs: { x: [1, 8, 6, 6] },
      nodes: [node('Conv', ['x', 'w'], 'y'), node('Conv', ['y', 'w'], 'z', { strides: [2, 2] }), ...others],
      constants: [weights('w', [8, 8, 1, 1])],
    });

  it('are rounded once, for all of them', () => {
    const { structure, plan, numbers, found } = planned(shared());
    expect(found.map(({ layers }) => layers.map(({ node: { outputs } }) => outputs[0]))).toEqual([['y', 'z']]);
    const values = Int8Array.from({ length: 64 }, (_, i) => i);
    const means = new Map(
      ['x', 'y'].map((value) => [quantizedKey({ value, by: numbers.values.get(value)! }), { float: zeros, quantized: zeros }]),
    );
    const rounded = withRounding(structure, plan, numbers, new Map([[found[0]!.key, values]]), means);
    expect(rounded.layers).toBe(2);
    for (const one of rounded.numbers.weights.values()) expect(one.values).toEqual(values);
    // What was found of other steps is not taken.
    expect(withRounding(structure, plan, numbers, new Map([['another', values]]), means)).toMatchObject({ layers: 0 });
    // Nor where biases cannot make good the means.
    const odd = new Map([...means].map(([key, own]) => [key, { ...own, float: Float64Array.of(NaN) }]));
    for (const unknown of [odd, new Map<string, never>()]) {
      expect(withRounding(structure, plan, numbers, new Map([[found[0]!.key, values]]), unknown)).toMatchObject({ layers: 0 });
    }
  });

  it('are left where a layer has other steps, or is not in integers', () => {
    expect(planned(shared(), (output) => (output === 'z' ? 2 : 1)).found).toEqual([]);
    const { structure, plan, numbers } = planned(shared());
    const [first] = plan.int8;
    expect(weightsToRound(structure, { ...plan, int8: new Set([first!]) }, numbers)).toEqual([]);
  });

  it('are another question where anything is read in other bits', () => {
    const { structure, plan, numbers, found } = planned(shared());
    const values = new Map(numbers.values).set('y', { ...by, scale: 0.03 });
    const [other] = weightsToRound(structure, plan, { ...numbers, values });
    expect(other!.key).not.toBe(found[0]!.key);
  });
});
