/** What is asked of a rewritten model: that ONNX Runtime gives the same but for rounding, and that the model itself is left as it is. */
import { toBinary } from '@bufbuild/protobuf';
import { expect } from 'vitest';
import type { ModelProto } from '../../lib/graph/index.js';
import { ModelProtoSchema } from '../../lib/graph/onnx_pb.js';
import { Tensor } from '../../lib/tensor/index.js';
import {
  difference,
  graphModel,
  inputsOf,
  node,
  pseudoRandom,
  randomTensor,
  run,
  scales,
  weights,
  type Constant,
  type MadeGraph,
  type Result,
} from './made-graphs.js';

export const operatorsOf = (model: ModelProto): string[] => (model.graph?.node ?? []).map(({ opType }) => opType);

/** Runs both with noise, free sizes being 2, and gives how far apart they are. */
async function distance(model: ModelProto, rewritten: ModelProto): Promise<number> {
  const inputs = Object.fromEntries(
    inputsOf(model).map(({ name, dtype, shape }) => {
      const dims = (shape ?? []).map((size) => (typeof size === 'number' ? size : 2));
      return [name, dtype === 'bool' ? new Tensor('bool', Uint8Array.of(1), []) : randomTensor(dtype, dims, 9)];
    }),
  );
  const expected = await run(model, inputs);
  const received = await run(rewritten, inputs);
  expect(Object.keys(received)).toEqual(Object.keys(expected));
  for (const [name, { dims }] of Object.entries(expected)) expect(received[name]?.dims).toEqual(dims);
  return Math.max(...Object.entries(expected).map(([name, result]) => difference(received[name] as Result, result)));
}

/** Asks of a pass that the outputs are the same but for rounding, and gives the operators that are left. */
export async function operatorsAfter(
  pass: (model: ModelProto) => ModelProto,
  graph: MadeGraph,
  tolerance = 1e-5,
): Promise<string[]> {
  const model = graphModel(graph);
  const before = toBinary(ModelProtoSchema, model);
  const rewritten = pass(model);
  expect(Buffer.compare(toBinary(ModelProtoSchema, model), before), 'the model is left as it is').toBe(0);
  expect(await distance(model, rewritten)).toBeLessThanOrEqual(tolerance);
  expect(pass(rewritten), 'there is no more to do').toBe(rewritten);
  return operatorsOf(rewritten);
}

function positive(name: string, count: number): Constant {
  return scales(
    name,
    Array.from(pseudoRandom(count, count + 3), (one) => Math.abs(one) + 0.1),
  );
}

/** Statistics of so many channels: `s`, `b`, `m`, `v`. */
export const statistics = (count: number): Constant[] => [
  weights('s', [count]),
  weights('bb', [count]),
  weights('mmm', [count]),
  positive('v', count),
];
export const norm = (input: string, output: string, attributes = {}) =>
  node('BatchNormalization', [input, 's', 'bb', 'mmm', 'v'], output, { epsilon: { float: 0.01 }, ...attributes });
export const x = { x: ['n', 4, 6, 5] };
