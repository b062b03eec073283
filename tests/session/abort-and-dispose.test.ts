import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createSession, type RunResult, type Session } from '../../lib/session/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { expectFailure, rejectionOf, thrownBy } from '../errors/failure.js';
import { fixture } from './fixtures.js';

const forever = 2n ** 40n; // iterations: days
const openLoop = (): Promise<Session> => createSession(fixture('loop.onnx'), { threads: 1 });

/** Runs the loop model for so many iterations; about two million a second. */
function loop(session: Session, iterations: bigint, signal?: AbortSignal): Promise<RunResult> {
  const count = new Tensor('int64', BigInt64Array.of(iterations), []);
  return session.run({ count, x: new Tensor('float32', new Float32Array(64).fill(0.5)) }, { signal });
}

describe('abort', () => {
  it('before the call runs nothing', async () => {
    await using session = await openLoop();
    const reason = new Error('changed my mind');
    const error = await rejectionOf(loop(session, forever, AbortSignal.abort(reason)));
    expectFailure(error, 'ABORTED', /aborted/);
    expect(error.cause).toBe(reason);
    expect(error.name).toBe('AbortError');
  });

  it('stops a run that is under way', async () => {
    await using session = await openLoop();
    for (let round = 0; round < 3; round++) {
      const stop = new AbortController();
      const running = rejectionOf(loop(session, forever, stop.signal));
      await sleep(30);
      stop.abort();
      expectFailure(await running, 'ABORTED', /aborted/);
    }
    using result = await loop(session, 3n);
    expect(result.outputs['y']?.dims).toEqual([64]);
  });

  it('keeps a queued run from starting, and leaves its neighbours alone', async () => {
    await using session = await openLoop();
    const first = new AbortController();
    const second = new AbortController();
    const running = rejectionOf(loop(session, forever, first.signal));
    const queued = rejectionOf(loop(session, forever, second.signal));
    const last = loop(session, 5n);
    second.abort();
    await sleep(20);
    first.abort();
    expectFailure(await running, 'ABORTED', /aborted/);
    expectFailure(await queued, 'ABORTED', /aborted/);
    (await last).dispose();
  });

  it('by one signal stops many', async () => {
    await using session = await createSession(fixture('loop.onnx'), { lanes: 2, threads: 1 });
    const stop = new AbortController();
    const runs = Array.from({ length: 20 }, () => rejectionOf(loop(session, forever, stop.signal)));
    await sleep(20);
    stop.abort();
    for (const error of await Promise.all(runs)) expectFailure(error, 'ABORTED', /aborted/);
  });

  it('by a timeout carries the reason', async () => {
    await using session = await openLoop();
    const error = await rejectionOf(loop(session, forever, AbortSignal.timeout(20)));
    expectFailure(error, 'ABORTED', /aborted/);
    expect((error.cause as DOMException).name).toBe('TimeoutError');
  });

  it('after the end changes nothing, and leaves no listener', async () => {
    await using session = await openLoop();
    const stop = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = stop.signal;
    stop.signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(stop.signal, args);
    };
    stop.signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(stop.signal, args);
    };
    using result = await loop(session, 3n, stop.signal);
    expect(listeners).toBe(0);
    stop.abort();
    expect(result.outputs['y']?.data.length).toBe(64);
  });

  it('stops the loading of a model', async () => {
    expectFailure(
      await rejectionOf(createSession(fixture('loop.onnx'), { signal: AbortSignal.abort('no') })),
      'ABORTED',
      /aborted/,
    );
    const stop = new AbortController();
    const loading = Promise.allSettled(
      Array.from({ length: 20 }, () => createSession(fixture('loop.onnx'), { signal: stop.signal })),
    );
    stop.abort();
    for (const outcome of await loading) {
      expect(outcome.status).toBe('rejected');
      expectFailure((outcome as PromiseRejectedResult).reason as never, 'ABORTED', /aborted/);
    }
  });
});

describe('dispose', () => {
  it('waits for the runs in flight, which end well', async () => {
    const session = await openLoop();
    let ended = 0;
    const runs = [300_000n, 5n, 5n].map(async (iterations) => {
      const result = await loop(session, iterations);
      ended++;
      return result;
    });
    const disposing = session.dispose();
    expect(session.disposed).toBe(true);
    expect(ended).toBe(0);
    await disposing;
    for (const result of await Promise.all(runs)) {
      expect(result.outputs['y']?.data.length).toBe(64);
      result.dispose();
    }
  });

  it('lets an abort end what it waits for', async () => {
    const session = await openLoop();
    const stop = new AbortController();
    const running = rejectionOf(loop(session, forever, stop.signal));
    const disposing = session.dispose();
    await sleep(20);
    stop.abort();
    expectFailure(await running, 'ABORTED', /aborted/);
    await disposing;
  });

  it('refuses runs from then on', async () => {
    const session = await openLoop();
    await session.dispose();
    expectFailure(await rejectionOf(loop(session, 1n)), 'DISPOSED', /session was disposed/, /last use/);
    expect(session.inputs.map(({ name }) => name)).toEqual(['count', 'x']);
  });

  it('is idempotent', async () => {
    const session = await openLoop();
    await Promise.all([session.dispose(), session.dispose(), session[Symbol.asyncDispose]()]);
    await session.dispose();
    expect(session.disposed).toBe(true);
  });

  it('leaves results alone', async () => {
    const session = await openLoop();
    const result = await loop(session, 1n);
    await session.dispose();
    const y = result.outputs['y'] as Tensor;
    expect(y.data[0]).toBeCloseTo(Math.tanh(0.5), 6);
    result.dispose();
    expectFailure(
      thrownBy(() => y.data),
      'DISPOSED',
      /tensor was disposed/,
    );
    result[Symbol.dispose]();
  });

  it('of many sessions while other sessions open and run', async () => {
    const rounds = Array.from({ length: 30 }, async (_, i) => {
      const session = await openLoop();
      const result = await loop(session, BigInt(i));
      const again = loop(session, 2n);
      await session.dispose();
      result.dispose();
      (await again).dispose();
    });
    await Promise.all(rounds);
  });

  it('of a session that waits does not keep others from opening', async () => {
    const stop = new AbortController();
    const busy = await Promise.all(Array.from({ length: 4 }, openLoop));
    const runs = busy.map((session) => rejectionOf(loop(session, forever, stop.signal)));
    const closing = busy.map((session) => session.dispose());
    const session = await openLoop();
    (await loop(session, 1n)).dispose();
    stop.abort();
    await Promise.all([...runs, ...closing, session.dispose()]);
  });
});
