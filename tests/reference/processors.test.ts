/** Inputs from configuration files against those of the programs that wrote them; the fixtures' form is described in preprocess.py. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { Preprocess, processorOptions, timmOptions, type JsonObject, type PreprocessOptions } from '../../lib/image/index.js';
import { ultralyticsOptions } from '../../lib/tasks/ultralytics-metadata.js';
import { eachState } from './shared.js';

interface Case {
  config: JsonObject;
  width: number;
  height: number;
  shape: number[];
  samples: string;
}

function noise(width: number, height: number): Uint8Array {
  const data = new Uint8Array(width * height * 3);
  eachState(data.length, (state, i) => (data[i] = state >>> 24));
  return data;
}

async function largestDifference(options: Partial<PreprocessOptions>, expected: Case): Promise<number> {
  const { width, height, shape } = expected;
  const { tensor } = await new Preprocess(options).run({ data: noise(width, height), width, height, format: 'rgb' });
  expect(tensor.dims).toEqual(shape);
  const bytes = Buffer.from(expected.samples, 'base64');
  const values = tensor.toFloat32();
  let largest = 0;
  eachState(bytes.length / 4, (state, i) => {
    const value = values[Math.floor((state / 2 ** 32) * values.length)] as number;
    largest = Math.max(largest, Math.abs(value - bytes.readFloatLE(i * 4)));
  });
  tensor.dispose();
  return largest;
}

const free = { width: undefined, height: undefined };
const readers: Record<string, (config: JsonObject) => Partial<PreprocessOptions> | undefined> = {
  'hugging-face': (config) => processorOptions(config, undefined, 'preprocessor_config.json', free),
  timm: (config) => timmOptions(config['pretrained_cfg'] as JsonObject, 'config.json', free),
  ultralytics: (config) => ultralyticsOptions(new Map(Object.entries(config) as [string, string][]))?.(free),
};

describe.each(Object.entries(readers))('%s', (name, read) => {
  const cases = JSON.parse(readFileSync(join(import.meta.dirname, `fixtures/preprocess/${name}.json`), 'utf8')) as Case[];

  test('has cases', () => expect(cases.length).toBeGreaterThan(3));

  test.each(cases.map((one) => [String(one.config['image_processor_type'] ?? ''), one.width, one.height, one] as const))(
    '%s %i x %i',
    async (_, width, height, one) => {
      const options = read(one.config) ?? {};
      // A level of a pixel is at least 1/255 of the smallest scale: what is left is the rounding of 32-bit floats.
      expect(await largestDifference(options, one), JSON.stringify([one.config, options])).toBeLessThan(2e-6 * scaleOf(options));
    },
  );
});

/** How large the values get. */
function scaleOf({ scale = 1 / 255, mean = [0, 0, 0], std = [1, 1, 1] }: Partial<PreprocessOptions>): number {
  return Math.max(1, ...mean.map((value, c) => (255 * scale + Math.abs(value)) / (std[c] as number)));
}
