/** Models in half precision: what stays float32, what is written, and what comes out. */
import { describe, expect, it } from 'vitest';
import { DataType, encodeModel, parseModel } from '../../lib/graph/index.js';
import { FloatValues, planHalf, simulateHalf, writeHalfForm } from '../../lib/precision/index.js';
import { createSession } from '../../lib/session/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import {
  choice,
  elsewhere,
  graphModel,
  integers,
  node,
  pseudoRandom,
  run,
  scales,
  value,
  weights,
  type MadeGraph,
} from '../graph/made-graphs.js';
import { bfloat, half, made, operators, reasonsOf, type Made } from './made-half.js';

const x = (dims: readonly number[], seed = 1): Tensor =>
  new Tensor(
    'float32',
    pseudoRandom(
      dims.reduce((a, b) => a * b, 1),
      seed,
    ),
    dims,
  );

describe('writeHalfForm', () => {
  it('stores weights in 16 bits, and keeps inputs and outputs as they are', async () => {
    const conv = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
    const { model, form } = made({
      inputs: { x: [1, 4, 8, 8] },
      nodes: [node('Conv', ['x', 'w', 'b'], 'a', conv), node('Relu', 'a', 'r'), node('Conv', ['r', 'v'], 'y', conv)],
      constants: [weights('w', [8, 4, 3, 3]), weights('b', [8]), weights('v', [4, 8, 3, 3])],
    });
    expect(operators(form)).toEqual(['to FLOAT16', 'Conv', 'Relu', 'Conv', 'to FLOAT']);
    expect(form.graph!.initializer.map(({ name, dataType }) => [name, DataType[dataType]])).toEqual([
      ['w/float16', 'FLOAT16'],
      ['b/float16', 'FLOAT16'],
      ['v/float16', 'FLOAT16'],
    ]);
    expect(encodeModel(form).length).toBeLessThan(0.62 * encodeModel(model).length);
    const { inputs, outputs } = parseModel(encodeModel(form));
    expect([inputs, outputs].flat().map(({ name, dtype }) => [name, dtype])).toEqual([
      ['x', 'float32'],
      ['y', 'float32'],
    ]);
    const input = { x: x([1, 4, 8, 8]) };
    const [before, after] = [(await run(model, input))['y']!, (await run(form, input))['y']!];
    expect(after.dims).toEqual(before.dims);
    const scale = Math.max(...before.values.map(Math.abs));
    after.values.forEach((found, i) => expect(Math.abs(found - before.values[i]!)).toBeLessThan(2e-3 * scale));
    expect(after.values).not.toEqual(before.values);
  });

  it('casts once what several read, and what an output shows and others read', async () => {
    const { form, model } = made(
      {
        inputs: { x: [4] },
        nodes: [
          node('Mul', ['x', 's'], 'a'),
          node('Exp', 'a', 'big'),
          node('Neg', 'big', 'n'),
          node('Add', ['a', 'n'], 'y'),
          node('Sub', ['a', 'big'], 'z'),
        ],
        constants: [scales('s', [0.5])],
        outputs: ['y', 'z', 'a'],
      },
      { big: 60_000 },
    );
    // Exp stays float32, and what reads it.
    expect(operators(form)).toEqual(['to FLOAT16', 'Mul', 'to FLOAT', 'Exp', 'Neg', 'to FLOAT16', 'Add', 'to FLOAT', 'Sub']);
    const input = { x: new Tensor('float32', Float32Array.of(1, -2, 3, 0.25), [4]) };
    const [before, after] = [await run(model, input), await run(form, input)];
    for (const name of ['y', 'z', 'a'])
      after[name]!.values.forEach((found, i) => expect(found).toBeCloseTo(before[name]!.values[i]!, 2));
  });

  it('leaves sizes and integers alone', async () => {
    const { form, model, plan } = made({
      inputs: { x: [1, 2, 3, 3] },
      nodes: [
        node('Resize', ['x', '', 'factors'], 'r', { mode: 'nearest' }),
        node('Shape', 'r', 'shape'),
        node('Reshape', ['r', 'flat'], 'f'),
        node('ArgMax', 'f', 'n', { axis: 1 }),
        node('Cast', 'n', 'c', { to: DataType.FLOAT }),
        node('Add', ['f', 'c'], 'y'),
      ],
      constants: [scales('factors', [1, 1, 2, 2]), integers('flat', [1, -1])],
      outputs: ['y', value('shape', undefined, DataType.INT64)],
    });
    expect(plan.reasons.size).toBe(0);
    expect(form.graph!.initializer.map(({ name, dataType }) => [name, DataType[dataType]])).toEqual([
      ['factors', 'FLOAT'],
      ['flat', 'INT64'],
    ]);
    expect(operators(form)).toEqual(['to FLOAT16', 'Resize', 'Shape', 'Reshape', 'ArgMax', 'to FLOAT16', 'Add', 'to FLOAT']);
    const input = {
      x: new Tensor(
        'float32',
        Float32Array.from({ length: 18 }, (_, i) => i / 4),
        [1, 2, 3, 3],
      ),
    };
    expect(await run(form, input)).toEqual(await run(model, input));
  });

  it('casts floats to what a Cast is to, and half precision to whole numbers that index', async () => {
    const { form, model, plan } = made({
      inputs: { x: [4] },
      nodes: [
        node('Neg', 'x', 'n'),
        node('Cast', 'n', 'at', { to: DataType.INT64 }),
        node('Gather', ['table', 'at'], 'g'),
        node('Cast', 'n', 'is', { to: DataType.BOOL }),
        node('Where', ['is', 'g', 'n'], 'y'),
      ],
      constants: [scales('table', [10, 20, 30, 40])],
    });
    expect(plan.reasons.size).toBe(0);
    expect(operators(form)).toEqual(['to FLOAT16', 'Neg', 'to INT64', 'Gather', 'to BOOL', 'Where', 'to FLOAT']);
    const input = { x: new Tensor('float32', Float32Array.of(-1, -3, 0, -2), [4]) };
    expect(await run(form, input)).toEqual(await run(model, input));
  });

  it('takes the places of TopK for integers, whether they are declared or not', async () => {
    const { form, model, plan } = made({
      inputs: { x: [1, 6] },
      nodes: [node('TopK', ['x', 'k'], ['v', 'i']), node('Add', ['i', 'one'], 'j'), node('Neg', 'v', 'y')],
      constants: [integers('k', [2]), integers('one', [1])],
      outputs: ['y', value('j', undefined, DataType.INT64)],
    });
    expect(plan.reasons.size).toBe(0);
    const input = { x: new Tensor('float32', Float32Array.of(1, 5, 2, 8, 0, 3), [1, 6]) };
    expect(await run(form, input)).toEqual(await run(model, input));
  });

  it('takes what is half precision already as it is', async () => {
    const { form, model } = made({
      inputs: { x: value('x', [4], DataType.FLOAT16) },
      nodes: [
        node('Neg', 'x', 'n'),
        node('Cast', 'n', 'c', { to: DataType.FLOAT }),
        node('Abs', 'c', 'a'),
        node('Cast', 'a', 'y', { to: DataType.FLOAT16 }),
      ],
      outputs: [value('y', undefined, DataType.FLOAT16)],
    });
    expect(operators(form)).toEqual(['Neg', 'Identity', 'Abs', 'Identity']);
    await using session = await createSession(encodeModel(form), { device: 'cpu', graphOptimization: 'disabled' });
    expect(session.outputs.map(({ dtype }) => dtype)).toEqual(['float16']);
    const input = { x: Tensor.fromFloat32([1, -2, 0.5, 3], [4], 'float16') };
    expect(await run(form, input)).toEqual(await run(model, input));
    expect(await run(simulateHalf(form), input)).toEqual(await run(model, input));
  });

  it('gives one constant to half precision, to float32 and to a graph within a node', async () => {
    const { form, model } = made(
      {
        inputs: { x: [2], flag: value('flag', [], DataType.BOOL) },
        nodes: [
          node('Mul', ['x', 'w'], 'a'),
          node('Div', ['x', 'w'], 'big'),
          choice('flag', 'c', node('Add', ['a', 'w'], 'p'), node('Mul', ['a', 'w'], 'q')),
          node('Add', ['a', 'w'], 'z'),
        ],
        constants: [scales('w', [0.5, 0.25])],
        outputs: ['a', 'big', 'c', 'z'],
      },
      { big: 50_000 },
    );
    expect(form.graph!.initializer.map(({ name }) => name)).toEqual(['w', 'w/float16']);
    const input = { x: new Tensor('float32', Float32Array.of(2, -8), [2]), flag: new Tensor('bool', Uint8Array.of(1), []) };
    expect(await run(form, input)).toEqual(await run(model, input));
  });

  it('gives graphs within nodes what they read around them by its name, in float32', async () => {
    const graph: MadeGraph = {
      inputs: { x: [4], flag: value('flag', [], DataType.BOOL) },
      nodes: [
        node('Neg', 'x', 'n'),
        choice('flag', 'c', node('Add', ['n', 'n'], 'two'), node('Mul', ['n', 'w'], 'scaled')),
        node('Abs', 'c', 'y'),
      ],
      constants: [scales('w', [0.5])],
    };
    const { form, model, plan } = made(graph);
    expect(reasonsOf({ plan, form, model })).toEqual(['If: has a graph within', 'Abs: a type that is not known: that of c']);
    expect(operators(form).slice(0, 3)).toEqual(['to FLOAT16', 'Neg', 'to FLOAT']);
    expect(form.graph!.initializer.map(({ name }) => name)).toEqual(['w']);
    for (const flag of [0, 1]) {
      const input = {
        x: new Tensor('float32', Float32Array.of(1, -2, 3, 0.25), [4]),
        flag: new Tensor('bool', Uint8Array.of(flag), []),
      };
      expect(await run(form, input)).toEqual(await run(model, input));
    }
  });

  it('has nothing to do in a graph without floats', () => {
    const graph: MadeGraph = {
      inputs: { x: value('x', [4], DataType.INT64) },
      nodes: [node('Neg', 'x', 'y')],
      outputs: [value('y', undefined, DataType.INT64)],
    };
    expect(operators(made(graph).form)).toEqual(['Neg']);
  });
});

describe('planHalf', () => {
  const one = (operator: string, constant: number, largest: Readonly<Record<string, number>> = {}): string[] =>
    reasonsOf(
      made({ inputs: { x: [4] }, nodes: [node(operator, ['x', 'c'], 'y')], constants: [scales('c', [constant])] }, largest),
    );

  it('keeps float32 where elements come near to what half precision holds', () => {
    expect(one('Add', 1, { x: 16_300, y: 16_301 })).toEqual([]);
    expect(one('Add', 1, { x: 16_400, y: 1 })).toEqual(['Add: too near to 65504: x reaches 16400']);
    expect(one('Add', 1, { x: 1, y: 157_000 })).toEqual(['Add: too near to 65504: y reaches 157000']);
    expect(one('Add', 1, { x: Infinity })).toEqual(['Add: too near to 65504: x reaches Infinity']);
  });

  it('keeps float32 where all elements are too small', () => {
    expect(one('Add', 1, { x: 6e-5, y: 1 })).toEqual(['Add: all elements are too small: x reaches 0.00006']);
    expect(one('Add', 1, { x: 6.2e-5, y: 0 })).toEqual([]);
  });

  it('keeps float32 where a constant would be infinite or nothing', () => {
    const divided = made({ inputs: { x: [2] }, nodes: [node('Div', ['x', 'c'], 'y')], constants: [scales('c', [1, 1e-9])] });
    expect(reasonsOf(divided)).toEqual(['Div: a constant that half precision has no number for: c']);
    const multiplied = made({ inputs: { x: [2] }, nodes: [node('Mul', ['x', 'c'], 'y')], constants: [scales('c', [1, 1e-9])] });
    expect(reasonsOf(multiplied)).toEqual([]);
    expect(one('Add', 70_000)).toEqual(['Add: a constant that half precision has no number for: c']);
    expect(reasonsOf(clipped(1e-12))).toEqual(['Clip: a constant that half precision has no number for: low']);
    expect(one('Add', 1e-12)).toEqual(['Add: a constant that half precision has no number for: c']);
    expect(one('Add', 0)).toEqual([]);
    expect(one('Add', -Infinity)).toEqual([]);
    expect(one('Mul', 65_504)).toEqual([]);
  });

  it('keeps float32 where a constant cannot be looked at', () => {
    const constants = [elsewhere('c', 'weights.bin', DataType.FLOAT)];
    const graph: MadeGraph = { inputs: { x: [2] }, nodes: [node('Add', ['x', 'c'], 'a'), node('Neg', 'a', 'y')], constants };
    expect(reasonsOf(made(graph))).toEqual(['Add: a constant whose elements lie in another file: c']);
  });

  it('keeps whole numbers that are too large for it, such as sizes, in float32', async () => {
    const graph: MadeGraph = {
      inputs: { x: [4] },
      nodes: [
        node('Shape', 'x', 's'),
        node('Cast', 's', 'f', { to: DataType.FLOAT }),
        node('Mul', ['f', 'w'], 'm'),
        node('Floor', 'm', 'r'),
        node('Add', ['x', 'r'], 'y'),
      ],
      constants: [scales('w', [512.25])],
    };
    const model = made(graph, { f: 4, m: 600, r: 600, x: 1, y: 601 });
    expect(reasonsOf(model)).toEqual([
      'Mul: whole numbers near to 2048: m reaches 600',
      'Floor: whole numbers near to 2048: m reaches 600',
      'Add: whole numbers near to 2048: r reaches 600',
    ]);
    expect(reasonsOf(made(graph, { f: 4, m: 512, r: 512, x: 3000, y: 5000 }))).toEqual([]);
    const input = { x: new Tensor('float32', Float32Array.of(1, 2, 3, 4), [4]) };
    expect(await run(model.form, input)).toEqual(await run(model.model, input));
  });

  const clipped = (low: number): Made =>
    made({
      inputs: { x: [3] },
      nodes: [node('Clip', ['x', 'low', 'high'], 'y')],
      constants: [
        { ...scales('low', [low]), dims: [] },
        { ...scales('high', [3.4e38]), dims: [] },
      ],
    });

  it('ends a Clip where half precision ends', async () => {
    const { form, plan } = clipped(-1);
    expect(plan.reasons.size).toBe(0);
    const found = await run(form, { x: new Tensor('float32', Float32Array.of(-5, 7, 1e4), [3]) });
    expect(found['y']!.values).toEqual([-1, 7, 1e4].map(half));
  });

  it('keeps float32 where squares are added up, and of operators of others', () => {
    expect(reasonsOf(made({ inputs: { x: [4] }, nodes: [node('Celu', 'x', 'y')] }))).toEqual([
      'Celu: Celu has no half precision',
    ]);
    const norm = made({
      inputs: { x: [1, 8] },
      nodes: [node('LayerNormalization', ['x', 's', 'b'], 'y')],
      constants: [weights('s', [8]), weights('b', [8])],
    });
    expect(reasonsOf(norm)).toEqual(['LayerNormalization: adds up squares or powers, which may overflow within']);
    const other = graphModel({ inputs: { x: [4] }, nodes: [{ ...node('FusedGelu', 'x', 'y'), domain: 'com.example' }] });
    expect([...planHalf(new FloatValues(other), new Map()).reasons.values()]).toEqual(['an operator of com.example']);
  });
});

describe('simulateHalf', () => {
  const graph: MadeGraph = {
    inputs: { x: [6] },
    nodes: [node('Mul', ['x', 'w'], 'a'), node('Add', ['a', 'b'], 'c'), node('Neg', 'c', 'y')],
    constants: [weights('w', [6]), scales('b', [1000.3])],
  };
  const input = Float32Array.of(1.0001, 2049.3, -3.7e-5, 0.1, 12.34, -900.5);

  it.each([
    ['float16', 'disabled', half],
    ['float16', 'basic', half],
    ['float16', 'all', half],
    ['bfloat16', 'disabled', bfloat],
    ['bfloat16', 'basic', bfloat],
    ['bfloat16', 'all', bfloat],
  ] as const)('rounds what each node makes to %s, with graph optimisation %s', async (type, level, rounded) => {
    const model = graphModel(graph);
    const values = new FloatValues(model);
    const form = simulateHalf(writeHalfForm(model, values, planHalf(values, new Map(), type)), type);
    const constant = (name: string): Float32Array => values.structure.constant(name)!.data as Float32Array;
    const [w, b] = [constant('w'), constant('b')];
    const expected = Array.from(input, (x, i) => {
      const a = rounded(Math.fround(rounded(x) * rounded(w[i]!)));
      return -rounded(Math.fround(a + rounded(b[0]!))) + 0;
    });
    await using session = await createSession(encodeModel(form), { device: 'cpu', graphOptimization: level });
    using found = await session.run({ x: new Tensor('float32', input, [6]) });
    expect([...(found.outputs['y']!.data as Float32Array)]).toEqual(expected);
  });

  it('overflows as half precision does', async () => {
    const { form } = made({ inputs: { x: [2] }, nodes: [node('Mul', ['x', 'x'], 'a'), node('Sqrt', 'a', 'y')] });
    const found = await run(simulateHalf(form), { x: new Tensor('float32', Float32Array.of(300, 200), [2]) });
    expect(found['y']!.values).toEqual([Infinity, 200]);
  });
});
