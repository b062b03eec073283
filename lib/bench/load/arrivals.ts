import { Random } from '../../metrics/random.js';
import type { LoadShape, RateSegment } from './load-shape.js';

export interface ArrivalOptions {
  /** 'poisson': as if each came by itself, whatever others do; 'constant': evenly. */
  readonly arrivals: 'poisson' | 'constant';
  readonly seed: number;
}

/**
 * When requests come, in milliseconds from the start, in order, one by one: there may be millions. What arrivals are in a time of unit rate is stretched by the shape: those of a Poisson process
 * have exponential gaps there, constant ones gaps of 1, the first at 0.
 */
export function* arrivals(shape: LoadShape, { arrivals: kind, seed }: ArrivalOptions): Generator<number> {
  const random = new Random(seed);
  const gap = kind === 'poisson' ? (): number => exponential(random) : (): number => 1;
  let before = 0;
  let next = kind === 'poisson' ? gap() : 0;
  for (const segment of shape) {
    const within = expectedIn(segment);
    // The end of one stretch is the beginning of the next.
    for (; next < before + within; next += gap()) yield segment.startMs + 1000 * secondsUntil(segment, next - before);
    before += within;
  }
}

/** How many arrivals there are on average. */
export function expectedArrivals(shape: LoadShape): number {
  return shape.reduce((sum, segment) => sum + expectedIn(segment), 0);
}

function expectedIn({ startMs, endMs, from, to }: RateSegment): number {
  return ((endMs - startMs) / 1000) * ((from + to) / 2);
}

/** After how long a stretch has had so many arrivals: the root of from t + slope t^2 / 2, written so that neither equal rates nor a start at 0 divide by 0. */
function secondsUntil({ startMs, endMs, from, to }: RateSegment, count: number): number {
  if (count === 0) return 0;
  const slope = (to - from) / ((endMs - startMs) / 1000);
  return (2 * count) / (from + Math.sqrt(Math.max(0, from * from + 2 * slope * count)));
}

/** With mean 1. Never 0 or infinite: the uniform number lies between 0 and 1. */
function exponential(random: Random): number {
  return -Math.log((random.next() + 0.5) / 2 ** 32);
}
