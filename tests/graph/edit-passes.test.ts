/** Passes that cut, rename and extract, and those that bake a step after scores, against ONNX Runtime and the same in JavaScript. */
import { existsSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import {
  bakeArgMax,
  bakeTopK,
  cutOutputs,
  encodeModel,
  extractSubgraph,
  parseModel,
  renameValues,
  sortTopologically,
  type ModelProto,
} from '../../lib/graph/index.js';
import { GraphProtoSchema } from '../../lib/graph/onnx_pb.js';
import { example } from '../session/fixtures.js';
import {
  choice,
  DataType,
  graphModel,
  inputsOf,
  node,
  outputsOf,
  randomTensor,
  run,
  value,
  weights,
  type Result,
} from './made-graphs.js';
import { describedModels, folders, modelPath } from './models.js';
import { Tensor } from '../../lib/tensor/index.js';

const missing = !existsSync(folders.shared);
const shared = describedModels().flatMap(([group, name]) => (group === 'shared' ? [name] : []));

function load(name: string): ModelProto {
  return parseModel(new Uint8Array(readFileSync(modelPath('shared', name)))).proto;
}

function inputsFor(model: ModelProto): Record<string, Tensor> {
  return Object.fromEntries(
    inputsOf(model).map(({ name, dtype, shape }) => {
      const dims = (shape ?? []).map((size) => (typeof size === 'number' ? size : 1));
      return [name, randomTensor(dtype, dims, 5)];
    }),
  );
}

/** The best of a list along an axis, the first where several are equal. */
function argMax({ dims, values }: Result, axis: number): number[] {
  const inner = dims.slice(axis + 1).reduce((all, size) => all * size, 1);
  const [count, outer] = [dims[axis] as number, dims.slice(0, axis).reduce((all, size) => all * size, 1)];
  return Array.from({ length: outer * inner }, (_, index) => {
    const at = (c: number): number => values[(Math.floor(index / inner) * count + c) * inner + (index % inner)] as number;
    let best = 0;
    for (let c = 1; c < count; c++) if (at(c) > at(best)) best = c;
    return best;
  });
}

function tensorOf({ dims, values }: Result): Tensor {
  return new Tensor('float32', Float32Array.from(values), dims);
}

/** A branching model: x -> a -> b -> y, and a -> c -> z. */
function branching(): ModelProto {
  return graphModel({
    inputs: { x: [2, 3], m: [2, 3] },
    nodes: [
      node('Relu', 'x', 'a'),
      node('Add', ['a', 'w'], 'b'),
      node('Mul', ['b', 'm'], 'y'),
      node('Neg', 'a', 'c'),
      node('Greater', ['c', 'w'], 'flags'),
      node('ArgMax', 'c', 'best', { axis: 1 }),
      node('Abs', 'c', 'z'),
    ],
    constants: [weights('w', [3])],
    outputs: ['y', 'z'],
  });
}

describe('cutOutputs', () => {
  it('keeps what leads to the values, and no more', () => {
    const cut = cutOutputs(branching(), ['c']);
    expect(cut.graph?.node.map(({ opType }) => opType)).toEqual(['Relu', 'Neg']);
    expect(cut.graph?.input.map(({ name }) => name)).toEqual(['x']);
    expect(cut.graph?.initializer).toEqual([]);
  });

  it('declares the types and sizes that follow', () => {
    const types = outputsOf(cutOutputs(branching(), ['flags', 'best', 'b', 'w', 'x']));
    expect(types.map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual([
      ['flags', 'bool', [2, 3]],
      ['best', 'int64', [2, 1]],
      ['b', 'float32', [2, 3]],
      ['w', 'float32', [3]],
      ['x', 'float32', [2, 3]],
    ]);
  });

  it('gives what the whole model gives', async () => {
    const inputs = inputsFor(branching());
    const { c } = await run(cutOutputs(branching(), ['c', 'z']), { x: inputs['x'] as Tensor });
    const { z } = await run(branching(), inputs);
    expect(c?.values.map(Math.abs)).toEqual(z?.values);
  });

  it('refuses what is not there, or has no type that can be told', () => {
    expect(() => cutOutputs(branching(), ['nine'])).toThrow(expect.objectContaining({ code: 'TENSOR_NAME' }));
    expect(() => cutOutputs(branching(), ['bests'])).toThrow(expect.objectContaining({ hint: 'Did you mean "best"?' }));
    expect(() => cutOutputs(branching(), [])).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(() => cutOutputs(branching(), ['c', 'c'])).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    const other = graphModel({
      inputs: { x: [2] },
      nodes: [{ ...node('Odd', 'x', 'o'), domain: 'ours' }, node('Neg', 'o', 'y')],
    });
    expect(() => cutOutputs(other, ['o'])).toThrow(expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }));
  });

  it('keeps what a subgraph reads', () => {
    const model = graphModel({
      inputs: { x: [2], so: value('so', [], DataType.BOOL) },
      nodes: [
        node('Neg', 'x', 'n'),
        node('Abs', 'x', 'idle'),
        choice('so', 'y', node('Relu', 'n', 'p'), node('Identity', 'w', 'q')),
      ],
      constants: [weights('w', [2]), weights('idle too', [2])],
    });
    const { graph } = cutOutputs(model, ['y']);
    expect(graph?.node.map(({ opType }) => opType)).toEqual(['Neg', 'If']);
    expect(graph?.initializer.map(({ name }) => name)).toEqual(['w']);
  });
});

describe('extractSubgraph', () => {
  it('names the inputs that are missing, and those that lead nowhere', () => {
    expect(() => extractSubgraph(branching(), { inputs: ['b'], outputs: ['y'] })).toThrow(
      expect.objectContaining({ code: 'TENSOR_NAME', message: expect.stringContaining('also needs "m"') as string }),
    );
    expect(() => extractSubgraph(branching(), { inputs: ['x', 'b'], outputs: ['c'] })).toThrow(/does not read "b"/);
    expect(() => extractSubgraph(branching(), { inputs: ['x'], outputs: ['best', 'none'] })).toThrow(
      expect.objectContaining({ code: 'TENSOR_NAME' }),
    );
  });

  it.skipIf(missing).each(shared)('cuts shared/%s in two halves that give what it gives', async (name) => {
    const whole = load(name);
    const inputs = inputsFor(whole);
    const nodes = whole.graph?.node ?? [];
    // Values over which all has to go: found by trying those in the middle.
    for (const { output } of nodes.slice(Math.floor(nodes.length / 3))) {
      const middle = output[0] as string;
      const outputs = outputsOf(whole).map((one) => one.name);
      let tail: ModelProto;
      try {
        tail = extractSubgraph(whole, { inputs: [middle], outputs });
      } catch {
        continue;
      }
      const head = extractSubgraph(whole, { inputs: Object.keys(inputs), outputs: [middle] });
      const between = (await run(head, inputs))[middle] as Result;
      const expected = await run(whole, inputs);
      const received = await run(tail, { [middle]: tensorOf(between) });
      for (const output of outputs) {
        const [one, other] = [expected[output]?.values ?? [], received[output]?.values ?? []];
        const largest = Math.max(...one.map(Math.abs).slice(0, 10_000), 1e-3);
        const difference = one.reduce((most, own, index) => Math.max(most, Math.abs(own - (other[index] ?? NaN))), 0);
        expect(difference / largest).toBeLessThan(1e-3);
      }
      return;
    }
    expect.soft(name).toMatch(/yolo|dynq|ultraface/); // no single value splits those
  });
});

describe('renameValues', () => {
  it('renames everywhere, and exchanges names', () => {
    const model = graphModel({
      inputs: { x: [2], so: value('so', [], DataType.BOOL) },
      nodes: [node('Neg', 'x', 'n'), choice('so', 'y', node('Relu', 'n', 'p'), node('Add', ['n', 'w'], 'q'))],
      constants: [weights('w', [2])],
      declared: [value('n', [2])],
    });
    const renamed = renameValues(model, { x: 'n', n: 'x', p: 'new', w: 'weights', y: 'out' });
    const [neg, branch] = renamed.graph?.node ?? [];
    expect([neg?.input, neg?.output, branch?.output]).toEqual([['n'], ['x'], ['out']]);
    const [then, otherwise] = branch?.attribute.map(({ g }) => g) ?? [];
    expect([then?.node[0]?.input, then?.output[0]?.name, otherwise?.node[0]?.input]).toEqual([['x'], 'new', ['x', 'weights']]);
    expect(renamed.graph?.valueInfo[0]?.name).toBe('x');
    expect(renamed.graph?.initializer[0]?.name).toBe('weights');
    const back = renameValues(renamed, { n: 'x', x: 'n', new: 'p', weights: 'w', out: 'y' });
    expect(Buffer.compare(encodeModel(back), encodeModel(model))).toBe(0);
  });

  it('refuses names that are taken', () => {
    for (const names of [{ a: 'b' }, { a: 'new', b: 'new' }, { x: 'w' }, { a: '' }]) {
      expect(() => renameValues(branching(), names)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    }
    expect(() => renameValues(branching(), { gone: 'new' })).toThrow(expect.objectContaining({ code: 'TENSOR_NAME' }));
  });

  it.skipIf(missing).each(shared)('shared/%s gives the same under other names', async (name) => {
    const whole = load(name);
    const names = Object.fromEntries([...inputsOf(whole), ...outputsOf(whole)].map((one) => [one.name, `new ${one.name}`]));
    const inputs = inputsFor(whole);
    const renamed = Object.fromEntries(Object.entries(inputs).map(([own, tensor]) => [names[own] as string, tensor]));
    const [before, after] = [await run(whole, inputs), await run(renameValues(whole, names), renamed)];
    for (const [own, { values }] of Object.entries(before)) {
      expect(isDeepStrictEqual(after[names[own] as string]?.values, values)).toBe(true);
    }
  });
});

/** Outputs of scores in the models that there are, and the axis of the classes. */
const scored: readonly (readonly [string, string | undefined, number])[] = [
  ['mobilenetv2_fp32.onnx', undefined, 1],
  ['mobilenetv2_dynq_int8.onnx', undefined, 1],
  ['ultraface_rfb_320.onnx', 'scores', -1],
  ['yolov8n_fp32.onnx', undefined, 1],
  ['yolov8n_dynq_int8.onnx', undefined, -2],
  ['yolox_nano_416.onnx', undefined, 2],
];

describe('bakeArgMax', () => {
  it.skipIf(missing).each(scored)('gives the best class of shared/%s', async (name, output, axis) => {
    const whole = load(name);
    const inputs = inputsFor(whole);
    const own = output ?? (outputsOf(whole)[0]?.name as string);
    const scores = (await run(whole, inputs))[own] as Result;
    const counted = axis < 0 ? axis + scores.dims.length : axis;
    for (const keepDims of [false, true]) {
      const ids = (await run(bakeArgMax(whole, { ...(output && { output }), axis, keepDims }), inputs))[own] as Result;
      expect(ids.dims).toEqual(scores.dims.flatMap((size, index) => (index === counted ? (keepDims ? [1] : []) : [size])));
      expect(ids.values).toEqual(argMax(scores, counted));
    }
  });

  it('gives class numbers of a segmentation as bytes', async () => {
    const { proto } = parseModel(new Uint8Array(readFileSync(example('models/shapes-segmenter.onnx'))));
    const [before] = outputsOf(proto);
    const inputs = inputsFor(proto);
    const scores = (await run(proto, inputs))[before?.name as string] as Result;
    for (const [dtype, opts] of [
      ['uint8', {}],
      ['int32', { dtype: 'int32' }],
      ['int64', { dtype: 'int64' }],
    ] as const) {
      const baked = bakeArgMax(proto, opts);
      expect(outputsOf(baked)[0]).toMatchObject({ name: before?.name, dtype });
      expect((await run(baked, inputs))[before?.name as string]?.values).toEqual(argMax(scores, 1));
    }
  });

  it('refuses what has no classes to choose from', () => {
    const make = (shape: readonly (number | string)[] | undefined, type = DataType.FLOAT): ModelProto =>
      graphModel({
        inputs: { x: value('x', shape ?? [2], type) },
        nodes: [node('Odd', 'x', 'y')].map((one) => ({ ...one, domain: 'ours' })),
        outputs: [value('y', shape, type)],
      });
    expect(() => bakeArgMax(make([1, 1, 4, 4]))).toThrow(/scores of one class/);
    expect(() => bakeArgMax(make([1, 300]), { dtype: 'uint8' })).toThrow(/too many for uint8/);
    expect(() => bakeArgMax(make([1, 'n']), { dtype: 'uint8' })).toThrow(/an unknown number of classes/);
    expect(() => bakeArgMax(make([4]))).toThrow(/none is axis 1/);
    expect(() => bakeArgMax(make(undefined))).toThrow(/number of axes/);
    expect(() => bakeArgMax(make([1, 3], DataType.INT64))).toThrow(/holds int64/);
    expect(() => bakeArgMax(branching())).toThrow(
      expect.objectContaining({ code: 'TENSOR_NAME', hint: 'The outputs are "y", "z".' }),
    );
    expect(() => bakeArgMax(branching(), { output: 'x' })).toThrow(expect.objectContaining({ code: 'TENSOR_NAME' }));
    expect(outputsOf(bakeArgMax(make([1, 300])))[0]).toMatchObject({ dtype: 'int32', shape: [1] });
    expect(outputsOf(bakeArgMax(make(['n', 'c', 2, 'w'])))[0]).toMatchObject({ dtype: 'int32', shape: ['n', 2, 'w'] });
  });

  it('leaves the scores to nodes that read them', async () => {
    const model = graphModel({
      inputs: { x: [2, 3] },
      nodes: [node('Relu', 'x', 'y'), node('Neg', 'y', 'z')],
      outputs: [value('y', [2, 3]), 'z'],
    });
    const inputs = inputsFor(model);
    const [before, after] = [await run(model, inputs), await run(bakeArgMax(model, { output: 'y' }), inputs)];
    expect(after['z']).toEqual(before['z']);
    expect(after['y']?.values).toEqual(argMax(before['y'] as Result, 1));
  });
});

describe('bakeTopK', () => {
  const best = (scores: readonly number[], k: number): number[] =>
    [...scores.keys()].sort((a, b) => (scores[b] as number) - (scores[a] as number)).slice(0, k);

  it.skipIf(missing).each(['mobilenetv2_fp32.onnx', 'mobilenetv2_dynq_int8.onnx'])(
    'gives the best of shared/%s',
    async (name) => {
      const whole = load(name);
      const inputs = inputsFor(whole);
      const own = outputsOf(whole)[0]?.name as string;
      const { values } = (await run(whole, inputs))[own] as Result;
      const received = await run(bakeTopK(whole, { k: 5, softmax: true }), inputs);
      const ids = best(values, 5);
      expect(received[`${own}_ids`]).toEqual({ dims: [1, 5], values: ids });
      const top = Math.max(...values);
      const total = values.reduce((sum, one) => sum + Math.exp(one - top), 0);
      ids.forEach((id, rank) =>
        expect(received[own]?.values[rank]).toBeCloseTo(Math.exp((values[id] as number) - top) / total, 5),
      );
    },
  );

  it.each([7, 9, 10, 11, 13, 17])('in opset %i, of half floats too', async (opset) => {
    for (const type of [DataType.FLOAT, DataType.FLOAT16]) {
      const model = graphModel({
        inputs: { x: value('x', ['n', 6], type) },
        nodes: [node('Flatten', 'x', 'y', { axis: 1 })],
        outputs: [value('y', ['n', 6], type)],
        opset,
        irVersion: 4,
      });
      const x = randomTensor(type === DataType.FLOAT ? 'float32' : 'float16', [2, 6], 9);
      const { values } = (await run(model, { x }))['y'] as Result;
      const baked = bakeTopK(model, { k: 2 });
      expect(outputsOf(baked)).toMatchObject([
        { name: 'y', dtype: 'float32', shape: ['n', 2] },
        { name: 'y_ids', dtype: 'int32', shape: ['n', 2] },
      ]);
      const ids = [0, 6].map((at) => best(values.slice(at, at + 6), 2));
      const received = await run(baked, { x });
      expect(received['y_ids']?.values).toEqual(ids.flat());
      expect(received['y']?.values).toEqual(ids.flatMap((row, index) => row.map((id) => values[6 * index + id])));
    }
  });

  it('refuses what is no list of scores', () => {
    const make = (shape: readonly number[]): ModelProto =>
      graphModel({ inputs: { x: shape }, nodes: [node('Relu', 'x', 'y')], outputs: [value('y', shape)] });
    expect(() => bakeTopK(make([1, 3, 2]), { k: 1 })).toThrow(/has 3 axes/);
    expect(() => bakeTopK(make([1, 3]), { k: 4 })).toThrow(/fewer than 4/);
    expect(() => bakeTopK(make([1, 3]), { k: 0 })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});

describe('sortTopologically', () => {
  const graph = (...nodes: ReturnType<typeof node>[]) => create(GraphProtoSchema, { node: nodes });
  const order = (sorted: ReturnType<typeof graph>) => sorted.node.map(({ output }) => output[0]);

  it('moves no node that need not move', () => {
    const sorted = graph(node('Neg', 'x', 'a'), node('Neg', 'x', 'b'), node('Add', ['a', 'b'], 'c'));
    expect(sortTopologically(sorted)).toBe(sorted);
    expect(
      order(
        sortTopologically(
          graph(node('Add', ['a', 'b'], 'c'), node('Neg', 'x', 'd'), node('Neg', 'x', 'b'), node('Neg', 'x', 'a')),
        ),
      ),
    ).toEqual(['a', 'b', 'c', 'd']);
  });

  it('counts what a subgraph reads from around, and not what it makes itself', () => {
    const branch = choice('so', 'y', node('Relu', 'late', 'p'), node('Identity', 'x', 'y'));
    expect(order(sortTopologically(graph(branch, node('Neg', 'x', 'late'))))).toEqual(['late', 'y']);
  });

  it('names the nodes of a circle, and takes any length', () => {
    const circle = graph(
      node('Neg', 'x', 'first'),
      node('Add', ['first', 'c'], 'a'),
      node('Abs', 'a', 'b'),
      node('Relu', 'b', 'c'),
    );
    expect(() => sortTopologically(circle)).toThrow(
      expect.objectContaining({
        code: 'MODEL_INVALID',
        message: expect.stringMatching(/circle: Add "the a", Relu "the c", Abs "the b"$/) as string,
      }),
    );
    const chain = Array.from({ length: 50_000 }, (_, index) => node('Neg', `v${index}`, `v${index + 1}`));
    expect(order(sortTopologically(graph(...chain.toReversed())))[0]).toBe('v1');
  });
});
