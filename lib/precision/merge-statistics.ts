import { maxBins, type ChannelStatistics, type TensorStatistics } from './tensor-statistics.js';

type Histogram = TensorStatistics['histogram'];

/**
 * What one pass over the pictures of both would have found, those of `a` first: counts and ranges exactly, means but for their rounding. Both are of
 * one tensor, with as many channels.
 */
export function mergeStatistics(a: TensorStatistics, b: TensorStatistics): TensorStatistics {
  // Without finite elements, there is no range.
  const [min, max] =
    a.count === 0 ? [b.min, b.max] : b.count === 0 ? [a.min, a.max] : [Math.min(a.min, b.min), Math.max(a.max, b.max)];
  return {
    name: a.name,
    count: a.count + b.count,
    nonFinite: a.nonFinite + b.nonFinite,
    min,
    max,
    pictures: {
      min: joined(a.pictures.min, b.pictures.min),
      max: joined(a.pictures.max, b.pictures.max),
    },
    histogram: a.count === 0 ? b.histogram : b.count === 0 ? a.histogram : mergeHistograms(a.histogram, b.histogram, min, max),
    channels: a.count === 0 ? b.channels : b.count === 0 ? a.channels : mergedChannels(a, b),
  };
}

function joined(a: Float32Array, b: Float32Array): Float32Array {
  const both = new Float32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** Bins are anchored at 0 and their widths are powers of two: those of the wider histogram hold whole bins of the narrower one. */
function mergeHistograms(a: Histogram, b: Histogram, min: number, max: number): Histogram {
  let exponent = Math.max(a.exponent, b.exponent);
  const binOf = (value: number): number => Math.floor(value / 2 ** exponent);
  while (binOf(max) - binOf(min) >= maxBins) exponent++;
  const first = binOf(min);
  const counts = new Float64Array(binOf(max) - first + 1);
  for (const part of [a, b]) {
    const wider = 2 ** (exponent - part.exponent);
    part.counts.forEach((count, i) => {
      const bin = Math.floor((part.first + i) / wider) - first;
      counts[bin] = (counts[bin] as number) + count;
    });
  }
  return { exponent, first, counts };
}

function mergedChannels(
  { channels: a, count: countA }: TensorStatistics,
  { channels: b, count: countB }: TensorStatistics,
): ChannelStatistics | undefined {
  if (a === undefined || b === undefined) return undefined;
  const part = countB / (countA + countB);
  const mean = (left: Float64Array, right: Float64Array): Float64Array =>
    left.map((value, channel) => value + ((right[channel] as number) - value) * part);
  return {
    min: a.min.map((value, channel) => Math.min(value, b.min[channel] as number)),
    max: a.max.map((value, channel) => Math.max(value, b.max[channel] as number)),
    mean: mean(a.mean, b.mean),
    meanSquare: mean(a.meanSquare, b.meanSquare),
  };
}

/** The same with the pictures in another order: `order[i]` is the place that picture i had. */
export function inOrder(statistics: TensorStatistics, order: readonly number[]): TensorStatistics {
  const { min, max } = statistics.pictures;
  const placed = (values: Float32Array): Float32Array => Float32Array.from(order, (place) => values[place] as number);
  return { ...statistics, pictures: { min: placed(min), max: placed(max) } };
}
