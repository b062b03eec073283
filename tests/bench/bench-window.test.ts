import { describe, expect, it } from 'vitest';

import { measureWindow, warmUp, type Meters } from '../../lib/bench/bench-window.js';
import { noTimes, type Workload } from '../../lib/bench/workload.js';
import { FakeClock, settle } from '../batching/fakes.js';
import { rejectionOf } from '../errors/failure.js';

/** A machine on which every call takes as long as a test says, all at the same time, and memory and processor time grow with each call. */
class FakeMachine implements Meters {
  readonly clock = new FakeClock();
  calls = 0;
  inFlight = 0;
  mostInFlight = 0;

  now(): number {
    return this.clock.now();
  }
  cpuMs(): number {
    return this.calls * 3;
  }
  rssBytes(): number {
    return 1000 + this.calls;
  }

  workload(ms: (call: number) => number, failsAt = Infinity): Workload {
    return {
      items: 4,
      device: 'cpu',
      call: async () => {
        const call = this.calls++;
        this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
        await new Promise<void>((resolve) => this.clock.setTimer(resolve, ms(call)));
        this.inFlight--;
        if (call === failsAt) throw new Error(`call ${call}`);
        return { ...noTimes(), computeMs: ms(call) };
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
}

async function driven<T>(machine: FakeMachine, promise: Promise<T>): Promise<T> {
  let isDone = false;
  const end = (): void => void (isDone = true);
  promise.then(end, end);
  while (!isDone) {
    await settle();
    if (machine.clock.timers > 0) await machine.clock.advanceTo(machine.clock.nextAt);
  }
  return promise;
}

describe('a window', () => {
  it('counts what ended in its time, with so many calls in flight', async () => {
    const machine = new FakeMachine();
    const options = { inFlight: 3, durationMs: 100, leastCalls: 1 };
    const window = await driven(
      machine,
      measureWindow(
        machine.workload(() => 10),
        options,
        machine,
      ),
    );
    // Of three calls that end at 100 ms, the first closes the window.
    expect(window).toMatchObject({ calls: 28, items: 112, seconds: 0.1 });
    expect(machine.mostInFlight).toBe(3);
    expect(window.latenciesMs).toEqual(Array.from({ length: 28 }, () => 10));
    expect(window.stages).toEqual({ ...noTimes(), computeMs: 280 });
    expect(window.cpuMs).toBeGreaterThan(0);
    expect(window.peakRssBytes).toBe(1000 + machine.calls);
    expect(machine.inFlight).toBe(0);
  });

  it('goes on until enough calls have ended, however slow they are', async () => {
    const machine = new FakeMachine();
    const window = await driven(
      machine,
      measureWindow(
        machine.workload(() => 1000),
        { inFlight: 1, durationMs: 10, leastCalls: 3 },
        machine,
      ),
    );
    expect(window).toMatchObject({ calls: 3, seconds: 3 });
  });

  it('rejects with the first failure once all calls have ended', async () => {
    const machine = new FakeMachine();
    const measured = measureWindow(
      machine.workload((call) => (call === 1 ? 5 : 50), 1),
      { inFlight: 3, durationMs: 1000, leastCalls: 1 },
      machine,
    );
    await expect(driven(machine, measured)).rejects.toThrow('call 1');
    expect({ inFlight: machine.inFlight, calls: machine.calls }).toEqual({ inFlight: 0, calls: 3 });
  });

  it('does not begin where it was aborted before', async () => {
    const machine = new FakeMachine();
    const measured = measureWindow(
      machine.workload(() => 1),
      { inFlight: 1, durationMs: 1, leastCalls: 1, signal: AbortSignal.abort() },
      machine,
    );
    expect((await rejectionOf(measured)).code).toBe('ABORTED');
    expect(machine.calls).toBe(0);
  });
});

describe('warming up', () => {
  const warmed = async (throughputs: readonly number[], ms = 1): Promise<{ settled: boolean; windows: number }> => {
    let windows = 0;
    const throughputOf = (): Promise<number> => Promise.resolve(throughputs[windows++ % throughputs.length] as number);
    const settled = await warmUp(throughputOf, 2000, { now: () => windows * ms });
    return { settled, windows };
  };

  it('ends with the third of three windows that agree within 10 %', async () => {
    expect(await warmed([10, 50, 90, 100, 95, 99])).toEqual({ settled: true, windows: 5 });
    expect(await warmed([100, 91, 90])).toEqual({ settled: true, windows: 3 });
  });

  it('is given up after ten windows, or with the third where they take long', async () => {
    expect(await warmed([50, 100])).toEqual({ settled: false, windows: 10 });
    expect(await warmed([50, 100], 1000)).toEqual({ settled: false, windows: 3 });
  });
});
