import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import { describe, expect, it } from 'vitest';

import { compareModels, type CompareModelsOptions, type ComparedLayer, type ModelComparison } from '../../lib/index.js';
import { bytesOf, chain, DataType, floats, info, int, layers, type ChainOptions } from './made-chains.js';

const random: CompareModelsOptions = { random: true, pictures: 3 };

function compared(change: ChainOptions, options: CompareModelsOptions = {}): Promise<ModelComparison> {
  return compareModels(chain(), chain(change), { ...random, ...options });
}

function layer({ layers }: ModelComparison, node: string): ComparedLayer {
  const found = layers.compared.find((one) => one.node === node);
  if (found === undefined) throw new Error(`${node} was not compared`);
  return found;
}

describe('a model and itself', () => {
  it('is the same, in every value', async () => {
    const { layers: found, outputs, passed, verdicts } = await compared({}, { same: true });
    expect(found.compared.map(({ operator }) => operator)).toEqual([
      ...['Conv', 'Relu', 'Conv', 'Relu', 'Conv', 'Relu', 'Transpose', 'Conv', 'Relu'],
      ...['GlobalAveragePool', 'Flatten'],
    ]);
    expect(found.compared.every(({ equal, snrDb, pairedBy }) => equal && snrDb === Infinity && pairedBy === 'name')).toBe(true);
    expect(found).toMatchObject({ firstDiverging: undefined, left: [], optimization: 'disabled' });
    expect(outputs).toMatchObject([{ name: 'y', nameInB: 'y', difference: { equal: true, elements: 18, largestDifference: 0 } }]);
    expect({ passed, verdicts: verdicts.length }).toEqual({ passed: true, verdicts: 1 });
  });
});

describe('a planted fault', () => {
  it.each(Array.from({ length: layers }, (_, i) => i))('of weights scaled by 1.01 is found in layer %i', async (i) => {
    const found = await compared({ scaled: { layer: i, factor: 1.01 } }, { same: true });
    const { firstDiverging } = found.layers;
    expect(firstDiverging?.node).toBe(`conv${i}`);
    // A hundredth of the signal is 40 dB below it.
    expect(firstDiverging?.snrDb).toBeCloseTo(40, 2);
    expect(firstDiverging?.cosine).toBeCloseTo(1, 9);
    expect(firstDiverging?.largestRelative).toBeCloseTo(0.01, 5);
    expect(firstDiverging?.inputs.map(({ snrDb }) => snrDb)).toEqual([Infinity]);
    const most = found.layers.compared.toSorted((a, b) => b.addedNoise - a.addedNoise)[0];
    expect(most?.node).toBe(`conv${i}`);
    expect(found.passed).toBe(false);
    expect(found.verdicts.find(({ passed }) => !passed)?.message).toMatch(
      /^output "y" differs by 0\.01 of its largest magnitude, (999|1000|1e\+3|1010) times the limit of 0\.00001$/,
    );
  });

  it('is within what INT8 may differ', async () => {
    const { passed, layers } = await compared({ scaled: { layer: 1, factor: 1.01 } });
    expect({ passed, first: layers.firstDiverging }).toEqual({ passed: true, first: undefined });
  });

  it('is held to the limit that is given', async () => {
    const { passed, layers, verdicts } = await compared({ scaled: { layer: 1, factor: 1.01 } }, { minSnr: 45 });
    expect({ passed, first: layers.firstDiverging?.node }).toEqual({ passed: false, first: 'conv1' });
    expect(verdicts[0]?.message).toMatch(/^output "y" has 40\.0 dB, 5\.0 dB below the limit of 45\.0 dB$/);
  });

  it('of a NaN is found, and told as what B has alone', async () => {
    const found = await compared({ notANumber: 2 });
    expect(found.layers.firstDiverging).toMatchObject({ node: 'conv2', nonFinite: { a: 0, b: 3 * 256, onlyB: 3 * 256 } });
    expect(found.passed).toBe(false);
    expect(found.verdicts[0]?.message).toMatch(/elements that are not finite in B alone$/);
  });

  it('of a wrong axis is found, in layers and outputs', async () => {
    const { layers, passed } = await compared({ order: [0, 1, 3, 2] }, { same: true });
    expect(layers.firstDiverging).toMatchObject({ node: 'turn', operator: 'Transpose' });
    expect(layers.firstDiverging?.snrDb).toBeLessThan(20);
    expect(passed).toBe(false);
  });

  it('of a NaN in A itself is told, and is no fault of B', async () => {
    const found = await compareModels(chain({ notANumber: 2 }), chain({ notANumber: 2 }), { ...random, same: true });
    expect(found.passed).toBe(true);
    expect(found.notices).toContainEqual(expect.stringMatching(/^A itself is not finite in 768 elements of Conv "conv2"/));
    // What is clean in B alone is no fault of B's either, but not the same.
    const clean = await compareModels(chain({ notANumber: 2 }), chain(), { ...random, same: true });
    expect(layer(clean, 'conv2').nonFinite).toEqual({ a: 768, b: 0, onlyB: 0 });
    expect(clean.layers.firstDiverging?.node).toBe('conv2');
  });
});

describe('values that correspond', () => {
  it('are found by structure where not one name is the same', async () => {
    const found = await compared(
      { prefix: 'other/', inputName: 'picture', outputName: 'scores', scaled: { layer: 2, factor: 1.01 } },
      { same: true },
    );
    expect(found.layers.compared.map(({ pairedBy }) => pairedBy)).toEqual(Array.from({ length: 11 }, () => 'structure'));
    expect(found.layers.firstDiverging).toMatchObject({ node: 'conv2', valueInB: 'other/conv2:out' });
    expect(found.outputs).toMatchObject([{ name: 'y', nameInB: 'scores' }]);
  });

  it('leave the others counted, with their names', async () => {
    const graph = { input: [info('x', [1, 4])], output: [info('y', [1, 4])] };
    const plain = (middle: string): Uint8Array =>
      bytesOf({
        ...graph,
        node: [
          { opType: 'Neg', input: ['x'], output: [middle] },
          { opType: 'Exp', input: [middle], output: ['y'] },
        ],
      });
    const { layers } = await compareModels(plain('mine'), plain('theirs'), random);
    expect(layers.compared.map(({ value }) => value)).toEqual(['y']);
    expect(layers.left).toEqual([
      { reason: 'only in A', count: 1, names: ['mine'] },
      { reason: 'only in B', count: 1, names: ['theirs'] },
    ]);
  });

  it('of another shape are counted', async () => {
    const of = (order: readonly number[]): Uint8Array =>
      bytesOf({
        input: [info('x', [1, 3, 4])],
        output: [info('y', [1])],
        node: [
          { opType: 'Transpose', input: ['x'], output: ['t'], attribute: [perm(order)] },
          { opType: 'ReduceMean', input: ['t'], output: ['y'], attribute: [int('keepdims', 0), axesOf([1, 2])] },
        ],
      });
    const { layers, passed } = await compareModels(of([0, 1, 2]), of([0, 2, 1]), { ...random, same: true });
    expect(layers.left).toContainEqual({ reason: 'of another shape in B', count: 1, names: ['t'] });
    expect({ compared: layers.compared.map(({ value }) => value), passed }).toEqual({ compared: ['y'], passed: true });
  });

  it('that the engine does not give are left out, and the others compared', async () => {
    const model = bytesOf({
      input: [info('x', [2, 4])],
      output: [info('y', [2, 4])],
      node: [
        { opType: 'Neg', input: ['x'], output: ['n'] },
        { opType: 'SplitToSequence', input: ['n'], output: ['parts'], attribute: [int('axis', 0)] },
        { opType: 'ConcatFromSequence', input: ['parts'], output: ['whole'], attribute: [int('axis', 0)] },
        { opType: 'Exp', input: ['whole'], output: ['y'] },
      ],
    });
    const { layers } = await compareModels(model, model, { ...random, same: true });
    expect(layers.compared.map(({ value }) => value)).toEqual(['n', 'whole', 'y']);
    expect(layers.left).toEqual([{ reason: 'the engine does not give them', count: 1, names: ['parts'] }]);
  });

  it('are those of any batch', async () => {
    const { layers, passed, outputs } = await compared({ batch: 4 }, { same: true });
    expect({ passed, compared: layers.compared.length, left: layers.left }).toEqual({ passed: true, compared: 11, left: [] });
    expect(outputs[0]?.difference?.elements).toBe(18);
    const other = await compareModels(chain({ batch: 2 }), chain({ batch: 3 }), { ...random, same: true });
    expect({ passed: other.passed, compared: other.layers.compared.length }).toEqual({ passed: true, compared: 11 });
  });

  it('may be more outputs in one model', async () => {
    const { outputs, notices, passed } = await compared({ alsoOutputs: ['conv1:out'] }, { same: true });
    expect({ outputs: outputs.map(({ name }) => name), passed }).toEqual({ outputs: ['y'], passed: true });
    expect(notices).toContain('Only B has the output "conv1:out".');
  });
});

describe('memory', () => {
  it('is bounded: small groups give the same numbers', async () => {
    const opened: unknown[] = [];
    const count = (message: unknown): void => void opened.push(message);
    const change = { scaled: { layer: 1, factor: 1.1 } };
    subscribe('foveate:session.open', count);
    const whole = await compared(change);
    const few = opened.splice(0).length;
    // One value of a layer, of both models: 2 * 6 * 16 * 16 floats.
    const small = await compared(change, { memoryLimit: 2 * 6 * 16 * 16 * 4 });
    unsubscribe('foveate:session.open', count);
    expect(small.layers).toEqual(whole.layers);
    // Of 11 values, the last two are small.
    expect(opened.length - few).toBe(2 * (10 - 1));
  });
});

describe('random inputs', () => {
  it('are the same for the same seed', async () => {
    const change = { scaled: { layer: 1, factor: 1.1 } };
    const once = await compared(change, { seed: 5 });
    expect(await compared(change, { seed: 5 })).toEqual(once);
    expect((await compared(change, { seed: 6 })).outputs).not.toEqual(once.outputs);
  });

  it('need inputs of one type', async () => {
    const cast = bytesOf({
      input: [info('x', ['n', 3, 16, 16], DataType.UINT8)],
      output: [info('y', ['n', 3, 16, 16])],
      node: [{ opType: 'Cast', input: ['x'], output: ['y'], attribute: [int('to', DataType.FLOAT)] }],
    });
    await expect(compareModels(chain(), cast, random)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'Expected two models that take the same random inputs but the input "x" is of float32 in A, and of uint8 in B',
    });
    await expect(compareModels(chain(), chain({ size: 8 }), random)).rejects.toThrow(/has the shape \[n, 3, 16, 16\] in A/);
  });

  it('serve models that take no pictures', async () => {
    const gather = (shift: number): Uint8Array =>
      bytesOf({
        input: [info('ids', ['n', 5], DataType.INT64), info('weights', [3])],
        output: [info('y', ['n', 5, 3])],
        initializer: [floats('table', Float32Array.of(1, 2, 3, 4, 5, 6 + shift), [2, 3])],
        node: [
          { opType: 'Gather', input: ['table', 'ids'], output: ['rows'] },
          { opType: 'Mul', input: ['rows', 'weights'], output: ['y'] },
        ],
      });
    const { layers, passed } = await compareModels(gather(0), gather(1), { random: true, same: true });
    expect({ first: layers.firstDiverging?.value, passed }).toEqual({ first: 'rows', passed: false });
    // The third number of each row, where the second row was taken.
    expect(layers.firstDiverging?.worstChannel?.channel).toBe(2);
  });
});

describe('what is refused', () => {
  it.each([
    [{}, 'INVALID_ARGUMENT', 'Expected data or random but received neither'],
    [{ data: '/nowhere', random: true }, 'INVALID_ARGUMENT', 'Expected data or random but received both'],
    [{ random: true, task: 'detect' }, 'UNKNOWN_OPTION', 'The option task is for pictures'],
    [{ random: true, pictures: 0 }, 'INVALID_ARGUMENT', 'Expected an integer of at least 1 for pictures'],
    [{ random: true, minSnr: NaN }, 'INVALID_ARGUMENT', 'Expected a number from -100 to 400 for minSnr'],
    [{ data: '/nowhere' }, 'MEDIA_NOT_FOUND', 'There is no folder of pictures at /nowhere'],
    [{ data: [] }, 'INVALID_ARGUMENT', 'Expected at least one picture for data'],
  ] as const)('%j', async (options, code, message) => {
    const error: unknown = await compareModels(chain(), chain(), options as never).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) as string });
  });

  it('a model that the engine does not open, by its own reason', async () => {
    const wrong = bytesOf({
      input: [info('x', [1])],
      output: [info('y', [1])],
      node: [{ opType: 'Nonsense', input: ['x'], output: ['y'] }],
    });
    await expect(compareModels(chain(), wrong, random)).rejects.toMatchObject({ name: 'ModelError' });
    await expect(compareModels('/nowhere.onnx', chain(), random)).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  });

  it('models that have nothing in common', async () => {
    const other = bytesOf({
      input: [info('x', ['n', 3, 16, 16])],
      output: [info('z', ['n', 3, 16]), info('zz', ['n', 3])],
      node: [
        { opType: 'ReduceMean', input: ['x'], output: ['z'], attribute: [int('keepdims', 0), axesOf([3])] },
        { opType: 'ReduceMean', input: ['x'], output: ['zz'], attribute: [int('keepdims', 0), axesOf([2, 3])] },
      ],
    });
    await expect(compareModels(chain(), other, random)).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
  });

  it('an aborted call, at once and while it runs', async () => {
    await expect(compared({}, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
    const stop = new AbortController();
    let runs = 0;
    const onProgress = (): void => {
      if (++runs === 4) stop.abort();
    };
    await expect(compared({}, { signal: stop.signal, onProgress, pictures: 50 })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(runs).toBeLessThan(8);
  });
});

it('tells its progress up to the end', async () => {
  const told: [number, number][] = [];
  await compared({}, { onProgress: (done, total) => told.push([done, total]) });
  expect(told.map(([done]) => done)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(told.at(-1)).toEqual([6, 6]);
});

function perm(values: readonly number[]): object {
  return { ...axesOf(values), name: 'perm' };
}

function axesOf(values: readonly number[]): object {
  return { name: 'axes', type: 7, ints: values.map(BigInt) };
}
