import { ArgumentError, checkOneOf, ModelError } from '../../errors/index.js';
import {
  describeOutputs,
  detectionHeads,
  mostQueries,
  type DetectionHead,
  type HeadEvidence,
  type HeadOutput,
  type RecognizedHead,
} from './detection-head.js';
import { otherTaskHint } from '../other-task.js';
import { isRfDetr } from './preprocess.js';
import { recognizeScrfd } from './scrfd.js';
import { fillsGrids, recognizeSingleOutput } from './single-output.js';
import { unclearBoxes } from './ssd.js';

/** Heads with scores in one output and boxes in another. */
const twoOutputHeads: readonly DetectionHead[] = ['detr', 'rt-detr', 'ssd'];

/** Ids of COCO's 80 classes, with the gaps between them and 0. */
const cocoIds = 91;

/**
 * Recognises the head by the names and shapes of the float outputs. In doubt it refuses and names the candidates.
 *
 * Throws MODEL_AMBIGUOUS, MODEL_UNSUPPORTED, LABELS_INVALID.
 */
export function recognizeHead(outputs: readonly HeadOutput[], evidence: HeadEvidence): RecognizedHead {
  const asked = evidence.asked === undefined ? undefined : checkOneOf('head', evidence.asked, detectionHeads);
  if (asked === undefined || asked === 'scrfd') {
    const scrfd = recognizeScrfd(outputs, evidence);
    if (scrfd !== undefined) return scrfd;
  }
  const ofRank = (rank: number): HeadOutput[] => outputs.filter(({ shape }) => shape.length === rank);
  const flat = ofRank(3);
  const pair = scoresAndBoxes(flat);
  if (pair !== undefined && (asked === undefined || twoOutputHeads.includes(asked))) {
    return recognizeTwoOutputs(pair.scores, pair.boxes, { ...evidence, asked });
  }
  const [output] = flat;
  if (output !== undefined && flat.length === 1 && (asked === undefined || !twoOutputHeads.includes(asked))) {
    return recognizeSingleOutput(output, maskPrototypes(ofRank(4)), { ...evidence, asked });
  }
  throw new ModelError('MODEL_UNSUPPORTED', {
    message: `Expected ${asked === undefined ? 'the outputs of a detection head' : `the outputs of the head '${asked}'`} but the model's outputs are ${describeOutputs(outputs)}`,
    hint: `${flat.length === 0 ? otherTaskHint(outputs) : ''}Known heads: ${detectionHeads.join(', ')}. createSession() gives the raw outputs of any model.`,
    details: { outputs, asked },
  });
}

/** Prototypes are the one map beside the boxes. */
function maskPrototypes(maps: readonly HeadOutput[]): HeadOutput | undefined {
  return maps.length === 1 ? maps[0] : undefined;
}

/** What exporters of DETR's family call scores and boxes; they may give hidden states beside them. */
const pairNames = [
  ['logits', 'pred_boxes'],
  ['labels', 'dets'],
] as const;

/** Two outputs with as many rows, one of them of four columns, or of names that say so. Where both have four columns, a name tells too. */
function scoresAndBoxes(flat: readonly HeadOutput[]): { scores: HeadOutput; boxes: HeadOutput } | undefined {
  for (const names of pairNames) {
    const [scores, boxes] = names.map((wanted) => flat.find(({ name }) => name === wanted));
    if (scores !== undefined && boxes?.shape[2] === 4 && scores.shape[1] === boxes.shape[1]) return { scores, boxes };
  }
  const [a, b] = flat;
  if (a === undefined || b === undefined || flat.length !== 2 || a.shape[1] !== b.shape[1]) return undefined;
  const fours = flat.filter(({ shape }) => shape[2] === 4);
  const boxes = fours.length === 1 ? fours[0] : fours.find(({ name }) => /box|dets/i.test(name));
  if (boxes === undefined) return undefined;
  return { scores: boxes === a ? b : a, boxes };
}

function recognizeTwoOutputs(scores: HeadOutput, boxes: HeadOutput, evidence: HeadEvidence): RecognizedHead {
  const [, anchors, columns] = scores.shape as [number, number, number];
  const { asked, labelCount, priors } = evidence;
  const outputs = [scores.name, boxes.name];
  const ofRfDetr = isRfDetr(outputs);
  const read = (head: 'detr' | 'rt-detr' | 'ssd'): RecognizedHead => {
    const classes = head === 'rt-detr' ? columns : columns - 1;
    if (classes < 1)
      throw new ModelError('MODEL_UNSUPPORTED', { message: `An output ${describeOutputs([scores])} has no room for a class` });
    // Not with the classes of COCO, whose ids begin with 1: names would be those of their neighbours.
    if (head === 'rt-detr' && ofRfDetr && columns !== cocoIds && labelCount === columns - 1) {
      return { head, classes, hasUnnamedClass: true, anchors, outputs };
    }
    if (labelCount !== undefined && labelCount !== classes) throw wrongLabels(head, classes, labelCount, scores);
    return { head, classes, anchors, outputs };
  };
  if (asked === 'ssd' || (asked === undefined && (priors !== undefined || anchors > mostQueries))) {
    if (priors === undefined) throw unclearRows(scores, boxes, evidence);
    return { ...read('ssd'), priors };
  }
  if (asked === 'detr' || asked === 'rt-detr') return read(asked);
  if (ofRfDetr) return read('rt-detr');
  // As many logits as names, or one more for "nothing"; without names, as the published models of COCO have them.
  const classes =
    labelCount ?? ([cocoIds, cocoIds + 1].includes(columns) ? cocoIds : columns === 80 || columns === 81 ? 80 : undefined);
  if (columns === classes) return read('rt-detr');
  if (classes !== undefined && columns === classes + 1) return read('detr');
  if (labelCount !== undefined) throw wrongLabels('rt-detr', columns, labelCount, scores);
  throw new ModelError('MODEL_AMBIGUOUS', {
    message: `The outputs ${describeOutputs([scores, boxes])} can be read in more than one way: detr with ${columns - 1} classes, rt-detr with ${columns} classes`,
    hint: "Name the head: { head: 'rt-detr' }, or give the labels.",
    details: {
      candidates: [
        { head: 'detr', classes: columns - 1 },
        { head: 'rt-detr', classes: columns },
      ],
    },
  });
}

/** Thousands of rows are an SSD's prior boxes, which have a background, or YOLO-NAS's cells, which have none. */
function unclearRows(scores: HeadOutput, boxes: HeadOutput, { labelCount, asked, ...evidence }: HeadEvidence): ModelError {
  const [, rows, columns] = scores.shape as [number, number, number];
  if (asked === 'ssd' || !fillsGrids(rows, evidence)) return unclearBoxes(boxes, scores);
  const hasBackground = labelCount === undefined ? undefined : columns === labelCount + 1;
  if (hasBackground === true) return unclearBoxes(boxes, scores);
  const both = `The outputs ${describeOutputs([scores, boxes])}`;
  if (labelCount === columns) {
    return new ModelError('MODEL_UNSUPPORTED', {
      message: `${both} have a row for each cell of a YOLO's grids and no column for a background: they are YOLO-NAS's, which no head reads`,
      hint: 'createSession() gives the raw outputs of any model.',
      details: { boxes: boxes.name, scores: scores.name },
    });
  }
  return new ModelError('MODEL_AMBIGUOUS', {
    message: `${both} can be an SSD's, with ${columns - 1} classes and a background, or YOLO-NAS's, with ${columns} classes`,
    hint: "For an SSD say what the boxes are: { ssd: { boxes: 'decoded' } }, or { ssd: { boxes: 'raw', priors: [{ stride, sizes }, …] } }. No head reads YOLO-NAS: createSession() gives its raw outputs.",
    details: { boxes: boxes.name, scores: scores.name, candidates: [{ head: 'ssd', classes: columns - 1 }] },
  });
}

function wrongLabels(head: DetectionHead, classes: number, labels: number, scores: HeadOutput): ArgumentError {
  return new ArgumentError('LABELS_INVALID', {
    message: `The output ${describeOutputs([scores])} has room for ${classes} classes (${head}), but there are ${labels} labels`,
    hint: 'Give as many labels as the model has classes.',
    details: { shape: scores.shape, labels },
  });
}
