import { native, settle, type NativeDenseMapSpec } from '../binding/index.js';
import type { PreprocessSource } from '../declared/index.js';
import { checkOneOf, checkOptions, ModelError, withDefaults } from '../errors/index.js';
import type { PictureInput, Preprocess } from '../image/index.js';
import { DenseMap } from '../results/index.js';
import type { ModelSource } from '../session/index.js';
import { hasAspectOf } from './map-size.js';
import type { PictureJob } from './picture-run.js';
import { PictureTask } from './picture-task.js';
import { TaskModel, type ModelOutput } from './task-model.js';
import { pictureList, refuseLabels, taskRunOptionNames, type TaskOptions, type TaskRunOptions } from './task-options.js';

export const mapScalings = ['none', 'min-max', 'sigmoid'] as const;

/** What is done to the model's numbers before they are brought to the picture's size: nothing, stretched to 0..1, or a sigmoid. */
export type MapScaling = (typeof mapScalings)[number];

export const mapInterpolations = ['bilinear', 'bicubic', 'lanczos'] as const;

/** 'bicubic' as PyTorch and OpenCV do it (a = -0.75), 'lanczos' as Pillow does. */
export type MapInterpolation = (typeof mapInterpolations)[number];

/** How a dense predictor is opened. */
export interface DensePredictorOptions extends Omit<TaskOptions, 'labels'> {
  /** The output that holds the map. Default: the only one of the input's aspect ratio, or the first of several of one shape. */
  readonly output?: string | undefined;
  /** Default 'none'. Saliency models such as U2-Net take 'min-max'. */
  readonly scaling?: MapScaling | undefined;
  /** How the map is brought to the picture's size. Default 'bilinear'. */
  readonly interpolation?: MapInterpolation | undefined;
}

export const densePredictorOptionNames = ['output', 'scaling', 'interpolation'] as const;

/** Dense models are trained on whole pictures, stretched to the input's size. */
const wholePicture = { fit: 'stretch', interpolation: 'bilinear' } as const;

/**
 * Gives a number for every pixel: depth, saliency, heat.
 *
 *     const predictor = await DensePredictor.load('depth-anything.onnx');
 *     const depth = await predictor.predict('street.jpg');
 *     console.log(depth.at(100, 200), depth.min, depth.max);
 *     await depth.toFile('depth.png');
 */
export class DensePredictor extends PictureTask<DenseMap, TaskRunOptions> {
  readonly scaling: MapScaling;
  readonly interpolation: MapInterpolation;
  readonly #output: string;
  readonly #defaults: TaskRunOptions;

  private constructor(
    model: TaskModel,
    preprocess: Preprocess,
    preprocessSource: PreprocessSource,
    output: string,
    scaling: MapScaling,
    interpolation: MapInterpolation,
    defaults: TaskRunOptions,
  ) {
    super(model, preprocess, preprocessSource);
    this.scaling = scaling;
    this.interpolation = interpolation;
    this.#output = output;
    this.#defaults = defaults;
  }

  /** Opens a model with an output `[N, H, W]`, `[N, 1, H, W]` or `[N, H, W, 1]` of the input's aspect ratio. Throws MODEL_UNSUPPORTED, MODEL_AMBIGUOUS, and as `createSession`. */
  static async load(model: ModelSource, given: DensePredictorOptions = {}): Promise<DensePredictor> {
    refuseLabels(given, 'a dense predictor');
    const opened = await TaskModel.open(model, given, densePredictorOptionNames);
    const options = opened.withBundled(given);
    try {
      const preprocess = opened.input.preprocess(options.preprocess, 'imagenet', wholePicture);
      const outputs = await opened.floatOutputs(preprocess, options.signal);
      const { name } = mapOutput(outputs, opened.input.size(preprocess), options.output);
      const scaling = checkOneOf('scaling', options.scaling ?? 'none', mapScalings);
      const interpolation = checkOneOf('interpolation', options.interpolation ?? 'bilinear', mapInterpolations);
      const source = opened.input.preprocessSource(options.preprocess, 'imagenet');
      const defaults = { pixelLimit: options.pixelLimit };
      await opened.settle(preprocess);
      return new DensePredictor(opened, preprocess, source, name, scaling, interpolation, defaults);
    } catch (error) {
      await opened.dispose();
      throw error;
    }
  }

  /** The map of one picture, or of each of several, in the picture's own size. Throws as `Detector.detect`. */
  predict(image: PictureInput, options?: TaskRunOptions): Promise<DenseMap>;
  predict(images: readonly PictureInput[], options?: TaskRunOptions): Promise<DenseMap[]>;
  predict(images: PictureInput | readonly PictureInput[], options?: TaskRunOptions): Promise<DenseMap | DenseMap[]>;
  async predict(images: PictureInput | readonly PictureInput[], options: TaskRunOptions = {}): Promise<DenseMap | DenseMap[]> {
    const results = await this.model.process(pictureList(images), this.preprocess, this.job(options), options);
    return Array.isArray(images) ? results : (results[0] as DenseMap);
  }

  /** @internal */
  job(options: TaskRunOptions): PictureJob<DenseMap> {
    checkOptions('predict options', options, [...taskRunOptionNames]);
    const { scaling, interpolation } = this;
    return {
      pixelLimit: withDefaults(this.#defaults, options).pixelLimit,
      outputs: [this.#output],
      decode: async ({ raw, dims, placement, signal, timing }) => {
        const [height, width] = mapSize(dims);
        const spec: NativeDenseMapSpec = { height, width, scaling, interpolation };
        const decoded = await settle((operation) => native().denseMapDecode(raw[0], spec, placement, operation), signal);
        return new DenseMap({
          values: new Float32Array(decoded.values.buffer),
          lease: decoded.values.handle,
          width: placement.sourceWidth,
          height: placement.sourceHeight,
          min: decoded.min,
          max: decoded.max,
          timing: timing(decoded.elapsedMs),
        });
      },
    };
  }
}

/** Height and width of `[H, W]`, `[1, H, W]` or `[H, W, 1]`. */
function mapSize(dims: readonly number[]): readonly [height: number, width: number] {
  const [a, b, c] = dims as readonly [number, number, number?];
  if (c === undefined) return [a, b];
  return a === 1 ? [b, c] : [a, b];
}

/** Boxes of a detector and the tokens of a transformer have the form of a map, but not the shape of a picture. */
function mapOutput(
  outputs: readonly ModelOutput[],
  input: { readonly width: number; readonly height: number },
  asked: string | undefined,
): ModelOutput {
  const ofForm = outputs.filter(({ shape }) => shape.length === 3 || (shape.length === 4 && (shape[1] === 1 || shape[3] === 1)));
  const maps = ofForm.filter(({ shape }) => {
    const [height, width] = mapSize(shape.slice(1));
    return hasAspectOf(input, { width, height });
  });
  const isOfOneShape = maps.every(({ shape }) => `${shape}` === `${maps[0]?.shape}`);
  const found = asked === undefined ? (isOfOneShape ? maps[0] : undefined) : maps.find(({ name }) => name === asked);
  if (found !== undefined) return found;
  const received = outputs.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join('; ');
  throw new ModelError(asked === undefined && maps.length > 1 ? 'MODEL_AMBIGUOUS' : 'MODEL_UNSUPPORTED', {
    message: `Expected ${asked === undefined ? 'an output' : `the output ${JSON.stringify(asked)}`} of one map, [N, H, W], [N, 1, H, W] or [N, H, W, 1], of the aspect ratio of its input, ${input.width} x ${input.height}, but the model's outputs are ${received}`,
    hint: maps.length > 0 ? `Name it: { output: ${JSON.stringify(maps[0]?.name)} }.` : 'createSession() gives the raw outputs.',
    details: { candidates: maps.map(({ name }) => name) },
  });
}
