/** The state machine behind a device that fails, with runners of the test's own and a clock that the test turns. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { createError, type ErrorCode } from '../../lib/errors/index.js';
import { Failover, type Opened, type Recovery, type Runner } from '../../lib/session/failover.js';
import { rejectionOf } from '../errors/failure.js';

/** A promise, settled from outside. */
function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: Error) => void } {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((...settle) => ([resolve, reject] = settle));
  return { promise, resolve, reject };
}

class FakeRunner implements Runner {
  readonly choice;
  closed = false;
  /** What runs fail with. */
  failure: ErrorCode | undefined;

  constructor(device: 'tensorrt' | 'cpu', reason = '') {
    this.choice = { device, reason } as const;
  }

  readonly work = async (): Promise<string> => {
    if (this.closed) throw new Error('a run on a runner that was closed');
    await Promise.resolve();
    if (this.failure !== undefined) throw createError(this.failure, { message: `injected ${this.failure}` });
    return this.choice.device;
  };

  async close(): Promise<void> {
    this.closed = true;
  }
}

/** How often each was called, and what comes of it. */
class FakeRecovery implements Recovery<FakeRunner> {
  readonly cpu: FakeRunner[] = [];
  gpus = [0];
  attempts = 0;
  isBack = true;
  cpuFails = false;
  readonly gate = deferred<void>();
  readonly returned: FakeRunner[] = [];

  async onCpu(reason: string): Promise<FakeRunner> {
    const runner = new FakeRunner('cpu', reason);
    this.cpu.push(runner);
    await this.gate.promise;
    if (this.cpuFails) throw createError('MODEL_INVALID', { message: 'the model is gone' });
    return runner;
  }

  async again(): Promise<FakeRunner> {
    this.attempts++;
    if (!this.isBack) throw createError('DEVICE_LOST', { message: 'still lost' });
    const runner = new FakeRunner('tensorrt');
    this.returned.push(runner);
    return runner;
  }
}

const run = (failover: Failover<FakeRunner>, signal?: AbortSignal): Promise<string> =>
  failover.run((runner) => runner.work(), { signal });

/** What was set off in the background has ended. */
const settled = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

let gpu: FakeRunner;
let recovery: FakeRecovery;
let failover: Failover<FakeRunner>;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'Date'] });
  gpu = new FakeRunner('tensorrt', 'an engine is there');
  recovery = new FakeRecovery();
  failover = new Failover<FakeRunner>({ runner: gpu, recovery }, 'model.onnx');
});
afterEach(() => vi.useRealTimers());

describe('a device that is lost', () => {
  it('has all its runs made again on the CPU, which is opened once', async () => {
    gpu.failure = 'DEVICE_LOST';
    const runs = Array.from({ length: 8 }, () => run(failover));
    await settled();
    expect(failover.choice).toEqual({ device: 'cpu', reason: 'injected DEVICE_LOST' });
    recovery.gate.resolve();
    expect(await Promise.all(runs)).toEqual(Array(8).fill('cpu'));
    expect(recovery.cpu).toHaveLength(1);
    expect(gpu.closed).toBe(true);
    expect(failover.degraded).toMatchObject({ code: 'DEVICE_LOST', reason: 'injected DEVICE_LOST', since: expect.any(Date) });
    expect(failover.choice).toEqual({ device: 'cpu', reason: 'took over: injected DEVICE_LOST' });
    expect(await run(failover)).toBe('cpu');
    await failover.close();
    expect(recovery.cpu[0]?.closed).toBe(true);
  });

  it('is closed only when the last of its runs has ended', async () => {
    recovery.gate.resolve();
    const slow = deferred<string>();
    const held = failover.run((runner) => (runner === gpu ? slow.promise : runner.work()), { signal: undefined });
    gpu.failure = 'DEVICE_LOST';
    expect(await run(failover)).toBe('cpu');
    await settled();
    expect(gpu.closed).toBe(false);
    slow.reject(createError('DEVICE_LOST', { message: 'lost, too' }));
    expect(await held).toBe('cpu');
    await settled();
    expect(gpu.closed).toBe(true);
    await failover.close();
  });

  it('is tried by runs alone, after pauses that grow from one second to sixty, and serves again', async () => {
    recovery.gate.resolve();
    recovery.isBack = false;
    gpu.failure = 'DEVICE_LOST';
    await run(failover);
    await settled();
    for (const [attempt, seconds] of [1, 2, 4, 8, 16, 32, 60, 60].entries()) {
      vi.advanceTimersByTime(seconds * 1000 - 1);
      expect(await run(failover)).toBe('cpu');
      await settled();
      expect(recovery.attempts).toBe(attempt);
      vi.advanceTimersByTime(1);
      expect(recovery.attempts).toBe(attempt);
      await Promise.all([run(failover), run(failover)]);
      await settled();
      expect(recovery.attempts).toBe(attempt + 1);
    }
    recovery.isBack = true;
    vi.advanceTimersByTime(60_000);
    expect(await run(failover)).toBe('cpu');
    await settled();
    expect(await run(failover)).toBe('tensorrt');
    expect(failover.degraded).toBeUndefined();
    expect(failover.choice.device).toBe('tensorrt');
    await failover.close();
    expect(recovery.returned.every(({ closed }) => closed)).toBe(true);
  });

  it('that is lost again at once is not opened again at once', async () => {
    recovery.gate.resolve();
    gpu.failure = 'DEVICE_LOST';
    await run(failover);
    await settled();
    vi.advanceTimersByTime(1000);
    await run(failover);
    await settled();
    (recovery.returned[0] as FakeRunner).failure = 'DEVICE_LOST';
    expect(await run(failover)).toBe('cpu');
    await settled();
    vi.advanceTimersByTime(3999);
    await run(failover);
    await settled();
    expect(recovery.attempts).toBe(1);
    vi.advanceTimersByTime(1);
    await run(failover);
    await settled();
    expect(recovery.attempts).toBe(2);
    expect(await run(failover)).toBe('tensorrt');
    expect(recovery.cpu).toHaveLength(1);
    await failover.close();
  });

  it('is the error where the CPU cannot take over, with why, and the next run tries that again', async () => {
    recovery.gate.resolve();
    recovery.cpuFails = true;
    gpu.failure = 'DEVICE_LOST';
    const errors = await Promise.all([rejectionOf(run(failover)), rejectionOf(run(failover))]);
    for (const error of errors) {
      expect(error.code).toBe('DEVICE_LOST');
      expect(error.message).toMatch(/injected DEVICE_LOST.*the model is gone/);
    }
    expect(recovery.cpu).toHaveLength(1);
    recovery.cpuFails = false;
    expect(await run(failover)).toBe('cpu');
    await failover.close();
  });

  it('lets a run that waits for the CPU be aborted, and the others wait on', async () => {
    gpu.failure = 'DEVICE_LOST';
    const stop = new AbortController();
    const aborted = rejectionOf(run(failover, stop.signal));
    const other = run(failover);
    await settled();
    stop.abort();
    expect((await aborted).code).toBe('ABORTED');
    recovery.gate.resolve();
    expect(await other).toBe('cpu');
    await failover.close();
  });

  it('is let go of by all that live on it alone, so that it can come back', async () => {
    const others = [[0], [1], [1, 0]].map((gpus) => {
      const runner = new FakeRunner('tensorrt');
      const own = Object.assign(new FakeRecovery(), { gpus });
      own.gate.resolve();
      return { runner, failover: new Failover<FakeRunner>({ runner, recovery: own }, undefined) };
    });
    recovery.gate.resolve();
    gpu.failure = 'DEVICE_LOST';
    await run(failover);
    await settled();
    expect(others.map(({ runner }) => runner.closed)).toEqual([true, false, false]);
    expect(others.map((one) => one.failover.degraded?.code)).toEqual(['DEVICE_LOST', undefined, undefined]);
    expect(await Promise.all(others.map((one) => run(one.failover)))).toEqual(['cpu', 'tensorrt', 'tensorrt']);
    await Promise.all([failover, ...others.map((one) => one.failover)].map((one) => one.close()));
  });

  it('while it is disposed of, frees what was just being opened', async () => {
    gpu.failure = 'DEVICE_LOST';
    const stop = new AbortController();
    const aborted = rejectionOf(run(failover, stop.signal));
    await settled();
    stop.abort();
    await aborted;
    const closing = failover.close();
    recovery.gate.resolve();
    await closing;
    expect(recovery.cpu[0]?.closed).toBe(true);
    expect(gpu.closed).toBe(true);
  });
});

describe('a device without memory', () => {
  it('is tried again by the next run, and serves again once that ends well', async () => {
    recovery.gate.resolve();
    gpu.failure = 'CUDA_OUT_OF_MEMORY';
    expect(await run(failover)).toBe('cpu');
    expect(failover.degraded).toMatchObject({ code: 'CUDA_OUT_OF_MEMORY' });
    expect(failover.choice.device).toBe('tensorrt');
    expect(gpu.closed).toBe(false);
    gpu.failure = undefined;
    expect(await run(failover)).toBe('tensorrt');
    expect(failover.degraded).toBeUndefined();
    expect(recovery.attempts).toBe(0);
    await failover.close();
    expect([gpu.closed, recovery.cpu[0]?.closed]).toEqual([true, true]);
  });

  it('is not taken to have it again by a run that began before', async () => {
    recovery.gate.resolve();
    const slow = deferred<string>();
    const before = failover.run(() => slow.promise, { signal: undefined });
    gpu.failure = 'CUDA_OUT_OF_MEMORY';
    await run(failover);
    slow.resolve('tensorrt');
    await before;
    expect(failover.degraded).toBeDefined();
    await failover.close();
  });
});

describe('all other failures', () => {
  it('stay errors, and so do those of a device that was named', async () => {
    gpu.failure = 'ENGINE_FAILED';
    expect((await rejectionOf(run(failover))).code).toBe('ENGINE_FAILED');
    expect(failover.degraded).toBeUndefined();
    await failover.close();
    const named = new FakeRunner('tensorrt');
    named.failure = 'DEVICE_LOST';
    const strict = new Failover<FakeRunner>({ runner: named }, undefined);
    expect((await rejectionOf(run(strict))).code).toBe('DEVICE_LOST');
    expect([strict.degraded, strict.mayRunTwice, recovery.cpu.length]).toEqual([undefined, false, 0]);
    await strict.close();
    expect(named.closed).toBe(true);
  });
});

describe('what is built in the background', () => {
  it('takes over when it is there: runs under way end on the old runner, which is then closed', async () => {
    const cpu = new FakeRunner('cpu');
    const built = deferred<Opened<FakeRunner>>();
    const background = new Failover<FakeRunner>({ runner: cpu, building: () => built.promise }, undefined);
    expect(await run(background)).toBe('cpu');
    const slow = deferred<string>();
    const during = background.run(() => slow.promise, { signal: undefined });
    recovery.gate.resolve();
    built.resolve({ runner: gpu, recovery });
    await background.building;
    expect(background.choice.device).toBe('tensorrt');
    expect(await run(background)).toBe('tensorrt');
    expect(cpu.closed).toBe(false);
    slow.resolve('cpu');
    expect(await during).toBe('cpu');
    await settled();
    expect(cpu.closed).toBe(true);
    // From here on it is a device that may fail.
    gpu.failure = 'DEVICE_LOST';
    expect(await run(background)).toBe('cpu');
    await background.close();
    expect(recovery.cpu[0]?.closed).toBe(true);
  });

  it('changes nothing where it cannot be built, and is told why', async () => {
    const heard: unknown[] = [];
    const hear = (event: unknown): void => void heard.push(event);
    subscribe('foveate:session.build', hear);
    subscribe('foveate:log', hear);
    const cpu = new FakeRunner('cpu', 'no engine');
    const building = async (): Promise<never> => {
      throw createError('ENGINE_FAILED', { message: 'the builder refuses it' });
    };
    const background = new Failover<FakeRunner>({ runner: cpu, building }, 'model.onnx');
    await background.building;
    unsubscribe('foveate:session.build', hear);
    unsubscribe('foveate:log', hear);
    expect(heard).toEqual([
      expect.objectContaining({ level: 'warning', message: expect.stringContaining('the builder refuses it') }),
      expect.objectContaining({ model: 'model.onnx', device: 'cpu', failure: 'the builder refuses it' }),
    ]);
    expect(await run(background)).toBe('cpu');
    await background.close();
    expect(cpu.closed).toBe(true);
  });

  it('is aborted by the end, which waits for it and frees what came of it all the same', async () => {
    const cpu = new FakeRunner('cpu');
    const built = deferred<Opened<FakeRunner>>();
    let told: AbortSignal | undefined;
    const building = (signal: AbortSignal): Promise<Opened<FakeRunner>> => {
      told = signal;
      return built.promise;
    };
    const background = new Failover<FakeRunner>({ runner: cpu, building }, undefined);
    let hasClosed = false;
    const closing = background.close().then(() => (hasClosed = true));
    await settled();
    expect([told?.aborted, hasClosed]).toEqual([true, false]);
    built.resolve({ runner: gpu, recovery });
    await closing;
    expect([cpu.closed, gpu.closed]).toEqual([true, true]);
  });
});
