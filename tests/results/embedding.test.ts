import { describe, expect, it } from 'vitest';
import { Embedding, type Timing } from '../../lib/results/index.js';
import { expectFailure, thrownBy } from '../errors/failure.js';

const timing: Timing = {
  decodeMs: 1,
  preprocessMs: 2,
  queueMs: 3,
  computeMs: 4,
  transferMs: 0,
  postprocessMs: 5,
  copiedBytes: 6,
};
const embedding = new Embedding({ vector: Float32Array.of(0.6, 0.8), width: 20, height: 10, timing });

describe('the similarity of embeddings', () => {
  it('is the cosine, whatever the length of the other', () => {
    expect(embedding.similarity(embedding)).toBeCloseTo(1, 6);
    expect(embedding.similarity([-6, -8])).toBeCloseTo(-1, 6);
    expect(embedding.similarity(Float32Array.of(0, 1e-20))).toBeCloseTo(0.8, 6);
    expect(embedding.similarity([8e30, -6e30])).toBeCloseTo(0, 6);
  });

  it.each([
    [[1, 2, 3], 'TENSOR_SHAPE', /a vector of 2 values for other but received 3/],
    [[], 'TENSOR_SHAPE', /received 0/],
    [[0, 0], 'INVALID_ARGUMENT', /finite numbers, not all 0 for other/],
    [[NaN, 1], 'INVALID_ARGUMENT', /finite numbers/],
    [[Infinity, 1], 'INVALID_ARGUMENT', /finite numbers/],
    ['cat', 'INVALID_ARGUMENT', /an Embedding or a vector for other but received "cat"/],
    [undefined, 'INVALID_ARGUMENT', /received undefined/],
    [Float64Array.of(1, 2), 'INVALID_ARGUMENT', /received a Float64Array/],
  ] as const)('is refused for %o', (other, code, message) => {
    expectFailure(
      thrownBy(() => embedding.similarity(other as never)),
      code,
      message,
    );
  });
});

describe('zero-shot classification', () => {
  const texts = { right: [1, 0], up: [0, 1], along: [3, 4] };

  it('ranks texts by softmax of the scaled cosines', () => {
    const ranked = embedding.classify(texts, { logitScale: 10 });
    expect([...ranked].map(({ label }) => label)).toEqual(['along', 'up', 'right']);
    expect([...ranked].map(({ classId }) => classId)).toEqual([2, 1, 0]);
    const powers = [10, 8, 6].map(Math.exp);
    const sum = powers.reduce((total, power) => total + power, 0);
    [...ranked].forEach(({ score }, i) => expect(score).toBeCloseTo(powers[i]! / sum, 5));
    expect(ranked).toMatchObject({ width: 20, height: 10, timing });
  });

  it('by a sigmoid counts each text for itself', () => {
    const ranked = embedding.classify(texts, { activation: 'sigmoid', logitScale: 10, logitBias: -8, topK: 2 });
    expect([...ranked].map(({ label }) => label)).toEqual(['along', 'up']);
    const [along, up] = [...ranked];
    expect(along!.score).toBeCloseTo(1 / (1 + Math.exp(-2)), 5);
    expect(up!.score).toBeCloseTo(0.5, 5);
  });

  it('takes no more than there are, and the first of equals first', () => {
    const ranked = embedding.classify({ b: [1, 0], a: [2, 0] }, { topK: 5 });
    expect([...ranked].map(({ label, score }) => [label, score])).toEqual([
      ['b', 0.5],
      ['a', 0.5],
    ]);
  });

  it.each([
    [{}, {}, 'INVALID_ARGUMENT', /a record of vectors by label, not empty for texts/],
    [null, {}, 'INVALID_ARGUMENT', /a record of vectors by label for texts but received null/],
    [undefined, {}, 'INVALID_ARGUMENT', /for texts but received undefined/],
    [{ 'a cat': [1] }, {}, 'TENSOR_SHAPE', /2 values for texts\["a cat"\] but received 1/],
    [{ cat: [0, 0] }, {}, 'INVALID_ARGUMENT', /for texts\["cat"\]/],
    [{ cat: 'cat' }, {}, 'INVALID_ARGUMENT', /for texts\["cat"\] but received "cat"/],
    [texts, { topK: 0 }, 'INVALID_ARGUMENT', /for topK/],
    [texts, { logitScale: NaN }, 'INVALID_ARGUMENT', /for logitScale/],
    [texts, { logitBias: '1' }, 'INVALID_ARGUMENT', /for logitBias/],
    [texts, { activation: 'none' }, 'INVALID_ARGUMENT', /one of softmax, sigmoid for activation/],
    [texts, { scale: 1 }, 'UNKNOWN_OPTION', /"scale" in zero-shot options/],
  ] as const)('refuses %o with %o', (given, options, code, message) => {
    expectFailure(
      thrownBy(() => embedding.classify(given as never, options as never)),
      code,
      message,
    );
  });
});

it('is plain data in JSON', () => {
  const { vector, ...rest } = JSON.parse(JSON.stringify(embedding)) as { vector: number[] };
  expect(rest).toEqual({ width: 20, height: 10 });
  expect(Float32Array.from(vector)).toEqual(embedding.vector);
});
