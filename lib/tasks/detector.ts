import { native, settle, type NativeDetectionSpec } from '../binding/index.js';
import {
  ArgumentError,
  checkBoolean,
  checkInteger,
  checkNumber,
  checkOptions,
  constructedDirectly,
  invalidArgument,
  nearestName,
  withDefaults,
} from '../errors/index.js';
import type { PictureInput, Preprocess } from '../image/index.js';
import { declaredLabelCount, resolveLabels, type ResolvedLabels } from '../labels/index.js';
import { Detections } from '../results/index.js';
import type { ModelSource, Session } from '../session/index.js';
import { recognizeHead, type DetectionHead, type RecognizedHead } from './detector-head.js';
import type { PreprocessSource } from './preprocess-source.js';
import { pictureList, soleOutput, TaskModel, type TaskOptions, type TaskRunOptions } from './task-model.js';

/** How a detector is opened. */
export interface DetectorOptions extends TaskOptions, DetectOptions {
  /** How the raw output is read. Default: recognised. */
  readonly head?: DetectionHead | undefined;
}

/** What counts as found. Given to `load`, all but `signal` are the defaults of every `detect`. */
export interface DetectOptions extends TaskRunOptions {
  /** Boxes are kept from this score on. Default 0.25, as Ultralytics. */
  readonly scoreThreshold?: number | undefined;
  /** Of two boxes of a class that overlap by more than this IoU, the lower score goes. Default 0.45, as YOLOv5. */
  readonly iouThreshold?: number | undefined;
  /** At most 30,000, which is also how many candidates enter suppression. Default 300. */
  readonly maxDetections?: number | undefined;
  /** Whether boxes of different classes suppress one another. Default false. */
  readonly classAgnostic?: boolean | undefined;
  /** Only these classes, by id or name. Default: all. */
  readonly classes?: readonly (number | string)[] | undefined;
}

const detectOptionNames = ['scoreThreshold', 'iouThreshold', 'maxDetections', 'classAgnostic', 'classes'] as const;

/**
 * Finds objects in pictures.
 *
 *     const detector = await Detector.load('yolov8n.onnx');
 *     for (const { label, score, box } of await detector.detect('street.jpg')) console.log(label, score, box);
 */
export class Detector implements AsyncDisposable {
  readonly session: Session;
  readonly preprocess: Preprocess;
  /** Where the preprocessing came from. */
  readonly preprocessSource: PreprocessSource;
  readonly labels: readonly string[];
  /** Where the labels came from: 'option', 'file', 'metadata', 'config', a built-in list, or 'numbers'. */
  readonly labelSource: ResolvedLabels['source'];
  /** How the output is read. */
  readonly head: DetectionHead;
  readonly #model: TaskModel;
  readonly #head: RecognizedHead;
  readonly #output: string;
  readonly #defaults: DetectOptions;

  private constructor(
    model: TaskModel,
    preprocess: Preprocess,
    preprocessSource: PreprocessSource,
    head: RecognizedHead,
    output: string,
    labels: ResolvedLabels,
    defaults: DetectOptions,
  ) {
    if (!(model instanceof TaskModel)) throw constructedDirectly('Detector', 'Detector.load(model)');
    this.session = model.session;
    this.preprocess = preprocess;
    this.preprocessSource = preprocessSource;
    this.labels = labels.labels;
    this.labelSource = labels.source;
    this.head = head.head;
    this.#model = model;
    this.#head = head;
    this.#output = output;
    this.#defaults = defaults;
  }

  /**
   * Opens a detector. Its head, preprocessing and labels are recognised from shapes and metadata, and each can be named.
   * Throws MODEL_AMBIGUOUS with the candidates where the head is not clear, MODEL_UNSUPPORTED, LABELS_INVALID, and as `createSession`.
   */
  static async load(model: ModelSource, options: DetectorOptions = {}): Promise<Detector> {
    const opened = await TaskModel.open(model, options, [...detectOptionNames, 'head']);
    try {
      // The letterboxes of both families give the same shape, so either serves to learn the output's.
      const probe = opened.input.preprocess(options.preprocess, 'yolo', {});
      if (probe.shape === undefined) {
        throw invalidArgument(
          'preprocess.fit',
          'letterbox, stretch or crop',
          probe.options.fit,
          'The boxes of a head belong to one input size.',
        );
      }
      const shapes = await opened.outputShapes(probe, options.signal);
      const output = soleOutput(opened.session, shapes, 3, 'one detection output [N, 4 + C, A] or [N, A, 5 + C]');
      const labelCount = await declaredLabelCount(options.labels, opened.metadata, opened.namesBeside);
      const head = recognizeHead(output.shape.slice(1), { ...opened.input.size(probe), labelCount, asked: options.head });
      const preset = head.head === 'yolox' ? 'yolox' : 'yolo';
      const preprocess = opened.input.preprocess(options.preprocess, preset, {});
      const source = opened.input.preprocessSource(options.preprocess, preset);
      const labels = await resolveLabels({
        option: options.labels,
        metadata: opened.metadata,
        beside: opened.namesBeside,
        classes: head.classes,
        task: 'detect',
      });
      const { scoreThreshold, iouThreshold, maxDetections, classAgnostic, classes, pixelLimit } = options;
      const defaults = { scoreThreshold, iouThreshold, maxDetections, classAgnostic, classes, pixelLimit };
      const detector = new Detector(opened, preprocess, source, head, output.name, labels, defaults);
      detector.#spec(defaults); // checks the defaults now, not at the first picture
      return detector;
    } catch (error) {
      await opened.session.dispose();
      throw error;
    }
  }

  /**
   * Finds the objects in one picture, or in each of several. Throws INVALID_ARGUMENT, UNKNOWN_OPTION, MEDIA_NOT_FOUND, MEDIA_INVALID,
   * MEDIA_UNSUPPORTED, MEDIA_TOO_LARGE, BACKEND_NOT_FOUND (sharp), ABORTED, DISPOSED, OUT_OF_MEMORY, and ENGINE_FAILED, also where the output
   * holds no finite number. A picture that fails ends the call; `details.index` tells which, of several the lowest.
   */
  detect(image: PictureInput, options?: DetectOptions): Promise<Detections>;
  detect(images: readonly PictureInput[], options?: DetectOptions): Promise<Detections[]>;
  detect(images: PictureInput | readonly PictureInput[], options?: DetectOptions): Promise<Detections | Detections[]>;
  async detect(images: PictureInput | readonly PictureInput[], options: DetectOptions = {}): Promise<Detections | Detections[]> {
    checkOptions('detect options', options, [...detectOptionNames, 'signal', 'pixelLimit']);
    const merged = withDefaults(this.#defaults, options);
    const spec = this.#spec(merged);
    const results = await this.#model.process(
      pictureList(images),
      this.preprocess,
      this.#output,
      merged,
      async ({ raw, placement, signal, timing }) => {
        const { boxes, scores, classIds, elapsedMs } = await settle(
          (operation) => native().detectionsDecode(raw, spec, placement, operation),
          signal,
        );
        const { sourceWidth: width, sourceHeight: height } = placement;
        return new Detections({ boxes, scores, classIds, labels: this.labels, width, height, timing: timing(elapsedMs) });
      },
    );
    return Array.isArray(images) ? results : (results[0] as Detections);
  }

  #spec(options: DetectOptions): NativeDetectionSpec {
    return {
      head: this.#head.head,
      classes: this.#head.classes,
      anchors: this.#head.anchors,
      strides: this.#head.strides,
      scoreThreshold: checkNumber('scoreThreshold', options.scoreThreshold ?? 0.25, 0, 1),
      iouThreshold: checkNumber('iouThreshold', options.iouThreshold ?? 0.45, 0, 1),
      maxDetections: checkInteger('maxDetections', options.maxDetections ?? 300, 1, 30_000),
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

  /** Waits for calls in flight and frees the model. Idempotent. */
  dispose(): Promise<void> {
    return this.#model.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
