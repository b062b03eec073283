/** Inputs from configuration files against those of the programs that wrote them; the fixtures' form is described in preprocess.py and heads/processors.py. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';

import type { JsonObject } from '../../lib/declared/config-fields.js';
import { processorOptions } from '../../lib/declared/processor-config.js';
import { timmOptions } from '../../lib/declared/timm-config.js';
import { ultralyticsOptions } from '../../lib/declared/ultralytics-metadata.js';
import { Preprocess, type PreprocessOptions, type RawFrame } from '../../lib/image/index.js';
import { expectFailure, thrownBy } from '../errors/failure.js';
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

interface Setting {
  name: string;
  config: JsonObject;
  results: { picture: [number, number]; shape: number[]; values: string }[];
}

const recorded = join(import.meta.dirname, 'fixtures/heads/processors.json');
if (!existsSync(recorded)) console.warn(`SKIPPED: there is no ${recorded}, so nothing is compared with it.`);

/** What cannot be expressed, by the setting of the fixture: it has to be refused, not done in another way. */
const refused: Readonly<Record<string, RegExp>> = { 'detr, padded': /pad_size/, 'timm, border': /crop_mode "border"/ };

describe.skipIf(!existsSync(recorded))('whole inputs of processors.py', () => {
  const { settings } = existsSync(recorded)
    ? (JSON.parse(readFileSync(recorded, 'utf8')) as { settings: Setting[] })
    : { settings: [] };

  /** pixel(x, y, c) = (x * 7 + y * 13 + c * 29 + x * y) % 256 */
  function madePicture(width: number, height: number): RawFrame {
    const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
      const [x, y, c] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3];
      return (x * 7 + y * 13 + c * 29 + x * y) % 256;
    });
    return { data, width, height, format: 'rgb' };
  }

  const read = ({ name, config }: Setting): Partial<PreprocessOptions> =>
    name.startsWith('timm') ? timmOptions(config, 'config.json', free) : processorOptions(config, undefined, 'p.json', free);

  test.each(settings.map((setting) => [setting.name, setting] as const))('%s', async (name, setting) => {
    const expected = refused[name];
    if (expected !== undefined) {
      expectFailure(
        thrownBy(() => read(setting)),
        'PREPROCESS_INVALID',
        expected,
      );
      return;
    }
    const options = read(setting);
    for (const { picture, shape, values } of setting.results) {
      const { tensor } = await new Preprocess(options).run(madePicture(...picture));
      expect([1, ...tensor.dims]).toEqual(shape);
      const bytes = inflateSync(Buffer.from(values, 'base64'));
      const largest = tensor
        .toFloat32()
        .reduce((most, value, i) => Math.max(most, Math.abs(value - bytes.readFloatLE(i * 4))), 0);
      tensor.dispose();
      expect(largest, JSON.stringify(picture)).toBeLessThan(2e-6 * scaleOf(options));
    }
  });
});

/** How large the values get. */
function scaleOf({ scale = 1 / 255, mean = [0, 0, 0], std = [1, 1, 1] }: Partial<PreprocessOptions>): number {
  return Math.max(1, ...mean.map((value, c) => (255 * scale + Math.abs(value)) / (std[c] as number)));
}
