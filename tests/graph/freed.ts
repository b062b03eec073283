/** What is asked of a freed model: what ONNX Runtime makes of one picture, and of several, is what the model as it was makes of each. */
import { toBinary } from '@bufbuild/protobuf';
import { expect } from 'vitest';
import { freeBatch, type ModelProto } from '../../lib/graph/index.js';
import { ModelProtoSchema } from '../../lib/graph/onnx_pb.js';
import type { Tensor } from '../../lib/tensor/index.js';
import {
  difference,
  graphModel,
  inputsOf,
  outputsOf,
  randomTensor,
  run,
  stacked,
  type MadeGraph,
  type Result,
} from './made-graphs.js';

/** A graph whose batch can be freed, and by how much several pictures may differ from single ones. */
export type Case = readonly [name: string, graph: MadeGraph, tolerance?: number];

/** The rows of a table of tests: what is tested, and the test. */
export function checks(cases: readonly Case[]): (readonly [string, () => Promise<void>])[] {
  return cases.map(([name, graph, tolerance]) => {
    const check = async (): Promise<void> => {
      await checkFreed(graphModel(graph), tolerance);
    };
    return [name, check];
  });
}

/** As many batches of the fixed size. */
const copies = 3;

/** Frees a model, checks it, and returns it. `tolerance`: how far outputs may be apart, in proportion to the largest number in them. */
export async function checkFreed(model: ModelProto, tolerance = 0): Promise<ModelProto> {
  const before = toBinary(ModelProtoSchema, model);
  const freed = freeBatch(model);
  expect(Buffer.compare(toBinary(ModelProtoSchema, model), before), 'the model is left as it is').toBe(0);
  expect(freeBatch(freed), 'a freed model is free').toBe(freed);

  const inputs = inputsOf(model);
  const batched = inputs.filter(({ shape }) => (shape?.length ?? 0) > 1).map(({ name }) => name);
  for (const { name, shape } of inputsOf(freed)) if (batched.includes(name)) expect(shape?.[0]).toMatch(/^batch/);
  const count = inputs.find(({ name }) => name === batched[0])?.shape?.[0] as number;

  const pictures = Array.from({ length: copies }, (_, copy) =>
    Object.fromEntries(
      inputs.map(({ name, shape, dtype }) => {
        // What is not batched is the same for all.
        const seed = batched.includes(name) ? 7 + copy : 5;
        return [
          name,
          randomTensor(
            dtype,
            (shape ?? []).map((size) => (typeof size === 'number' ? size : 8)),
            seed,
          ),
        ];
      }),
    ),
  );
  const expected: Record<string, Result>[] = [];
  for (const picture of pictures) expected.push(await run(model, picture));

  expect(await run(freed, pictures[0] as Record<string, Tensor>), 'one picture').toEqual(expected[0]);

  const together = Object.fromEntries(
    inputs.map(({ name }) => {
      const own = pictures.map((picture) => picture[name] as Tensor);
      return [name, batched.includes(name) ? stacked(own) : (own[0] as Tensor)];
    }),
  );
  const received = await run(freed, together);
  let worst = 0;
  for (const { name, shape } of outputsOf(freed)) {
    const result = received[name] as Result;
    const singles = expected.map((outputs) => outputs[name] as Result);
    const isConstant = result.values.length === singles[0]?.values.length;
    if (isConstant) {
      expect(
        singles.every((single) => difference(result, single) === 0),
        `${name} is the same for all pictures`,
      ).toBe(true);
      continue;
    }
    if (shape !== null) expect(shape[0]).toMatch(/^batch/);
    expect(result.dims).toEqual([count * copies, ...(singles[0]?.dims.slice(1) ?? [])]);
    const values = singles.flatMap((single) => single.values);
    worst = Math.max(worst, difference(result, { dims: [], values }));
  }
  expect(worst, 'three pictures').toBeLessThanOrEqual(tolerance);
  return freed;
}
