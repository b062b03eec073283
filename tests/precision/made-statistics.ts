/** Statistics of tensors as an observer gives them, counted plainly. */
import { createHash } from 'node:crypto';

import { CalibrationTable, maxBins, type CalibratedPicture, type TensorStatistics } from '../../lib/precision/index.js';
import { Preprocess } from '../../lib/image/index.js';
import { Random } from '../../lib/metrics/random.js';

export const channels = 4;

/** What one picture makes of a tensor: [1, 4, n]. */
export function valuesOf(picture: number, spread = 1): Float32Array {
  const random = new Random(picture);
  return Float32Array.from(
    { length: channels * 500 },
    () => ((random.next() / 2 ** 32) ** 3 - 0.2) * spread * (1 + (picture % 5)),
  );
}

export function statisticsOf(name: string, pictures: readonly Float32Array[]): TensorStatistics {
  const all = pictures.flatMap((values) => [...values]);
  const least = (values: readonly number[] | Float32Array): number => [...values].reduce((a, b) => Math.min(a, b), Infinity);
  const most = (values: readonly number[] | Float32Array): number => [...values].reduce((a, b) => Math.max(a, b), -Infinity);
  const [min, max] = [least(all), most(all)];
  const fits = (exponent: number): boolean =>
    Math.floor(max / 2 ** exponent) - Math.floor(min / 2 ** exponent) < maxBins && Math.max(-min, max) < 2 ** (24 + exponent);
  let exponent = 120;
  while (exponent > -126 && fits(exponent - 1)) exponent--;
  const first = Math.floor(min / 2 ** exponent);
  const counts = new Float64Array(Math.floor(max / 2 ** exponent) - first + 1);
  for (const value of all) counts[Math.floor(value / 2 ** exponent) - first]!++;
  const ofChannel = Array.from({ length: channels }, (_, channel) =>
    pictures.flatMap((values) => [...values.subarray(channel * 500, channel * 500 + 500)]),
  );
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  return {
    name,
    count: all.length,
    nonFinite: 0,
    min,
    max,
    pictures: { min: Float32Array.from(pictures, least), max: Float32Array.from(pictures, most) },
    histogram: { exponent, first, counts },
    channels: {
      min: Float32Array.from(ofChannel, least),
      max: Float32Array.from(ofChannel, most),
      mean: Float64Array.from(ofChannel, mean),
      meanSquare: Float64Array.from(ofChannel, (values) => mean(values.map((value) => value * value))),
    },
  };
}

export function pictureOf(picture: number): CalibratedPicture {
  const hash = (what: string): string => createHash('sha256').update(`${what} ${picture}`).digest('hex');
  return { sha256: hash('file'), input: hash('input'), look: hash('look'), darkest: 0.1, brightest: 0.9 };
}

/** The table that calibration with these pictures gives. */
export function tableOf(
  pictures: readonly number[],
  changes: Partial<ConstructorParameters<typeof CalibrationTable>[0]> = {},
): CalibrationTable {
  return new CalibrationTable({
    model: { name: 'model.onnx', sha256: 'ab'.repeat(32) },
    preprocess: Preprocess.preset('yolo').options,
    seed: 0,
    wanted: pictures.length,
    pictures: pictures.map(pictureOf),
    tensors: [
      statisticsOf(
        'conv: 1',
        pictures.map((picture) => valuesOf(picture)),
      ),
      statisticsOf(
        '/head/Mul',
        pictures.map((picture) => valuesOf(picture, 1000)),
      ),
    ],
    doubts: [],
    ...changes,
  });
}
