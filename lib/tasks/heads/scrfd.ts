import { describeOutputs, type HeadEvidence, type HeadOutput, type RecognizedHead } from './detection-head.js';
import { ModelError } from '../../errors/index.js';

/** Strides of the published models: three levels, or five. */
const pyramids = [
  [8, 16, 32],
  [8, 16, 32, 64, 128],
] as const;

/** Published models have two. */
const mostPointsPerCell = 3;

/**
 * Recognises SCRFD: for each of three or five strides scores `[P, 1]`, distances `[P, 4]` and, where it finds landmarks, offsets `[P, 2 * K]`,
 * with a batch dimension before or without. undefined where the outputs are of another kind.
 *
 * Throws MODEL_UNSUPPORTED where the outputs look like it but fit no grid.
 */
export function recognizeScrfd(outputs: readonly HeadOutput[], evidence: HeadEvidence): RecognizedHead | undefined {
  const rank = outputs[0]?.shape.length;
  if ((rank !== 2 && rank !== 3) || outputs.some(({ shape }) => shape.length !== rank)) return undefined;
  const values = (output: HeadOutput): number => output.shape[rank - 1] as number;
  const points = (output: HeadOutput): number => output.shape[rank - 2] as number;
  // The finest grid first, whatever the order of the outputs.
  const kind = (wanted: (count: number) => boolean): HeadOutput[] =>
    outputs.filter((output) => wanted(values(output))).sort((a, b) => points(b) - points(a));
  const scores = kind((count) => count === 1);
  const boxes = kind((count) => count === 4);
  const landmarks = kind((count) => count > 4 && count % 2 === 0);
  const strides = pyramids.find(({ length }) => length === scores.length);
  const counts = [scores, boxes, ...(landmarks.length > 0 ? [landmarks] : [])];
  const isWhole = counts.flat().length === outputs.length && counts.every(({ length }) => length === strides?.length);
  if (strides === undefined || !isWhole) return undefined;

  const cells = strides.map((stride) => Math.floor(evidence.width / stride) * Math.floor(evidence.height / stride));
  const pointsPerCell = points(scores[0] as HeadOutput) / (cells[0] as number);
  const fits = counts.every((levels) => levels.every((output, i) => points(output) === (cells[i] as number) * pointsPerCell));
  if (!fits || !Number.isInteger(pointsPerCell) || pointsPerCell > mostPointsPerCell) {
    throw new ModelError('MODEL_UNSUPPORTED', {
      message: `The outputs look like SCRFD's but do not fit the strides ${strides.join(', ')} of an input of ${evidence.width} x ${evidence.height}: ${describeOutputs(outputs)}`,
      hint: 'createSession() gives the raw outputs of any model.',
    });
  }
  const [offsets] = landmarks;
  return {
    head: 'scrfd',
    classes: 1,
    anchors: counts[0]!.reduce((sum, output) => sum + points(output), 0),
    outputs: counts.flat().map(({ name }) => name),
    strides,
    pointsPerCell,
    ...(offsets === undefined ? {} : { keypoints: { count: values(offsets) / 2, values: 2 } }),
  };
}
