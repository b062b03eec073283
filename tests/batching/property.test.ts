/** Random traces through the batcher, with the time in the test's hands, and through a model that is slow and plain: both have to do the same at the same time. */
import { expect, it } from 'vitest';
import { DynamicBatcher, type CloseReason } from '../../lib/batching/index.js';
import { FakeBatchable, FakeClock, type FakeItem } from './fakes.js';
import { Model } from './model.js';
import type { Answer, Setting, TraceEvent } from './model-parts.js';

const traces = 10_000;
const firstSeed = 1;
/** Long after all is done. */
const end = 1e6;

type Random = () => number;

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function random(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function pick<T>(next: Random, of: readonly T[]): T {
  return of[Math.floor(next() * of.length)] as T;
}

function randomSetting(next: Random): Setting {
  const maxBatch = pick(next, [1, 2, 4, 8]);
  return {
    lanes: pick(next, [1, 1, 2, 3]),
    ahead: pick(next, [0, 0, 1, 3, 12]),
    maxBatch,
    preferredSizes: pick(next, [undefined, [maxBatch], maxBatch > 2 ? [2, maxBatch] : undefined]),
    maxDelayMs: pick(next, [0, 5, 20]),
    maxQueueSamples: pick(next, [4, 10, 1000]),
    whenFull: pick(next, ['reject', 'shed-oldest', 'block']),
  };
}

function randomTrace(next: Random): TraceEvent[] {
  const events: TraceEvent[] = [];
  const pace = pick(next, [0.1, 1, 6]);
  const callers = pick(next, [[undefined], ['a', 'b'], ['a', 'b', 'c', undefined]]);
  const groups = pick(next, [['x'], ['x', 'y'], ['x', 'y', 'z']]);
  const priorities = pick(next, [[0], [0, 1], [-1, 0, 5]]);
  const hasFaults = next() < 0.4;
  const hasDeadlines = next() < 0.4;
  const hasAborts = next() < 0.4;
  let at = 0;
  const count = 5 + Math.floor(next() * 40);
  for (let id = 0; id < count; id++) {
    at += next() * (next() < 0.2 ? 5 * pace : pace);
    const fault = hasFaults && next() < 0.2 ? pick(next, ['prepare', 'run', 'finish'] as const) : undefined;
    const item: FakeItem = {
      ...{ id, samples: next() < 0.7 ? 1 : 1 + Math.floor(next() * 11), group: pick(next, groups), fault },
      ...{ prepareMs: next() < 0.6 ? 0 : next() * 4, runMs: 0.1 + next() * 3 },
    };
    const deadlineMs = hasDeadlines && next() < 0.4 ? 0.5 + next() * 30 : undefined;
    events.push({ at, kind: 'send', item, priority: pick(next, priorities), caller: pick(next, callers), deadlineMs });
    if (hasAborts && next() < 0.2) events.push({ at: at + next() * 15, kind: 'abort', id });
    if (next() < 0.02) events.push({ at: at + next(), kind: 'flush' });
  }
  return events.sort((a, b) => a.at - b.at);
}

/** As long as promises take to go on that wait for nothing else. */
async function pause(): Promise<void> {
  for (let i = 0; i < 40; i++) await undefined;
}

interface Observed {
  readonly answers: Answer[];
  readonly runs: FakeBatchable['runs'];
  readonly reasons: Record<CloseReason, number>;
}

async function observe(setting: Setting, trace: readonly TraceEvent[]): Promise<Observed> {
  const { lanes, ahead, ...options } = setting;
  const clock = new FakeClock();
  const batchable = new FakeBatchable(clock, lanes, undefined, ahead);
  const batcher = new DynamicBatcher(batchable, options, clock);
  const answers: Answer[] = [];
  /** Those that got another's result. */
  const strangers: number[] = [];
  const stops = new Map<number, AbortController>();
  for (const event of trace) {
    await clock.advanceTo(event.at, pause);
    if (event.kind === 'flush') void batcher.flush();
    else if (event.kind === 'abort') stops.get(event.id)?.abort();
    else {
      const { item, priority, caller, deadlineMs } = event;
      const stop = new AbortController();
      stops.set(item.id, stop);
      batcher.run(item, { priority, caller, deadlineMs, signal: stop.signal }).then(
        ({ batches, ids }) => {
          if (ids.length !== item.samples || ids.some((id) => id !== item.id)) strangers.push(item.id);
          const told = batches.map(({ size, target, reason }) => `${size} of ${target} ${reason}`);
          answers.push({ id: item.id, at: clock.now(), code: undefined, batches: told });
        },
        (error: { code: string }) => answers.push({ id: item.id, at: clock.now(), code: error.code, batches: [] }),
      );
    }
    await pause();
  }
  await clock.advanceTo(end, pause);
  const { mostWaitingSamples, waitingRequests, blockedCalls, runningBatches, reasons } = batcher.statistics();
  expect(strangers).toEqual([]);
  expect(mostWaitingSamples).toBeLessThanOrEqual(setting.maxQueueSamples);
  expect([waitingRequests, blockedCalls, runningBatches, batchable.openArenas, clock.timers]).toEqual([0, 0, 0, 0, 0]);
  await batcher.dispose();
  return { answers, runs: batchable.runs, reasons };
}

/** What has to be so whatever the policy. */
function checkInvariants(trace: readonly TraceEvent[], { answers }: Observed): void {
  const sent = trace.flatMap((event) => (event.kind === 'send' ? [event] : []));
  expect(answers.map(({ id }) => id).sort((a, b) => a - b)).toEqual(sent.map(({ item }) => item.id));
  const lastOf = new Map<string, number>();
  for (const { id, code } of answers) {
    const { caller, priority, item } = sent[id] as (typeof sent)[number];
    if (caller === undefined || code !== undefined) continue;
    const key = `${caller} ${priority} ${item.group}`;
    expect(id).toBeGreaterThan(lastOf.get(key) ?? -1);
    lastOf.set(key, id);
  }
}

function rounded<T extends { readonly at: number }>(of: readonly T[]): T[] {
  return of.map((one) => ({ ...one, at: Math.round(one.at * 1e6) / 1e6 }));
}

/** As toEqual, but quick where nothing differs, which is ten thousand times. */
function expectSame<T>(observed: readonly T[], expected: readonly T[], of: string): void {
  const text = (list: readonly T[]): string => JSON.stringify(list, (_, value: unknown) => value ?? null);
  if (text(observed) !== text(expected)) expect(observed, of).toEqual(expected);
}

const byId = (a: Answer, b: Answer): number => a.id - b.id;

it(`does what the model does, on ${traces} random traces`, { timeout: 600_000 }, async () => {
  const seen = { full: 0, delay: 0, 'idle-lane': 0, deadline: 0, flush: 0 };
  const codes = new Set<string | undefined>();
  for (let seed = firstSeed; seed < firstSeed + traces; seed++) {
    const next = random(seed);
    const setting = randomSetting(next);
    const trace = randomTrace(next);
    const observed = await observe(setting, trace);
    checkInvariants(trace, observed);
    const model = new Model(setting);
    model.simulate(trace, end);
    const of = `seed ${seed}, ${JSON.stringify(setting)}`;
    expectSame(rounded(observed.runs), rounded(model.runs), of);
    expectSame(rounded(observed.answers).sort(byId), rounded(model.answers).sort(byId), of);
    for (const reason of Object.keys(seen) as CloseReason[]) seen[reason] += observed.reasons[reason];
    for (const { code } of observed.answers) codes.add(code);
  }
  // The traces are worth nothing where they reach nothing.
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(traces / 50);
  expect([...codes].sort()).toEqual(['ABORTED', 'DEADLINE_EXCEEDED', 'ENGINE_FAILED', 'MEDIA_INVALID', 'QUEUE_FULL', undefined]);
});
