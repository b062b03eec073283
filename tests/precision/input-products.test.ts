/** Products of what layers read, and weights rounded by them, across the border; the sums and the rounding are held to brute force in tests/native. */
import { describe, expect, it } from 'vitest';
import { InputProducts, roundWeights, type LayerInput } from '../../lib/precision/index.js';
import { Tensor } from '../../lib/tensor/index.js';

const none = { size: 1, stride: 1, dilation: 1, begin: 0, end: 0 };
const by = { scale: 0.1, zeroPoint: 0, dtype: 'int8' } as const;
const input: LayerInput = { channels: 2, groups: 1, axes: [none, none], by };
const one = Float32Array.of(1);

/** Two channels that are the same, along six places. */
const alike = new Tensor('float32', Float32Array.of(1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6), [1, 2, 6]);

describe('rounding', () => {
  it('makes good in one column what another one lost, whichever axis outputs lie on', async () => {
    using products = new InputProducts(input);
    await products.add(alike, 0);
    // Both alone would become 0.
    const weights = Float32Array.of(0.4, 0.4);
    expect(await roundWeights(weights, [1, 2], 0, one, [products])).toEqual(Int8Array.of(0, 1));
    expect(await roundWeights(weights, [2, 1], 1, one, [products])).toEqual(Int8Array.of(0, 1));
    const both = Float32Array.of(0.4, 0.4, -0.4, -0.4);
    expect(await roundWeights(both, [2, 2], 0, Float32Array.of(1, 1), [products])).toEqual(Int8Array.of(0, 1, 0, -1));
    expect(await roundWeights(both, [2, 2], 1, Float32Array.of(1, 0.1), [products])).toEqual(Int8Array.of(0, 4, 0, -4));
  });

  it('takes halves as the floats that they are', async () => {
    using products = new InputProducts(input);
    await products.add(Tensor.fromFloat32(alike.data as Float32Array, alike.dims, 'float16'), 0);
    expect(await roundWeights(Float32Array.of(0.4, 0.4), [1, 2], 0, one, [products])).toEqual(Int8Array.of(0, 1));
  });

  it('leaves a layer of whose input nothing is known', async () => {
    using nothing = new InputProducts(input);
    using odd = new InputProducts(input);
    await odd.add(new Tensor('float32', Float32Array.of(NaN, 1), [1, 2]), 0);
    for (const inputs of [[], [nothing], [odd]]) {
      expect(await roundWeights(Float32Array.of(1, 2), [1, 2], 0, one, inputs)).toBeUndefined();
    }
  });

  it('refuses weights that are no numbers, and what does not fit them', async () => {
    using products = new InputProducts(input);
    await products.add(alike, 0);
    const refused = { code: 'INVALID_ARGUMENT' };
    await expect(roundWeights(Float32Array.of(NaN, 1), [1, 2], 0, one, [products])).rejects.toMatchObject(refused);
    await expect(roundWeights(Float32Array.of(1, 1), [1, 2], 0, Float32Array.of(0), [products])).rejects.toMatchObject(refused);
    // Only a fault of ours could ask for these.
    const internal = { code: 'INTERNAL' };
    await expect(roundWeights(new Float32Array(3), [1, 3], 0, one, [products])).rejects.toMatchObject(internal);
    await expect(roundWeights(new Float32Array(2), [1, 2], 0, new Float32Array(2), [products])).rejects.toMatchObject(internal);
    await expect(roundWeights(new Float32Array(2), [1, 2], 0, one, [products, products])).rejects.toMatchObject(internal);
  });

  it('ends where the signal is aborted', async () => {
    using products = new InputProducts(input);
    const signal = AbortSignal.abort();
    await expect(products.add(alike, 0, signal)).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(roundWeights(one, [1, 1], 0, one, [products], signal)).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('products', () => {
  it('refuse a kernel, groups and bits that cannot be', () => {
    const refuses = (wrong: Partial<LayerInput>): void =>
      expect(() => new InputProducts({ ...input, ...wrong })).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error,
      );
    refuses({ channels: 0 });
    refuses({ groups: 3 });
    refuses({ axes: [none, { ...none, size: 0 }] });
    refuses({ axes: [{ ...none, stride: 0.5 }, none] });
    refuses({ axes: [{ ...none, begin: -1 }, none] });
    refuses({ by: { ...by, scale: 0 } });
    refuses({ by: { ...by, scale: NaN } });
    refuses({ by: { ...by, zeroPoint: 200 } });
    refuses({ by: { ...by, dtype: 'uint8', zeroPoint: -1 } });
  });

  it('refuse tensors of another layer, and are gone when they are disposed of', async () => {
    const products = new InputProducts(input);
    const three = new Tensor('float32', new Float32Array(3), [1, 3]);
    await expect(products.add(three, 0)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(products.add(new Tensor('int32', new Int32Array(2), [1, 2]), 0)).rejects.toMatchObject({ code: 'TENSOR_DTYPE' });
    products[Symbol.dispose]();
    products[Symbol.dispose]();
    await expect(products.add(alike, 0)).rejects.toMatchObject({ code: 'DISPOSED' });
  });
});
