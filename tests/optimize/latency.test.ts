/** Turns of models, with clocks of their own, and a real run. No test depends on how fast the machine is. */
import { describe, expect, it } from 'vitest';

import { Preprocess } from '../../lib/image/index.js';
import { measureLatency, timeRunners, type LatencyRunner } from '../../lib/optimize/latency.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { labelled } from '../tasks/labelled-pictures.js';
import { example } from '../session/fixtures.js';

/** Takes what `msOf` says of each of its runs, counted from 0. */
function runner(name: string, msOf: (run: number) => number, log: string[] = [], pictures = 1): LatencyRunner {
  let runs = 0;
  return {
    name,
    pictures,
    run: () => {
      if (log.at(-1) !== name) log.push(name);
      return Promise.resolve(msOf(runs++));
    },
  };
}

const plan = { threads: 2, rounds: 5 };

describe('turns', () => {
  it('alternate, and the first rotates', async () => {
    const log: string[] = [];
    await timeRunners([runner('a', () => 100, log), runner('b', () => 100, log)], { threads: 1, rounds: 3 });
    // Warming up, then ab, ba, ab: neighbours of one name are one entry.
    expect(log).toEqual(['a', 'b', 'a', 'b', 'a', 'b']);
  });

  it('are of about a quarter of a second, of three runs at least and fifty at most', async () => {
    const runsOf = async (ms: number): Promise<number> =>
      (await timeRunners([runner('a', () => ms)], plan)).map(({ runs }) => runs)[0] as number;
    expect(await runsOf(10)).toBe(5 * 25);
    expect(await runsOf(4000)).toBe(5 * 3);
    expect(await runsOf(0.001)).toBe(5 * 50);
    expect(await runsOf(0)).toBe(5 * 50);
  });

  it('begin when a model gets no faster', async () => {
    // 900, 300, 100, 100 by threes: the cold runs are in no number.
    const cold = [900, 900, 900, 300, 300, 300, 100, 100, 100];
    const [latency] = await timeRunners([runner('a', (run) => cold[run] ?? 100)], plan);
    expect(latency).toMatchObject({ medianMs: 100, quartilesMs: [100, 100], p95Ms: 100 });
  });

  it('begin in the end though a model gets faster all the time', async () => {
    const [latency] = await timeRunners([runner('a', (run) => 1000 * 0.9 ** run)], plan);
    expect(latency?.runs).toBeGreaterThan(0);
  });

  it('leave out the first run of each, after another model had the caches', async () => {
    let turn = 0;
    const jumpy: LatencyRunner = {
      name: 'a',
      pictures: 1,
      run: () => Promise.resolve(turn++ === 0 ? 5000 : 100),
    };
    const other = runner('b', () => {
      turn = 0;
      return 100;
    });
    const [latency] = await timeRunners([jumpy, other], plan);
    expect(latency?.p95Ms).toBe(100);
  });
});

describe('numbers', () => {
  it('are quartiles, percentiles, pictures a second and ratios of rounds', async () => {
    const times = [90, 100, 110];
    const [first, second] = await timeRunners(
      [runner('a', () => 100), runner('b', (run) => (times[run % 3] as number) / 2, [], 4)],
      plan,
    );
    expect(first).toMatchObject({
      name: 'a',
      threads: 2,
      medianMs: 100,
      throughput: 10,
      ratio: 1,
      ratioRange: [1, 1],
      verdict: 'same',
    });
    expect(second).toMatchObject({ medianMs: 50, throughput: 80, ratio: 0.5, verdict: 'faster' });
    // Of each turn of five: 45 once, 50 and 55 twice, after the first, which is 45.
    expect(second?.quartilesMs).toEqual([50, 55]);
    expect(second?.p95Ms).toBe(55);
    expect(second).not.toHaveProperty('joules');
  });

  it('compare within a round: what slows all models in one of them changes no ratio', async () => {
    let clock = 0;
    const slowFrom = 12; // beyond warming up
    const loaded = (ms: number) => () => ms * (++clock > slowFrom ? 3 : 1);
    const [, second] = await timeRunners([runner('a', loaded(100)), runner('b', loaded(80))], plan);
    expect(second?.ratio).toBeCloseTo(0.8, 12);
    expect(second?.verdict).toBe('faster');
  });

  it.each([
    ['faster', [0.9, 0.91, 0.92, 0.9, 0.99]],
    ['same', [0.9, 0.91, 0.92, 0.9, 1.01]], // one round says otherwise
    ['same', [0.985, 0.985, 0.985, 0.985, 0.985]], // as two sessions of one file differ
    ['slower', [1.1, 1.2, 1.03, 1.1, 1.1]],
    ['same', [1.1, 1.2, 0.99, 1.1, 1.1]],
    ['same', [1.01, 1.01, 1.01, 1.01, 1.01]],
  ] as const)('are %s only outside noise: %s', async (verdict, ratios) => {
    let rounds = -1;
    const reference = runner('a', () => 100);
    let runs = 0;
    // Warms up with 6 runs, then 1 + 3 in each round.
    const candidate = runner('b', () => {
      rounds = Math.floor((runs++ - 6) / 4);
      return 100 * (ratios[Math.max(0, rounds)] as number);
    });
    const [, latency] = await timeRunners([reference, candidate], { threads: 1, rounds: 5 });
    expect(latency?.verdict).toBe(verdict);
    expect(latency?.ratioRange).toEqual([Math.min(...ratios), Math.max(...ratios)]);
  });

  it('have joules where there is a meter: of a picture, by the median of the rounds', async () => {
    let total = 0;
    const energy = {
      read: () => Promise.resolve([total]),
      joules: ([before]: readonly number[], [after]: readonly number[]) => (after as number) - (before as number),
    };
    const thirsty = runner('a', () => ((total += 8), 100), [], 4);
    const [latency] = await timeRunners([thirsty], { ...plan, energy: energy as never });
    expect(latency?.joules).toBe(2);
  });
});

it('can be aborted between turns', async () => {
  const controller = new AbortController();
  let turns = 0;
  const stopping = timeRunners([runner('a', () => 100), runner('b', () => 100)], {
    ...plan,
    signal: controller.signal,
    onProgress: () => ++turns === 3 && controller.abort(),
  });
  expectFailure(await rejectionOf(stopping), 'ABORTED', /./);
  expect(turns).toBe(3);
});

describe('real models', () => {
  const model = example('models/shapes-classifier.onnx');
  const pictures = labelled('classify').map(({ path }) => path);
  const preprocess = Preprocess.preset('imagenet', { fit: 'stretch', width: 96, height: 96 });

  it('are timed at each number of threads, and told of as they go', async () => {
    const told: string[] = [];
    const latencies = await measureLatency(
      [
        { name: 'one', model },
        { name: 'plain', model, sessionOptions: { graphOptimization: 'disabled' } },
      ],
      { preprocess, pictures, threads: [1, 2, 1], rounds: 2, onProgress: (done, total) => told.push(`${done}/${total}`) },
    );
    expect(latencies.map(({ name, threads }) => `${name} ${threads}`)).toEqual(['one 1', 'plain 1', 'one 2', 'plain 2']);
    expect(told).toEqual(['1/8', '2/8', '3/8', '4/8', '5/8', '6/8', '7/8', '8/8']);
    for (const { medianMs, quartilesMs, p95Ms, throughput, ratio, ratioRange } of latencies) {
      const [low, high] = quartilesMs;
      expect(low).toBeGreaterThan(0);
      expect([low, medianMs, high, p95Ms]).toEqual([low, medianMs, high, p95Ms].toSorted((a, b) => a - b));
      expect(throughput).toBeCloseTo(1000 / medianMs, 9);
      expect(ratioRange[0]).toBeLessThanOrEqual(ratio);
      expect(ratioRange[1]).toBeGreaterThanOrEqual(ratio);
    }
  });

  it('are refused without pictures, candidates or threads', async () => {
    const candidates = [{ name: 'one', model }];
    for (const [call, name] of [
      [() => measureLatency([], { preprocess, pictures }), /candidates/],
      [() => measureLatency(candidates, { preprocess, pictures: [] }), /pictures/],
      [() => measureLatency(candidates, { preprocess, pictures: ['/nowhere.jpg'] }), /pictures/],
      [() => measureLatency(candidates, { preprocess, pictures, threads: [] }), /threads/],
      [() => measureLatency(candidates, { preprocess, pictures, threads: [0] }), /threads/],
      [() => measureLatency(candidates, { preprocess, pictures, rounds: 0 }), /rounds/],
    ] as const) {
      expectFailure(await rejectionOf(call()), 'INVALID_ARGUMENT', name);
    }
  });
});
