import { ConfigFields, isJsonObject, type JsonObject } from './config-fields.js';
import type { PreprocessOptions } from '../image/index.js';
import { processorDefaults, processorOfModel } from './processor-types.js';

/** What a model fixes of the size of its input, in pixels. */
export interface InputSize {
  readonly width: number | undefined;
  readonly height: number | undefined;
}

type Options = Partial<PreprocessOptions>;

/** How a picture is resized. */
type Resize =
  | { readonly to: 'size'; readonly width: number; readonly height: number }
  | { readonly to: 'shortest'; readonly edge: number; readonly longest: number };

/** Pillow's numbers for its filters. */
const resamples: ReadonlyMap<unknown, PreprocessOptions['interpolation']> = new Map([
  [0, 'nearest'],
  [1, 'lanczos-antialias'],
  [2, 'bilinear-antialias'],
  [3, 'bicubic-antialias'],
] as const);

/**
 * What Hugging Face's image processor does that `config`, a `preprocessor_config.json`, describes. `modelType`: `model_type` of the model's
 * `config.json`, for files that name no processor.
 *
 * Where the model's input is fixed, that is the size: the edge before a cut keeps its ratio to the cut, and where the processor would
 * give an input whose shape depends on the picture, the picture is stretched. Throws PREPROCESS_INVALID for what cannot be expressed.
 */
export function processorOptions(config: JsonObject, modelType: unknown, path: string, input: InputSize): Options {
  const named = config['image_processor_type'] ?? config['feature_extractor_type'];
  const type = named === undefined ? processorOfModel(modelType) : String(named);
  const defaults = type === undefined ? {} : processorDefaults(type);
  if (defaults === undefined) {
    throw new ConfigFields(config, path).fail(`it is for a processor that is not known here, ${JSON.stringify(type)}`);
  }
  const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null));
  const fields = new ConfigFields({ ...defaults, ...given, ...defaults.always }, path);
  const resize = fields.boolean('do_resize', true) ? resizeOf(fields) : undefined;
  checkPadding(fields, resize);
  return {
    ...(resize === undefined ? ownSize(fields, input) : fitOf(fields, resize, input)),
    ...valuesOf(fields),
  };
}

/** For processors that do not resize. */
function ownSize(fields: ConfigFields, { width, height }: InputSize): Options {
  if (fields.boolean('do_center_crop', false)) throw fields.fail('it cuts pictures without resizing them');
  if (width !== undefined || height !== undefined) {
    throw fields.fail(`it does not resize pictures, but the model's input is fixed at ${width ?? '?'} x ${height ?? '?'}`);
  }
  return { fit: 'none' };
}

/** `size` as it is written by all versions: a number, [height, width], or an object of one of several kinds. */
function resizeOf(fields: ConfigFields): Resize {
  const size = fields.get('size');
  if (typeof size === 'number') {
    const edge = fields.pixels('size', size);
    const square = fields.get('default_to_square');
    if (square === undefined) throw fields.fail('it names no processor, so that it is not clear which edges its size is for');
    if (square === true) return { to: 'size', width: edge, height: edge };
    const longest = fields.get('max_size');
    return { to: 'shortest', edge, longest: longest === undefined ? 0 : fields.pixels('max_size', longest) };
  }
  const { height, width, shortest_edge, longest_edge } = Array.isArray(size)
    ? ({ height: size[0], width: size[1] } as JsonObject)
    : isJsonObject(size)
      ? size
      : ({} as JsonObject);
  const given = (value: unknown): boolean => value !== undefined && value !== null;
  if (given(height) && given(width)) {
    return { to: 'size', width: fields.pixels('size.width', width), height: fields.pixels('size.height', height) };
  }
  if (!given(shortest_edge)) {
    throw fields.fail(`expected height and width or shortest_edge in size but received ${JSON.stringify(size) ?? 'nothing'}`);
  }
  const longest = given(longest_edge) ? fields.pixels('size.longest_edge', longest_edge) : 0;
  return { to: 'shortest', edge: fields.pixels('size.shortest_edge', shortest_edge), longest };
}

/** Where batches are padded to their largest picture, nothing is: pictures of different sizes make no batch here. */
function checkPadding(fields: ConfigFields, resize: Resize | undefined): void {
  if (!fields.boolean('do_pad', false)) return;
  const [key, size] =
    ['pad_size', 'size_divisor'].map((name) => [name, fields.get(name)] as const).find(([, value]) => value !== undefined) ?? [];
  if (size === undefined) return;
  const { height, width } = isJsonObject(size) ? size : { height: size, width: size };
  if (resize?.to === 'size' && resize.height % Number(height) === 0 && resize.width % Number(width) === 0) return;
  throw fields.fail(`it pads pictures (do_pad, ${key} ${JSON.stringify(size)}), which is not supported`);
}

function fitOf(fields: ConfigFields, resize: Resize, input: InputSize): Options {
  const interpolation = fields.oneOf('resample', resamples);
  if (fields.get('stretch_from') !== undefined) return { interpolation, ...convNextFit(fields, resize, input) };
  if (fields.boolean('do_center_crop', false)) return { interpolation, ...cropOf(fields, resize, input) };
  if (resize.to === 'size') {
    const multipleOf = fields.pixels('ensure_multiple_of', fields.get('ensure_multiple_of') ?? 1);
    const isFree = input.width === undefined && input.height === undefined;
    if (isFree && fields.boolean('keep_aspect_ratio', false)) {
      return { interpolation, fit: 'least-scale', width: resize.width, height: resize.height, multipleOf };
    }
    const whole = (length: number): number => Math.max(1, roundHalfToEven(length / multipleOf)) * multipleOf;
    const { width = whole(resize.width), height = whole(resize.height) } = input;
    return { interpolation, fit: 'stretch', width, height };
  }
  const edge = largerEdge(fields, resize.edge);
  if (input.width !== undefined || input.height !== undefined) {
    const { width = edge, height = edge } = input;
    return { interpolation, fit: 'stretch', width, height };
  }
  const multipleOf = fields.number('size_multiple', 1);
  return { interpolation, fit: 'shortest-edge', resizeEdge: edge, longestEdge: resize.longest, multipleOf };
}

/** As Python's `round()`. */
function roundHalfToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** Levit and PoolFormer resize to more than they say. */
function largerEdge(fields: ConfigFields, edge: number): number {
  return Math.floor((edge * fields.number('edge_factor', 1)) / partOf(fields));
}

function partOf(fields: ConfigFields): number {
  const part = fields.number('crop_pct', 1);
  if (!(part > 0 && part <= 1)) throw fields.fail(`expected a part from 0 to 1 for crop_pct but received ${part}`);
  return part;
}

/** Where the cut begins is truncated, and what it lacks is black. */
const cropped: Options = { rounding: 'floor', pad: [0, 0, 0] };

/** A resize, then a cut out of the centre. */
function cropOf(fields: ConfigFields, resize: Resize, input: InputSize): Options {
  const size = fields.get('crop_size');
  const [cutHeight, cutWidth] = Array.isArray(size)
    ? (size as unknown[])
    : isJsonObject(size)
      ? [size['height'], size['width']]
      : [size, size];
  const cut = { width: fields.pixels('crop_size', cutWidth), height: fields.pixels('crop_size', cutHeight) };
  const width = input.width ?? cut.width;
  const height = input.height ?? cut.height;
  const scaled = (edge: number): number => Math.round((edge * Math.min(width, height)) / Math.min(cut.width, cut.height));
  if (resize.to === 'shortest') {
    if (resize.longest > 0) throw fields.fail('it bounds the longest edge of pictures that it cuts, which is not supported');
    return { ...cropped, fit: 'crop', width, height, resizeEdge: scaled(largerEdge(fields, resize.edge)) };
  }
  if (resize.width === cut.width && resize.height === cut.height) return { fit: 'stretch', width, height };
  if (resize.width !== resize.height) {
    throw fields.fail(`it cuts pictures that it resizes to ${resize.width} x ${resize.height}; only squares are supported`);
  }
  return { ...cropped, fit: 'stretch-crop', width, height, resizeEdge: scaled(resize.width) };
}

/** ConvNeXt's size is that of the cut, out of a picture that is larger by `crop_pct`; from some size on nothing is cut. */
function convNextFit(fields: ConfigFields, resize: Resize, input: InputSize): Options {
  if (resize.to === 'size') throw fields.fail('expected shortest_edge in size but received height and width');
  const { width = resize.edge, height = resize.edge } = input;
  const smaller = Math.min(width, height);
  if (smaller >= fields.number('stretch_from', 0)) return { fit: 'stretch', width, height };
  return { ...cropped, fit: 'crop', width, height, resizeEdge: Math.floor(smaller / partOf(fields)) };
}

/** What becomes of the values of pixels, and in which order their colours come. */
function valuesOf(fields: ConfigFields): Options {
  const scale = fields.boolean('do_rescale', true) ? fields.number('rescale_factor', 1 / 255) : 1;
  const offset = fields.boolean('rescale_offset', false) ? 1 : 0;
  const color = fields.boolean('do_flip_channel_order', false) ? 'bgr' : 'rgb';
  const isNormalized = fields.boolean('do_normalize', true);
  const mean = isNormalized ? fields.triple('image_mean') : ([0, 0, 0] as const);
  const std = isNormalized ? fields.triple('image_std') : ([1, 1, 1] as const);
  // EfficientNet's `include_top` divides by the deviation once more.
  const again = fields.boolean('include_top', false) ? fields.triple('image_std') : ([1, 1, 1] as const);
  const [red, green, blue] = mean;
  return {
    color,
    scale,
    mean: [red + offset, green + offset, blue + offset],
    std: [std[0] * again[0], std[1] * again[1], std[2] * again[2]],
  };
}
