import { ConfigFields, type JsonObject } from './config-fields.js';
import { presets, type PreprocessOptions } from '../image/index.js';
import type { InputSize } from './processor-config.js';

const interpolations: ReadonlyMap<unknown, PreprocessOptions['interpolation']> = new Map([
  ['nearest', 'nearest'],
  ['bilinear', 'bilinear-antialias'],
  ['bicubic', 'bicubic-antialias'],
  ['lanczos', 'lanczos-antialias'],
] as const);

/** What timm takes where a configuration leaves it out. */
const defaults: JsonObject = {
  input_size: [3, 224, 224],
  interpolation: 'bicubic',
  crop_pct: 0.875,
  crop_mode: 'center',
  mean: presets.imagenet.mean,
  std: presets.imagenet.std,
};

/**
 * The evaluation transform that timm makes of a `pretrained_cfg`. Where the model's input is fixed, that is the size, and the edge
 * before the cut follows from it. Throws PREPROCESS_INVALID.
 */
export function timmOptions(config: JsonObject, path: string, input: InputSize): Partial<PreprocessOptions> {
  const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null));
  const fields = new ConfigFields({ ...defaults, ...given }, path);
  const [trainHeight, trainWidth] = sizeOf(fields, 'input_size');
  const width = input.width ?? trainWidth;
  const height = input.height ?? trainHeight;
  const tested = fields.get('test_input_size') !== undefined && isSize(sizeOf(fields, 'test_input_size'), height, width);
  const forTest = tested && !isSize([trainHeight, trainWidth], height, width) && fields.get('test_crop_pct') !== undefined;
  const cropPart = fields.number(forTest ? 'test_crop_pct' : 'crop_pct', 1);
  if (!(cropPart > 0 && cropPart <= 1)) throw fields.fail(`expected a part from 0 to 1 for crop_pct but received ${cropPart}`);
  if (fields.number('crop_border_pixels', 0) !== 0) throw fields.fail('it trims the border of pictures (crop_border_pixels)');
  const mean = fields.triple('mean');
  const common = {
    width,
    height,
    interpolation: fields.oneOf('interpolation', interpolations),
    scale: 1 / 255,
    mean,
    std: fields.triple('std'),
  };
  const mode = fields.get('crop_mode');
  if (mode === 'squash' && cropPart === 1) return { ...common, fit: 'stretch' };
  if (mode === 'border' && cropPart === 1) {
    const [red, green, blue] = mean;
    return { ...common, fit: 'letterbox', pad: [fillOf(red), fillOf(green), fillOf(blue)] };
  }
  if (mode !== 'center' && mode !== 'squash') {
    throw fields.fail(`it cuts pictures by crop_mode ${JSON.stringify(mode)} and crop_pct ${cropPart}, which is not supported`);
  }
  if (width !== height) {
    throw fields.fail(`expected a square input for crop_mode ${JSON.stringify(mode)} but received ${width} x ${height}`);
  }
  const fit = mode === 'center' ? 'crop' : 'stretch-crop';
  return { ...common, fit, resizeEdge: Math.floor(width / cropPart), pad: [0, 0, 0] };
}

/** Height and width out of `[channels, height, width]`. */
function sizeOf(fields: ConfigFields, key: string): readonly [number, number] {
  const value = fields.get(key);
  const [, height, width] = Array.isArray(value) && value.length === 3 ? (value as unknown[]) : [];
  return [fields.pixels(key, height), fields.pixels(key, width)];
}

function isSize([height, width]: readonly [number, number], wantedHeight: number, wantedWidth: number): boolean {
  return height === wantedHeight && width === wantedWidth;
}

const fillOf = (mean: number): number => Math.round(255 * mean);
