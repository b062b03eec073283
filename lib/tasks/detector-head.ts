import { ArgumentError, checkOneOf, ModelError } from '../errors/index.js';

/**
 * How a detector's raw output is read.
 * - `yolov8`: `[4 + C, A]`, centre, size in input pixels, class scores (YOLOv8, YOLO11 and kin).
 * - `yolov8-transposed`: `[A, 4 + C]`.
 * - `yolox`: `[A, 5 + C]`, offsets and log sizes on grids, objectness, class scores.
 */
export type DetectionHead = 'yolov8' | 'yolov8-transposed' | 'yolox';

export const detectionHeads = ['yolov8', 'yolov8-transposed', 'yolox'] as const satisfies readonly DetectionHead[];

/** A head and the sizes it was recognised with. */
export interface RecognizedHead {
  readonly head: DetectionHead;
  readonly classes: number;
  /** Number of candidate boxes. */
  readonly anchors: number;
  /** Of the grids, in input pixels; for `yolox`. */
  readonly strides: readonly number[];
}

/** Strides of the feature pyramids in use: P3 to P5, P3 to P6, P3 to P7, and the two-level ones of tiny models. */
const pyramids = [
  [8, 16, 32],
  [8, 16, 32, 64],
  [8, 16, 32, 64, 128],
  [8, 16],
  [16, 32],
] as const;

/** Candidate boxes of an anchor-free head: one per cell of each grid. */
function gridCells(width: number, height: number, strides: readonly number[]): number {
  return strides.reduce((sum, stride) => sum + Math.ceil(width / stride) * Math.ceil(height / stride), 0);
}

/** What is known of the model besides the shape of its output. */
export interface HeadEvidence {
  /** Of the input, in pixels. */
  readonly width: number;
  readonly height: number;
  /** Number of class names the model or the user gives. */
  readonly labelCount: number | undefined;
  /** The head the user named. */
  readonly asked: DetectionHead | undefined;
}

/**
 * Recognises the head by the shape of the output, `[rows, columns]` of one picture. Anchor-free heads have one candidate per grid cell, which tells candidates from
 * attributes; the number of class names tells 4 + C from 5 + C.
 *
 * Throws MODEL_AMBIGUOUS with the candidates where more than one fits, MODEL_UNSUPPORTED where none does.
 */
export function recognizeHead(shape: readonly number[], evidence: HeadEvidence): RecognizedHead {
  const [rows, columns] = shape as readonly [number, number];
  const candidates: RecognizedHead[] = [];
  for (const strides of pyramids) {
    const cells = gridCells(evidence.width, evidence.height, strides);
    if (columns === cells) candidates.push({ head: 'yolov8', classes: rows - 4, anchors: columns, strides });
    if (rows === cells) {
      candidates.push({ head: 'yolov8-transposed', classes: columns - 4, anchors: rows, strides });
      candidates.push({ head: 'yolox', classes: columns - 5, anchors: rows, strides });
    }
  }
  const possible = candidates.filter(({ classes }) => classes >= 1);
  const { asked, labelCount } = evidence;
  if (asked !== undefined) return namedHead(checkOneOf('head', asked, detectionHeads), possible, shape);

  const fitting = possible.filter(({ classes }) => labelCount === undefined || classes === labelCount);
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return only;
  // Without names, 80 classes are those of COCO, which most published detectors were trained on.
  const coco = fitting.filter(({ classes }) => classes === 80);
  if (labelCount === undefined && coco.length === 1) return coco[0] as RecognizedHead;

  const text = `[${shape.join(', ')}]`;
  if (fitting.length > 1) {
    const names = fitting.map(({ head, classes }) => `${head} with ${classes} classes`);
    throw new ModelError('MODEL_AMBIGUOUS', {
      message: `An output of shape ${text} can be read in more than one way: ${names.join(', ')}`,
      hint: `Name the head: { head: '${fitting[0]?.head}' }, or give the labels.`,
      details: { shape, candidates: fitting },
    });
  }
  if (possible.length > 0) {
    throw new ArgumentError('LABELS_INVALID', {
      message: `An output of shape ${text} has room for ${possible.map(({ head, classes }) => `${classes} classes (${head})`).join(' or ')}, but there are ${labelCount} labels`,
      hint: 'Give as many labels as the model has classes.',
      details: { shape, labels: labelCount },
    });
  }
  throw new ModelError('MODEL_UNSUPPORTED', {
    message: `No known detection head has an output of shape ${text} for an input of ${evidence.width} x ${evidence.height}`,
    hint: `Known: ${detectionHeads.join(', ')}. createSession() gives the raw outputs of any model.`,
    details: { shape },
  });
}

function namedHead(asked: DetectionHead, possible: readonly RecognizedHead[], shape: readonly number[]): RecognizedHead {
  const found = possible.find(({ head }) => head === asked);
  if (found !== undefined) return found;
  const [rows, columns] = shape as readonly [number, number];
  // Boxes that are decoded in the graph need no grid. Where there is one, it tells candidates from attributes.
  if (possible.length === 0) {
    if (asked === 'yolov8' && rows > 4) return { head: asked, classes: rows - 4, anchors: columns, strides: [] };
    if (asked === 'yolov8-transposed' && columns > 4) return { head: asked, classes: columns - 4, anchors: rows, strides: [] };
  }
  throw new ModelError('MODEL_UNSUPPORTED', {
    message: `An output of shape [${shape.join(', ')}] does not fit the head '${asked}'`,
    hint:
      possible.length > 0
        ? `It fits ${possible.map(({ head }) => `'${head}'`).join(', ')}.`
        : 'createSession() gives the raw outputs.',
    details: { shape, asked },
  });
}
