/** How long models take, side by side: what is busy besides hits all of them alike. */
import { availableParallelism } from 'node:os';

import { aborted } from '../binding/index.js';
import { isEngineDevice } from '../engine/index.js';
import { checkInteger, checkOptions, checkSignal, invalidArgument } from '../errors/index.js';
import type { PictureInput, Preprocess } from '../image/index.js';
import { quantile } from '../metrics/bootstrap.js';
import { createSession, type ModelSource, type Session, type SessionOptions } from '../session/index.js';
import type { EnergyMeter } from './energy.js';
import { prepareInputs } from './latency-inputs.js';

/** A model to be timed. Ratios are to the first of several. */
export interface LatencyCandidate {
  readonly name: string;
  readonly model: ModelSource;
  /** Of its session; the threads are those of {@link LatencyOptions}. */
  readonly sessionOptions?: Omit<SessionOptions, 'threads' | 'signal'> | undefined;
}

export interface LatencyOptions {
  /** How pictures become the models' input. */
  readonly preprocess: Preprocess;
  /** The first few are prepared once and run in turn; every model must take them. */
  readonly pictures: readonly PictureInput[];
  /** Threads inside a run, each measured by itself. Default: 1, and all cores. */
  readonly threads?: readonly number[] | undefined;
  /** How often the models take turns; a difference shows where it is there in every round. Default 5. */
  readonly rounds?: number | undefined;
  /** Reads the machine's energy counters around each turn. */
  readonly energy?: EnergyMeter | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told after each turn of a model. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** 'same' also where the rounds do not agree. */
export type LatencyVerdict = 'faster' | 'slower' | 'same';

/** How long one model took with so many threads. Times are of the engine alone, in milliseconds of one run. */
export interface Latency {
  readonly name: string;
  readonly threads: number;
  /** Runs that were timed. */
  readonly runs: number;
  readonly medianMs: number;
  /** First and third quartile. */
  readonly quartilesMs: readonly [low: number, high: number];
  readonly p95Ms: number;
  /** Pictures a second, one run after the other, by the median. */
  readonly throughput: number;
  /** To the first model, of the medians of the same round: the median of all rounds, the lowest and the highest. */
  readonly ratio: number;
  readonly ratioRange: readonly [low: number, high: number];
  /** Against the first model, which is 'same'. */
  readonly verdict: LatencyVerdict;
  /** Of the whole machine, of one picture, by the median of the rounds; absent without a meter. */
  readonly joules?: number | undefined;
}

/** What is timed. */
export interface LatencyRunner {
  readonly name: string;
  /** Pictures in each run. */
  readonly pictures: number;
  /** Runs once, and gives the milliseconds that it took. */
  run(): Promise<number>;
}

/** Two sessions of one and the same file differ by about as much, by where their memory lies. */
const leastDifference = 0.02;

/** A turn is of about so many milliseconds, and of so many runs. */
const turnMs = 250;
const [fewestRuns, mostRuns] = [3, 50];

/** Warming up ends where the median of three runs no longer falls below this share of that of the three before, or after so many times three runs. */
const settledShare = 0.95;
const mostWarmUps = 10;

/**
 * Times models in one process, turn by turn: in each round every model runs for a quarter of a second, in an order that rotates, so that load, heat and clock
 * rates of the machine hit all alike, and ratios are taken within a round. Before, each is run until it gets no faster.
 *
 * Gives a {@link Latency} for each number of threads and each model, in that order. Rejects as `createSession` and `Preprocess.run` do; INVALID_ARGUMENT,
 * UNKNOWN_OPTION, ABORTED.
 */
export async function measureLatency(candidates: readonly LatencyCandidate[], options: LatencyOptions): Promise<Latency[]> {
  checkOptions('latency options', options, [
    ...['preprocess', 'pictures', 'threads', 'rounds', 'energy', 'signal', 'onProgress'],
  ]);
  const { preprocess, pictures, signal, energy, onProgress } = options;
  const threads = checkedThreads(options.threads);
  const rounds = checkInteger('rounds', options.rounds ?? 5, 1, 1000);
  if (candidates.length === 0) throw invalidArgument('candidates', 'at least one model', candidates.length);
  checkSignal(signal);
  const latencies: Latency[] = [];
  const total = threads.length * rounds * candidates.length;
  for (const [i, count] of threads.entries()) {
    const sessions: Session[] = [];
    try {
      for (const { model, sessionOptions } of candidates) {
        // An engine of TensorRT takes no threads: it is timed as it is.
        const threaded = isEngineDevice(sessionOptions?.device ?? 'auto') ? {} : { threads: count };
        sessions.push(await createSession(model, { ...sessionOptions, ...threaded, signal }));
      }
      await using inputs = await prepareInputs(sessions, preprocess, pictures, signal);
      const runners = sessions.map((session, place): LatencyRunner => {
        const { tensors, batch } = inputs.of(place);
        const [{ name }] = session.inputs as [Session['inputs'][number]];
        let next = 0;
        return {
          name: (candidates[place] as LatencyCandidate).name,
          pictures: batch,
          run: async () => {
            const tensor = tensors[next++ % tensors.length] as (typeof tensors)[number];
            using result = await session.run({ [name]: tensor }, { signal });
            return result.computeMs + result.uploadMs + result.downloadMs;
          },
        };
      });
      const done = i * rounds * candidates.length;
      latencies.push(
        ...(await timeRunners(runners, {
          threads: count,
          rounds,
          energy,
          signal,
          onProgress: onProgress && ((turns) => onProgress(done + turns, total)),
        })),
      );
    } finally {
      await Promise.all(sessions.map((session) => session.dispose()));
    }
  }
  return latencies;
}

function checkedThreads(threads: readonly number[] | undefined): readonly number[] {
  const counts = threads ?? [1, availableParallelism()];
  if (!Array.isArray(counts) || counts.length === 0) throw invalidArgument('threads', 'a list of numbers of threads', threads);
  counts.forEach((count, i) => checkInteger(`threads[${i}]`, count, 1, 1024));
  return [...new Set(counts as readonly number[])];
}

/** What one model took in its turns. */
interface Turns {
  readonly all: number[];
  /** The median of each round. */
  readonly medians: number[];
  /** Joules of a picture, of each round. */
  readonly joules: number[];
}

/** Takes turns: see {@link measureLatency}, which opens the models. */
export async function timeRunners(
  runners: readonly LatencyRunner[],
  {
    threads,
    rounds,
    energy,
    signal,
    onProgress,
  }: Pick<LatencyOptions, 'energy' | 'signal'> & {
    readonly threads: number;
    readonly rounds: number;
    readonly onProgress?: ((turns: number) => void) | undefined;
  },
): Promise<Latency[]> {
  const runsOf: number[] = [];
  for (const runner of runners) {
    const settled = await warmUp(runner, signal);
    runsOf.push(Math.min(mostRuns, Math.max(fewestRuns, Math.ceil(turnMs / Math.max(settled, 1e-3)))));
  }
  const turns = runners.map((): Turns => ({ all: [], medians: [], joules: [] }));
  let done = 0;
  for (let round = 0; round < rounds; round++) {
    for (let step = 0; step < runners.length; step++) {
      const place = (round + step) % runners.length;
      await takeTurn(runners[place] as LatencyRunner, turns[place] as Turns, runsOf[place] as number, { energy, signal });
      onProgress?.(++done);
    }
  }
  const [first] = turns as [Turns];
  return runners.map((runner, place) => latencyOf(runner, threads, turns[place] as Turns, first));
}

async function takeTurn(
  runner: LatencyRunner,
  { all, medians, joules }: Turns,
  runs: number,
  { energy, signal }: Pick<LatencyOptions, 'energy' | 'signal'>,
): Promise<void> {
  if (signal?.aborted) throw aborted(signal);
  // The other models have put their weights into the caches.
  await runner.run();
  const before = await energy?.read();
  const times: number[] = [];
  for (let i = 0; i < runs; i++) times.push(await runner.run());
  if (energy !== undefined && before !== undefined) {
    joules.push(energy.joules(before, await energy.read()) / (runs * runner.pictures));
  }
  all.push(...times);
  medians.push(median(times));
}

/** Gives what a run takes in the end, in milliseconds. */
async function warmUp(runner: LatencyRunner, signal: AbortSignal | undefined): Promise<number> {
  let before = Infinity;
  for (let i = 0; ; i++) {
    if (signal?.aborted) throw aborted(signal);
    const now = median([await runner.run(), await runner.run(), await runner.run()]);
    if (now >= settledShare * before || i === mostWarmUps) return now;
    before = now;
  }
}

function latencyOf({ name, pictures }: LatencyRunner, threads: number, turns: Turns, first: Turns): Latency {
  const sorted = Float64Array.from(turns.all).sort();
  const medianMs = quantile(sorted, 0.5);
  const ratios = turns.medians.map((value, round) => value / (first.medians[round] as number));
  const range = [Math.min(...ratios), Math.max(...ratios)] as const;
  const ratio = median(ratios);
  return {
    name,
    threads,
    runs: sorted.length,
    medianMs,
    quartilesMs: [quantile(sorted, 0.25), quantile(sorted, 0.75)],
    p95Ms: quantile(sorted, 0.95),
    throughput: (1000 * pictures) / medianMs,
    ratio,
    ratioRange: range,
    verdict: verdictOf(ratio, range),
    ...(turns.joules.length > 0 && { joules: median(turns.joules) }),
  };
}

/** Outside noise: by more than two sessions of one file differ, and in every round. */
function verdictOf(ratio: number, [low, high]: readonly [number, number]): LatencyVerdict {
  if (high < 1 && ratio < 1 - leastDifference) return 'faster';
  return low > 1 && ratio > 1 + leastDifference ? 'slower' : 'same';
}

function median(values: readonly number[]): number {
  return quantile(Float64Array.from(values).sort(), 0.5);
}
