import type { PreprocessSource } from '../declared/index.js';
import { checkOneOf, checkOptions, EngineError, ModelError, withDefaults } from '../errors/index.js';
import type { PictureInput, Preprocess } from '../image/index.js';
import { Embedding, lengthOf } from '../results/index.js';
import type { ModelSource } from '../session/index.js';
import { float16BitsToFloat32 } from '../tensor/index.js';
import type { PictureJob } from './picture-run.js';
import { PictureTask } from './picture-task.js';
import { TaskModel, type ModelOutput } from './task-model.js';
import { pictureList, refuseLabels, taskRunOptionNames, type TaskOptions, type TaskRunOptions } from './task-options.js';

export const poolings = ['cls', 'mean', 'mean-patches'] as const;

/**
 * How the vectors of a picture become one: 'cls' takes the first, the class token of ViT and DINO; 'mean' is the mean of all, for models without a
 * class token (Swin); 'mean-patches' the mean of those behind the first (BEiT, DINOv2 by its patches).
 */
export type Pooling = (typeof poolings)[number];

/** How an embedder is opened. */
export interface EmbedderOptions extends Omit<TaskOptions, 'labels'> {
  /**
   * The output that holds the vectors. Default: the one of shape `[N, D]`, `image_embeds` or `pooler_output` where there are several; with `pooling`, the
   * one of shape `[N, T, D]`.
   */
  readonly output?: string | undefined;
  /** For an output `[N, T, D]` of T patches. It must be said: models differ. Refused for an output `[N, D]`, which is pooled already. */
  readonly pooling?: Pooling | undefined;
}

export const embedderOptionNames = ['output', 'pooling'] as const;

const preferredOutputs = ['image_embeds', 'embeddings', 'embedding', 'pooler_output'];

/**
 * Turns pictures into vectors that can be compared: faces, near duplicates, search, zero-shot classification with the vectors of texts.
 *
 *     const preprocess = { fit: 'stretch', interpolation: 'bilinear', scale: 1, mean: [127, 127, 127], std: [128, 128, 128] } as const;
 *     const embedder = await Embedder.load('mobilefacenet.onnx', { preprocess });
 *     const [a, b] = await embedder.embed(['a.jpg', 'b.jpg']);
 *     console.log(a.similarity(b)); // 1: the same direction
 */
export class Embedder extends PictureTask<Embedding, TaskRunOptions> {
  /** Values of each vector. */
  readonly dimensions: number;
  readonly #output: string;
  readonly #pooling: Pooling | undefined;
  readonly #defaults: TaskRunOptions;

  private constructor(
    model: TaskModel,
    preprocess: Preprocess,
    preprocessSource: PreprocessSource,
    output: ModelOutput,
    pooling: Pooling | undefined,
    defaults: TaskRunOptions,
  ) {
    super(model, preprocess, preprocessSource);
    this.dimensions = (pooling === undefined ? output.shape[1] : output.shape[2]) as number;
    this.#output = output.name;
    this.#pooling = pooling;
    this.#defaults = defaults;
  }

  /**
   * Opens an embedder: a model with an output `[N, D]` or `[N, T, D]`. The preprocessing that it was trained with must be named where the model does not
   * tell it: a wrong one gives vectors that look right and mean little. Throws MODEL_UNSUPPORTED, MODEL_AMBIGUOUS, and as `createSession`.
   */
  static async load(model: ModelSource, given: EmbedderOptions = {}): Promise<Embedder> {
    refuseLabels(given, 'an embedder');
    const opened = await TaskModel.open(model, given, embedderOptionNames);
    const options = opened.withBundled(given);
    try {
      const preprocess = opened.input.preprocess(options.preprocess, 'imagenet', {});
      const outputs = await opened.floatOutputs(preprocess, options.signal);
      const pooling = options.pooling === undefined ? undefined : checkOneOf('pooling', options.pooling, poolings);
      const output = vectorOutput(outputs, options.output, pooling);
      if (output.shape.length === 3 && pooling === undefined) throw unclearPooling(output);
      if (pooling === 'mean-patches' && output.shape[1] === 1) throw nothingToPool(output);
      const source = opened.input.preprocessSource(options.preprocess, 'imagenet');
      if (source === 'preset imagenet' && options.preprocess === undefined) throw unclearPreprocess();
      await opened.settle(preprocess);
      return new Embedder(opened, preprocess, source, output, pooling, { pixelLimit: options.pixelLimit });
    } catch (error) {
      await opened.dispose();
      throw error;
    }
  }

  /** The vector of one picture, or of each of several. Throws as `Detector.detect`; ENGINE_FAILED where a vector has no direction. */
  embed(image: PictureInput, options?: TaskRunOptions): Promise<Embedding>;
  embed(images: readonly PictureInput[], options?: TaskRunOptions): Promise<Embedding[]>;
  embed(images: PictureInput | readonly PictureInput[], options?: TaskRunOptions): Promise<Embedding | Embedding[]>;
  async embed(images: PictureInput | readonly PictureInput[], options: TaskRunOptions = {}): Promise<Embedding | Embedding[]> {
    const results = await this.model.process(pictureList(images), this.preprocess, this.job(options), options);
    return Array.isArray(images) ? results : (results[0] as Embedding);
  }

  /** @internal */
  job(options: TaskRunOptions): PictureJob<Embedding> {
    checkOptions('embed options', options, [...taskRunOptionNames]);
    return {
      pixelLimit: withDefaults(this.#defaults, options).pixelLimit,
      outputs: [this.#output],
      decode: async ({ raw: [{ data }], placement, timing }) => {
        const started = performance.now();
        const vector = normalized(this.#pooled(floatsOf(data)));
        const { sourceWidth: width, sourceHeight: height } = placement;
        return new Embedding({ vector, width, height, timing: timing(performance.now() - started) });
      },
    };
  }

  /** One vector out of those of all patches. */
  #pooled(values: Float32Array): Float32Array {
    const size = this.dimensions;
    if (this.#pooling === 'cls' || this.#pooling === undefined) return values.slice(0, size);
    const first = this.#pooling === 'mean' ? 0 : size;
    const count = (values.length - first) / size;
    const mean = new Float32Array(size);
    for (let i = first; i < values.length; i++) mean[i % size]! += (values[i] as number) / count;
    return mean;
  }
}

function floatsOf(data: ArrayBufferView): Float32Array {
  return data instanceof Float32Array ? data : Float32Array.from(data as Uint16Array, float16BitsToFloat32);
}

function normalized(vector: Float32Array): Float32Array {
  const length = lengthOf(vector);
  if (!(length > 0) || length === Infinity) {
    throw new EngineError('ENGINE_FAILED', {
      message: `the vector has no direction: its length is ${length}`,
      hint: 'Usual causes: float16 that overflows (export the model as float32), or preprocessing that does not fit the model (scale, mean, std).',
    });
  }
  return vector.map((value) => value / length);
}

/** `[N, D]`, also as `[N, D, 1, 1]`, or `[N, T, D]`: with pooling only that. */
function vectorOutput(outputs: readonly ModelOutput[], asked: string | undefined, pooling: Pooling | undefined): ModelOutput {
  const candidates = outputs
    .map(({ name, shape }) => ({
      name,
      shape: shape.length === 4 && shape[2] === 1 && shape[3] === 1 ? shape.slice(0, 2) : shape,
    }))
    .filter(({ shape }) => shape.length === 3 || (shape.length === 2 && pooling === undefined));
  const vectors = candidates.filter(({ shape }) => shape.length === 2);
  const found =
    asked !== undefined
      ? candidates.filter(({ name }) => name === asked)
      : [
          ...preferredOutputs.flatMap((name) => vectors.filter((output) => output.name === name)),
          ...(vectors.length === 1 ? vectors : []),
          ...(vectors.length === 0 && candidates.length === 1 ? candidates : []),
        ];
  const [output] = found;
  if (output !== undefined) return output;
  const received = outputs.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join('; ');
  const wanted = pooling === undefined ? 'of vectors [N, D] or [N, T, D]' : `of patches [N, T, D] for pooling '${pooling}'`;
  throw new ModelError(candidates.length > 1 && asked === undefined ? 'MODEL_AMBIGUOUS' : 'MODEL_UNSUPPORTED', {
    message: `Expected ${asked === undefined ? 'one output' : `an output ${JSON.stringify(asked)}`} ${wanted} but the model's outputs are ${received}`,
    hint:
      candidates.length > 0
        ? `Name it: { output: ${JSON.stringify(candidates[0]?.name)} }.`
        : `${pooling === undefined ? '' : 'Leave pooling out for an output [N, D]. '}createSession() gives the raw outputs of any model.`,
    details: { candidates: candidates.map(({ name }) => name) },
  });
}

/** Nothing in a vector tells that the picture was preprocessed wrongly. */
function unclearPreprocess(): ModelError {
  return new ModelError('MODEL_AMBIGUOUS', {
    message:
      'It is not clear what preprocessing the embedder was trained with: no file beside it tells, nor its metadata, nor its graph',
    hint: "Name it: { preprocess: 'clip' }, 'siglip', 'imagenet' (DINO and most other models), or its options, such as mean and std. Or keep its preprocessor_config.json beside it.",
  });
}

function unclearPooling({ name, shape }: ModelOutput): ModelError {
  return new ModelError('MODEL_AMBIGUOUS', {
    message: `Output ${JSON.stringify(name)} [${shape.join(', ')}] holds a vector for each patch of the picture, and it is not clear how they become one`,
    hint: "Say so: { pooling: 'cls' } for the first, as DINO and ViT, { pooling: 'mean' } for the mean of all, or { pooling: 'mean-patches' } for the mean of all but the first.",
    details: { candidates: poolings },
  });
}

function nothingToPool({ name, shape }: ModelOutput): ModelError {
  return new ModelError('MODEL_UNSUPPORTED', {
    message: `Output ${JSON.stringify(name)} [${shape.join(', ')}] holds one vector: there are none behind it to take the mean of`,
    hint: "Use { pooling: 'cls' }, which takes the first.",
  });
}
