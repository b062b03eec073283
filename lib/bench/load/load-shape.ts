/** How many requests come, and when: a rate that changes along straight lines. */
import { checkNumber, invalidArgument } from '../../errors/index.js';

/** A stretch in which the rate goes evenly from one value to another, in requests a second. */
export interface RateSegment {
  readonly startMs: number;
  readonly endMs: number;
  readonly from: number;
  readonly to: number;
}

/** Stretches that follow one another, from 0 on. */
export type LoadShape = readonly RateSegment[];

const mostRate = 1e6;

/**
 * Reads a shape:
 *
 *     steady                   `rate` all the time
 *     ramp:10..200             evenly from 10 to 200 a second
 *     spike:50,500@10s+2s      50 a second, but 500 for 2 s from the tenth second on; without +2s for 1 s
 *     steps:50,100,200         each for an equal part of the time
 *
 * Throws INVALID_ARGUMENT for what is none of these, for a rate beside a shape that has its own, and where a spike does not fit into the duration.
 */
export function parseLoadShape(text: string, rate: number | undefined, durationMs: number): LoadShape {
  if (text === 'steady') {
    const steady = checkRate('rate', rate);
    return [{ startMs: 0, endMs: durationMs, from: steady, to: steady }];
  }
  const shape = ramp(text, durationMs) ?? spike(text, durationMs) ?? steps(text, durationMs);
  if (shape === undefined) {
    throw invalidArgument(
      'shape',
      'steady, ramp:10..200, spike:50,500@10s+2s or steps:50,100,200',
      text,
      'Rates are requests a second.',
    );
  }
  if (rate !== undefined) throw invalidArgument('rate', `none with shape ${text}`, rate, 'The shape says how many come.');
  if (shape.every(({ from, to }) => from === 0 && to === 0)) throw invalidArgument('shape', 'a rate above 0', text);
  return shape;
}

const number = String.raw`(\d+(?:\.\d+)?)`;

function ramp(text: string, durationMs: number): LoadShape | undefined {
  const [, from, to] = new RegExp(`^ramp:${number}\\.\\.${number}$`).exec(text) ?? [];
  if (from === undefined) return undefined;
  return [{ startMs: 0, endMs: durationMs, from: shapeRate(from), to: shapeRate(to as string) }];
}

function spike(text: string, durationMs: number): LoadShape | undefined {
  const [, base, peak, at, during = '1'] =
    new RegExp(`^spike:${number},${number}@${number}s(?:\\+${number}s)?$`).exec(text) ?? [];
  if (base === undefined) return undefined;
  const startMs = 1000 * Number(at);
  const endMs = startMs + 1000 * Number(during);
  if (endMs > durationMs || endMs === startMs) {
    throw invalidArgument('shape', `a spike within the ${durationMs / 1000} s that the test lasts`, text);
  }
  const level = (start: number, end: number, rate: number): RateSegment => ({ startMs: start, endMs: end, from: rate, to: rate });
  const [low, high] = [shapeRate(base), shapeRate(peak as string)];
  return [level(0, startMs, low), level(startMs, endMs, high), level(endMs, durationMs, low)].filter(
    (one) => one.endMs > one.startMs,
  );
}

function steps(text: string, durationMs: number): LoadShape | undefined {
  const [, list] = new RegExp(`^steps:(${number}(?:,${number})*)$`).exec(text) ?? [];
  if (list === undefined) return undefined;
  const rates = list.split(',').map(shapeRate);
  const stepMs = durationMs / rates.length;
  return rates.map((rate, i) => ({ startMs: i * stepMs, endMs: (i + 1) * stepMs, from: rate, to: rate }));
}

function shapeRate(text: string): number {
  return checkNumber('shape', Number(text), 0, mostRate);
}

function checkRate(name: string, rate: number | undefined): number {
  if (rate === undefined)
    throw invalidArgument(name, 'requests a second', rate, 'Give a rate, a shape that has one, or concurrency.');
  if (!(checkNumber(name, rate, 0, mostRate) > 0)) throw invalidArgument(name, 'more than 0', rate);
  return rate;
}
