import { native, settle } from '../binding/index.js';
import type { PreprocessSource } from '../declared/index.js';
import { checkInteger, checkOneOf, checkOptions, withDefaults } from '../errors/index.js';
import type { PictureInput, Preprocess } from '../image/index.js';
import { resolveLabels, type ResolvedLabels } from '../labels/index.js';
import { Classification } from '../results/index.js';
import type { ModelSource } from '../session/index.js';
import { activations, recognizeActivation, type Activation } from './activation.js';
import { soleOutput } from './output-of-rank.js';
import type { PictureJob } from './picture-run.js';
import { PictureTask } from './picture-task.js';
import { TaskModel } from './task-model.js';
import { pictureList, taskRunOptionNames, type TaskOptions, type TaskRunOptions } from './task-options.js';

/** How a classifier is opened. */
export interface ClassifierOptions extends TaskOptions, Omit<ClassifyOptions, 'requestId'> {
  /** What turns raw scores into probabilities: 'none' where the model does so itself. Default: recognised from the graph's last node; of one class, whose softmax would always be 1, 'sigmoid'. */
  readonly activation?: Activation | undefined;
}

export interface ClassifyOptions extends TaskRunOptions {
  /** How many classes are told. Default 5. */
  readonly topK?: number | undefined;
}

export const classifierOptionNames = ['topK', 'activation'] as const;

/**
 * Tells what a picture shows.
 *
 *     const classifier = await Classifier.load('mobilenetv2.onnx');
 *     const { label, score } = (await classifier.classify('cat.jpg')).top;
 */
export class Classifier extends PictureTask<Classification, ClassifyOptions> {
  readonly labels: readonly string[];
  /** Where the labels came from: 'option', 'file', 'bundle', 'metadata', 'config', a built-in list, or 'numbers'. */
  readonly labelSource: ResolvedLabels['source'];
  readonly activation: Activation;
  readonly #output: string;
  readonly #defaults: ClassifyOptions;

  private constructor(
    model: TaskModel,
    preprocess: Preprocess,
    preprocessSource: PreprocessSource,
    activation: Activation,
    output: string,
    labels: ResolvedLabels,
    defaults: ClassifyOptions,
  ) {
    super(model, preprocess, preprocessSource);
    this.labels = labels.labels;
    this.labelSource = labels.source;
    this.activation = activation;
    this.#output = output;
    this.#defaults = defaults;
  }

  /** Opens a classifier: a model with one output `[N, C]`, of several the one called `logits`. Throws MODEL_UNSUPPORTED, LABELS_INVALID, and as `createSession`. */
  static async load(model: ModelSource, given: ClassifierOptions = {}): Promise<Classifier> {
    const opened = await TaskModel.open(model, given, classifierOptionNames);
    const options = opened.withBundled(given);
    try {
      const preprocess = opened.input.preprocess(options.preprocess, 'imagenet', {});
      const shapes = await opened.outputShapes(preprocess, options.signal);
      const output = soleOutput(opened.session, shapes.map(dropUnitAxes), 2, 'logits', 'one classification output [N, C]');
      const classes = output.shape[1] as number;
      const labels = await resolveLabels({
        option: options.labels,
        metadata: opened.metadata,
        beside: opened.namesBeside,
        classes,
        task: 'classify',
      });
      const activation =
        options.activation === undefined
          ? recognizeActivation(opened.producer(output.name), classes === 1 ? 'sigmoid' : 'softmax')
          : checkOneOf('activation', options.activation, activations);
      const topK = checkInteger('topK', options.topK ?? 5, 1);
      const source = opened.input.preprocessSource(options.preprocess, 'imagenet');
      await opened.settle(preprocess, labels.labels);
      return new Classifier(opened, preprocess, source, activation, output.name, labels, {
        topK,
        pixelLimit: options.pixelLimit,
      });
    } catch (error) {
      await opened.dispose();
      throw error;
    }
  }

  /** Ranks the classes of one picture, or of each of several. Throws as `Detector.detect`. */
  classify(image: PictureInput, options?: ClassifyOptions): Promise<Classification>;
  classify(images: readonly PictureInput[], options?: ClassifyOptions): Promise<Classification[]>;
  classify(images: PictureInput | readonly PictureInput[], options?: ClassifyOptions): Promise<Classification | Classification[]>;
  async classify(
    images: PictureInput | readonly PictureInput[],
    options: ClassifyOptions = {},
  ): Promise<Classification | Classification[]> {
    const results = await this.model.process(pictureList(images), this.preprocess, this.job(options), options);
    return Array.isArray(images) ? results : (results[0] as Classification);
  }

  /** @internal */
  job(options: ClassifyOptions): PictureJob<Classification> {
    checkOptions('classify options', options, ['topK', ...taskRunOptionNames]);
    const { topK: most, pixelLimit } = withDefaults(this.#defaults, options);
    const topK = Math.min(checkInteger('topK', most, 1), this.labels.length);
    return {
      pixelLimit,
      outputs: [this.#output],
      decode: async ({ raw, placement, signal, timing }) => {
        const { classIds, scores, elapsedMs } = await settle(
          (operation) => native().classesRank(raw[0], this.activation, topK, operation),
          signal,
        );
        const { sourceWidth: width, sourceHeight: height } = placement;
        return new Classification({ classIds, scores, labels: this.labels, width, height, timing: timing(elapsedMs) });
      },
    };
  }
}

/** `[N, C, 1, 1]`, as some exporters leave it, is `[N, C]`. */
function dropUnitAxes(shape: readonly number[]): readonly number[] {
  return shape.length > 2 && shape.slice(2).every((size) => size === 1) ? shape.slice(0, 2) : shape;
}
