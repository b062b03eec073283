import { describe, expect, it } from 'vitest';

import type { JsonObject } from '../../lib/declared/config-fields.js';
import { processorOptions } from '../../lib/declared/processor-config.js';
import { timmOptions } from '../../lib/declared/timm-config.js';
import { Preprocess, presets } from '../../lib/image/index.js';
import { expectFailure, thrownBy } from '../errors/failure.js';

const free = { width: undefined, height: undefined };
const path = '/models/preprocessor_config.json';
const half = { image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] };

function optionsOf(config: JsonObject, input = {}, modelType?: string) {
  return new Preprocess(processorOptions(config, modelType, path, { ...free, ...input })).options;
}

describe("a Hugging Face processor's file", () => {
  it.each([
    ['detr', { image_processor_type: 'DetrImageProcessor' }],
    ['clip', { image_processor_type: 'CLIPImageProcessorFast' }],
    ['siglip', { image_processor_type: 'SiglipImageProcessor' }],
  ] as const)('with the defaults of %s gives the preset', (preset, config) => {
    const { pad, rounding, width, height, ...expected } = presets[preset];
    expect(optionsOf(config)).toMatchObject(expected);
    if (preset === 'clip') expect(optionsOf(config)).toMatchObject({ pad, rounding, width, height });
  });

  it.each([
    [
      'a number for both edges',
      { feature_extractor_type: 'ViTFeatureExtractor', size: 40 },
      { fit: 'stretch', width: 40, height: 40 },
    ],
    [
      'height and width in a list',
      { image_processor_type: 'ViTImageProcessor', size: [30, 40] },
      { fit: 'stretch', width: 40, height: 30 },
    ],
    [
      'a number for the shortest edge',
      { feature_extractor_type: 'CLIPFeatureExtractor', size: 40, crop_size: 32 },
      { fit: 'crop', resizeEdge: 40, width: 32, height: 32, rounding: 'floor' },
    ],
    [
      'a number for the shortest edge, and the longest',
      { feature_extractor_type: 'DetrFeatureExtractor', size: 480, max_size: 600 },
      { fit: 'shortest-edge', resizeEdge: 480, longestEdge: 600 },
    ],
    [
      'no cut',
      { image_processor_type: 'CLIPImageProcessor', do_center_crop: false },
      { fit: 'shortest-edge', resizeEdge: 224, longestEdge: 0 },
    ],
    ['no resizing', { image_processor_type: 'ViTImageProcessor', do_resize: false }, { fit: 'none' }],
    [
      'a divisor of the edges',
      { image_processor_type: 'YolosImageProcessor' },
      { fit: 'shortest-edge', resizeEdge: 800, longestEdge: 1333, multipleOf: 16 },
    ],
    [
      'no normalising',
      { image_processor_type: 'ViTImageProcessor', do_normalize: false, do_rescale: false },
      { scale: 1, mean: [0, 0, 0], std: [1, 1, 1] },
    ],
    [
      'one number for all colours',
      { image_processor_type: 'ViTImageProcessor', image_mean: [0.4], image_std: 2 },
      { mean: [0.4, 0.4, 0.4], std: [2, 2, 2] },
    ],
    ['colours in the other order', { image_processor_type: 'MobileViTImageProcessor' }, { color: 'bgr', mean: [0, 0, 0] }],
    [
      'what is null',
      { image_processor_type: 'ViTImageProcessor', size: null, resample: null },
      { width: 224, interpolation: 'bilinear-antialias' },
    ],
    [
      'padding that changes nothing',
      { image_processor_type: 'ViTImageProcessor', do_pad: true, pad_size: { height: 224, width: 224 } },
      { fit: 'stretch', width: 224 },
    ],
    [
      'no processor, but sizes that are clear',
      { size: { height: 20, width: 30 }, resample: 3, ...half },
      { fit: 'stretch', width: 30, height: 20, interpolation: 'bicubic-antialias' },
    ],
  ] as const)('may have %s', (_, config, expected) => {
    expect(optionsOf(config)).toMatchObject(expected);
  });

  it("without a processor's name is of the model's type", () => {
    expect(optionsOf({ size: 40, resample: 2, ...half }, {}, 'vit')).toMatchObject({ fit: 'stretch', width: 40 });
    expect(optionsOf({ size: 384 }, {}, 'convnextv2')).toMatchObject({ fit: 'stretch', width: 384 });
    expect(optionsOf({}, {}, 'rt_detr_v2')).toMatchObject({ fit: 'stretch', width: 640, mean: [0, 0, 0] });
    expect(optionsOf({}, {}, 'conditional_detr')).toMatchObject({ fit: 'shortest-edge', longestEdge: 1333 });
    expect(optionsOf({}, {}, 'table-transformer')).toMatchObject({ fit: 'shortest-edge' });
  });

  it("follows an input's fixed size", () => {
    const input = { width: 112, height: 112 };
    expect(optionsOf({ image_processor_type: 'ViTImageProcessor' }, input)).toMatchObject({
      fit: 'stretch',
      width: 112,
      height: 112,
    });
    const crop = { image_processor_type: 'BitImageProcessor', size: { shortest_edge: 256 }, crop_size: 224 };
    expect(optionsOf(crop, input)).toMatchObject({ fit: 'crop', resizeEdge: 128, width: 112, height: 112 });
    expect(optionsOf(crop, { width: 224, height: 224 })).toMatchObject({ resizeEdge: 256 });
    expect(optionsOf({ image_processor_type: 'ConvNextImageProcessor' }, input)).toMatchObject({ fit: 'crop', resizeEdge: 128 });
    // What would be a size that depends on the picture is all of it, stretched.
    expect(optionsOf({ image_processor_type: 'DetrImageProcessor' }, { width: 640, height: 480 })).toMatchObject({
      fit: 'stretch',
      width: 640,
      height: 480,
    });
    const depth = { image_processor_type: 'DPTImageProcessor', size: 80, keep_aspect_ratio: true, ensure_multiple_of: 32 };
    expect(optionsOf(depth)).toMatchObject({ fit: 'least-scale', width: 80, height: 80, multipleOf: 32 });
    expect(optionsOf(depth, { width: 64, height: 96 })).toMatchObject({ fit: 'stretch', width: 64, height: 96 });
    expect(optionsOf({ ...depth, keep_aspect_ratio: false })).toMatchObject({ fit: 'stretch', width: 64, height: 64 }); // 2.5 to even
  });

  it.each([
    [{ image_processor_type: 'Owlv2ImageProcessor' }, /processor that is not known here, "Owlv2ImageProcessor"/],
    [{ image_processor_type: 'toString' }, /not known here/],
    [{ image_processor_type: 5 }, /not known here, "5"/],
    [{ size: 224, resample: 2, ...half }, /names no processor.*which edges/],
    [{ size: { height: 4, width: 4 }, ...half }, /one of 0, 1, 2, 3 for resample but received undefined/],
    [{ size: { height: 4, width: 4 }, resample: 2 }, /three colours for image_mean but received undefined/],
    [{ image_processor_type: 'ViTImageProcessor', resample: 5 }, /one of 0, 1, 2, 3 for resample but received 5/],
    [
      { image_processor_type: 'ViTImageProcessor', size: { longest_edge: 5 } },
      /shortest_edge in size but received \{"longest_edge":5\}/,
    ],
    [{ image_processor_type: 'ViTImageProcessor', size: 'big' }, /shortest_edge in size but received "big"/],
    [{ image_processor_type: 'ViTImageProcessor', size: 0 }, /length in pixels for size but received 0/],
    [{ image_processor_type: 'ViTImageProcessor', do_resize: 'yes' }, /true or false for do_resize but received "yes"/],
    [{ image_processor_type: 'ViTImageProcessor', rescale_factor: '1/255' }, /a number for rescale_factor/],
    [
      { image_processor_type: 'ViTImageProcessor', image_mean: [0.1, 0.2] },
      /three colours for image_mean but received \[0.1, 0.2\]/,
    ],
    [
      { image_processor_type: 'ViTImageProcessor', do_pad: true, pad_size: { height: 300, width: 300 } },
      /do_pad, pad_size \{"height":300/,
    ],
    [{ image_processor_type: 'DPTImageProcessor', do_pad: true, size_divisor: 50 }, /do_pad, size_divisor 50/],
    [{ image_processor_type: 'ViTImageProcessor', do_resize: false, do_center_crop: true }, /cuts pictures without resizing/],
    [{ image_processor_type: 'CLIPImageProcessor', crop_size: { shortest_edge: 5 } }, /length in pixels for crop_size/],
    [{ image_processor_type: 'CLIPImageProcessor', size: { shortest_edge: 5, longest_edge: 9 } }, /bounds the longest edge/],
    [
      { image_processor_type: 'BeitImageProcessor', do_center_crop: true, size: { height: 4, width: 6 } },
      /resizes to 6 x 4; only squares/,
    ],
    [{ image_processor_type: 'PoolFormerImageProcessor', crop_pct: 0 }, /crop_pct but received 0/],
    [{ image_processor_type: 'ConvNextImageProcessor', size: { height: 4, width: 4 } }, /shortest_edge in size/],
  ] as const)('%o is refused', (config, message) => {
    const error = thrownBy(() => optionsOf(config));
    expectFailure(error, 'PREPROCESS_INVALID', message, /option preprocess/);
    expect(error.message).toContain(`Cannot use "${path}"`);
  });

  it('that resizes nothing is refused for an input of fixed size', () => {
    const error = thrownBy(() =>
      optionsOf({ image_processor_type: 'ViTImageProcessor', do_resize: false }, { width: 8, height: 8 }),
    );
    expectFailure(error, 'PREPROCESS_INVALID', /does not resize.*fixed at 8 x 8/, /preprocess/);
  });
});

describe("timm's configuration", () => {
  const config = {
    input_size: [3, 224, 224],
    test_input_size: [3, 288, 288],
    crop_pct: 0.875,
    test_crop_pct: 1,
    mean: [0.5, 0.5, 0.5],
  };
  const timm = (changes: JsonObject = {}, input = {}) =>
    new Preprocess(timmOptions({ ...config, ...changes }, path, { ...free, ...input })).options;

  it('takes the crop for tests at the size for tests', () => {
    expect(timm()).toMatchObject({
      fit: 'crop',
      width: 224,
      resizeEdge: 256,
      interpolation: 'bicubic-antialias',
      rounding: 'nearest',
    });
    expect(timm({}, { width: 288, height: 288 })).toMatchObject({ width: 288, resizeEdge: 288 });
    expect(timm({}, { width: 256, height: 256 })).toMatchObject({ width: 256, resizeEdge: 292 });
    expect(timm({ std: null }).std).toEqual(presets.imagenet.std);
  });

  it.each([
    [{ crop_mode: 'corner' }, /crop_mode "corner"/],
    [{ crop_mode: 'border' }, /crop_mode "border" and crop_pct 0\.875/],
    [{ input_size: [3, 224, 192] }, /square input.*192 x 224/],
    [{ input_size: 224 }, /length in pixels for input_size but received undefined/],
    [{ interpolation: 'random' }, /one of nearest, bilinear, bicubic, lanczos for interpolation but received "random"/],
    [{ crop_pct: 1.2 }, /crop_pct but received 1\.2/],
    [{ crop_border_pixels: 4 }, /trims the border/],
  ] as const)('%o is refused', (changes, message) => {
    expectFailure(
      thrownBy(() => timm(changes)),
      'PREPROCESS_INVALID',
      message,
      /option preprocess/,
    );
  });
});
