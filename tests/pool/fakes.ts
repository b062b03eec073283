/** Models of which a test says how long they take to load and to go, and what memory they take; and the memory itself. */
import { expect } from 'vitest';
import type { Clock } from '../../lib/batching/index.js';
import { createError } from '../../lib/errors/index.js';
import { ModelPool, type ModelPoolOptions, type RegisterOptions } from '../../lib/pool/index.js';
import type { MemoryMeter } from '../../lib/pool/memory.js';
import { FakeBatchable, FakeClock, fakeItem, type FakeItem } from '../batching/fakes.js';

/** Memory that models take and give back. */
export class FakeMemory {
  host = 0;
  device = 0;
  most = 0;

  take(host: number, device = 0): void {
    this.host += host;
    this.device += device;
    this.most = Math.max(this.most, this.host);
  }

  readonly meter: MemoryMeter = async () => {
    const { host, device } = this;
    return async () => ({ host: Math.max(0, this.host - host), device: Math.max(0, this.device - device) });
  };
}

export interface FakeSpec {
  readonly bytes?: number;
  readonly deviceBytes?: number;
  readonly loadMs?: number;
  readonly disposeMs?: number;
  /** What loading fails with. */
  readonly fault?: () => Error | undefined;
  readonly disposeFault?: Error;
}

/** Throws where it is used after it was disposed of, and where it is disposed of while it is used. */
export class FakeModel extends FakeBatchable implements AsyncDisposable {
  readonly id: number;
  isDisposed = false;
  readonly #world: World;
  readonly #spec: FakeSpec;

  constructor(id: number, world: World, spec: FakeSpec) {
    super(world.clock);
    this.id = id;
    this.#world = world;
    this.#spec = spec;
    world.memory.take(spec.bytes ?? 1, spec.deviceBytes);
  }

  override samples(item: FakeItem): number {
    if (this.isDisposed) throw new Error('a model is used after it was disposed of');
    return super.samples(item);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isDisposed || this.openArenas > 0) throw new Error('a model is disposed of twice, or while it runs');
    this.isDisposed = true;
    await this.#world.after(this.#spec.disposeMs ?? 0);
    this.#world.memory.take(-(this.#spec.bytes ?? 1), -(this.#spec.deviceBytes ?? 0));
    if (this.#spec.disposeFault !== undefined) throw this.#spec.disposeFault;
  }
}

/** A pool, its clock, its memory, and all models that were ever loaded. */
export class World {
  readonly clock = new FakeClock();
  readonly memory = new FakeMemory();
  readonly models: FakeModel[] = [];
  readonly pool: ModelPool<Record<string, FakeModel>>;
  loading = 0;
  #nextItem = 0;

  constructor(options: ModelPoolOptions = {}) {
    this.pool = new ModelPool(options, this.clock as Clock, this.memory.meter);
  }

  async after(ms: number): Promise<void> {
    if (ms > 0) await new Promise<void>((resolve) => this.clock.setTimer(resolve, ms));
  }

  /** How a model is loaded: one at a time, or it throws. */
  loader(spec: FakeSpec = {}): (signal: AbortSignal) => Promise<FakeModel> {
    return async (signal) => {
      if (++this.loading > 1) throw new Error('two models are loaded at once');
      try {
        await this.after(spec.loadMs ?? 0);
        signal.throwIfAborted();
        const fault = spec.fault?.();
        if (fault !== undefined) throw fault;
        const model = new FakeModel(this.models.length, this, spec);
        this.models.push(model);
        return model;
      } finally {
        this.loading--;
      }
    };
  }

  register(name: string, spec: FakeSpec = {}, options: Partial<RegisterOptions<FakeModel>> = {}): void {
    this.pool.register(name, { load: this.loader(spec), batching: { maxBatch: 1 }, ...options });
  }

  run(name: string, runMs = 1, options: { signal?: AbortSignal; deadlineMs?: number } = {}) {
    const promise = this.pool.run(name, fakeItem({ id: this.#nextItem++, runMs }), options);
    promise.catch(() => undefined);
    return promise;
  }

  /** Lets the time pass. */
  async pass(ms = 0): Promise<void> {
    await this.clock.advanceTo(this.clock.now() + ms);
  }

  /** Lets the time pass until it has settled, however long the real disk takes. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = (): void => void (isSettled = true);
    promise.then(settled, settled);
    while (!isSettled) await this.pass(1);
    return await promise;
  }

  /** Disposes of the pool, and checks that nothing is left. */
  async end(): Promise<void> {
    const closing = this.pool.dispose();
    await this.pass(1e6);
    await closing;
    expect(this.models.every(({ isDisposed, openArenas }) => isDisposed && openArenas === 0)).toBe(true);
    expect([this.memory.host, this.memory.device, this.clock.timers]).toEqual([0, 0, 0]);
  }
}

export function modelFault(message = 'the model is broken'): Error {
  return createError('MODEL_INVALID', { message, hint: 'Mend it.' });
}
