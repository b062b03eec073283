import { ArgumentError, ModelError } from '../../errors/index.js';
import {
  detectionHeads,
  mostQueries,
  type DetectionHead,
  type HeadEvidence,
  type HeadOutput,
  type RecognizedHead,
} from './detection-head.js';

/** Strides of the feature pyramids in use: P3 to P5, P3 to P6, P3 to P7, and the two-level ones of tiny models. */
const pyramids = [
  [8, 16, 32],
  [8, 16, 32, 64],
  [8, 16, 32, 64, 128],
  [8, 16],
  [16, 32],
] as const;

/** YOLOv5 and YOLOv7 have so many anchors at every cell. */
const anchorsPerCell = 3;

/** Cells of all grids of a pyramid. */
function gridCells(width: number, height: number, strides: readonly number[]): number {
  return strides.reduce((sum, stride) => sum + Math.ceil(width / stride) * Math.ceil(height / stride), 0);
}

/** Whether an output has a row for each cell of a pyramid's grids. */
export function fillsGrids(rows: number, { width, height }: Pick<HeadEvidence, 'width' | 'height'>): boolean {
  return pyramids.some((strides) => gridCells(width, height, strides) === rows);
}

/** A reading of an output, before it is known whether it fits what else is known. */
type Reading = Omit<RecognizedHead, 'outputs'>;

/** How many values each candidate has besides box, objectness and class scores; and what they are. */
interface Extras extends Pick<RecognizedHead, 'keypoints' | 'prototypes' | 'rotated'> {
  readonly count: number;
}

function extrasOf(prototypes: HeadOutput | undefined, { keypoints, rotated = false }: HeadEvidence): Extras {
  if (prototypes !== undefined) {
    const [, count, height, width] = prototypes.shape as [number, number, number, number];
    return { count, prototypes: { output: prototypes.name, shape: [count, height, width] } };
  }
  if (keypoints !== undefined) return { count: keypoints.count * keypoints.values, keypoints };
  return rotated ? { count: 1, rotated } : { count: 0 };
}

/** Every way to read rows and columns that leaves at least one class. */
function readings({ shape, decoding }: HeadOutput, extras: Extras, evidence: HeadEvidence): Reading[] {
  const [, rows, columns] = shape as [number, number, number];
  const { count, ...what } = extras;
  const found: Reading[] = [];
  for (const strides of pyramids) {
    const cells = gridCells(evidence.width, evidence.height, strides);
    if (columns === cells) found.push({ head: 'yolov8', classes: rows - 4 - count, anchors: columns, ...what });
    if (rows === cells) {
      found.push({ head: 'yolov8-transposed', classes: columns - 4 - count, anchors: rows, ...what });
      if (count === 0) {
        const family = decoding === 'exponential' ? ({ family: 'yolox' } as const) : {};
        found.push({ head: 'yolox', classes: columns - 5, anchors: rows, strides });
        found.push({ head: 'yolov5', classes: columns - 5, anchors: rows, ...family });
      }
    }
    if (rows === cells * anchorsPerCell) {
      found.push({ head: 'yolov5', classes: columns - 5 - count, anchors: rows, ...what });
    }
  }
  if (found.length === 0 && rows <= mostQueries) found.push(...queryReadings(rows, columns, extras, evidence));
  return found.filter(({ classes }) => classes >= 1);
}

/** Heads whose candidates stand on no grid. Nothing in an end-to-end output tells how many classes there are. */
function queryReadings(rows: number, columns: number, extras: Extras, { labelCount, rtDetr }: HeadEvidence): Reading[] {
  const { count, ...what } = extras;
  if (labelCount === undefined) return [];
  const found: Reading[] = [];
  if (columns === 6 && count === 0 && rtDetr === 'end-to-end') {
    found.push({ head: 'rt-detr-end-to-end', classes: labelCount, anchors: rows });
  }
  if (columns === 6 + count && !rtDetr) found.push({ head: 'end-to-end', classes: labelCount, anchors: rows, ...what });
  if (count === 0 && columns === 4 + labelCount && (rtDetr === 'concatenated' || rtDetr === undefined)) {
    found.push({ head: 'rt-detr-concatenated', classes: labelCount, anchors: rows });
  }
  return found;
}

/**
 * Recognises the head of an output `[N, rows, columns]`, with `prototypes` `[N, K, H, W]` beside it for models that segment instances. Heads on
 * grids have one candidate, or three, per cell, which tells candidates from attributes; the number of class names tells 4 + C from 5 + C, and the
 * graph offsets from boxes.
 *
 * Throws MODEL_AMBIGUOUS with the candidates where more than one fits, LABELS_INVALID where the labels do not, MODEL_UNSUPPORTED where none does.
 */
export function recognizeSingleOutput(
  output: HeadOutput,
  prototypes: HeadOutput | undefined,
  evidence: HeadEvidence,
): RecognizedHead {
  const shape = output.shape.slice(1);
  const [rows, columns] = shape as [number, number];
  const extras = extrasOf(prototypes, evidence);
  const byShape = readings(output, extras, evidence);
  const { asked, labelCount } = evidence;
  const finished = (reading: Reading): RecognizedHead => ({ ...reading, outputs: [output.name] });
  if (asked !== undefined) return finished(namedReading(asked, byShape, shape, extras, evidence));

  const possible = agreeing(byShape, output);
  const fitting = possible.filter(({ classes }) => labelCount === undefined || classes === labelCount);
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return finished(only);
  // Without names, 80 classes are those of COCO, which most published detectors were trained on.
  const coco = fitting.filter(({ classes }) => classes === 80);
  if (labelCount === undefined && coco.length === 1) return finished(coco[0] as Reading);
  if (fitting.length > 1) throw ambiguous(shape, coco.length > 1 ? coco : fitting);

  const text = `[${shape.join(', ')}]`;
  if (possible.length > 0) {
    throw new ArgumentError('LABELS_INVALID', {
      message: `An output of shape ${text} has room for ${possible.map(({ head, classes }) => `${classes} classes (${head})`).join(' or ')}, but there are ${labelCount} labels`,
      hint: 'Give as many labels as the model has classes.',
      details: { shape, labels: labelCount },
    });
  }
  if (labelCount === undefined && rows <= mostQueries && columns === 6 + extras.count) {
    throw new ModelError('MODEL_AMBIGUOUS', {
      message: `An output of shape ${text} looks like 'end-to-end', which does not tell how many classes there are, and the model names none`,
      hint: 'Give the labels: { labels: [...] } or a file.',
      details: { shape, candidates: [{ head: 'end-to-end' }] },
    });
  }
  throw new ModelError('MODEL_UNSUPPORTED', {
    message: `No known detection head has an output of shape ${text} for an input of ${evidence.width} x ${evidence.height}`,
    hint: `Known: ${detectionHeads.join(', ')}. A map of numbers, such as depth, is for DensePredictor.load(). createSession() gives the raw outputs of any model.`,
    details: { shape },
  });
}

/** Offsets from the cells of grids and the boxes that are decoded from them have one shape: the graph tells them apart, where it is plain. */
function agreeing(possible: Reading[], { decoding }: HeadOutput): Reading[] {
  if (decoding === undefined || !possible.some(({ head }) => head === 'yolox')) return possible;
  return possible.filter(({ head }) => (head === 'yolox') === (decoding === 'none'));
}

function ambiguous(shape: readonly number[], candidates: readonly Reading[]): ModelError {
  const names = candidates.map(({ head, classes }) => `${head} with ${classes} classes`);
  const isByDecoding = candidates.some(({ head }) => head === 'yolox');
  return new ModelError('MODEL_AMBIGUOUS', {
    message: `An output of shape [${shape.join(', ')}] can be read in more than one way: ${names.join(', ')}`,
    hint: isByDecoding
      ? "Name the head: { head: 'yolox' } for offsets from the cells of grids; { head: 'yolov5' } for boxes that are decoded in the graph, in a YOLOX with { preprocess: 'yolox' }."
      : `Name the head: { head: '${candidates[0]?.head}' }, or give the labels.`,
    details: { shape, candidates },
  });
}

function namedReading(
  asked: DetectionHead,
  possible: readonly Reading[],
  shape: readonly number[],
  extras: Extras,
  { labelCount }: HeadEvidence,
): Reading {
  const found = possible.find(({ head }) => head === asked);
  if (found !== undefined) return found;
  // Boxes that are decoded in the graph need no grid. Where there is one, it tells candidates from attributes.
  if (possible.length === 0) {
    const loose = looseReading(asked, shape as readonly [number, number], extras, labelCount);
    if (loose !== undefined && loose.classes >= 1) return loose;
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

function looseReading(
  head: DetectionHead,
  [rows, columns]: readonly [number, number],
  { count, ...what }: Extras,
  labelCount: number | undefined,
): Reading | undefined {
  switch (head) {
    case 'yolov5':
      return { head, classes: columns - 5 - count, anchors: rows, ...what };
    case 'yolov8':
      return { head, classes: rows - 4 - count, anchors: columns, ...what };
    case 'yolov8-transposed':
      return { head, classes: columns - 4 - count, anchors: rows, ...what };
    case 'rt-detr-concatenated':
      return { head, classes: columns - 4, anchors: rows };
    case 'rt-detr-end-to-end':
      return columns === 6 && labelCount !== undefined ? { head, classes: labelCount, anchors: rows } : undefined;
    case 'end-to-end':
      return columns === 6 + count && labelCount !== undefined
        ? { head, classes: labelCount, anchors: rows, ...what }
        : undefined;
    case 'yolox':
    case 'detr':
    case 'rt-detr':
    case 'ssd':
    case 'scrfd':
      return undefined;
  }
}
