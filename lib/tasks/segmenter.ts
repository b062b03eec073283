import { native, settle, type NativeMaskSpec } from '../binding/index.js';
import type { PreprocessSource } from '../declared/index.js';
import { ArgumentError, checkInteger, checkNumber, checkOneOf, checkOptions, ModelError, withDefaults } from '../errors/index.js';
import type { PictureInput, Preprocess, PreprocessOptions } from '../image/index.js';
import { declaredLabelCount, resolveLabels, type ResolvedLabels } from '../labels/index.js';
import { Segmentation } from '../results/index.js';
import type { ModelSource } from '../session/index.js';
import { recognizeActivation, type Activation } from './activation.js';
import { hasAspectOf } from './map-size.js';
import { firstOutput } from './output-of-rank.js';
import type { PictureJob } from './picture-run.js';
import { PictureTask } from './picture-task.js';
import { TaskModel } from './task-model.js';
import { pictureList, taskRunOptionNames, type TaskOptions, type TaskRunOptions } from './task-options.js';

/** How a segmenter is opened. */
export interface SegmenterOptions extends TaskOptions, Omit<SegmentOptions, 'requestId'> {
  /** For one channel: 'sigmoid' for raw scores, 'none' where the model gives 0..1. Default: recognised from the graph's last node. */
  readonly activation?: Exclude<Activation, 'softmax'> | undefined;
  /** Order of the output's axes. Default: recognised by the aspect ratio. */
  readonly layout?: Layout | undefined;
  /** The class that is left undrawn; null: none. Default: 0 where its name says that it is the background, or nothing names it. */
  readonly background?: number | null | undefined;
}

export interface SegmentOptions extends TaskRunOptions {
  /** For one channel: foreground from this value on. Default 0.5. */
  readonly threshold?: number | undefined;
}

/** Segmentation models are trained on whole pictures, stretched to the input's size. */
const wholePicture = { fit: 'stretch', interpolation: 'bilinear' } as const;
/** Semantic models build on backbones that were trained with ImageNet's normalisation; matting models of one map take 0..1. */
const unnormalized: Pick<PreprocessOptions, 'mean' | 'std'> = { mean: [0, 0, 0], std: [1, 1, 1] };

export const segmenterOptionNames = ['threshold', 'activation', 'layout', 'background'] as const;

export const layouts = ['nchw', 'nhwc'] as const;

type Layout = (typeof layouts)[number];

/** What class 0 is called where it stands for nothing. In other models it is a class as any: wall in ADE20K, road in Cityscapes. */
const backgroundName = /^_*(background|bg|void|unlabell?ed)_*$/i;

/** The score map of one picture. */
interface ScoreMap {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly layout: Layout;
}

/**
 * Tells the class of every pixel: semantic models by the highest score, binary and saliency models (one channel) by a threshold.
 *
 *     const segmenter = await Segmenter.load('portrait.onnx');
 *     const { mask, width, height } = await segmenter.segment('me.jpg');
 */
export class Segmenter extends PictureTask<Segmentation, SegmentOptions> {
  readonly labels: readonly string[];
  /** Where the labels came from: 'option', 'file', 'bundle', 'metadata', 'config', a built-in list, 'binary' for background and foreground, or 'numbers'. */
  readonly labelSource: ResolvedLabels['source'];
  readonly activation: Activation;
  /** The class that is left undrawn, or undefined. */
  readonly background: number | undefined;
  readonly #map: ScoreMap;
  readonly #output: string;
  readonly #defaults: SegmentOptions;

  private constructor(
    model: TaskModel,
    preprocess: Preprocess,
    preprocessSource: PreprocessSource,
    map: ScoreMap,
    activation: Activation,
    output: string,
    labels: ResolvedLabels,
    background: number | undefined,
    defaults: SegmentOptions,
  ) {
    super(model, preprocess, preprocessSource);
    this.labels = labels.labels;
    this.labelSource = labels.source;
    this.activation = activation;
    this.background = background;
    this.#map = map;
    this.#output = output;
    this.#defaults = defaults;
  }

  /**
   * Opens a segmenter: a model with one output `[N, C, H, W]` or `[N, H, W, C]`, or several of one shape, of which the first counts (U2-Net's stages).
   * Throws MODEL_UNSUPPORTED, LABELS_INVALID, and as `createSession`. */
  static async load(model: ModelSource, given: SegmenterOptions = {}): Promise<Segmenter> {
    const opened = await TaskModel.open(model, given, segmenterOptionNames);
    const options = opened.withBundled(given);
    try {
      const stretched = opened.input.preprocess(options.preprocess, 'imagenet', wholePicture);
      const shapes = await opened.outputShapes(stretched, options.signal);
      const output = firstOutput(opened.session, shapes, 4, 'one segmentation output [N, C, H, W] or [N, H, W, C]');
      const asked = options.layout === undefined ? undefined : checkOneOf('layout', options.layout, layouts);
      const labelCount = await declaredLabelCount(options.labels, opened.metadata, opened.namesBeside);
      const map = recognizeScoreMap(output.shape, opened.input.size(stretched), asked, labelCount);
      // Several maps are the stages of U2-Net and its kin, which were trained with ImageNet's normalisation.
      const isStage = shapes.filter((shape) => `${shape}` === `${output.shape}`).length > 1;
      const isUnnormalized = map.channels === 1 && !isStage;
      const preprocess = isUnnormalized
        ? opened.input.preprocess(options.preprocess, 'imagenet', { ...wholePicture, ...unnormalized })
        : stretched;
      const classes = Math.max(2, map.channels);
      const binary =
        map.channels === 1 && options.labels === undefined && !opened.metadata.has('names') && opened.namesBeside === undefined;
      const labels: ResolvedLabels = binary
        ? { labels: ['background', 'foreground'], source: 'binary' }
        : await resolveLabels({
            option: options.labels,
            metadata: opened.metadata,
            beside: opened.namesBeside,
            classes,
            task: 'segment',
          });
      const said =
        options.activation === undefined ? undefined : checkOneOf('activation', options.activation, ['none', 'sigmoid']);
      if (map.channels > 1 && said === 'sigmoid') throw forOneChannel('activation', map.channels);
      checkThreshold(options.threshold, map.channels);
      const recognised = map.channels > 1 ? 'none' : recognizeActivation(opened.producer(output.name), 'sigmoid');
      const activation = said ?? recognised;
      const background = backgroundOf(options.background, map, labels);
      const defaults = { threshold: options.threshold, pixelLimit: options.pixelLimit };
      const found = opened.input.preprocessSource(options.preprocess, 'imagenet');
      const source = isUnnormalized && found === 'preset imagenet' ? 'task' : found;
      await opened.settle(preprocess, labels.labels);
      return new Segmenter(opened, preprocess, source, map, activation, output.name, labels, background, defaults);
    } catch (error) {
      await opened.dispose();
      throw error;
    }
  }

  /** Segments one picture, or each of several. The mask has the picture's own size. Throws as `Detector.detect`. */
  segment(image: PictureInput, options?: SegmentOptions): Promise<Segmentation>;
  segment(images: readonly PictureInput[], options?: SegmentOptions): Promise<Segmentation[]>;
  segment(images: PictureInput | readonly PictureInput[], options?: SegmentOptions): Promise<Segmentation | Segmentation[]>;
  async segment(
    images: PictureInput | readonly PictureInput[],
    options: SegmentOptions = {},
  ): Promise<Segmentation | Segmentation[]> {
    const results = await this.model.process(pictureList(images), this.preprocess, this.job(options), options);
    return Array.isArray(images) ? results : (results[0] as Segmentation);
  }

  /** @internal */
  job(options: SegmentOptions): PictureJob<Segmentation> {
    checkOptions('segment options', options, ['threshold', ...taskRunOptionNames]);
    const { threshold: given, pixelLimit } = withDefaults(this.#defaults, options);
    const threshold = checkThreshold(given, this.#map.channels);
    return {
      pixelLimit,
      outputs: [this.#output],
      decode: async ({ raw, dims, placement, signal, timing }) => {
        const spec: NativeMaskSpec = { ...this.#mapOf(dims), activation: this.activation, threshold };
        const decoded = await settle((operation) => native().maskDecode(raw[0], spec, placement, operation), signal);
        return new Segmentation({
          mask: new Uint8Array(decoded.mask.buffer),
          lease: decoded.mask.handle,
          counts: decoded.counts,
          width: placement.sourceWidth,
          height: placement.sourceHeight,
          labels: this.labels,
          background: this.background,
          timing: timing(decoded.elapsedMs),
        });
      },
    };
  }

  /** The map's size in this run: models of any picture size give maps of any size. */
  #mapOf(dims: readonly number[]): ScoreMap {
    const { layout } = this.#map;
    const [a, b, c] = dims as readonly [number, number, number];
    return layout === 'nchw' ? { channels: a, height: b, width: c, layout } : { channels: c, height: a, width: b, layout };
  }
}

/** Throws INVALID_ARGUMENT. */
function backgroundOf(
  asked: number | null | undefined,
  { channels }: ScoreMap,
  { labels, source }: ResolvedLabels,
): number | undefined {
  if (asked === null) return undefined;
  if (asked !== undefined) return checkInteger('background', asked, 0, labels.length - 1);
  // The score of one channel is that of class 1: class 0 is all else, whatever its name.
  return channels === 1 || source === 'numbers' || backgroundName.test(labels[0] ?? '') ? 0 : undefined;
}

/** Throws INVALID_ARGUMENT. */
function checkThreshold(threshold: unknown, channels: number): number {
  if (threshold !== undefined && channels > 1) throw forOneChannel('threshold', channels);
  return checkNumber('threshold', threshold ?? 0.5, 0, 1);
}

/** Of several channels the highest counts, whatever its score: what the user says would go unheard. */
function forOneChannel(option: string, channels: number): ArgumentError {
  return new ArgumentError('INVALID_ARGUMENT', {
    message: `The option ${option} is for a map of one channel, but that of the model has ${channels}, of which the highest counts`,
    hint: 'Leave it out, or name the layout if it was recognised wrongly: { layout }.',
    details: { name: option },
  });
}

/**
 * Which axis of `[N, a, b, c]` holds the classes: the one whose removal leaves a map of the input's aspect ratio. Where both do, the one with
 * as many classes as there are labels, then the one with fewer classes than the map is long. Where that does not tell either, or neither
 * axis fits, the layout must be named. Throws MODEL_AMBIGUOUS, and MODEL_UNSUPPORTED beyond 256 classes.
 */
export function recognizeScoreMap(
  shape: readonly number[],
  input: { width: number; height: number },
  asked: Layout | undefined,
  labelCount?: number,
): ScoreMap {
  const [, a, b, c] = shape as readonly [number, number, number, number];
  const candidates: readonly ScoreMap[] = [
    { channels: a, height: b, width: c, layout: 'nchw' },
    { channels: c, height: a, width: b, layout: 'nhwc' },
  ];
  const possible = candidates.filter((map) => (asked === undefined ? hasAspectOf(input, map) : map.layout === asked));
  const named = possible.filter(({ channels }) => Math.max(channels, 2) === labelCount);
  const small = possible.filter(({ channels, height, width }) => channels <= Math.max(height, width, 2));
  const fitting = [possible, named, small].find(({ length }) => length === 1) ?? [];
  const [map] = fitting;
  if (map === undefined) {
    throw new ModelError('MODEL_AMBIGUOUS', {
      message: `A segmentation output of shape [${shape.join(', ')}] for an input of ${input.width} x ${input.height} can be read as ${candidates.map(({ layout, channels, width, height }) => `${layout} (${channels} classes, ${width} x ${height})`).join(' or ')}`,
      hint: "Name it: { layout: 'nchw' } or { layout: 'nhwc' }.",
      details: { shape, candidates },
    });
  }
  if (map.channels > 256) {
    throw new ModelError('MODEL_UNSUPPORTED', {
      message: `Expected at most 256 classes in a segmentation output but received shape [${shape.join(', ')}]`,
    });
  }
  return map;
}
