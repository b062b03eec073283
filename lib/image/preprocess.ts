import { Lease, native, type NativePreprocessSpec } from '../binding/index.js';
import {
  ArgumentError,
  checkInteger,
  checkNumber,
  checkOneOf,
  checkOptions,
  invalidArgument,
  withDefaults,
} from '../errors/index.js';
import { Tensor, type DType } from '../tensor/index.js';
import { decodeWith, iccProfiles, type DecodeOptions, type IccProfile } from './decode.js';
import type { PictureInput } from './input.js';
import { Placement } from './placement.js';

const fits = ['letterbox', 'stretch', 'crop', 'stretch-crop', 'shortest-edge', 'least-scale', 'none'] as const;
const interpolations = ['nearest', 'bilinear', 'bilinear-antialias', 'bicubic-antialias', 'lanczos-antialias'] as const;
const anchors = ['center', 'top-left'] as const;
const roundings = ['nearest', 'floor'] as const;
const colors = ['rgb', 'bgr', 'grey'] as const;
const layouts = ['nchw', 'nhwc'] as const;
const jpegDecodes = ['exact', 'reduced'] as const;
const inputDTypes = ['float32', 'float16', 'uint8', 'int8'] as const satisfies readonly DType[];

/**
 * How a picture becomes a model's input. Plain data: it can be stored beside a model and read back.
 * Each value is `(pixel * scale - mean[c]) / std[c]`, c in the order of `color`.
 */
export interface PreprocessOptions {
  /**
   * How the picture is brought to the input's size. 'letterbox' keeps the aspect ratio and pads; 'stretch' does not keep it; 'crop'
   * resizes the shortest edge to `resizeEdge` and cuts the centre; 'stretch-crop' resizes both edges to `resizeEdge` and cuts the centre.
   * For models of any input size: 'shortest-edge' resizes the shortest edge to `resizeEdge`, the longest to no more than `longestEdge`;
   * 'least-scale' resizes by the one of the two factors, to `width` or to `height`, that changes the picture less; 'none' keeps the picture's
   * own size.
   */
  readonly fit: (typeof fits)[number];
  /** Of the model's input, in pixels; for 'least-scale' what is aimed at. Unused by 'none' and 'shortest-edge'. */
  readonly width: number;
  readonly height: number;
  /** For 'crop' and 'stretch-crop': the (shortest) edge before the cut; for 'shortest-edge': that edge. In pixels. */
  readonly resizeEdge: number;
  /** For 'shortest-edge': where the longest edge would exceed this, both are smaller in proportion. In pixels; 0: as long as it comes. */
  readonly longestEdge: number;
  /** Of this, in pixels, the edges become multiples: smaller ones for 'shortest-edge', the nearest for 'least-scale'. */
  readonly multipleOf: number;
  /** 'bilinear' as OpenCV's INTER_LINEAR; 'nearest' and the antialiased ones as Pillow does it. */
  readonly interpolation: (typeof interpolations)[number];
  /** For 'letterbox': where the picture lies. */
  readonly anchor: (typeof anchors)[number];
  /** For 'letterbox': how the resized edge is rounded to pixels. For the crops: how the place of the cut is. 'nearest' takes halves to even. */
  readonly rounding: (typeof roundings)[number];
  /** For 'letterbox', and for crops of what is smaller than the input: colour of the border, 0 to 255, in the order of `color`. */
  readonly pad: readonly [number, number, number];
  readonly scale: number;
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  /** Order of the channels in the input. */
  readonly color: (typeof colors)[number];
  readonly layout: (typeof layouts)[number];
  readonly dtype: (typeof inputDTypes)[number];
  /**
   * 'exact' decodes every pixel of a JPEG. 'reduced' decodes it at 1/2, 1/4 or 1/8, straight from its frequencies, where that is no smaller
   * than what it is resized to: less work for large photographs, whose pixels then differ a little from those of training. The same
   * as Pillow's draft mode. Placement and results stay in pixels of the whole picture.
   */
  readonly jpegDecode: (typeof jpegDecodes)[number];
  /** ICC profiles in pictures: 'ignore' as training does, or 'convert' to sRGB, for which sharp decodes a JPEG with another profile. */
  readonly iccProfile: IccProfile;
}

type InputDType = PreprocessOptions['dtype'];

/** Some options, and the element type where it is among them. */
type Overrides<D extends InputDType> = Partial<PreprocessOptions> & { readonly dtype?: D };

const base: PreprocessOptions = {
  fit: 'stretch',
  width: 224,
  height: 224,
  resizeEdge: 0,
  longestEdge: 0,
  multipleOf: 1,
  interpolation: 'bilinear',
  anchor: 'center',
  rounding: 'nearest',
  pad: [114, 114, 114],
  scale: 1 / 255,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  color: 'rgb',
  layout: 'nchw',
  dtype: 'float32',
  jpegDecode: 'exact',
  iccProfile: 'ignore',
};

/** Of the pixels of ImageNet, and of those that CLIP was trained on, at a scale of 1/255. */
const imagenetColors = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;
const clipColors = { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] } as const;

/**
 * `imagenet`: torchvision's evaluation transform (resize 256, crop 224, mean and deviation of ImageNet).
 * `yolo`: Ultralytics' letterbox on grey 114, RGB, 0..1. `yolox`: Megvii's, top left, BGR, 0..255.
 * `detr`: Hugging Face's DetrImageProcessor (shortest edge 800, longest at most 1333): the input's size depends on the picture.
 * `clip`: its CLIPImageProcessor (shortest edge 224, crop 224, bicubic). `siglip`: its SiglipImageProcessor (stretch to 224, bicubic, -1..1).
 * `rtdetr`: its RTDetrImageProcessor (stretch to 640, 0..1). `ssd`: the SSDs of PyTorch's lineage, UltraFace among them (stretch, (value - 127) / 128).
 * `rfdetr`: Roboflow's (stretch to 560, mean and deviation of ImageNet).
 * `scrfd`: InsightFace's (letterbox in the top left of a black input, (value - 127.5) / 128).
 */
export const presets = {
  imagenet: { ...base, fit: 'crop', resizeEdge: 256, interpolation: 'bilinear-antialias', pad: [0, 0, 0], ...imagenetColors },
  yolo: { ...base, fit: 'letterbox', width: 640, height: 640 },
  yolox: { ...base, fit: 'letterbox', width: 640, height: 640, anchor: 'top-left', rounding: 'floor', scale: 1, color: 'bgr' },
  detr: {
    ...base,
    fit: 'shortest-edge',
    resizeEdge: 800,
    longestEdge: 1333,
    interpolation: 'bilinear-antialias',
    ...imagenetColors,
  },
  clip: {
    ...base,
    fit: 'crop',
    resizeEdge: 224,
    interpolation: 'bicubic-antialias',
    rounding: 'floor',
    pad: [0, 0, 0],
    ...clipColors,
  },
  siglip: { ...base, fit: 'stretch', interpolation: 'bicubic-antialias', mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
  rtdetr: { ...base, fit: 'stretch', width: 640, height: 640, interpolation: 'bilinear-antialias' },
  rfdetr: { ...base, fit: 'stretch', width: 560, height: 560, interpolation: 'bilinear-antialias', ...imagenetColors },
  ssd: { ...base, fit: 'stretch', width: 300, height: 300, scale: 1, mean: [127, 127, 127], std: [128, 128, 128] },
  scrfd: {
    ...base,
    fit: 'letterbox',
    width: 640,
    height: 640,
    anchor: 'top-left',
    rounding: 'floor',
    pad: [0, 0, 0],
    scale: 1,
    mean: [127.5, 127.5, 127.5],
    std: [128, 128, 128],
  },
} as const satisfies Record<string, PreprocessOptions>;

export type PreprocessPreset = keyof typeof presets;

/** How one picture is preprocessed. */
export interface PreprocessRunOptions extends DecodeOptions {
  /** A tensor in native memory that the result is written to, such as one picture's part of a batch. Default: a fresh one. */
  readonly into?: Tensor | undefined;
}

/** A picture, ready for a model with an input of type D. */
export interface PreprocessedPicture<D extends InputDType = InputDType> {
  /** Shape [C, H, W] or [H, W, C]; it lies in native memory, is `into` where that was given. Dispose of it. */
  readonly tensor: Tensor<D>;
  readonly placement: Placement;
  readonly copiedBytes: number;
  readonly decodeMs: number;
  readonly preprocessMs: number;
}

/**
 * The one way from a picture to a model's input: the same object calibrates, evaluates, runs and serves. Immutable. D is the element type of
 * the input, as far as TypeScript knows it: that of a preset is 'float32' unless overridden.
 *
 *     const preprocess = Preprocess.preset('yolo', { width: 416, height: 416 });
 *     using tensor = (await preprocess.run('street.jpg')).tensor;
 */
export class Preprocess<D extends InputDType = InputDType> {
  readonly options: PreprocessOptions & { readonly dtype: D };

  /** Throws INVALID_ARGUMENT or UNKNOWN_OPTION. Options left out are those of stretching to 224 x 224, RGB, 0..1, NCHW. */
  constructor(options: Overrides<D> = {}) {
    checkOptions('preprocess options', options, Object.keys(base));
    const o = withDefaults(base, options);
    checkOneOf('fit', o.fit, fits);
    if (o.fit !== 'none' && o.fit !== 'shortest-edge') {
      checkInteger('width', o.width, 1, 32_768);
      checkInteger('height', o.height, 1, 32_768);
    }
    if (o.fit === 'crop' || o.fit === 'stretch-crop' || o.fit === 'shortest-edge') {
      checkInteger('resizeEdge', o.resizeEdge, 1, 32_768);
    }
    checkInteger('longestEdge', o.longestEdge, 0, 65_536);
    checkInteger('multipleOf', o.multipleOf, 1, 32_768);
    checkOneOf('interpolation', o.interpolation, interpolations);
    checkOneOf('anchor', o.anchor, anchors);
    checkOneOf('rounding', o.rounding, roundings);
    checkOneOf('color', o.color, colors);
    checkOneOf('layout', o.layout, layouts);
    checkOneOf('dtype', o.dtype, inputDTypes);
    checkOneOf('jpegDecode', o.jpegDecode, jpegDecodes);
    checkOneOf('iccProfile', o.iccProfile, iccProfiles);
    checkNumber('scale', o.scale, -1e6, 1e6);
    checkTriple('pad', o.pad, (name, value) => checkNumber(name, value, 0, 255));
    checkTriple('mean', o.mean, (name, value) => checkNumber(name, value, -1e6, 1e6));
    checkTriple('std', o.std, (name, value) => {
      if (value === 0) throw invalidArgument(name, 'a number other than 0', value);
      return checkNumber(name, value, -1e6, 1e6);
    });
    const copy = (triple: PreprocessOptions['pad']): PreprocessOptions['pad'] => Object.freeze([...triple] as const);
    const dtype = o.dtype as D;
    this.options = Object.freeze({ ...o, dtype, pad: copy(o.pad), mean: copy(o.mean), std: copy(o.std) });
    Object.freeze(this);
  }

  /** A preset, with `overrides`. Throws INVALID_ARGUMENT for an unknown preset. */
  static preset<D extends InputDType = 'float32'>(name: PreprocessPreset, overrides: Overrides<D> = {}): Preprocess<D> {
    checkOneOf('preset', name, Object.keys(presets) as PreprocessPreset[]);
    checkOptions('preprocess options', overrides, Object.keys(base));
    return new Preprocess<D>(withDefaults<PreprocessOptions>(presets[name], overrides) as Overrides<D>);
  }

  /** The same with some options changed. */
  with<E extends InputDType = D>(overrides: Overrides<E>): Preprocess<E> {
    checkOptions('preprocess options', overrides, Object.keys(base));
    return new Preprocess<E>(withDefaults<PreprocessOptions>(this.options, overrides) as Overrides<E>);
  }

  /** Plain data; `new Preprocess(data)` is the same again. */
  toJSON(): PreprocessOptions & { readonly dtype: D } {
    return this.options;
  }

  /** Shape of the result for one picture, or undefined where it depends on the picture ('none', 'shortest-edge', 'least-scale'). */
  get shape(): readonly [number, number, number] | undefined {
    const { fit, width, height, color, layout } = this.options;
    if (hasOwnSize(fit)) return undefined;
    const channels = color === 'grey' ? 1 : 3;
    return layout === 'nchw' ? [channels, height, width] : [height, width, channels];
  }

  /**
   * Decodes and preprocesses a picture, off the JavaScript thread, straight into its place.
   * Throws MEDIA_NOT_FOUND, MEDIA_INVALID, MEDIA_UNSUPPORTED, MEDIA_TOO_LARGE, ABORTED, TENSOR_SHAPE where `into` does not fit.
   */
  async run(image: PictureInput, options: PreprocessRunOptions = {}): Promise<PreprocessedPicture<D>> {
    checkOptions('preprocess run options', options, ['into', 'pixelLimit', 'signal']);
    const { into, signal, pixelLimit } = options;
    const slot = into === undefined ? undefined : this.#slot(into);
    const spec: NativePreprocessSpec = this.options;
    const { result, generalDecodeMs } = await decodeWith(
      (source, limit, operation) => native().preprocessRun(source, spec, slot, limit, operation),
      image,
      this.options.iccProfile,
      { pixelLimit, signal },
    );
    return {
      tensor:
        result.lease === undefined
          ? (into as Tensor<D>)
          : Tensor.overLease(this.options.dtype, result.dims, new Lease(result.lease)),
      placement: new Placement(result.placement),
      copiedBytes: result.copiedBytes,
      decodeMs: result.decodeMs + generalDecodeMs,
      preprocessMs: result.preprocessMs,
    };
  }

  #slot(into: Tensor): { lease: NonNullable<Tensor['leaseHandle']>; data: Tensor['data'] } {
    if (!(into instanceof Tensor) || into.leaseHandle === undefined) {
      throw invalidArgument('into', 'a Tensor in native memory', into, 'Make it with Tensor.allocate().');
    }
    if (into.dtype !== this.options.dtype) {
      throw new ArgumentError('TENSOR_DTYPE', {
        message: `Expected a tensor of ${this.options.dtype} for into but received ${into}`,
      });
    }
    return { lease: into.leaseHandle, data: into.data };
  }
}

/** Whether the input's size depends on the picture. */
function hasOwnSize(fit: PreprocessOptions['fit']): boolean {
  return fit === 'none' || fit === 'shortest-edge' || fit === 'least-scale';
}

function checkTriple(name: string, value: unknown, check: (name: string, value: unknown) => number): void {
  if (!Array.isArray(value) || value.length !== 3) throw invalidArgument(name, 'an array of three numbers', value);
  value.forEach((item, i) => check(`${name}[${i}]`, item));
}
