import type { NativePriorBoxes } from '../../binding/index.js';
import {
  checkBoolean,
  checkInteger,
  checkNumber,
  checkOneOf,
  checkOptions,
  invalidArgument,
  ModelError,
} from '../../errors/index.js';
import { activations, type Activation } from '../activation.js';
import type { HeadOutput } from './detection-head.js';

/** One level of an SSD's prior boxes: at every cell of a grid, row by row, one box of each size. */
export interface PriorLevel {
  /** From cell to cell in input pixels, one number or x and y. The first cell's centre lies half a stride in. Default: the input's size over the grid's. */
  readonly stride?: number | readonly [x: number, y: number] | undefined;
  /** How many cells, one number or columns and rows. Default: the input's size over the stride, rounded up. */
  readonly grid?: number | readonly [columns: number, rows: number] | undefined;
  /** Width and height of each box in input pixels. One number is a square. */
  readonly sizes: readonly (number | readonly [width: number, height: number])[];
}

/**
 * What the outputs of an SSD-like model hold, which no file tells.
 *
 * UltraFace at 320 x 240, for one: `{ boxes: 'raw', clip: true, priors: [{ grid: [40, 30], sizes: [10, 16, 24] }, { grid: [20, 15], sizes: [32, 48] },
 * { grid: [10, 8], sizes: [64, 96] }, { grid: [5, 4], sizes: [128, 192, 256] }] }`.
 */
export interface SsdOptions {
  /** 'decoded': x1, y1, x2, y2 in fractions of the input. 'raw': offsets from the priors, as the network gives them. */
  readonly boxes: 'raw' | 'decoded';
  /** For 'raw': the levels, in the order of the output. */
  readonly priors?: readonly PriorLevel[] | undefined;
  /** For 'raw': what the offsets of centre and size were divided by in training. Default [0.1, 0.2]. */
  readonly variances?: readonly [center: number, size: number] | undefined;
  /** For 'raw': whether priors are clipped to the input. Default false. */
  readonly clip?: boolean | undefined;
  /** What turns the scores into probabilities. Default: recognised from the graph's last node. */
  readonly activation?: Activation | undefined;
}

/** {@link SsdOptions}, checked and complete, as the core takes them. No levels: the boxes are decoded. */
export interface PriorBoxes extends NativePriorBoxes {
  readonly activation: Activation | undefined;
}

/** Throws INVALID_ARGUMENT, UNKNOWN_OPTION. `width` and `height` are the input's. */
export function priorBoxes(options: SsdOptions, width: number, height: number): PriorBoxes {
  checkOptions('ssd', options, ['boxes', 'priors', 'variances', 'clip', 'activation']);
  const boxes = checkOneOf('ssd.boxes', options.boxes, ['raw', 'decoded']);
  const { priors, variances = [0.1, 0.2] } = options;
  if ((boxes === 'raw') !== (priors !== undefined)) {
    const expected = boxes === 'raw' ? 'the levels of prior boxes, for raw boxes' : 'no prior boxes, for decoded boxes';
    throw invalidArgument('ssd.priors', expected, priors);
  }
  if (priors !== undefined && (!Array.isArray(priors) || priors.length === 0)) {
    throw invalidArgument('ssd.priors', 'an array of levels, not empty', priors);
  }
  if (!Array.isArray(variances) || variances.length !== 2) throw invalidArgument('ssd.variances', 'two numbers', variances);
  return {
    levels: (priors ?? []).map((level, i) => priorLevel(level, `ssd.priors[${i}]`, width, height)),
    centerVariance: checkNumber('ssd.variances[0]', variances[0], 0, 1e6),
    sizeVariance: checkNumber('ssd.variances[1]', variances[1], 0, 1e6),
    clip: checkBoolean('ssd.clip', options.clip ?? false),
    activation: options.activation === undefined ? undefined : checkOneOf('ssd.activation', options.activation, activations),
  };
}

function priorLevel(level: PriorLevel, name: string, width: number, height: number): PriorBoxes['levels'][number] {
  checkOptions(name, level, ['stride', 'grid', 'sizes']);
  const { stride, grid, sizes } = level;
  if (stride === undefined && grid === undefined) throw invalidArgument(`${name}.stride`, 'a stride or a grid', stride);
  const cells =
    grid === undefined ? undefined : pair(`${name}.grid`, grid, (part, value) => checkInteger(part, value, 1, 65_535));
  const [strideX, strideY] =
    stride === undefined
      ? [width / cells![0], height / cells![1]]
      : pair(`${name}.stride`, stride, (part, value) => checkNumber(part, value, 1, 65_535));
  const [columns, rows] = cells ?? [Math.ceil(width / strideX), Math.ceil(height / strideY)];
  if (!Array.isArray(sizes) || sizes.length === 0) throw invalidArgument(`${name}.sizes`, 'an array of sizes, not empty', sizes);
  const checked = sizes.flatMap((size, i) =>
    pair(`${name}.sizes[${i}]`, size, (part, value) => checkNumber(part, value, 0, 65_535)),
  );
  return { columns, rows, strideX, strideY, sizes: checked };
}

/** One number for both axes, or one for each. */
function pair(name: string, value: unknown, check: (name: string, value: unknown) => number): [number, number] {
  if (typeof value === 'number') return [check(name, value), value];
  if (!Array.isArray(value) || value.length !== 2) throw invalidArgument(name, 'a number, or two', value);
  return [check(`${name}[0]`, value[0]), check(`${name}[1]`, value[1])];
}

/** Nothing in an output tells raw offsets from boxes: a detector that guesses wrong finds nothing, or nonsense. */
export function unclearBoxes(boxes: HeadOutput, scores: HeadOutput): ModelError {
  return new ModelError('MODEL_AMBIGUOUS', {
    message: `The outputs look like an SSD's, but it is not clear whether ${JSON.stringify(boxes.name)} [${boxes.shape.join(', ')}] holds boxes or offsets from prior boxes`,
    hint: "Say so: { ssd: { boxes: 'decoded' } }, or { ssd: { boxes: 'raw', priors: [{ stride, sizes }, …] } } with the prior boxes of its training.",
    details: { boxes: boxes.name, scores: scores.name, candidates: [{ head: 'ssd' }] },
  });
}
