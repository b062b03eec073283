/** What findRange, quantizeWeights and compareTensors do not take. */
import { expect, it } from 'vitest';
import { compareTensors, findRange, quantizeWeights, type RangeSpec, type TensorStatistics } from '../../lib/precision/index.js';
import { Tensor } from '../../lib/tensor/index.js';

const statistics: TensorStatistics = {
  ...{ name: 'x', count: 2, nonFinite: 0, min: 0, max: 1 },
  pictures: { min: new Float32Array(0), max: new Float32Array(0) },
  histogram: { exponent: -13 + 1, first: 0, counts: Float64Array.from({ length: 4097 }, (_, i) => (i % 4096 === 0 ? 1 : 0)) },
};
const spec: RangeSpec = { method: 'min-max', symmetric: false };

it('finds a range of statistics that were made by hand', async () => {
  expect(await findRange(statistics, spec)).toMatchObject({ min: 0, max: 1 });
});

it.each<[string, unknown, string, RegExp]>([
  ['a method that is none', { ...spec, method: 'kl' }, 'INVALID_ARGUMENT', /min-max, moving-average/],
  ['a misspelled option', { ...spec, simmetric: true }, 'UNKNOWN_OPTION', /simmetric/],
  ['no form', { method: 'mse' }, 'INVALID_ARGUMENT', /symmetric/],
  ['a percentile that clips most', { ...spec, percentile: 10 }, 'INVALID_ARGUMENT', /from 50 to 100/],
  ['an unknown activation', { ...spec, activation: { name: 'swish' } }, 'INVALID_ARGUMENT', /silu/],
  ['a clip without inside', { ...spec, activation: { name: 'clip', min: 6, max: 0 } }, 'INVALID_ARGUMENT', /at most max/],
  ['an endless slope', { ...spec, activation: { name: 'leaky-relu', alpha: NaN } }, 'INVALID_ARGUMENT', /alpha/],
  ['the mean of no pictures', { ...spec, method: 'moving-average' }, 'INVALID_ARGUMENT', /single pictures/],
])('findRange refuses %s', async (_, given, code, message) => {
  await expect(findRange(statistics, given as RangeSpec)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
  });
});

it('findRange refuses what is empty, and stops when aborted', async () => {
  const empty = { ...statistics, count: 0, histogram: { exponent: 0, first: 0, counts: new Float64Array(0) } };
  await expect(findRange(empty, spec)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(findRange(statistics, { ...spec, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
});

it('findRange refuses counts that are not those of the range', async () => {
  const odd = { ...statistics, histogram: { ...statistics.histogram, counts: Float64Array.of(1) } };
  await expect(findRange(odd, spec)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

it.each<[string, Partial<TensorStatistics>]>([
  ['a picture that reaches to infinity', { pictures: { min: Float32Array.of(0), max: Float32Array.of(Infinity) } }],
  ['a picture with half a range', { pictures: { min: Float32Array.of(0), max: new Float32Array(0) } }],
  [
    'channels of unequal numbers',
    {
      channels: {
        ...{ min: new Float32Array(2), max: new Float32Array(1) },
        ...{ mean: new Float64Array(2), meanSquare: new Float64Array(2) },
      },
    },
  ],
  ['less than no elements', { nonFinite: -1 }],
])('findRange refuses %s', async (_, change) => {
  const range = findRange({ ...statistics, ...change }, { ...spec, method: 'moving-average' });
  await expect(range).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('not sound') });
});

it.each([
  [{ name: 'clip', min: Infinity } as const],
  [{ name: 'clip', max: -Infinity } as const],
  [{ name: 'clip', min: 1e300 } as const],
])('findRange refuses an activation beyond float32: %o', async (activation) => {
  for (const quantized of ['before', 'after'] as const) {
    for (const method of ['min-max', 'mse', 'entropy'] as const) {
      await expect(findRange(statistics, { ...spec, method, activation, quantized })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('float32'),
      });
    }
  }
});

it('takes no time for tensors without elements, however many rows these have', async () => {
  const empty = new Tensor('float32', new Float32Array(0), [2 ** 40, 3, 0]);
  expect(await compareTensors(empty, empty, { axis: 1 })).toMatchObject([{ count: 0 }]);
  const quantized = quantizeWeights(new Float32Array(0), [2 ** 40, 3, 0], 1);
  await expect(quantized).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('no elements') });
});

it('quantizeWeights refuses what does not fit', async () => {
  const weights = new Float32Array(4);
  const refuses = (call: Promise<unknown>, message: RegExp): Promise<void> =>
    expect(call).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) });
  await refuses(quantizeWeights([1] as never, [1], 0), /Float32Array/);
  await refuses(quantizeWeights(weights, [2, 3], 0), /6 weights/);
  await refuses(quantizeWeights(weights, [2, 2], 2), /axis/);
  await refuses(quantizeWeights(Float32Array.of(1, NaN), [2], 0), /NaN/);
  await refuses(quantizeWeights(weights, [2, 2], 0, { bias: { values: new Float32Array(3), inputScale: 1 } }), /of 2/);
  await refuses(quantizeWeights(weights, [2, 2], 0, { bias: { values: new Float32Array(2), inputScale: 1e-60 } }), /above 0/);
});

it('compareTensors refuses tensors that differ in shape, and groups outside them', async () => {
  const tensor = new Tensor('float32', new Float32Array(6), [2, 3]);
  const other = new Tensor('float32', new Float32Array(6), [3, 2]);
  await expect(compareTensors(tensor, other)).rejects.toMatchObject({ code: 'TENSOR_SHAPE' });
  const integers = new Tensor('int32', new Int32Array(6), [2, 3]);
  await expect(compareTensors(tensor, integers)).rejects.toMatchObject({ code: 'TENSOR_DTYPE' });
  await expect(compareTensors(tensor, tensor, { axis: 1, groups: [[0, 4]] })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(compareTensors(tensor, tensor, { axis: 2 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

it('compareTensors takes scalars and keeps tensors as they are', async () => {
  const scalar = new Tensor('float32', Float32Array.of(3), []);
  expect(await compareTensors(scalar, scalar)).toMatchObject([{ count: 1, signal: 9, noise: 0, dot: 9 }]);
  using lent = Tensor.allocate('float32', [2]);
  lent.data.set([1, 2]);
  expect(await compareTensors(lent, lent)).toMatchObject([{ signal: 5, largest: 0 }]);
});
