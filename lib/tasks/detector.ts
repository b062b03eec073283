import { native, settle, type NativeDetections, type NativeDetectionSpec } from '../binding/index.js';
import type { PreprocessSource } from '../declared/index.js';
import {
  ArgumentError,
  checkBoolean,
  checkInteger,
  checkNumber,
  checkOptions,
  invalidArgument,
  nearestName,
  withDefaults,
} from '../errors/index.js';
import { Picture, type PictureInput, type Preprocess } from '../image/index.js';
import { declaredLabelCount, resolveLabels, type ResolvedLabels } from '../labels/index.js';
import { Detections, InstanceMask } from '../results/index.js';
import type { ModelSource } from '../session/index.js';
import { recognizeActivation, type Activation } from './activation.js';
import { needsOneSize, type DetectionHead, type RecognizedHead } from './heads/detection-head.js';
import { checkSaid, headEvidence } from './heads/evidence.js';
import { presetOf } from './heads/preprocess.js';
import { recognizeHead } from './heads/recognize-head.js';
import type { SsdOptions } from './heads/ssd.js';
import type { PictureJob } from './picture-run.js';
import { PictureTask } from './picture-task.js';
import { checkSlices, mergeSlices, sliceAreas, type CheckedSlices, type SliceOptions } from './slices.js';
import { TaskModel, withIndex } from './task-model.js';
import { pictureList, taskRunOptionNames, type TaskOptions, type TaskRunOptions } from './task-options.js';

/** How a detector is opened. */
export interface DetectorOptions extends TaskOptions, Omit<DetectOptions, 'requestId'> {
  /** How the raw output is read. Default: recognised. */
  readonly head?: DetectionHead | undefined;
  /** How many keypoints each object has, and values of each: 2 for x and y, 3 with a score. Default: the model's `kpt_shape`; for SCRFD, its outputs. */
  readonly keypoints?: readonly [count: number, values: 2 | 3] | undefined;
  /** Whether boxes are oriented. Default: whether the model's `task` is 'obb'. */
  readonly rotated?: boolean | undefined;
  /** For SSD-like models: what their boxes are. */
  readonly ssd?: SsdOptions | undefined;
}

/** What counts as found. Given to `load`, all but `signal` are the defaults of every `detect`. */
export interface DetectOptions extends TaskRunOptions {
  /** Boxes are kept from this score on. Default 0.25, as Ultralytics. */
  readonly scoreThreshold?: number | undefined;
  /**
   * Of two boxes of a class that overlap by more than this IoU, the lower score goes. Default 0.45, as YOLOv5. Has no say for heads that suppress
   * overlaps themselves: end-to-end ones and the DETR family.
   */
  readonly iouThreshold?: number | undefined;
  /** Of a picture, the surest; at most 30,000, which is also how many candidates enter suppression. With `slices`, what is merged of all. Default 300. */
  readonly maxDetections?: number | undefined;
  /** Whether boxes of different classes suppress one another. Default false. */
  readonly classAgnostic?: boolean | undefined;
  /** Only these classes, by id or name. Default: all. */
  readonly classes?: readonly (number | string)[] | undefined;
  /** Looks at the picture in overlapping slices, for small objects in large pictures. Default false: at the picture as a whole. */
  readonly slices?: SliceOptions | false | undefined;
}

/** So many candidates enter suppression in the core. */
const mostDetections = 30_000;

export const detectorOptionNames = ['head', 'keypoints', 'rotated', 'ssd'] as const;

export const detectOptionNames = [
  'scoreThreshold',
  'iouThreshold',
  'maxDetections',
  'classAgnostic',
  'classes',
  'slices',
] as const;

/**
 * Finds objects in pictures.
 *
 *     const detector = await Detector.load('yolov8n.onnx');
 *     for (const { label, score, box } of await detector.detect('street.jpg')) console.log(label, score, box);
 */
export class Detector extends PictureTask<Detections, DetectOptions> {
  readonly labels: readonly string[];
  /** Where the labels came from: 'option', 'file', 'bundle', 'metadata', 'config', a built-in list, or 'numbers'. */
  readonly labelSource: ResolvedLabels['source'];
  /** How the output is read. */
  readonly head: DetectionHead;
  readonly #head: RecognizedHead;
  readonly #activation: Activation;
  readonly #defaults: DetectOptions;

  private constructor(
    model: TaskModel,
    preprocess: Preprocess,
    preprocessSource: PreprocessSource,
    head: RecognizedHead,
    activation: Activation,
    labels: ResolvedLabels,
    defaults: DetectOptions,
  ) {
    super(model, preprocess, preprocessSource);
    this.labels = labels.labels;
    this.labelSource = labels.source;
    this.head = head.head;
    this.#head = head;
    this.#activation = activation;
    this.#defaults = defaults;
  }

  /**
   * Those of the labels that are names: some heads have one class more.
   * @internal
   */
  get namedLabels(): readonly string[] {
    return this.#head.hasUnnamedClass === true ? this.labels.slice(0, -1) : this.labels;
  }

  /**
   * Opens a detector. Its head, preprocessing and labels are recognised from shapes and metadata, and each can be named.
   * Throws MODEL_AMBIGUOUS with the candidates where the head is not clear, MODEL_UNSUPPORTED, LABELS_INVALID, INVALID_ARGUMENT also for `keypoints`,
   * `rotated` or `ssd` of a head that has no place for them, and as `createSession`.
   */
  static async load(model: ModelSource, given: DetectorOptions = {}): Promise<Detector> {
    const opened = await TaskModel.open(model, given, [...detectOptionNames, ...detectorOptionNames]);
    const options = opened.withBundled(given);
    try {
      // The letterboxes of all families give the same shape, so any serves to learn the outputs'; so it does where pictures keep sizes of their own.
      const wanted = opened.input.preprocess(options.preprocess, 'yolo', {});
      const probe = wanted.shape === undefined ? opened.input.preprocess('yolo', 'yolo', {}) : wanted;
      const outputs = (await opened.floatOutputs(probe, options.signal)).map((output) => ({
        ...output,
        decoding: opened.boxDecoding(output.name),
      }));
      const labelCount = await declaredLabelCount(options.labels, opened.metadata, opened.namesBeside);
      const head = recognizeHead(outputs, headEvidence(options, opened.metadata, opened.input.size(probe), labelCount));
      checkSaid(options, head);
      const preset = presetOf(head);
      const preprocess = opened.input.preprocess(options.preprocess, preset, {});
      if (preprocess.shape === undefined && needsOneSize(head)) {
        throw invalidArgument(
          'preprocess.fit',
          'letterbox, stretch or another fit to one size',
          preprocess.options.fit,
          `The outputs of the head '${head.head}' belong to one input size: { preprocess: { fit: 'letterbox', width, height } }.`,
        );
      }
      const source = opened.input.preprocessSource(options.preprocess, preset);
      const named = head.hasUnnamedClass === true ? head.classes - 1 : head.classes;
      const resolved = await resolveLabels({
        option: options.labels,
        metadata: opened.metadata,
        beside: opened.namesBeside,
        classes: named,
        task: 'detect',
      });
      const labels = named === head.classes ? resolved : { ...resolved, labels: [...resolved.labels, String(named)] };
      const activation = head.priors?.activation ?? recognizeActivation(opened.producer(head.outputs[0] as string), 'softmax');
      const { scoreThreshold, iouThreshold, maxDetections, classAgnostic, classes, slices, pixelLimit } = options;
      const defaults = { scoreThreshold, iouThreshold, maxDetections, classAgnostic, classes, slices, pixelLimit };
      const detector = new Detector(opened, preprocess, source, head, activation, labels, defaults);
      detector.#spec(defaults); // checks the defaults now, not at the first picture
      if (slices !== undefined && slices !== false) detector.#slices(slices);
      await opened.settle(preprocess, detector.labels);
      return detector;
    } catch (error) {
      await opened.dispose();
      throw error;
    }
  }

  /**
   * Finds the objects in one picture, or in each of several. Throws INVALID_ARGUMENT, UNKNOWN_OPTION, MEDIA_NOT_FOUND, MEDIA_INVALID,
   * MEDIA_UNSUPPORTED, MEDIA_TOO_LARGE, BACKEND_NOT_FOUND (sharp), ABORTED, DISPOSED, OUT_OF_MEMORY, and ENGINE_FAILED, also where the output
   * holds no finite number, and LABELS_INVALID where an end-to-end head finds a class that has no label. A picture that fails ends the call;
   * `details.index` tells which, of several the lowest.
   */
  detect(image: PictureInput, options?: DetectOptions): Promise<Detections>;
  detect(images: readonly PictureInput[], options?: DetectOptions): Promise<Detections[]>;
  detect(images: PictureInput | readonly PictureInput[], options?: DetectOptions): Promise<Detections | Detections[]>;
  async detect(images: PictureInput | readonly PictureInput[], options: DetectOptions = {}): Promise<Detections | Detections[]> {
    checkOptions('detect options', options, [...detectOptionNames, ...taskRunOptionNames]);
    const merged = withDefaults(this.#defaults, options);
    const pictures = pictureList(images);
    const { slices } = merged;
    const results =
      slices === undefined || slices === false
        ? await this.model.process(pictures, this.preprocess, this.#job(this.#spec(merged), merged.pixelLimit), merged)
        : await this.#detectSliced(pictures, this.#spec(merged), merged, this.#slices(slices));
    return Array.isArray(images) ? results : (results[0] as Detections);
  }

  /** @internal */
  job(options: DetectOptions): PictureJob<Detections> {
    checkOptions('detect options', options, [...detectOptionNames, ...taskRunOptionNames]);
    const merged = withDefaults(this.#defaults, options);
    if (merged.slices !== undefined && merged.slices !== false) {
      const hint = 'How many slices a picture has is not known before it is decoded: give { slices: false }, or call detect().';
      throw invalidArgument('slices', 'false in a batcher', merged.slices, hint);
    }
    return this.#job(this.#spec(merged), merged.pixelLimit);
  }

  #job(spec: NativeDetectionSpec, pixelLimit: number | undefined): PictureJob<Detections> {
    const { outputs, prototypes } = this.#head;
    return {
      pixelLimit,
      outputs: prototypes === undefined ? outputs : [...outputs, prototypes.output],
      decode: async ({ raw, placement, signal, timing }) => {
        const decoded = await settle(
          (operation) => native().detectionsDecode(raw, spec, prototypes?.shape, placement, operation),
          signal,
        );
        return new Detections({
          ...decoded,
          keypointCount: spec.keypoints,
          masks: masksOf(decoded.masks),
          labels: this.labels,
          width: placement.sourceWidth,
          height: placement.sourceHeight,
          timing: timing(decoded.elapsedMs),
        });
      },
    };
  }

  /** One picture after the other: the slices of each keep all lanes busy, and only one is held in memory. */
  async #detectSliced(
    pictures: readonly PictureInput[],
    spec: NativeDetectionSpec,
    { signal, pixelLimit, requestId }: DetectOptions,
    slices: CheckedSlices,
  ): Promise<Detections[]> {
    const results: Detections[] = [];
    for (const [index, image] of pictures.entries()) {
      try {
        const started = performance.now();
        using picture = await Picture.read(image, { pixelLimit, signal, iccProfile: this.preprocess.options.iccProfile });
        const { width, height, copiedBytes } = picture;
        const decoded = { width, height, decodeMs: performance.now() - started, copiedBytes };
        const areas = sliceAreas(picture, slices);
        if (slices.wholePicture && areas.length > 1) areas.push({ x: 0, y: 0, width, height });
        const windows = areas.map((area) => picture.window(area.x, area.y, area.width, area.height));
        // All of a slice count: what one sees of an object may complete what another sees of it.
        const uncut = { ...spec, maxDetections: mostDetections };
        const how = { signal, requestId, parts: true };
        const parts = await this.model.process(windows, this.preprocess, this.#job(uncut, pixelLimit), how);
        const partsPerRun = this.model.picturesPerRun(this.preprocess);
        results.push(await mergeSlices(parts, areas, decoded, { ...spec, ...slices }, partsPerRun, signal));
      } catch (error) {
        throw pictures.length === 1 ? error : withIndex(error, index);
      }
    }
    return results;
  }

  #slices(options: SliceOptions): CheckedSlices {
    const { keypoints, prototypes, rotated } = this.#head;
    const plainBoxes = keypoints === undefined && prototypes === undefined && rotated !== true;
    const { shape, options: input } = this.preprocess;
    return checkSlices(options, shape && input, plainBoxes);
  }

  #spec(options: DetectOptions): NativeDetectionSpec {
    const {
      head,
      classes,
      anchors,
      strides = [],
      priors,
      pointsPerCell = 1,
      keypoints,
      prototypes,
      rotated = false,
    } = this.#head;
    return {
      head,
      classes,
      anchors,
      strides,
      priors,
      activation: this.#activation,
      pointsPerCell,
      keypoints: keypoints?.count ?? 0,
      keypointValues: keypoints?.values ?? 3,
      maskCoefficients: prototypes?.shape[0] ?? 0,
      rotated,
      scoreThreshold: checkNumber('scoreThreshold', options.scoreThreshold ?? 0.25, 0, 1),
      iouThreshold: checkNumber('iouThreshold', options.iouThreshold ?? 0.45, 0, 1),
      maxDetections: checkInteger('maxDetections', options.maxDetections ?? 300, 1, mostDetections),
      classAgnostic: checkBoolean('classAgnostic', options.classAgnostic ?? false),
      classFilter: this.#classFilter(options.classes ?? []),
    };
  }

  #classFilter(classes: unknown): number[] {
    if (!Array.isArray(classes)) throw invalidArgument('classes', 'an array of class ids or names', classes);
    return classes.map((wanted: unknown, i) => {
      if (typeof wanted !== 'string') return checkInteger(`classes[${i}]`, wanted, 0, this.#head.classes - 1);
      const id = this.labels.indexOf(wanted);
      if (id !== -1) return id;
      const nearest = nearestName(wanted, this.labels);
      throw new ArgumentError('INVALID_ARGUMENT', {
        message: `The model has no class ${JSON.stringify(wanted)}`,
        hint:
          nearest === undefined ? `It has: ${this.labels.slice(0, 12).join(', ')}…` : `Did you mean ${JSON.stringify(nearest)}?`,
      });
    });
  }
}

/** Views over the one piece of memory that holds the masks. */
function masksOf(masks: NativeDetections['masks']): InstanceMask[] | undefined {
  if (masks === undefined) return undefined;
  const { areas, lease } = masks;
  let offset = 0;
  return Array.from({ length: areas.length / 4 }, (_, i) => {
    const [x, y, width, height] = areas.subarray(i * 4) as unknown as [number, number, number, number];
    const data = lease === undefined ? new Uint8Array(0) : new Uint8Array(lease.buffer, offset, width * height);
    offset += width * height;
    return new InstanceMask({ x, y, width, height }, data, lease?.handle);
  });
}
