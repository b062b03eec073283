/** Intervals and slices, which all tasks have. */
import type { DatasetImage } from '../dataset/index.js';
import { percentileInterval, sliceBy, type PictureAttribute, type Estimate, type DatasetSlice } from '../metrics/index.js';
import type { EvaluationResult, MetricIntervals, MetricValues, SliceResult } from './evaluation-result.js';
import { knownValues } from './known.js';

/** How pictures are drawn. */
export interface Draws {
  readonly samples: number;
  readonly seed: number;
}

/** Computes the metrics of some of the pictures, given by their places, and of draws among these. */
export type Sampler = (members: Uint32Array, draws: Draws) => Promise<readonly Pick<Estimate, 'name' | 'value' | 'samples'>[]>;

/** All draws of one evaluation come from it, and those of the runs that are compared. */
export const seed = 0;
/** Of all intervals. */
export const intervalLevel = 0.95;
/** Of a slice: its interval is looked at, and not compared. */
const sliceSamples = 200;
/** More values than that tell no groups of pictures apart: a file name is an attribute too. */
const mostSlices = 20;
/** One picture is drawn again and again: that is no interval, and its width of 0 would look like certainty. */
const fewestDrawn = 2;

export async function intervalsOf(sampler: Sampler, pictures: number, samples: number): Promise<MetricIntervals> {
  if (samples === 0 || pictures < fewestDrawn) return {};
  return intervals(await sampler(everyPicture(pictures), { samples, seed }));
}

/** Slices by what the data set says of its pictures, by their size, and by how much is labelled in them. */
export async function slicesOf(
  sampler: Sampler,
  images: readonly DatasetImage[],
  samples: number,
): Promise<EvaluationResult['slices']> {
  const results: SliceResult[] = [];
  for (const [attribute, values] of attributesOf(images)) {
    const slices = sliceBy(values);
    const isGroup = slices.some(({ members }) => members.length > 1);
    if (slices.length < 2 || slices.length > mostSlices || !isGroup) continue;
    for (const slice of slices) results.push(await sliceResult(attribute, slice, sampler, Math.min(samples, sliceSamples)));
  }
  return results;
}

function everyPicture(pictures: number): Uint32Array {
  return Uint32Array.from({ length: pictures }, (_, place) => place);
}

async function sliceResult(
  attribute: string,
  { label, members }: DatasetSlice,
  sampler: Sampler,
  samples: number,
): Promise<SliceResult> {
  const estimates = await sampler(members, { samples, seed });
  return {
    ...{ attribute, value: label, images: members.length, metrics: metricsOf(estimates) },
    intervals: members.length < fewestDrawn ? {} : intervals(estimates),
  };
}

function metricsOf(estimates: Awaited<ReturnType<Sampler>>): MetricValues {
  return knownValues(Object.fromEntries(estimates.map(({ name, value }) => [name, value])));
}

function intervals(estimates: Awaited<ReturnType<Sampler>>): MetricIntervals {
  return Object.fromEntries(
    estimates.flatMap(({ name, samples }) => {
      const { low, high } = percentileInterval(samples, intervalLevel);
      return Number.isNaN(low) ? [] : [[name, [low, high] as const]];
    }),
  );
}

function attributesOf(images: readonly DatasetImage[]): Map<string, PictureAttribute[]> {
  const names = [...new Set(images.flatMap(({ attributes }) => Object.keys(attributes)))];
  const attributes = new Map(names.map((name) => [name, images.map((image): PictureAttribute => image.attributes[name])]));
  const megapixels = images.map(({ width, height }) => width && height && Number(((width * height) / 1e6).toPrecision(3)));
  if (megapixels.some((size) => size !== undefined)) attributes.set('megapixels', megapixels);
  if (images.some(({ annotations }) => annotations.length > 0)) {
    attributes.set(
      'objects',
      images.map(({ annotations }) => annotations.length),
    );
  }
  return attributes;
}
