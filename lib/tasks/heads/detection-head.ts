import type { BoxDecoding } from './box-decoding.js';
import type { PriorBoxes } from './ssd.js';

export const detectionHeads = [
  'yolov5',
  'yolov8',
  'yolov8-transposed',
  'yolox',
  'end-to-end',
  'detr',
  'rt-detr',
  'rt-detr-concatenated',
  'rt-detr-end-to-end',
  'ssd',
  'scrfd',
] as const;

/**
 * How a detector's outputs are read. A is the number of candidate boxes, C of classes; X stands for the values behind the scores of models that
 * give more than boxes: keypoints, the coefficients of a mask, or the angle of an oriented box. Boxes are centre and size in input pixels, scores
 * 0 to 1, unless said otherwise.
 * - `yolov5`: `[A, 5 + C + X]`, box, objectness, class scores, three anchors a cell (YOLOv5, YOLOv7); without X also one (YOLOv6, and YOLOX that
 *   decodes its boxes in the graph).
 * - `yolov8`: `[4 + C + X, A]`, box, class scores (YOLOv8, YOLOv9, YOLO11, YOLO12 and kin).
 * - `yolov8-transposed`: `[A, 4 + C + X]`.
 * - `yolox`: `[A, 5 + C]`, offsets and log sizes on grids, objectness, class scores.
 * - `end-to-end`: `[A, 6 + X]`, x1, y1, x2, y2, score, class; the model suppresses overlaps itself (YOLOv10, YOLO26).
 * - `detr`: logits `[A, C + 1]` for softmax, the last for "nothing", and boxes `[A, 4]` in fractions of the input (DETR).
 * - `rt-detr`: logits `[A, C]` for sigmoid, and boxes `[A, 4]` in fractions (RT-DETR, RF-DETR, Conditional and Deformable DETR).
 * - `rt-detr-concatenated`: `[A, 4 + C]`, boxes in fractions, class scores (RT-DETR as Ultralytics up to 8.3 exports it).
 * - `rt-detr-end-to-end`: `[A, 6]`, boxes in fractions, score, class (RT-DETR as Ultralytics exports it from 8.4 on).
 * - `ssd`: scores `[A, 1 + C]`, the background first, and boxes `[A, 4]`: see {@link SsdOptions}.
 * - `scrfd`: scores, distances and keypoints of each stride, in six or nine outputs (SCRFD, the detector of InsightFace).
 */
export type DetectionHead = (typeof detectionHeads)[number];

/** Heads that have as many candidates whatever the input's size. */
const sizeFreeHeads: readonly DetectionHead[] = ['end-to-end', 'detr', 'rt-detr', 'rt-detr-concatenated', 'rt-detr-end-to-end'];

/** DETR and its kin have a fixed number of queries, 300 for nearly all, up to 900; more candidates are those of grids or prior boxes. */
export const mostQueries = 1000;

/** One output of a model; the batch dimension is part of the shape. */
export interface HeadOutput {
  readonly name: string;
  readonly shape: readonly number[];
  /** As the graph shows it; undefined where that does not tell. */
  readonly decoding?: BoxDecoding | undefined;
}

/** Keypoints of each object: how many, and whether each has a score behind x and y. */
export interface KeypointShape {
  readonly count: number;
  readonly values: 2 | 3;
}

/** A head and the sizes it was recognised with. */
export interface RecognizedHead {
  readonly head: DetectionHead;
  readonly classes: number;
  /** Whether the last class is none of those that labels name: RF-DETR has a column more than it was trained on. */
  readonly hasUnnamedClass?: boolean;
  /** Number of candidate boxes. */
  readonly anchors: number;
  /** Names of the outputs that hold them, in the order in which the core takes them. */
  readonly outputs: readonly string[];
  /** For `yolov5`: a YOLOX that decodes its boxes in the graph, and was trained as such. */
  readonly family?: 'yolox';
  /** Of the grids, in input pixels; for `yolox` and `scrfd`. */
  readonly strides?: readonly number[];
  /** For `scrfd`: candidates at each cell of a grid. */
  readonly pointsPerCell?: number;
  /** For `ssd`. */
  readonly priors?: PriorBoxes;
  readonly keypoints?: KeypointShape;
  /** The output that holds the prototypes of the masks, and its shape without the batch dimension: `[K, H, W]`. */
  readonly prototypes?: { readonly output: string; readonly shape: readonly [number, number, number] };
  readonly rotated?: boolean;
}

/** Whether an input of another size would give outputs of another shape, as those of grids, prior boxes and prototypes do. */
export function needsOneSize({ head, prototypes }: RecognizedHead): boolean {
  return !sizeFreeHeads.includes(head) || prototypes !== undefined;
}

/** What is known of the model besides its outputs. */
export interface HeadEvidence {
  /** Of the input, in pixels. */
  readonly width: number;
  readonly height: number;
  /** Number of class names the model or the user gives. */
  readonly labelCount: number | undefined;
  /** The head the user named. */
  readonly asked: DetectionHead | undefined;
  /** Whether the metadata says that the model is an RT-DETR, and whether it selects the best queries itself; false: another model of Ultralytics. */
  readonly rtDetr?: 'concatenated' | 'end-to-end' | false | undefined;
  readonly keypoints?: KeypointShape | undefined;
  /** Whether boxes are oriented. */
  readonly rotated?: boolean | undefined;
  /** What the user says of an SSD's boxes. */
  readonly priors?: PriorBoxes | undefined;
}

/** `name [1, 84, 8400]`, for messages. */
export function describeOutputs(outputs: readonly HeadOutput[]): string {
  return outputs.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join(', ');
}
