/** The generator under a clock of the test's own: what it makes of targets that stall, fail, and never answer. */
import { describe, expect, it } from 'vitest';

import { countLoad, judgeLoad, type LoadGenerator } from '../../lib/bench/load/load-report.js';
import { notesOf } from '../../lib/bench/load/load-notes.js';
import { runLoad, unfinished, type LoadAccount, type LoadRunOptions } from '../../lib/bench/load/load-run.js';
import type { Answer, LoadTarget } from '../../lib/bench/load/load-target.js';
import { FakeClock } from '../batching/fakes.js';

const good: Answer = { isGood: true, label: 'ok' };

class FakeTarget implements LoadTarget {
  readonly kind = 'url';
  readonly name = 'target';
  readonly device = undefined;
  sent = 0;
  inFlight = 0;
  mostInFlight = 0;
  aborted = 0;

  constructor(
    readonly clock: FakeClock,
    /** How long a request takes that is sent now; Infinity: for ever. */
    readonly takes: (now: number) => number,
    readonly answer: Answer = good,
  ) {}

  send(_index: number, deadlineMs: number | undefined, signal: AbortSignal): Promise<Answer> {
    this.sent++;
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    const ms = this.takes(this.clock.now());
    return new Promise((resolve) => {
      const end = (answer: Answer): void => {
        this.inFlight--;
        resolve(answer);
      };
      signal.addEventListener('abort', () => void this.aborted++, { once: true });
      if (deadlineMs !== undefined && ms > deadlineMs) {
        this.clock.setTimer(() => end({ isGood: false, label: 'DEADLINE_EXCEEDED' }), deadlineMs);
      } else if (ms !== Infinity) this.clock.setTimer(() => end(this.answer), ms);
    });
  }
  statistics(): undefined {
    return undefined;
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

const evenly = (count: number, everyMs: number): number[] => Array.from({ length: count }, (_, i) => i * everyMs);
const base = { durationMs: 2000, deadlineMs: undefined, drainMs: 1000, signal: undefined };

async function run(
  clock: FakeClock,
  target: FakeTarget,
  options: Partial<LoadRunOptions> & Pick<LoadRunOptions, 'loop'>,
): Promise<LoadAccount> {
  const done = runLoad(target, { ...base, ...options }, clock);
  await clock.advanceTo(10_000);
  return done;
}

/** Everything is answered in a millisecond, but between 500 and 1000 ms the target stands still. */
const stalls = (now: number): number => (now >= 500 && now < 1000 ? 1001 - now : 1);

describe('an open loop against a target that stalls', () => {
  it('measures from the intended start, so that all requests that had to wait show it', async () => {
    const clock = new FakeClock();
    const target = new FakeTarget(clock, stalls);
    const account = await run(clock, target, { loop: { kind: 'open', arrivals: evenly(200, 10), maxInFlight: 1 } });
    const slow = (from: 'intendedMs' | 'sentMs'): number =>
      account.endedMs.filter((ended, i) => ended - (account[from][i] as number) > 20).length;
    expect(slow('sentMs')).toBe(1); // whoever measures this sees one slow answer
    // After the stall, 51 wait, and one is answered each millisecond while one comes every ten.
    expect(slow('intendedMs')).toBe(54);
    const numbers = countLoad(account, 2000);
    expect(numbers.requests).toEqual({ intended: 200, answered: 200, failed: 0, outcomes: { ok: 200 } });
    expect(numbers.serviceMs.p99).toBe(1);
    expect(numbers.responseMs.p95).toBeGreaterThan(300);
    expect(account.held).toBeGreaterThan(50);
    expect(target.mostInFlight).toBe(1);
    const generator: LoadGenerator = {
      ...{ lagMs: numbers.serviceMs, eventLoopDelayMs: { p50: 0, p99: 0, max: 0 }, held: account.held, cores: 1 },
    };
    const about = { loop: { kind: 'open', arrivals: 'constant', shape: 'steady:100', maxInFlight: 1 }, generator } as const;
    const notes = notesOf(numbers, { ...about, target: { kind: 'url', name: 'target', device: null } }).join('\n');
    expect(notes).toMatch(/requests were held back because 1 were in flight/);
    expect(notes).toMatch(/who measures the latter alone omits the waiting/);
  });

  it('is what a closed loop omits: hardly a request is sent during the stall', async () => {
    const clock = new FakeClock();
    const account = await run(clock, new FakeTarget(clock, stalls), { loop: { kind: 'closed', concurrency: 1, thinkMs: 9 } });
    const numbers = countLoad(account, 2000);
    expect(account.endedMs.filter((ended, i) => ended - (account.intendedMs[i] as number) > 20)).toHaveLength(1);
    expect(numbers.responseMs).toEqual(numbers.serviceMs);
    expect(numbers.requests.intended).toBe(150);
  });
});

describe('every request is accounted for once', () => {
  it('when the target never answers: they are given up after the wait, and aborted', async () => {
    const clock = new FakeClock();
    const target = new FakeTarget(clock, () => Infinity);
    const account = await run(clock, target, { loop: { kind: 'open', arrivals: evenly(20, 100), maxInFlight: 5 } });
    expect(account.labels).toEqual(Array.from({ length: 20 }, () => unfinished));
    expect({ sent: target.sent, aborted: target.aborted, timers: clock.timers }).toEqual({ sent: 5, aborted: 5, timers: 0 });
    const numbers = countLoad(account, 2000);
    expect(numbers.requests).toEqual({ intended: 20, answered: 0, failed: 20, outcomes: { [unfinished]: 20 } });
    expect(numbers.responseMs.p99).toBeNull();
    expect(judgeLoad(account, numbers, { maxP99Ms: 1000, maxErrors: 0.5 }).map(({ passed }) => passed)).toEqual([false, false]);
    expect(account.interrupted).toBe(false);
  });

  it.each([
    [2, 200, 1],
    [1, 101, 1],
    [0, 100, 1],
    [3, 200, null],
    [1, 20, null],
    [20, 20, null],
    [0, 0, null],
  ])('by the limit of time too, where %i of %i fail', (failed, all, found) => {
    const times = { intendedMs: evenly(all, 10), takenMs: evenly(all, 10), sentMs: evenly(all, 10) };
    const account: LoadAccount = {
      ...times,
      endedMs: times.intendedMs.map((ms, i) => (i < failed ? NaN : ms + 1)),
      labels: times.intendedMs.map((_, i) => (i < failed ? unfinished : 'ok')),
      good: times.intendedMs.map((_, i) => i >= failed),
      ...{ held: 0, interrupted: false },
    };
    expect(judgeLoad(account, countLoad(account, 2000), { maxP99Ms: 5 })).toEqual([
      { limit: 'maxP99Ms', most: 5, found, passed: found !== null },
    ]);
  });

  it('when an answer comes after it was given up', async () => {
    const clock = new FakeClock();
    const account = await run(clock, new FakeTarget(clock, () => 5000), {
      loop: { kind: 'open', arrivals: [0], maxInFlight: 5 },
    });
    expect(account.labels).toEqual([unfinished]);
  });

  it('when the deadline is over before there is a place: it is not sent', async () => {
    const clock = new FakeClock();
    const target = new FakeTarget(clock, () => 300);
    const account = await run(clock, target, {
      ...{ loop: { kind: 'open', arrivals: [0, 0, 0], maxInFlight: 1 }, deadlineMs: 250 },
    });
    expect(account.labels).toEqual(Array.from({ length: 3 }, () => 'DEADLINE_EXCEEDED'));
    expect(target.sent).toBe(1);
    expect(account.sentMs.slice(1)).toEqual([NaN, NaN]);
  });

  it('when it is aborted', async () => {
    const clock = new FakeClock();
    const abort = new AbortController();
    const target = new FakeTarget(clock, () => 150);
    const done = runLoad(
      target,
      { ...base, loop: { kind: 'open', arrivals: evenly(20, 100), maxInFlight: 50 }, signal: abort.signal },
      clock,
    );
    await clock.advanceTo(1049);
    abort.abort();
    const account = await done;
    expect(account.interrupted).toBe(true);
    expect(account.labels).toEqual([...Array.from({ length: 9 }, () => 'ok'), unfinished, unfinished]);
    expect(clock.timers).toBe(2); // of the target alone
    await clock.advanceTo(5000);
    expect(target.sent).toBe(11);
  });

  it('when there is nothing to send, and when it was aborted before', async () => {
    const clock = new FakeClock();
    const target = new FakeTarget(clock, () => 1);
    expect((await run(clock, target, { loop: { kind: 'open', arrivals: [], maxInFlight: 1 } })).labels).toEqual([]);
    const signal = AbortSignal.abort();
    const account = await run(clock, target, { loop: { kind: 'closed', concurrency: 3, thinkMs: 0 }, signal });
    expect(account).toMatchObject({ labels: [], interrupted: true });
  });
});

it('a closed loop keeps so many in flight, and ends with its time', async () => {
  const clock = new FakeClock();
  const target = new FakeTarget(clock, () => 100, { isGood: false, label: 'HTTP 503' });
  const account = await run(clock, target, { loop: { kind: 'closed', concurrency: 4, thinkMs: 0 } });
  expect(target.mostInFlight).toBe(4);
  const { requests, seconds, rate } = countLoad(account, 2000);
  expect(requests).toEqual({ intended: 80, answered: 0, failed: 80, outcomes: { 'HTTP 503': 80 } });
  expect(seconds.map(({ intended, failed }) => [intended, failed])).toEqual([
    [40, 36],
    [40, 40],
    [0, 4],
  ]);
  expect(rate).toEqual({ intended: 40, achieved: 0 });
});
