/** Native memory on loan: seen through one ArrayBuffer, detached when it is given back. */
import { beforeEach, describe, expect, it } from 'vitest';
import { native } from '../../lib/binding/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { expectFailure, thrownBy } from '../errors/failure.js';

beforeEach(() => native().memoryTrim());

describe('dispose', () => {
  it('makes data throw, with what to do', () => {
    const tensor = Tensor.allocate('float32', [2, 3]);
    expect(tensor.disposed).toBe(false);
    tensor.dispose();
    expect(tensor.disposed).toBe(true);
    expectFailure(
      thrownBy(() => tensor.data),
      'DISPOSED',
      /was disposed/,
      /before dispose|slice/,
    );
    expectFailure(
      thrownBy(() => tensor.toFloat32()),
      'DISPOSED',
      /was disposed/,
    );
    expectFailure(
      thrownBy(() => tensor.reshape([6])),
      'DISPOSED',
      /was disposed/,
    );
    expectFailure(
      thrownBy(() => tensor.subtensor(0)),
      'DISPOSED',
      /was disposed/,
    );
    expect(tensor.dims).toEqual([2, 3]);
    expect(tensor.byteLength).toBe(24);
  });

  it('detaches an array that was kept', () => {
    const tensor = Tensor.allocate('int64', [4]);
    const kept = tensor.data.fill(5n);
    tensor.dispose();
    expect(kept.length).toBe(0);
    expect(kept.buffer.byteLength).toBe(0);
    expect(kept[0]).toBeUndefined();
  });

  it('takes views along, and is not triggered by them', () => {
    const tensor = Tensor.allocate('uint8', [4, 2]);
    const part = tensor.subtensor(1, 3);
    const flat = tensor.reshape([8]);
    const kept = part.data;
    part.dispose();
    flat.dispose();
    expect(tensor.disposed).toBe(false);
    expect(tensor.data.length).toBe(8);
    tensor.dispose();
    expect(part.disposed).toBe(true);
    expect(flat.disposed).toBe(true);
    expect(kept.length).toBe(0);
    expectFailure(
      thrownBy(() => part.data),
      'DISPOSED',
      /was disposed/,
    );
  });

  it('is idempotent, and leaves memory that serves another alone', () => {
    const first = Tensor.allocate('float32', [16]);
    first.dispose();
    const second = Tensor.allocate('float32', [16]);
    second.data.fill(3);
    first.dispose();
    first[Symbol.dispose]();
    expect([...second.data]).toEqual(new Array(16).fill(3));
    second.dispose();
  });

  it('happens at the end of a using block', () => {
    let outer: Tensor<'uint8'>;
    {
      using tensor = Tensor.allocate('uint8', [1]);
      outer = tensor;
      expect(outer.disposed).toBe(false);
    }
    expect(outer.disposed).toBe(true);
  });

  it('does nothing to an array of yours', () => {
    const data = new Float32Array([1, 2]);
    const tensor = new Tensor('float32', data);
    tensor.dispose();
    expect(tensor.disposed).toBe(false);
    expect(tensor.data).toBe(data);
  });
});

describe('the pool', () => {
  it('gives memory that was disposed of to the next request', () => {
    const before = native().memoryStatistics();
    for (let i = 0; i < 10; i++) Tensor.allocate('float32', [1000]).dispose();
    const after = native().memoryStatistics();
    expect(after.allocations - before.allocations).toBe(1);
    expect(after.reuses - before.reuses).toBe(9);
    expect(after.liveBytes).toBe(before.liveBytes);
    expect(after.pooledBytes - before.pooledBytes).toBe(4032);
  });

  it('gives memory back to the system when asked', () => {
    Tensor.allocate('uint8', [1 << 20]).dispose();
    expect(native().memoryStatistics().pooledBytes).toBeGreaterThanOrEqual(1 << 20);
    native().memoryTrim();
    expect(native().memoryStatistics().pooledBytes).toBe(0);
  });

  it('does not give live memory away', () => {
    const tensors = Array.from({ length: 50 }, (_, i) => {
      const tensor = Tensor.allocate('int32', [256]);
      tensor.data.fill(i);
      if (i % 3 === 0) Tensor.allocate('int32', [256]).dispose();
      return tensor;
    });
    tensors.forEach((tensor, i) => expect(new Set(tensor.data)).toEqual(new Set([i])));
    for (const tensor of tensors) tensor.dispose();
  });
});

describe('transfer', () => {
  it('of native memory by structuredClone is refused, or copies', () => {
    const tensor = Tensor.allocate('uint8', [4096]);
    tensor.data.fill(7);
    let clone: ArrayBuffer | undefined;
    try {
      clone = structuredClone(tensor.data.buffer as ArrayBuffer, { transfer: [tensor.data.buffer as ArrayBuffer] });
    } catch (error) {
      expect((error as Error).name).toBe('DataCloneError');
    }
    expect(tensor.data[4095]).toBe(7);
    tensor.dispose();
    const next = Tensor.allocate('uint8', [4096]);
    next.data.fill(9);
    if (clone !== undefined) expect(new Uint8Array(clone)[4095]).toBe(7);
    next.dispose();
  });

  it.skipIf(!('transfer' in ArrayBuffer.prototype))('of native memory by ArrayBuffer.transfer keeps it from being reused', () => {
    const tensor = Tensor.allocate('uint8', [4096]);
    tensor.data.fill(7);
    const taken = (tensor.data.buffer as ArrayBuffer & { transfer(): ArrayBuffer }).transfer();
    expectFailure(
      thrownBy(() => tensor.data),
      'DISPOSED',
      /transferred away/,
      /slice/,
    );
    tensor.dispose();
    const next = Tensor.allocate('uint8', [4096]);
    next.data.fill(9);
    expect(new Set(new Uint8Array(taken))).toEqual(new Set([7]));
    next.dispose();
  });

  it('of an array of yours is noticed', () => {
    const data = new Float32Array(4);
    const tensor = new Tensor('float32', data);
    structuredClone(data.buffer, { transfer: [data.buffer] });
    expectFailure(
      thrownBy(() => tensor.data),
      'DISPOSED',
      /Expected 4 elements .* transferred away/,
      /slice/,
    );
  });
});
