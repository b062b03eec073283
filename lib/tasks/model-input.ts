import { type DeclaredPreprocess, imageSize, type PreprocessSource } from '../declared/index.js';
import { ArgumentError, checkOneOf, invalidArgument, ModelError } from '../errors/index.js';
import { Preprocess, presets, type PreprocessOptions, type PreprocessPreset } from '../image/index.js';
import type { TensorInfo } from '../session/index.js';
import type { DType } from '../tensor/index.js';

/** How a user names preprocessing: a preset, options that change what was recognised, or the whole. */
export type PreprocessChoice = PreprocessPreset | Partial<PreprocessOptions> | Preprocess;

type Values = Pick<PreprocessOptions, 'scale' | 'mean' | 'std'>;

/** What is known of a model's preprocessing besides its input's shape. */
export interface KnownPreprocess {
  /** What a file or the metadata tells. */
  readonly declared?: DeclaredPreprocess | undefined;
  /** What the values are to be where the model normalises them itself. */
  readonly values?: Values | undefined;
}

/** What integers can hold: pixels as they are, or around 0. Normalised values would all be rounded to a few numbers. */
const wholeNumbers: Readonly<Record<string, Values>> = {
  uint8: { scale: 1, mean: [0, 0, 0], std: [1, 1, 1] },
  int8: { scale: 1, mean: [128, 128, 128], std: [1, 1, 1] },
};

interface ModelInputInit extends KnownPreprocess {
  readonly name: string;
  readonly dtype: DType;
  readonly layout: 'nchw' | 'nhwc';
  readonly channels: 1 | 3;
  readonly batch: number | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly declaredSize: readonly [number, number] | undefined;
}

/** A model's one picture input: what is known of its shape, and the preprocessing that fits it. Sizes are undefined where they are free. */
export class ModelInput {
  readonly name: string;
  readonly dtype: DType;
  readonly layout: 'nchw' | 'nhwc';
  readonly channels: 1 | 3;
  readonly batch: number | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** Height and width that the metadata tells. */
  readonly #declaredSize: readonly [number, number] | undefined;
  readonly #known: KnownPreprocess;

  private constructor(init: ModelInputInit) {
    this.name = init.name;
    this.dtype = init.dtype;
    this.layout = init.layout;
    this.channels = init.channels;
    this.batch = init.batch;
    this.width = init.width;
    this.height = init.height;
    this.#declaredSize = init.declaredSize;
    this.#known = init;
  }

  /** The input that takes a picture: rank 4 with one or three channels, and the only input. Throws MODEL_UNSUPPORTED. */
  static of(inputs: readonly TensorInfo[], metadata: ReadonlyMap<string, string>, known: KnownPreprocess = {}): ModelInput {
    const [info] = inputs;
    const shape = info?.shape;
    if (info === undefined || shape === undefined || inputs.length !== 1 || shape.length !== 4) {
      const received = inputs
        .map(({ name, dtype, shape }) => `${name}: ${dtype} [${shape.map((dim) => dim ?? '?').join(', ')}]`)
        .join('; ');
      throw new ModelError('MODEL_UNSUPPORTED', {
        message: `Expected a model with one picture input [N, C, H, W] or [N, H, W, C] but received ${received || 'no input'}`,
        hint: 'createSession() runs models with any inputs.',
      });
    }
    const fixed = (axis: number): number | undefined => (typeof shape[axis] === 'number' ? shape[axis] : undefined);
    const isChannels = (axis: number): boolean => fixed(axis) === 3 || fixed(axis) === 1;
    // With a free channel dimension, exporters mean NCHW.
    const layout = !isChannels(1) && isChannels(3) ? 'nhwc' : 'nchw';
    const [channelAxis, heightAxis, widthAxis] = layout === 'nchw' ? [1, 2, 3] : [3, 1, 2];
    const channels = fixed(channelAxis as number) ?? 3;
    if (channels !== 1 && channels !== 3) {
      throw new ModelError('MODEL_UNSUPPORTED', {
        message: `Expected one or three channels in input ${JSON.stringify(info.name)} but its shape is [${shape.map((dim) => dim ?? '?').join(', ')}]`,
      });
    }
    return new ModelInput({
      ...known,
      name: info.name,
      dtype: info.dtype,
      layout,
      channels,
      batch: fixed(0),
      width: fixed(widthAxis as number),
      height: fixed(heightAxis as number),
      declaredSize: imageSize(metadata),
    });
  }

  /** Size of the input under this preprocessing, in pixels; for models of any size, that of the run that learns the output's shape. */
  size(preprocess: Preprocess): { width: number; height: number } {
    const [a, b, c] = preprocess.shape ?? this.probeShape();
    return this.layout === 'nchw' ? { height: b, width: c } : { height: a, width: b };
  }

  /**
   * The preprocessing of this model, from {@link preprocessSource}: what a file or the metadata declares, else a preset for the task (`preset`,
   * changed by `recognised`, and by what the model normalises itself); fitted to the input's size, layout and dtype; then what the user asked
   * for. Throws INVALID_ARGUMENT, PREPROCESS_INVALID, MODEL_UNSUPPORTED.
   */
  preprocess(asked: PreprocessChoice | undefined, preset: PreprocessPreset, recognised: Partial<PreprocessOptions>): Preprocess {
    if (asked instanceof Preprocess) return this.#checkInput(asked);
    const isOptions = typeof asked === 'object' && asked !== null && !Array.isArray(asked);
    if (asked !== undefined && typeof asked !== 'string' && !isOptions) {
      throw invalidArgument('preprocess', 'a preset, an object of options or a Preprocess', asked);
    }
    const { layout, dtype, channels } = this;
    if (dtype !== 'float32' && dtype !== 'float16' && dtype !== 'uint8' && dtype !== 'int8') {
      throw new ModelError('MODEL_UNSUPPORTED', {
        message: `The picture input ${JSON.stringify(this.name)} is of ${dtype}`,
      });
    }
    const { declared, values } = this.#known;
    const base =
      typeof asked === 'string'
        ? this.#fitted(checkOneOf('preprocess', asked, Object.keys(presets) as PreprocessPreset[]))
        : (declared?.options(this) ?? { ...this.#fitted(preset), ...recognised, ...values });
    const fitted = { layout, dtype, ...(channels === 1 ? { color: 'grey' as const } : {}), ...wholeNumbers[dtype] };
    // That of a bundle is whole: what calibrated the model feeds it.
    const isWhole = typeof asked !== 'string' && declared?.source === 'bundle';
    const preprocess = new Preprocess(isWhole ? base : { ...base, ...fitted });
    return this.#checkInput(isOptions ? preprocess.with(asked) : preprocess);
  }

  /** Where {@link preprocess} takes it from, called with the same. */
  preprocessSource(asked: PreprocessChoice | undefined, preset: PreprocessPreset): PreprocessSource {
    if (asked instanceof Preprocess || typeof asked === 'string') return 'option';
    const { declared, values } = this.#known;
    return declared?.source ?? (values === undefined ? `preset ${preset}` : 'graph');
  }

  /** A preset for an input of this size. */
  #fitted(preset: PreprocessPreset): Partial<PreprocessOptions> {
    const options: PreprocessOptions = presets[preset];
    const isFixed = this.width !== undefined || this.height !== undefined;
    // An input whose size would follow from the picture's takes all of it, as that of RT-DETR does.
    const fit = options.fit === 'shortest-edge' && isFixed ? 'stretch' : options.fit;
    const { width, height } = this.#inputSize(options);
    // The shortest edge keeps its ratio to the cut: 256 to 224.
    const cut = options.fit === 'crop' ? options : presets.imagenet;
    const cropEdge = Math.round((Math.min(width, height) * cut.resizeEdge) / cut.width);
    return { ...options, fit, width, height, resizeEdge: fit === 'shortest-edge' ? options.resizeEdge : cropEdge };
  }

  /** The input's own size, else what the metadata says, else the preset's. */
  #inputSize(fallback: PreprocessOptions): { width: number; height: number } {
    const [height, width] = this.#declaredSize ?? [fallback.height, fallback.width];
    return { width: this.width ?? width, height: this.height ?? height };
  }

  #checkInput(preprocess: Preprocess): Preprocess {
    const { shape, options } = preprocess;
    const { width, height, channels, layout, dtype, name } = this;
    const expected = layout === 'nchw' ? [channels, height, width] : [height, width, channels];
    const fits = shape === undefined || shape.every((size, axis) => expected[axis] === undefined || expected[axis] === size);
    if (options.layout !== layout || options.dtype !== dtype || !fits) {
      const wanted = `${dtype} ${layout} [${expected.map((size) => size ?? '?').join(', ')}]`;
      const received = `${options.dtype} ${options.layout} [${shape?.join(', ') ?? "the picture's size"}]`;
      throw new ArgumentError('INVALID_ARGUMENT', {
        message: `Expected preprocessing to ${wanted} for the input ${JSON.stringify(name)} but received ${received}`,
      });
    }
    return preprocess;
  }

  /** Shape of one picture; for models of any size, one that every stride up to 32 divides. */
  probeShape(): readonly [number, number, number] {
    const { layout, channels, width = 64, height = 64 } = this;
    return layout === 'nchw' ? [channels, height, width] : [height, width, channels];
  }
}
