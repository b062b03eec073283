import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { DynamicBatcher } from '../../lib/batching/index.js';
import { CircuitBreaker, type CircuitBreakerOptions } from '../../lib/breaker/index.js';
import { createError, errorCodes, isFailure, type ErrorCode } from '../../lib/errors/index.js';
import type { BreakerChangeEvent } from '../../lib/events/index.js';
import { Classifier } from '../../lib/index.js';
import { Random } from '../../lib/metrics/random.js';
import { FakeBatchable, FakeClock, fakeItem, settle } from '../batching/fakes.js';

const failure = (): Error => createError('ENGINE_FAILED', { message: 'no' });
const mistake = (): Error => createError('MEDIA_INVALID', { message: 'no picture' });

type Options = { readonly signal?: AbortSignal } | undefined;

/** Over a function that fails with the error that it is given, and otherwise gives 1. */
function breakerOf(options: CircuitBreakerOptions<Error | undefined, number, Options> = {}) {
  const clock = new FakeClock();
  let calls = 0;
  const call = async (error: Error | undefined): Promise<number> => {
    calls++;
    if (error !== undefined) throw error;
    return 1;
  };
  const breaker = new CircuitBreaker(call, { minCalls: 4, windowMs: 1000, pauseMs: 100, probes: 2, ...options }, clock);
  const run = (error?: Error): Promise<string> =>
    breaker.run(error).then(
      () => 'ok',
      (thrown: { code: string }) => thrown.code,
    );
  return { breaker, clock, run, calls: () => calls };
}

const events: BreakerChangeEvent[] = [];
const listen = (event: unknown): unknown => events.push(event as BreakerChangeEvent);
beforeEach(() => {
  events.length = 0;
  subscribe('foveate:breaker.change', listen);
});
afterEach(() => {
  unsubscribe('foveate:breaker.change', listen);
});

describe('a closed breaker', () => {
  it('opens where too many calls fail, then makes none', async () => {
    const { breaker, run, calls } = breakerOf({ name: 'faces' });
    for (const error of [undefined, undefined, failure()]) await run(error);
    expect(breaker.state).toBe('closed'); // of 3 calls nothing is concluded
    await run(failure());
    expect(breaker.state).toBe('open');
    await expect(breaker.run(undefined)).rejects.toMatchObject({
      code: 'CIRCUIT_OPEN',
      message: expect.stringContaining('"faces"') as string,
      details: { name: 'faces', retryAfterMs: 100, state: 'open' },
    });
    expect(calls()).toBe(4);
    expect(events).toEqual([{ name: 'faces', from: 'closed', to: 'open', calls: 4, failures: 2, pauseMs: 100 }]);
    expect(breaker.statistics()).toMatchObject({
      succeeded: 2,
      failed: 2,
      rejected: 1,
      opened: 1,
      window: { calls: 4, failures: 2 },
    });
  });

  it('stays closed below the rate', async () => {
    const { breaker, run } = breakerOf({ failureRate: 0.5 });
    for (let i = 0; i < 300; i++) await run(i % 3 === 2 ? failure() : undefined);
    expect(breaker.state).toBe('closed');
  });

  it('forgets what was longer ago than the window', async () => {
    const { breaker, run, clock } = breakerOf();
    for (let i = 0; i < 3; i++) await run(failure());
    await clock.advanceTo(1000);
    await run(failure());
    expect(breaker.state).toBe('closed');
    expect(breaker.statistics().window).toEqual({ calls: 1, failures: 1 });
    for (let i = 0; i < 3; i++) await run(failure());
    expect(breaker.state).toBe('open');
  });

  it('concludes nothing from what callers do wrong', async () => {
    const { breaker, run } = breakerOf();
    for (let i = 0; i < 100; i++) expect(await run(mistake())).toBe('MEDIA_INVALID');
    for (let i = 0; i < 3; i++) await run(failure());
    expect(breaker.state).toBe('closed');
    expect(breaker.statistics()).toMatchObject({ ignored: 100, failed: 3, window: { calls: 3 } });
  });
});

describe('an open breaker', () => {
  async function opened(options: Parameters<typeof breakerOf>[0] = {}) {
    const made = breakerOf(options);
    for (let i = 0; i < 4; i++) await made.run(failure());
    expect(made.breaker.state).toBe('open');
    return made;
  }

  it('tries a few calls after the pause, and closes when they succeed', async () => {
    const { breaker, run, clock } = await opened();
    await clock.advanceTo(99);
    expect(await run()).toBe('CIRCUIT_OPEN');
    await clock.advanceTo(100);
    expect(await Promise.all([run(), run(), run()])).toEqual(['ok', 'ok', 'CIRCUIT_OPEN']);
    expect(breaker.state).toBe('closed');
    expect(breaker.statistics().window).toEqual({ calls: 0, failures: 0 });
    expect(events.map(({ from, to }) => `${from} ${to}`)).toEqual(['closed open', 'open half-open', 'half-open closed']);
    expect(clock.timers).toBe(0);
  });

  it('stays open twice as long each time that a probe fails, up to a minute', async () => {
    const { run, clock } = await opened();
    for (let i = 0; i < 12; i++) {
      await clock.advanceTo(clock.now() + 60_000);
      expect(await run(failure())).toBe('ENGINE_FAILED');
    }
    const pauses = events.flatMap(({ pauseMs }) => pauseMs ?? []);
    expect(pauses).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000, 60_000]);
    await clock.advanceTo(clock.now() + 60_000);
    await Promise.all([run(), run()]);
    for (let i = 0; i < 4; i++) await run(failure());
    expect(events.at(-1)).toMatchObject({ to: 'open', pauseMs: 100 });
  });

  it('lets another probe through where one said nothing', async () => {
    const { breaker, run, clock } = await opened();
    await clock.advanceTo(100);
    expect(await run(mistake())).toBe('MEDIA_INVALID');
    expect(await run()).toBe('ok');
    expect(breaker.state).toBe('half-open');
    expect(await run()).toBe('ok');
    expect(breaker.state).toBe('closed');
  });

  it('does not wait for ever for probes that are not answered', async () => {
    const clock = new FakeClock();
    let hang = false;
    const breaker = new CircuitBreaker(
      async () => {
        if (hang) await new Promise(() => undefined);
        throw failure();
      },
      { minCalls: 1, pauseMs: 100, probes: 1 },
      clock,
    );
    await expect(breaker.run(1)).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    hang = true;
    await clock.advanceTo(100);
    void breaker.run(1);
    await expect(breaker.run(1)).rejects.toMatchObject({ details: { state: 'half-open', retryAfterMs: 100 } });
    await clock.advanceTo(200);
    await expect(breaker.run(1)).rejects.toMatchObject({ details: { state: 'open', retryAfterMs: 200 } });
  });

  it('learns nothing from calls that were begun before it opened', async () => {
    const clock = new FakeClock();
    const ends: (() => void)[] = [];
    const breaker = new CircuitBreaker(
      (error: Error | undefined) =>
        new Promise<void>((resolve, reject) => ends.push(() => (error === undefined ? resolve() : reject(error)))),
      { minCalls: 2, pauseMs: 100, probes: 1 },
      clock,
    );
    const outcomes = Promise.allSettled([failure(), failure(), failure(), undefined].map((error) => breaker.run(error)));
    ends[0]?.();
    ends[1]?.();
    await settle();
    expect(breaker.state).toBe('open');
    await clock.advanceTo(100);
    const probe = breaker.run(undefined);
    expect(breaker.state).toBe('half-open');
    ends[2]?.(); // neither opens it again
    ends[3]?.(); // nor closes it
    await outcomes;
    expect(breaker.state).toBe('half-open');
    ends[4]?.();
    await probe;
    expect(breaker.state).toBe('closed');
  });

  it('asks the fallback, whose errors are its own', async () => {
    const seen: unknown[] = [];
    const { breaker, run, calls } = await opened({
      fallback: async (item, _options, error) => {
        seen.push(error.code);
        if (item !== undefined) throw mistake();
        return 2;
      },
    });
    expect(await breaker.run(undefined)).toBe(2);
    expect(await run(failure())).toBe('MEDIA_INVALID');
    expect(seen).toEqual(['CIRCUIT_OPEN', 'CIRCUIT_OPEN']);
    expect(calls()).toBe(4);
    expect(breaker.statistics()).toMatchObject({ fallbacks: 2, rejected: 0, failed: 4, ignored: 0 });
  });
});

describe('whose fault an error is', () => {
  const failures: readonly ErrorCode[] = [
    'BINDING_NOT_FOUND',
    'PACKAGE_NOT_FOUND',
    'BACKEND_NOT_FOUND',
    'BACKEND_INVALID',
    'BACKEND_TOO_OLD',
    'BACKEND_UNAVAILABLE',
    'MODEL_NOT_FOUND',
    'MODEL_INVALID',
    'MODEL_UNSUPPORTED',
    'MODEL_AMBIGUOUS',
    'BUNDLE_INVALID',
    'ENGINE_INVALID',
    'ENGINE_MISMATCH',
    'ENGINE_NOT_BUILT',
    'ENGINE_FAILED',
    'OUT_OF_MEMORY',
    'CUDA_OUT_OF_MEMORY',
    'CUDA_FAILED',
    'DEVICE_LOST',
    'DEADLINE_EXCEEDED',
    'POOL_LOAD_FAILED',
    'POOL_TOO_SMALL',
    'INTERNAL',
  ];
  it.each(Object.keys(errorCodes) as ErrorCode[])('%s', (code) => {
    expect(isFailure(createError(code, { message: '' }))).toBe(failures.includes(code));
  });

  it('no time that was left at the call is none', () => {
    expect(isFailure(createError('DEADLINE_EXCEEDED', { message: '', details: { stage: 'call' } }))).toBe(false);
  });

  it('time-outs of a signal are failures, other aborts are not', () => {
    const aborted = createError('ABORTED', { message: '' });
    const timedOut = AbortSignal.abort(new DOMException('late', 'TimeoutError'));
    expect(isFailure(aborted, timedOut)).toBe(true);
    expect(isFailure(new Error('socket'), timedOut)).toBe(true);
    expect(isFailure(mistake(), timedOut)).toBe(false);
    expect(isFailure(aborted, AbortSignal.abort())).toBe(false);
    expect(isFailure(new Error('socket'), AbortSignal.abort())).toBe(false);
    expect(isFailure(failure(), AbortSignal.abort())).toBe(true);
    expect(isFailure(new TypeError('fetch failed'))).toBe(true);
  });

  it('calls that hang open a breaker by the time-outs of their callers', async () => {
    const breaker = new CircuitBreaker(
      (...[, { signal }]: [item: number, options: { signal: AbortSignal }]) =>
        new Promise<void>((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(createError('ABORTED', { message: '' })));
        }),
      { minCalls: 2 },
    );
    const runs = [1, 2].map((item) => breaker.run(item, { signal: AbortSignal.timeout(5) }));
    expect((await Promise.allSettled(runs)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(breaker.state).toBe('open');
  });
});

it('never makes more calls than it may, whatever comes (1000 random steps, seeds 1 to 20)', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Random(seed);
    const clock = new FakeClock();
    const open: ((error?: Error) => void)[] = [];
    let answers = 0;
    let runs = 0;
    const breaker = new CircuitBreaker(
      () => new Promise<void>((resolve, reject) => open.push((error) => (error === undefined ? resolve() : reject(error)))),
      { minCalls: 5, windowMs: 500, pauseMs: 50, probes: 3, failureRate: 0.4 },
      clock,
    );
    let now = 0;
    for (let step = 0; step < 1000; step++) {
      const [before, state] = [open.length, breaker.state];
      const action = random.below(10);
      if (action < 5) {
        runs++;
        void breaker.run(step).then(
          () => answers++,
          () => answers++,
        );
        if (state === 'open' && breaker.state === 'open') expect(open.length).toBe(before);
      } else if (action < 8 && open.length > 0) {
        open.splice(random.below(open.length), 1)[0]?.([undefined, failure(), failure(), mistake()][random.below(4)]);
        await Promise.resolve();
        await Promise.resolve();
      } else {
        now += random.below(80);
        await clock.advanceTo(now, () => Promise.resolve());
      }
    }
    for (const end of open) end();
    await settle();
    expect(answers).toBe(runs);
    const { succeeded, failed, ignored, rejected } = breaker.statistics();
    expect(succeeded + failed + ignored + rejected).toBe(runs);
    expect(breaker.statistics().opened).toBeGreaterThan(0);
  }
});

describe('over what it is for', () => {
  it('leaves a batcher alone whose device is lost, until it is back', async () => {
    const clock = new FakeClock();
    const fake = new FakeBatchable(clock);
    const batcher = new DynamicBatcher(fake, { maxDelayMs: 0 }, clock);
    const breaker = new CircuitBreaker(
      (id: number) => batcher.run(fakeItem({ id })),
      { minCalls: 5, pauseMs: 100, probes: 1 },
      clock,
    );
    const run = async (id: number): Promise<string> => {
      const outcome = breaker.run(id).then(
        () => 'ok',
        (error: { code: string }) => error.code,
      );
      await clock.advanceTo(clock.now() + 5);
      return outcome;
    };
    expect(await run(0)).toBe('ok');
    fake.failWith = () => createError('DEVICE_LOST', { message: 'gone' });
    const codes = [];
    for (let id = 1; id <= 10; id++) codes.push(await run(id));
    expect(codes).toEqual([...Array<string>(4).fill('DEVICE_LOST'), ...Array<string>(6).fill('CIRCUIT_OPEN')]);
    const runs = fake.runs.length;
    fake.failWith = undefined;
    await clock.advanceTo(clock.now() + 100);
    expect(await run(11)).toBe('ok');
    expect(breaker.state).toBe('closed');
    expect(fake.runs.length).toBe(runs + 1);
    await batcher.dispose();
  });

  it('lets a task refuse pictures as often as it will', async () => {
    const examples = join(import.meta.dirname, '../../examples');
    await using classifier = await Classifier.load(join(examples, 'models/shapes-classifier.onnx'), { device: 'cpu' });
    const breaker = new CircuitBreaker((picture: Uint8Array | string) => classifier.classify(picture), { minCalls: 2 });
    for (let i = 0; i < 5; i++) {
      await expect(breaker.run(new Uint8Array())).rejects.toMatchObject({ code: 'MEDIA_INVALID' });
    }
    expect((await breaker.run(join(examples, 'pictures/star.jpg'))).top.label).toBe('star');
    expect(breaker.statistics()).toMatchObject({ state: 'closed', ignored: 5, succeeded: 1 });
  });
});

it('begins nothing for a call that is aborted', async () => {
  const { breaker, calls } = breakerOf();
  await expect(breaker.run(undefined, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
  expect(calls()).toBe(0);
});

it('checks its options', () => {
  const call = async (): Promise<number> => 1;
  const wrong: object[] = [
    { windowMs: 0 },
    { minCalls: 0 },
    { failureRate: 0 },
    { failureRate: 1.5 },
    { failureRate: Number.NaN },
    { pauseMs: -1 },
    { probes: 0 },
    { fallback: 1 },
    { name: 1 },
  ];
  for (const options of wrong) {
    expect(() => new CircuitBreaker(call, options)).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  }
  expect(() => new CircuitBreaker(call, { pause: 1 } as object)).toThrowError(
    expect.objectContaining({ code: 'UNKNOWN_OPTION' }),
  );
  expect(() => new CircuitBreaker(undefined as never)).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
});
