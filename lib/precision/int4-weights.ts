import { invalidArgument } from '../errors/index.js';

/** Weights in four bits, in blocks with a scale each: w = values * scales[block]. */
export interface Int4Weights {
  readonly dtype: 'int4';
  /** -8 to 7, one a byte, rows first. */
  readonly values: Int8Array;
  /** Rows and columns in which they are stored: blocks lie along `axis` of these. */
  readonly stored: readonly [rows: number, columns: number];
  readonly axis: 0 | 1;
  readonly blockSize: number;
  /** Rows first, in the shape of `stored` with as many along `axis` as there are blocks. */
  readonly scales: Float32Array;
  /** As the layer reads them. */
  readonly dims: readonly number[];
}

/** Scales of 32 bits are one more bit for each of so many weights: longer blocks save little, and lose more. */
const longestBlock = 32;
const shortestBlock = 16;

/**
 * What the largest magnitude of a block may become: above 7 it is cut off, for finer steps in between. That with the least square error is taken.
 */
const levels = [7, 7.5, 8, 9, 10];

/**
 * How many weights share a scale where each output has `count` of them: blocks have to be whole, as TensorRT takes no others. Undefined where that makes them too
 * short to be worth it.
 */
export function blockSizeOf(count: number): number | undefined {
  for (let size = Math.min(longestBlock, count); size >= shortestBlock; size--) if (count % size === 0) return size;
  return undefined;
}

/**
 * Weights of shape `dims` in four bits, or undefined where there are no whole blocks. Those of one output, along `axis`, come in blocks: of a convolution, whose outputs lie on
 * axis 0, all that an output sees is one row; of a matrix product with outputs on axis 1, blocks lie along the other axis. Throws INVALID_ARGUMENT for NaN and infinity.
 */
export function int4Weights(data: Float32Array, dims: readonly number[], axis: number): Int4Weights | undefined {
  const outputs = dims[axis] as number;
  const count = data.length / outputs;
  const blockSize = blockSizeOf(count);
  if (blockSize === undefined) return undefined;
  const isRows = axis === 0;
  const blocks = count / blockSize;
  const values = new Int8Array(data.length);
  const scales = new Float32Array(outputs * blocks);
  const step = isRows ? 1 : outputs;
  for (let output = 0; output < outputs; output++) {
    for (let block = 0; block < blocks; block++) {
      const first = isRows ? output * count + block * blockSize : block * blockSize * outputs + output;
      const scale = scaleOf(data, first, step, blockSize);
      scales[isRows ? output * blocks + block : block * outputs + output] = scale;
      for (let i = 0, at = first; i < blockSize; i++, at += step) values[at] = quantized((data[at] as number) / scale);
    }
  }
  const stored = isRows ? ([outputs, count] as const) : ([count, outputs] as const);
  return { dtype: 'int4', values, stored, axis: isRows ? 1 : 0, blockSize, scales, dims };
}

/** The scale of the elements from `first` on, `count` of them, each `step` after the one before. */
function scaleOf(data: Float32Array, first: number, step: number, count: number): number {
  let largest = 0;
  for (let i = 0, at = first; i < count; i++, at += step) largest = Math.max(largest, Math.abs(data[at] as number));
  if (!Number.isFinite(largest)) {
    throw invalidArgument(
      'data',
      'finite weights',
      largest,
      'The model is damaged, or was exported from a training run that diverged.',
    );
  }
  let best = 1;
  let least = Infinity;
  for (const level of levels) {
    const scale = Math.fround(largest / level);
    // Of nothing but zeros, or of what is next to it, all are zero.
    if (scale < 2 ** -126) break;
    const steps = 1 / scale;
    let error = 0;
    for (let i = 0, at = first; i < count; i++, at += step) {
      const weight = data[at] as number;
      const difference = weight - quantized(weight * steps) * scale;
      error += difference * difference;
    }
    if (error < least) {
      best = scale;
      least = error;
    }
  }
  return best;
}

function quantized(steps: number): number {
  if (steps >= 7) return 7;
  return steps <= -8 ? -8 : Math.round(steps);
}

/** Two a byte, the first in the low half: IR specification of ONNX, "Tensor data". */
export function packInt4(values: Int8Array): Uint8Array {
  return Uint8Array.from(
    { length: Math.ceil(values.length / 2) },
    (_, i) => ((values[2 * i] as number) & 0xf) | (((values[2 * i + 1] ?? 0) & 0xf) << 4),
  );
}
